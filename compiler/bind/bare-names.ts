// A transform's query → the same with what it reads named without its schema, as a common table expression is. Not where
// such a name may be an expression of the query's own, nor where it is not one query whose columns are told by its inputs.

import type { NodeId } from '../../runtime/contract/ids.ts'
import type { ResolvedSql, ResolvedTransform } from '../resolve.ts'
import { foldCase } from '../sql/tree.ts'

/** The query's text; those are named barely for which it is true. */
export type BareText = (isBare: (id: NodeId) => boolean) => string

interface Cut {
  readonly node: NodeId
  readonly start: number
  readonly end: number
}

/** `orders` of `transform.orders`. */
export const bareName = (id: NodeId): string => id.slice(id.indexOf('.') + 1)

/** Null: the query is to be taken as it is. */
export function bareText({ sql, inputs, postgresql }: ResolvedTransform): BareText | null {
  const [query, ...more] = sql.statements
  if (query === undefined || more.length > 0 || postgresql !== undefined) return null
  const text = sql.text.slice(query.start, query.end)
  const cuts = cutsOf(sql, query.start)
  if (cuts === null || DEPENDS_ON_DATA.test(text)) return null
  const folded = foldCase(text)
  if (inputs.some((id) => mayBeDefined(foldCase(bareName(id)), folded, cuts.filter(({ node }) => node === id).length)))
    return null
  return (isBare) => {
    let [out, at] = ['', 0]
    for (const { node, start, end } of cuts) {
      if (!isBare(node)) continue
      out += text.slice(at, start)
      at = end
    }
    return out + text.slice(at)
  }
}

const DEPENDS_ON_DATA = /\bpivot/i

/** Schemas with their dots, in the order of the text. */
function cutsOf({ text, uses }: ResolvedSql, origin: number): readonly Cut[] | null {
  const cuts: Cut[] = []
  for (const { node, start, schemaLength } of uses) {
    DOT.lastIndex = start + schemaLength
    if (!DOT.test(text)) return null
    cuts.push({ node, start: start - origin, end: DOT.lastIndex - origin })
  }
  return cuts
}

const DOT = /\s*\.\s*/y

/** Whether a name stands in the text where an expression of that name may begin, besides where the input is read. */
function mayBeDefined(name: string, text: string, uses: number): boolean {
  let found = 0
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) found += 1
  if (found === uses) return false
  return new RegExp(String.raw`(?<![\w$]|\.\s*"?)${name}"?\s*(?:as\b|\(|--|/\*|using\b)`).test(text)
}
