// The SQL of a step in a database → its statements as they are executed: the run's values in their places, production's inputs
// where the run shows them, and for every place the offset in the step's file, which errors are reported at. Temporary
// objects before one SELECT, by PostgreSQL's own parser, or it is refused. Reports BUNDLE_INVALID.

import { type BuildStep, type TableOutput, tableOf } from '../contract/bundle.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { asNodeId } from '../contract/ids.ts'
import type { ManifestNode } from '../contract/manifest.ts'
import { fillParameters } from '../contract/parameters.ts'
import { pgName, pgText } from '../contract/postgresql-names.ts'
import { nextSchema } from '../contract/table-steps.ts'
import { type CheckedStatement, checkQueries } from '../engines/postgresql/read-only.ts'
import { queryOfStep } from './table-views.ts'
import type { World } from './world.ts'

export interface StepStatement {
  readonly sql: string
  /** The offset in the step's file of what stands at an offset of `sql`. */
  readonly origin: (offset: number) => number
}

export interface StepSql {
  /** About temporary objects. */
  readonly before: readonly StepStatement[]
  readonly query: StepStatement
}

/** `project`: of the ledger. */
export async function stepSql(world: World, project: string, step: BuildStep, node: ManifestNode): Promise<StepSql> {
  const { query, start, before } = queryOfStep(step, node, world.bundle)
  const whole: StepStatement = {
    sql: before + query,
    origin: (offset) => (offset < before.length ? offset : start + offset - before.length),
  }
  const filled = replaced(whole, valueEdits(whole.sql, step, world))
  const [check] = await checkQueries([filled.sql], before === '' ? 'query' : 'script')
  if (check?.kind !== 'query')
    throw new RuntimeFailure('BUNDLE_INVALID', `the SQL of step '${step.id}' is no query: ${check?.message ?? ''}`, {
      node: node.id,
    })
  const moved = (statement: CheckedStatement): StepStatement => {
    const { start: from, end } = statement
    const own = { sql: filled.sql.slice(from, end), origin: (offset: number) => filled.origin(from + offset) }
    return world.environment === null ? replaced(own, nextEdits(own.sql, statement, step, { world, project })) : own
  }
  return {
    before: check.before.map(moved),
    query: moved({ ...check, start: check.before.length === 0 ? 0 : check.start }),
  }
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly replacement: string
}

/** `edits` in the order of the text. */
function replaced({ sql, origin }: StepStatement, edits: readonly Edit[]): StepStatement {
  let [text, at] = ['', 0]
  const pieces: { readonly start: number; readonly from: number; readonly isCopied: boolean }[] = []
  for (const { start, end, replacement } of edits) {
    pieces.push({ start: text.length, from: at, isCopied: true })
    text += sql.slice(at, start)
    pieces.push({ start: text.length, from: start, isCopied: false })
    text += replacement
    at = end
  }
  pieces.push({ start: text.length, from: at, isCopied: true })
  return {
    sql: text + sql.slice(at),
    origin: (offset) => {
      const piece = pieces.findLast(({ start }) => start <= offset)
      return origin(piece === undefined ? offset : piece.from + (piece.isCopied ? offset - piece.start : 0))
    },
  }
}

/** A parameter that may be left out is NULL where nobody gives it: the SQL has a default for it. */
function valueEdits(sql: string, step: BuildStep, { values: { runTimestamp, parameters } }: World): readonly Edit[] {
  const { values: own = {} } = tableOf(step) ?? {}
  const all = { ...parameters, run_timestamp: runTimestamp }
  return [...sql.matchAll(/:'(\w+)'/g)].flatMap(({ 0: written, 1: name = '', index }): Edit[] => {
    const text = name === 'run_timestamp' ? runTimestamp : own[name]
    if (text === undefined) return []
    const value = fillParameters(text, all)
    const isMissing = name !== 'run_timestamp' && value === text && text.startsWith('{{')
    return [{ start: index, end: index + written.length, replacement: isMissing ? 'NULL' : pgText(value) }]
  })
}

/** Production's own inputs are read where this run shows them. */
function nextEdits(
  sql: string,
  { uses, start: from }: CheckedStatement,
  step: BuildStep,
  { world, project }: { readonly world: World; readonly project: string },
): readonly Edit[] {
  const made = new Map(
    step.inputs.flatMap(({ node }): [string, { readonly output: TableOutput; readonly kind: string }][] => {
      const own = world.steps.get(asNodeId(node))
      const output = own === undefined ? null : tableOf(own)
      return output === null ? [] : [[output.relation, { output, kind: node.slice(0, node.indexOf('.')) }]]
    }),
  )
  return uses.flatMap(({ schema, name, start }): Edit[] => {
    const input = made.get(`${schema}.${name}`)
    const spelled = pgName(input?.output.schema ?? '')
    const at = start - from
    if (input === undefined || !sql.startsWith(spelled, at)) return []
    return [{ start: at, end: at + spelled.length, replacement: pgName(nextSchema(project, input.kind)) }]
  })
}
