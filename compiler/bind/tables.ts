// Sources in databases → their columns: as seeknal.lock.json has them for what is asked now, else as the server says, with
// the types that are declared. A server that cannot be asked is an error only where nothing else knows the columns.
// Reports BIND_*.

import { fingerprintOf } from '../../runtime/contract/canonical-json.ts'
import { type Diagnostic, nearest, type Place } from '../../runtime/contract/diagnostics.ts'
import { type Column, columnsFingerprint } from '../../runtime/contract/manifest.ts'
import { duplicateNames, foldCase, inexactPart, isStorable, KEPT } from '../../runtime/contract/stored-columns.ts'
import { errorAt, warningAt } from '../diagnostic-codes.ts'
import type { TableObservation } from '../ports.ts'
import type { ResolvedTable } from '../resolve.ts'
import { fromClause } from '../rewrite/table-query.ts'
import { placeAt } from '../sql/placed-text.ts'
import { originOf } from '../sql/spliced-text.ts'
import type { LockedSource } from '../validate.ts'
import type { BoundNode, LockedColumns, World } from './bound-node.ts'
import { withDeclared } from './columns.ts'
import { unknownType } from './declared.ts'
import type { BoundSources } from './sources.ts'
import { type KnownType, knownTypes } from './types.ts'

type Types = ReadonlyMap<string, KnownType | null>
type Lock = Readonly<Record<string, LockedSource>>

/** Types of which the last value says where to go on reading. */
const GROWING = /^(TIMESTAMP( WITH TIME ZONE)?|DATE|BIGINT|INTEGER|SMALLINT|DECIMAL\(\d+,\d+\))$/

export async function bindTables(tables: readonly ResolvedTable[], lock: Lock, world: World): Promise<BoundSources> {
  const diagnostics: Diagnostic[] = []
  const locked = (table: ResolvedTable): LockedColumns | null => {
    const known = lock[table.id]
    return known !== undefined && known.asked === askedFingerprint(table) ? known.columns : null
  }
  const open = tables.filter((table) => world.acceptSources || locked(table) === null)
  const answers = open.length === 0 ? [] : await world.observeTables(open.map(requestOf))
  const observed = new Map(open.map((table, i) => [table.id, answers[i]]))
  const settled = tables.map((table) => {
    const observation = observed.get(table.id)
    if (observation === undefined) return locked(table)
    if (observation.kind === 'columns') return observation.columns
    const declared = mayBeDeclared(table, observation, world) ? completeDeclaration(table) : null
    if (declared === null) diagnostics.push(notObserved(table, observation))
    return declared
  })
  const types = await knownTypes(
    tables.flatMap((table, i) => [...declaredTypes(table), ...(settled[i] ?? []).map((column) => column.type)]),
    world,
  )
  const bound: BoundNode[] = []
  const newLock: Record<string, LockedSource> = {}
  tables.forEach((table, i) => {
    const columns = settled[i]
    if (columns === null || columns === undefined) return
    const mistakes = mistakesOf(table, columns, types)
    diagnostics.push(...mistakes)
    if (mistakes.some((d) => d.severity === 'error')) return
    bound.push(boundTable(table, columns, types))
    newLock[table.id] = { asked: askedFingerprint(table), columns }
  })
  return { bound, lock: newLock, diagnostics }
}

/** Stands for what is asked: columns that were observed for something else are not known. */
const askedFingerprint = ({ connection, over, asked }: ResolvedTable): string =>
  fingerprintOf([
    over === undefined ? connection : [connection, over],
    asked.kind === 'table' ? [asked.schema, asked.name] : asked.canonical,
  ])

const requestOf = (table: ResolvedTable) => ({
  node: table.id,
  connection: table.connection,
  sql: `SELECT *\nFROM ${fromClause(table, 'probe')}`,
})

const declaredTypes = (table: ResolvedTable): string[] => table.node.columns.flatMap((column) => column.type ?? [])

/** What another node writes is there after its first run. */
function mayBeDeclared(table: ResolvedTable, observation: TableObservation, world: World): boolean {
  if (observation.kind === 'error') return observation.isMissing && table.after !== undefined
  return !world.acceptSources
}

function completeDeclaration(table: ResolvedTable): LockedColumns | null {
  const typed = table.node.columns.flatMap(({ name, type }) => (type === null ? [] : [{ name, type }]))
  return typed.length > 0 && typed.length === table.node.columns.length ? typed : null
}

const declarationOf = (table: ResolvedTable, name: string) =>
  table.node.columns.find((column) => foldCase(column.name) === foldCase(name))

function mistakesOf(table: ResolvedTable, columns: LockedColumns, types: Types): readonly Diagnostic[] {
  const { node } = table
  const names = columns.map((column) => column.name)
  const facts = { node: table.id }
  const wrongTypes = node.columns
    .filter((column) => column.type !== null && types.get(column.type) === null)
    .map((column) => unknownType(column, table.id))
  const missing = node.columns
    .filter((column) => !names.some((name) => foldCase(name) === foldCase(column.name)))
    .map((column) => missingColumn(table, column.name, names, column.place))
  const twice = duplicateNames(columns).map((name) =>
    errorAt(
      'BIND_DUPLICATE_COLUMN',
      node.readPlace,
      `'${table.id}' has two columns '${name}', which differ at most in case.`,
      {
        facts: { ...facts, column: name },
        hints: [
          table.asked.kind === 'query'
            ? 'Give one of them another name with AS.'
            : "A 'query:' instead of the table can give one of them another name.",
        ],
      },
    ),
  )
  const none = columns.length > 0 ? [] : [noColumns(table)]
  const unstorable = columns.flatMap((column) => unfit(table, column, types))
  return [
    ...wrongTypes,
    ...missing,
    ...twice,
    ...none,
    ...unstorable,
    ...growthMistakes(table, columns, types),
    ...inexact(table, columns, types),
  ]
}

const noColumns = (table: ResolvedTable): Diagnostic =>
  errorAt('BIND_COLUMN_NOT_FOUND', table.node.readPlace, `'${table.id}' reads a table without any column.`, {
    facts: { node: table.id, columns: [] },
    hints: ['An output has at least one column: name a table or a query that has.'],
  })

/** A type that is none, or one that no output holds. */
function unfit(table: ResolvedTable, column: LockedColumns[number], types: Types): readonly Diagnostic[] {
  const type = typeOf(table, column, types)
  if (type !== null && isStorable(type)) return []
  // A declared type that is none is reported where it stands.
  if (type === null && declarationOf(table, column.name)?.type != null) return []
  const about = { facts: { node: table.id, column: column.name, type: column.type } }
  if (type !== null)
    return [
      errorAt(
        'BIND_TYPE_NOT_STORABLE',
        table.node.readPlace,
        `The column '${column.name}' of '${table.id}' is a ${type}, which an output cannot hold.`,
        about,
      ),
    ]
  return [
    errorAt(
      'BIND_UNKNOWN_TYPE',
      table.node.readPlace,
      `seeknal.lock.json gives '${column.name}' of '${table.id}' the type '${column.type}', which is no type of the engine.`,
      { ...about, hints: ['Run `seeknal lock --accept` where the server can be reached.'] },
    ),
  ]
}

const typeOf = (table: ResolvedTable, column: LockedColumns[number], types: Types): string | null => {
  const declared = declarationOf(table, column.name)?.type ?? null
  return types.get(declared ?? column.type)?.type ?? null
}

function growthMistakes(table: ResolvedTable, columns: LockedColumns, types: Types): readonly Diagnostic[] {
  const { growth } = table.node
  if (growth === null) return []
  const column = columns.find(({ name }) => name === growth.timeColumn)
  const names = columns.map(({ name }) => name)
  if (column === undefined) return [missingColumn(table, growth.timeColumn, names, growth.place)]
  const type = typeOf(table, column, types)
  if (type !== null && GROWING.test(type)) return []
  const message = `'${growth.timeColumn}' of '${table.id}' is a ${type}, by which nothing can be read on; a time, a date or a number can.`
  return [
    errorAt('BIND_COLUMN_TYPE', growth.place, message, {
      facts: { node: table.id, column: growth.timeColumn, found: type },
    }),
  ]
}

/** What an output keeps less of, and a number that the engine has no type for. */
function inexact(table: ResolvedTable, columns: LockedColumns, types: Types): readonly Diagnostic[] {
  return columns.flatMap((column) => {
    const declared = declarationOf(table, column.name)
    const facts = { node: table.id, column: column.name, type: column.source_type ?? column.type }
    const place = declared?.place ?? table.node.readPlace
    const type = typeOf(table, column, types)
    if (
      column.source_type?.startsWith('numeric') &&
      /^VARCHAR\b/.test(column.type) &&
      (declared?.type ?? null) === null
    )
      return [
        warningAt(
          'BIND_TYPE_INEXACT',
          place,
          `The column '${column.name}' of '${table.id}' is a ${column.source_type}, which may have any number of digits; it is read as ${column.type}, so that none is lost.`,
          {
            facts,
            hints: [
              `Declare its type below 'columns:', such as ${column.type.replace('VARCHAR', 'DECIMAL(38,10)')} or ${column.type.replace('VARCHAR', 'DOUBLE')}.`,
            ],
          },
        ),
      ]
    const part = type === null ? null : inexactPart(type)
    if (part === null) return []
    const { kept, hint } = KEPT[part]
    const message = `The column '${column.name}' of '${table.id}' is a ${type}: of each ${part} an output keeps ${kept}.`
    return [warningAt('BIND_TYPE_INEXACT', place, message, { facts, hints: [hint] })]
  })
}

function missingColumn(table: ResolvedTable, name: string, names: readonly string[], place: Place): Diagnostic {
  const near = nearest(name, names)
  return errorAt('BIND_COLUMN_NOT_FOUND', place, `'${table.id}' does not have the column '${name}'.`, {
    facts: { node: table.id, column: name, columns: names },
    hints: [near === undefined ? `Its columns: ${names.join(', ')}.` : `Did you mean '${near}'?`],
  })
}

function notObserved(table: ResolvedTable, observation: Exclude<TableObservation, { kind: 'columns' }>): Diagnostic {
  const facts = { node: table.id, connection: table.connection }
  if (observation.kind === 'unreachable')
    return errorAt(
      'BIND_SOURCE_UNREACHABLE',
      table.node.readPlace,
      `The columns of '${table.id}' are not known, since its server cannot be asked: ${observation.message}`,
      {
        facts,
        hints: [
          ...observation.hints,
          'Compile once where the server can be reached and keep seeknal.lock.json, or declare all `columns:` with types.',
        ],
      },
    )
  const unwritten =
    observation.isMissing && table.after !== undefined
      ? [`${table.after.join(', ')} makes it; declare all \`columns:\` with types to read it before it is there.`]
      : []
  return errorAt('BIND_SQL', placeInQuery(table, observation.offset), `The server refuses it: ${observation.message}`, {
    facts,
    hints: [...observation.hints, ...unwritten],
  })
}

/** `offset` is one of the request; in front of the author's query stand a line and a bracket. */
function placeInQuery(table: ResolvedTable, offset: number | null): Place {
  const { asked, node } = table
  if (asked.kind !== 'query' || node.query === null || offset === null) return node.readPlace
  const start = requestOf(table).sql.indexOf(asked.probe)
  const leading = (asked.spliced.at(-1)?.text ?? '').indexOf(asked.probe)
  if (start < 0 || offset < start || offset > start + asked.probe.length) return node.readPlace
  const origin = asked.spliced.reduceRight((at, layer) => originOf(layer, at), offset - start + Math.max(0, leading))
  const word = /^[\w.]+/.exec(node.query.text.slice(origin))?.[0] ?? ' '
  return placeAt(node.query, origin, word.length)
}

function boundTable(table: ResolvedTable, columns: LockedColumns, types: Types): BoundNode {
  const stored: Column[] = columns.map((column) => ({
    name: column.name,
    type: typeOf(table, column, types) ?? column.type,
  }))
  const known = columns.flatMap(({ name, source_type }) =>
    source_type === undefined ? [] : [[name, source_type] as const],
  )
  return {
    id: table.id,
    columns: withDeclared(stored, table.node.columns),
    columnsFingerprint: columnsFingerprint(stored),
    casts: {},
    lineage: null,
    reproducibility: { clock: false, volatile: [], order_dependent: [] },
    canonicalSql: null,
    sourceTypes: Object.fromEntries(known),
  }
}
