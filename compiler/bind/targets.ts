// Declared targets and the columns that outputs have → targets as manifests list them, with keys spelled as the output
// spells them. What a target cannot hold is known before anything runs. Reports BIND_COLUMN_NOT_FOUND, BIND_TARGET_*.

import { byCodeUnit } from '../../runtime/contract/canonical-json.ts'
import { type Diagnostic, nearest, type Place } from '../../runtime/contract/diagnostics.ts'
import type { NodeId } from '../../runtime/contract/ids.ts'
import type { Column } from '../../runtime/contract/manifest.ts'
import { LONGEST_IDENTIFIER } from '../../runtime/contract/postgresql-names.ts'
import { isKeyType, isTimeType, targetType } from '../../runtime/contract/target-types.ts'
import { inOrder, relationOf, type Target, targetName } from '../../runtime/contract/targets.ts'
import { errorAt } from '../diagnostic-codes.ts'
import { foldCase } from '../sql/tree.ts'
import type { DeclaredTarget } from '../validate/targets.ts'
import type { Output } from './bound-node.ts'

interface Written {
  readonly id: NodeId
  readonly node: { readonly targets: readonly DeclaredTarget[] }
}

export interface BoundTargets {
  /** Of the nodes that have any and no mistake in them, in their order. */
  readonly targets: ReadonlyMap<NodeId, readonly Target[]>
  readonly diagnostics: readonly Diagnostic[]
}

/** Nodes without an output have mistakes of their own and are left out. Pure. */
export function bindTargets(
  nodes: readonly Written[],
  outputs: ReadonlyMap<NodeId, Output>,
  why: WhyUnknown = ONLY_DATA,
): BoundTargets {
  const diagnostics: Diagnostic[] = shared(nodes)
  const targets = new Map<NodeId, readonly Target[]>()
  for (const { id, node } of nodes) {
    const output = outputs.get(id)
    if (output === undefined || node.targets.length === 0) continue
    const wrong: Diagnostic[] = []
    const bound = node.targets.map((declared) => bindTarget(id, declared, { output, why }, wrong))
    diagnostics.push(...wrong)
    if (wrong.length === 0) targets.set(id, inOrder(bound))
  }
  return { targets, diagnostics }
}

/** Why the columns of an output may not be known. */
export interface WhyUnknown {
  readonly message: (node: NodeId) => string
  readonly hint: string
}

const ONLY_DATA: WhyUnknown = {
  message: (node) => `Only data can tell the columns of '${node}', and a table has fixed ones.`,
  hint: 'Name them in the SQL: PIVOT … ON x IN (…).',
}

/** Of an engine that is a database. */
export const NOT_ASKED: WhyUnknown = {
  message: (node) => `The columns of '${node}' are not known, and a table has fixed ones: the server was not asked.`,
  hint: 'Compile where the server can be reached, or keep the seeknal.lock.json that was written there.',
}

function bindTarget(
  id: NodeId,
  declared: DeclaredTarget,
  { output: { columns }, why }: { readonly output: Output; readonly why: WhyUnknown },
  wrong: Diagnostic[],
): Target {
  const { target, place } = declared
  if (columns === null) {
    wrong.push(errorAt('BIND_TARGET_COLUMNS', place, why.message(id), { facts: { node: id }, hints: [why.hint] }))
    return target
  }
  wrong.push(...unfitColumns(id, columns, place))
  const spelled = (name: string, at: Place, fits: (type: string) => boolean, what: string): string =>
    columnNamed(id, columns, { name, at, fits, what }, wrong)
  const { unique_keys: keys, time_column: time } = target
  return {
    ...target,
    ...(keys === undefined
      ? {}
      : {
          unique_keys: [
            ...new Set(keys.map((name, i) => spelled(name, declared.keys[i] ?? place, isKeyType, 'a key'))),
          ],
        }),
    ...(time === undefined ? {} : { time_column: spelled(time, declared.time, isTimeType, 'a time') }),
  }
}

const MOST_COLUMNS = 1600
/** Every table of PostgreSQL has these. */
const SYSTEM_COLUMNS: readonly string[] = ['cmax', 'cmin', 'ctid', 'tableoid', 'xmax', 'xmin']

function unfitColumns(id: NodeId, columns: readonly Column[], place: Place): Diagnostic[] {
  const most = `a table of PostgreSQL has ${MOST_COLUMNS} at most`
  const many =
    columns.length > MOST_COLUMNS
      ? [
          unfit(
            id,
            '',
            place,
            `The output of '${id}' has ${columns.length} columns; ${most}.`,
            'Write those that are needed.',
          ),
        ]
      : []
  return [...many, ...columns.flatMap((column) => unfitColumn(id, column, place) ?? [])]
}

const unfit = (id: NodeId, column: string, place: Place, message: string, hint: string): Diagnostic =>
  errorAt('BIND_TARGET_COLUMNS', place, message, { facts: { node: id, column }, hints: [hint] })

function unfitColumn(id: NodeId, { name, type }: Column, place: Place): Diagnostic | undefined {
  if (Buffer.byteLength(name) > LONGEST_IDENTIFIER) {
    const long = `The column '${name}' of '${id}' is longer than the ${LONGEST_IDENTIFIER} bytes that PostgreSQL keeps.`
    return unfit(id, name, place, long, 'Give it a shorter name with AS.')
  }
  if (SYSTEM_COLUMNS.includes(name) || name.includes('\0')) {
    const taken = `No table of PostgreSQL can have a column '${name}', which the output of '${id}' has.`
    return unfit(id, name, place, taken, 'Give it another name with AS.')
  }
  if (targetType(type) !== null) return undefined
  const hint = type.includes('TIMESTAMP_NS')
    ? `Cast it: CAST(${name} AS TIMESTAMP) keeps microseconds.`
    : 'Cast it, for example to VARCHAR.'
  return errorAt(
    'BIND_TARGET_TYPE',
    place,
    `PostgreSQL has no type for ${type}, which the column '${name}' of '${id}' is.`,
    {
      facts: { node: id, column: name, type },
      hints: [hint],
    },
  )
}

interface Wanted {
  readonly name: string
  readonly at: Place
  readonly fits: (type: string) => boolean
  readonly what: string
}

/** The column as the output spells it; what it does not have is reported. */
function columnNamed(
  id: NodeId,
  columns: readonly Column[],
  { name, at, fits, what }: Wanted,
  wrong: Diagnostic[],
): string {
  const found = columns.find((column) => foldCase(column.name) === foldCase(name))
  if (found === undefined) {
    const names = columns.map((column) => column.name)
    const near = nearest(name, names)
    wrong.push(
      errorAt('BIND_COLUMN_NOT_FOUND', at, `The output of '${id}' has no column '${name}'.`, {
        facts: { node: id, column: name, columns: names },
        hints: [near === undefined ? `Its columns: ${names.join(', ')}.` : `Did you mean '${near}'?`],
      }),
    )
  } else if (targetType(found.type) !== null && !fits(found.type))
    wrong.push(
      errorAt(
        'BIND_TARGET_TYPE',
        at,
        `The column '${found.name}' of '${id}' is ${found.type}, which cannot be ${what}.`,
        {
          facts: { node: id, column: found.name, type: found.type },
          hints: [
            what === 'a time'
              ? 'A date, timestamp or whole number can.'
              : 'A whole or decimal number, a text, date, time or UUID can.',
          ],
        },
      ),
    )
  return found?.name ?? name
}

/** Tables that several targets write, though one of them would take away what another has written. */
function shared(nodes: readonly Written[]): Diagnostic[] {
  const writers = new Map<string, { readonly id: NodeId; readonly declared: DeclaredTarget }[]>()
  for (const { id, node } of nodes)
    for (const declared of node.targets) {
      const name = targetName(declared.target)
      writers.set(name, [...(writers.get(name) ?? []), { id, declared }])
    }
  return [...writers.values()].flatMap((several) => {
    const [first, ...others] = [...several].sort((a, b) => byCodeUnit(a.id, b.id))
    const replaces = several.some(({ declared }) => ['overwrite', 'incremental_by_time'].includes(declared.target.mode))
    if (first === undefined || !replaces) return []
    return others.map(({ id, declared }) =>
      errorAt(
        'BIND_TARGET_SHARED',
        declared.place,
        `'${id}' and '${first.id}' both write ${relationOf(declared.target, '')}.`,
        {
          facts: { node: id, other: first.id },
          hints: ["Several may write one table only if all of them 'append' or 'upsert_by_key'."],
          notes: [{ message: 'The other one.', place: first.declared.place }],
        },
      ),
    )
  })
}
