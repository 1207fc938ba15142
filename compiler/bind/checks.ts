// Declared checks and the columns that outputs have → checks with their columns as the output spells them and values that
// the columns' types can hold. A value is never guessed into another type. Of late-bound outputs nothing is known: what
// is wrong there shows when the check runs. Reports BIND_COLUMN_NOT_FOUND, BIND_TEST_VALUE.

import { type Check, identified } from '../../runtime/contract/checks.ts'
import { type Diagnostic, nearest } from '../../runtime/contract/diagnostics.ts'
import type { NodeId } from '../../runtime/contract/ids.ts'
import type { Column } from '../../runtime/contract/manifest.ts'
import { errorAt } from '../diagnostic-codes.ts'
import { typedLiteral } from '../dialect/duckdb.ts'
import { foldCase } from '../sql/tree.ts'
import type { DeclaredCheck } from '../validate/tests.ts'
import type { Output, World } from './bound-node.ts'

interface Checked {
  readonly id: NodeId
  readonly node: { readonly checks: readonly DeclaredCheck[] }
}

export interface BoundChecks {
  /** Of the nodes that have any and no mistake in them. */
  readonly checks: ReadonlyMap<NodeId, readonly Check[]>
  readonly diagnostics: readonly Diagnostic[]
}

/** Nodes without an output have mistakes of their own and are left out. */
export async function bindChecks(
  nodes: readonly Checked[],
  outputs: ReadonlyMap<NodeId, Output>,
  world: World,
): Promise<BoundChecks> {
  const diagnostics: Diagnostic[] = []
  const checks = new Map<NodeId, readonly Check[]>()
  for (const { id, node } of nodes) {
    const output = outputs.get(id)
    if (output === undefined || node.checks.length === 0) continue
    const wrong: Diagnostic[] = []
    const bound: Omit<Check, 'id'>[] = []
    for (const check of node.checks) {
      const columns = columnsOf(id, check, output.columns, wrong)
      wrong.push(...(await wrongValues(id, check, columns, world)))
      bound.push(asCheck(check, columns))
    }
    diagnostics.push(...wrong)
    if (wrong.length === 0) checks.set(id, identified(bound))
  }
  return { checks, diagnostics }
}

/** `type` null: only data can tell. */
interface CheckedColumn {
  readonly name: string
  readonly type: string | null
}

/** The output's columns that the check names; what it does not have is reported. */
function columnsOf(
  id: NodeId,
  check: DeclaredCheck,
  columns: readonly Column[] | null,
  wrong: Diagnostic[],
): readonly CheckedColumn[] {
  return check.columns.flatMap(({ name, place }): CheckedColumn[] => {
    if (columns === null) return [{ name, type: null }]
    const found = columns.find((column) => foldCase(column.name) === foldCase(name))
    if (found !== undefined) return [found]
    const names = columns.map((column) => column.name)
    const near = nearest(name, names)
    wrong.push(
      errorAt('BIND_COLUMN_NOT_FOUND', place, `The output of '${id}' has no column '${name}' to test.`, {
        facts: { node: id, column: name, columns: names },
        hints: [near === undefined ? `Its columns: ${names.join(', ')}.` : `Did you mean '${near}'?`],
      }),
    )
    return []
  })
}

const asCheck = ({ type, severity, values }: DeclaredCheck, columns: readonly CheckedColumn[]): Omit<Check, 'id'> => ({
  type,
  columns: columns.map((column) => column.name),
  severity,
  ...(values === null ? {} : { values: [...new Set(values.map((value) => value.text))] }),
})

/** A value must be one of each column that is checked. */
async function wrongValues(
  id: NodeId,
  check: DeclaredCheck,
  columns: readonly CheckedColumn[],
  world: World,
): Promise<readonly Diagnostic[]> {
  const wrong: Diagnostic[] = []
  for (const { text, place } of check.values ?? [])
    for (const { name, type } of columns) {
      if (text === null || type === null || (await isValue(text, type, world))) continue
      wrong.push(
        errorAt('BIND_TEST_VALUE', place, `'${text}' is no ${type}, which the column '${name}' of '${id}' is.`, {
          facts: { node: id, column: name, type, value: text },
        }),
      )
    }
  return wrong
}

/** What the dialect cannot spell as a plain literal, the engine is asked for once. */
async function isValue(text: string, type: string, world: World): Promise<boolean> {
  const literal = typedLiteral(text, type)
  if (literal === null || !literal.startsWith('CAST(')) return literal !== null
  const key = `bind.value ${literal}`
  const known = world.cache.get(key)
  if (typeof known === 'boolean') return known
  const statements = [`SELECT ${literal}`, 'SELECT 1 AS one']
  const [answer] = await (await world.engine()).describe([{ statements, relations: [] }])
  const holds = answer?.kind === 'columns'
  world.cache.set(key, holds)
  return holds
}
