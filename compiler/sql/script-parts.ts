// One statement before the query of a node, in DuckDB's dialect → what it does to a temporary table or view, and the SELECT of
// the same dialect whose rows that is, with the way back to the statement's text. What another engine cannot do alike is
// refused with its place. Statements were checked before (statements.ts). Pure.

import { quoteName } from '../dialect/duckdb.ts'
import type { StatementKind } from '../ports.ts'
import { charAt, depthChange, type Head, skipWords, targetAt, wordAt } from './statements.ts'

/** A text put together of parts of another and of words between them. */
export interface Pieces {
  readonly text: string
  /** Where in the other text an offset comes from. */
  readonly origin: (offset: number) => number
}

interface Named {
  /** As it is written; names do not differ by case. */
  readonly name: string
}

export type ScriptPart =
  | (Named & { readonly kind: 'create'; readonly object: 'table' | 'view'; readonly query: Pieces } & Modes)
  /** An empty table of columns with types. */
  | (Named & { readonly kind: 'declare' } & Modes)
  /** `columns`: null says all in their order, 'by name' those of the query. */
  | (Named & {
      readonly kind: 'insert'
      readonly columns: readonly string[] | 'by name' | null
      readonly query: Pieces
    })
  /** All rows of the table become those of the query. */
  | (Named & { readonly kind: 'replace'; readonly query: (columns: Types) => Pieces })
  | (Named & { readonly kind: 'drop'; readonly object: 'table' | 'view' })
  | { readonly kind: 'refused'; readonly message: string; readonly start: number; readonly end: number }

interface Modes {
  readonly ifNotExists: boolean
}

/** Types of a table's columns, by their names in small letters. */
export type Types = ReadonlyMap<string, string>

interface Range {
  readonly start: number
  readonly end: number
}

/** `head` has the tokens of the statement that ends at `end`, without comments. */
export function scriptPart(head: Head, kind: StatementKind, end: number): ScriptPart {
  switch (kind) {
    case 'create':
      return createPart(head, end)
    case 'insert':
      return insertPart(head, end)
    case 'delete':
      return deletePart(head, end)
    case 'update':
      return updatePart(head, end)
    case 'drop':
      return dropPart(head)
    default:
      return refused(head, 0, `${wordAt(head, 0).toUpperCase()} before the query is not translated.`)
  }
}

const refused = (head: Head, at: number, message: string): ScriptPart => {
  const token = head.tokens[at] ?? head.tokens[0] ?? { start: 0, end: 1 }
  return { kind: 'refused', message, start: token.start, end: token.end }
}

function createPart(head: Head, end: number): ScriptPart {
  const at = skipWords(head, 1, 'or', 'replace', 'temp', 'temporary')
  const object = wordAt(head, at)
  if (object !== 'table' && object !== 'view')
    return refused(head, at, `CREATE ${object.toUpperCase()} is not translated.`)
  const named = skipWords(head, at + 1, 'if', 'not', 'exists')
  const { name, next } = targetAt(head, named)
  if (name === null) return refused(head, named, 'The name is not read.')
  const modes = { ifNotExists: named > at + 1 }
  const as = charAt(head, next) === '(' ? closing(head, next) + 1 : next
  const query = head.tokens[as + 1]
  if (wordAt(head, as) === 'as' && query !== undefined) {
    if (as !== next)
      return refused(head, next, `Names of columns in CREATE ${object.toUpperCase()} are not translated.`)
    return { kind: 'create', object, name, query: piecesOf(head.text, [{ start: query.start, end }]), ...modes }
  }
  const constraint = head.tokens.findIndex((_, i) => i > next && CONSTRAINTS.has(wordAt(head, i)))
  if (object !== 'table' || as !== head.tokens.length || constraint > 0)
    return refused(head, constraint > 0 ? constraint : next, 'Only names and types of columns are translated here.')
  return { kind: 'declare', name, ...modes }
}

const CONSTRAINTS: ReadonlySet<string> = new Set(
  'not default primary unique check references generated constraint foreign collate as using enum'.split(' '),
)

function insertPart(head: Head, end: number): ScriptPart {
  const into = skipWords(head, 1, 'into')
  if (wordAt(head, 0) !== 'insert' || wordAt(head, 1) !== 'into')
    return refused(head, wordAt(head, 0) === 'insert' ? 1 : 0, 'Only INSERT INTO is translated.')
  const { name, next } = targetAt(head, into)
  if (name === null) return refused(head, into, 'The name is not read.')
  const isList = charAt(head, next) === '(' && !QUERIES.has(wordAt(head, next + 1))
  const close = isList ? closing(head, next) : next - 1
  const columns = isList ? namesIn(head, next + 1, close) : null
  const byName = wordAt(head, close + 1) === 'by' && wordAt(head, close + 2) === 'name'
  const from = byName ? close + 3 : skipPosition(head, close + 1)
  const tail = head.tokens.findIndex(
    (_, i) =>
      i > from && (wordAt(head, i) === 'returning' || (wordAt(head, i) === 'on' && wordAt(head, i + 1) === 'conflict')),
  )
  const query = head.tokens[from]
  if (tail > 0 || query === undefined || wordAt(head, from) === 'default')
    return refused(head, tail > 0 ? tail : from, 'Only an INSERT of the rows of a query or of VALUES is translated.')
  return {
    kind: 'insert',
    name,
    columns: byName ? 'by name' : columns,
    query: piecesOf(head.text, [{ start: query.start, end }]),
  }
}

const QUERIES: ReadonlySet<string> = new Set(['select', 'with', 'from', 'values'])

const skipPosition = (head: Head, at: number): number =>
  wordAt(head, at) === 'by' && wordAt(head, at + 1) === 'position' ? at + 2 : at

/** What stays are the rows for which the condition is not true. */
function deletePart(head: Head, end: number): ScriptPart {
  const { name, next } = targetAt(head, skipWords(head, 1, 'from'))
  if (wordAt(head, 0) !== 'delete' || name === null) return refused(head, 0, 'This DELETE is not translated.')
  const { where, wrong } = condition(head, next, end)
  if (wrong !== null) return refused(head, wrong, 'Only DELETE FROM a table WHERE a condition is translated.')
  const kept = where === null ? [' WHERE false'] : [' WHERE (', where, ') IS NOT TRUE']
  return { kind: 'replace', name, query: () => piecesOf(head.text, [`SELECT * FROM ${quoteName(name)}`, ...kept]) }
}

/** Rows for which the condition is true get other values in some columns. */
function updatePart(head: Head, end: number): ScriptPart {
  const { name, next } = targetAt(head, 1)
  if (wordAt(head, 0) !== 'update' || name === null || wordAt(head, next) !== 'set')
    return refused(
      head,
      Math.min(next, head.tokens.length - 1),
      'Only UPDATE of a table SET columns WHERE a condition is translated.',
    )
  const sets: { readonly column: string; readonly value: Range }[] = []
  let at = next + 1
  for (;;) {
    const column = namesIn(head, at, at + 1)[0]
    const value = head.tokens[at + 2]
    const isEqual = head.text.slice(head.tokens[at + 1]?.start, head.tokens[at + 1]?.end) === '='
    if (column === undefined || value === undefined || !isEqual)
      return refused(head, at, 'Only column = value is translated.')
    const stop = topLevel(head, at + 2, (i) => charAt(head, i) === ',' || ENDS.has(wordAt(head, i)))
    sets.push({ column, value: { start: value.start, end: head.tokens[stop - 1]?.end ?? end } })
    at = stop + 1
    if (charAt(head, stop) !== ',') {
      at = stop
      break
    }
  }
  const { where, wrong } = condition(head, at, end)
  if (wrong !== null) return refused(head, wrong, 'Only UPDATE of a table SET columns WHERE a condition is translated.')
  const query = (types: Types): Pieces => {
    const items = sets.flatMap(({ column, value }, i): (string | Range)[] => {
      const quoted = quoteName(column)
      const type = types.get(column.toLowerCase()) ?? 'VARCHAR'
      const lead = `${i === 0 ? '' : ', '}CASE WHEN (`
      const when: (string | Range)[] = where === null ? [lead, 'true'] : [lead, where]
      return [...when, ') THEN CAST((', value, `) AS ${type}) ELSE ${quoted} END AS ${quoted}`]
    })
    return piecesOf(head.text, ['SELECT * REPLACE (', ...items, `) FROM ${quoteName(name)}`])
  }
  return { kind: 'replace', name, query }
}

const ENDS: ReadonlySet<string> = new Set(['where', 'from', 'returning'])

/** The condition behind WHERE up to the end; `wrong`: the token that is something else. */
function condition(
  head: Head,
  at: number,
  end: number,
): { readonly where: Range | null; readonly wrong: number | null } {
  if (at >= head.tokens.length) return { where: null, wrong: null }
  const first = head.tokens[at + 1]
  if (wordAt(head, at) !== 'where' || first === undefined) return { where: null, wrong: at }
  const other = topLevel(head, at + 1, (i) => wordAt(head, i) === 'returning')
  return { where: { start: first.start, end }, wrong: other < head.tokens.length ? other : null }
}

function dropPart(head: Head): ScriptPart {
  const object = wordAt(head, 1)
  if (object !== 'table' && object !== 'view')
    return refused(head, 1, `DROP ${object.toUpperCase()} is not translated.`)
  const { name } = targetAt(head, skipWords(head, 2, 'if', 'exists'))
  return name === null ? refused(head, 2, 'The name is not read.') : { kind: 'drop', object, name }
}

/** Index of the bracket that closes the one at `open`. */
function closing(head: Head, open: number): number {
  let depth = 0
  for (let i = open; i < head.tokens.length; i++) {
    depth += depthChange(head, i)
    if (depth === 0) return i
  }
  return head.tokens.length - 1
}

/** The first token outside brackets, from `from` on, for which `test` holds; the number of tokens: there is none. */
function topLevel(head: Head, from: number, test: (i: number) => boolean): number {
  let depth = 0
  for (let i = from; i < head.tokens.length; i++) {
    if (depth === 0 && test(i)) return i
    depth += depthChange(head, i)
  }
  return head.tokens.length
}

function namesIn(head: Head, from: number, to: number): string[] {
  return head.tokens.slice(from, to).flatMap((token) => {
    const spelled = head.text.slice(token.start, token.end)
    if (token.kind === 'quoted') return [spelled.slice(1, -1).replaceAll('""', '"')]
    return token.kind === 'word' ? [spelled] : []
  })
}

/** Parts of `text`, and words between them, which come from the place of the part behind them. */
export function piecesOf(text: string, parts: readonly (string | Range)[]): Pieces {
  const made: { readonly at: number; readonly from: number; readonly isCopied: boolean }[] = []
  let out = ''
  parts.forEach((part, i) => {
    const next = parts.slice(i).find((one): one is Range => typeof one !== 'string')
    const from = typeof part === 'string' ? (next?.start ?? 0) : part.start
    made.push({ at: out.length, from, isCopied: typeof part !== 'string' })
    out += typeof part === 'string' ? part : text.slice(part.start, part.end)
  })
  return {
    text: out,
    origin: (offset) => {
      const piece = made.findLast(({ at }) => at <= offset)
      return piece === undefined ? 0 : piece.from + (piece.isCopied ? offset - piece.at : 0)
    },
  }
}
