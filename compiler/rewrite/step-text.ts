// One node → the text of its step: views of its inputs, what the author runs before the query, and one COPY of the query
// into the output. The author's SQL goes in as it is, formatting and comments included. Marks stand where the
// environment's prefix may go.

import { type NodeId, outputStem } from '../../runtime/contract/ids.ts'
import lateStepTemplate from '../../templates/duckdb/late-step.sql.hbs'
import stepTemplate from '../../templates/duckdb/step.sql.hbs'
import type { BoundNode } from '../bind.ts'
import { quoteName, textLiteral } from '../dialect/duckdb.ts'
import { template } from '../emit/templates.ts'
import type { PlannedBuild } from '../plan.ts'
import type { ResolvedSql, ResolvedTransform } from '../resolve.ts'
import { lex } from '../sql/lexer.ts'
import { splice } from '../sql/spliced-text.ts'
import type { Marks } from './marks.ts'

interface StepValues {
  readonly inputs: readonly { readonly schema: string; readonly relation: string; readonly file: string }[]
  /** Statements before the query, or '', ending with a new line. */
  readonly leading: string
  readonly query: string
  readonly output: string
}

export const fillStep = template<StepValues>('duckdb/step.sql.hbs', stepTemplate)
/** For DuckDB's own shell: a step whose columns only data can tell looks them up in SQL. */
export const fillLateStep = template<StepValues>('duckdb/late-step.sql.hbs', lateStepTemplate)

export function transformStep(
  node: ResolvedTransform,
  step: PlannedBuild,
  types: BoundNode,
  marks: Marks,
  fill = fillStep,
): string {
  const rebuilt = new Set(step.inputs.filter((input) => input.from === 'bundle').map((input) => input.node as NodeId))
  const schemaMark = (input: NodeId): string =>
    rebuilt.has(input)
      ? marks.at({ identifier: kindOf(input), role: 'read', reason: `${input} is a step of this bundle` })
      : ''
  const inputs = node.inputs.map((input) => {
    const [kind, name] = [kindOf(input), input.slice(kindOf(input).length + 1)]
    const schema = schemaMark(input) + quoteName(kind)
    const relation = `${schemaMark(input)}${quoteName(kind)}.${quoteName(name)}`
    return { schema, relation, file: outputFile(input, rebuilt.has(input), marks, 'root') }
  })
  const { leading, query } = authorParts(node.sql, schemaMark)
  return fill({ inputs, leading, query: stored(query, types), output: outputFile(node.id, true, marks, 'write') })
}

const kindOf = (id: NodeId): string => id.slice(0, id.indexOf('.'))

/** An item of a select list; with a type, cast to it. */
export const selected = (name: string, type: string | null): string =>
  type === null ? quoteName(name) : `CAST(${quoteName(name)} AS ${type}) AS ${quoteName(name)}`

/** SQL expression of the path of a node's output, below production's root or this bundle's. */
export function outputFile(id: NodeId, ofBundle: boolean, marks: Marks, role: 'root' | 'write'): string {
  const reason = role === 'write' ? 'what this step writes' : `${id} is a step of this bundle`
  const mark = ofBundle ? marks.at({ identifier: 'outputs', role, reason }) : ''
  return `getvariable('${mark}outputs') || ${textLiteral(`/${outputStem(id)}.parquet`)}`
}

/** The author's text in two: what runs before the last statement, and that statement without its semicolon. */
function authorParts(
  sql: ResolvedSql,
  schemaMark: (node: NodeId) => string,
): { readonly leading: string; readonly query: string } {
  const last = sql.statements.at(-1)
  const start = last?.start ?? 0
  const part = (from: number, to: number): string => {
    const uses = sql.uses.filter((use) => use.start >= from && use.start < to)
    const edits = uses.map((use) => {
      // Inside the quotes of a quoted identifier.
      const at = use.start - from + (sql.text[use.start] === '"' ? 1 : 0)
      return { start: at, end: at, replacement: schemaMark(use.node) }
    })
    return splice(sql.text.slice(from, to), edits).text
  }
  const leading = part(0, start).trim()
  const query =
    part(start, last?.end ?? sql.text.length) + withoutSemicolons(sql.text.slice(last?.end ?? sql.text.length))
  return { leading: leading === '' ? '' : `${leading}\n`, query: query.trimEnd() }
}

/** What follows the last statement: comments stay. */
const withoutSemicolons = (text: string): string =>
  text.includes(';')
    ? splice(
        text,
        lex(text)
          .filter((token) => token.kind === 'punctuation')
          .map(({ start, end }) => ({ start, end, replacement: '' })),
      ).text
    : text

/** The query, wrapped where the file format would lose digits of a column. */
function stored(query: string, types: BoundNode): string {
  const casts = Object.entries(types.casts)
  if (casts.length === 0) return query
  const replaced = casts.map(([name, type]) => selected(name, type)).join(', ')
  return `SELECT * REPLACE (${replaced}) FROM (\n${query}\n)`
}
