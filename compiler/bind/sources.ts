// Sources → their columns: observed in the data, held against what is declared and what seeknal.lock.json says. Without
// data the lock answers, or a complete declaration. A difference is an error that shows it; nothing is guessed.

import type { Diagnostic, Place } from '../../runtime/contract/diagnostics.ts'
import { nearest } from '../../runtime/contract/diagnostics.ts'
import { type Column, columnsFingerprint } from '../../runtime/contract/manifest.ts'
import { columnDifference, duplicateNames, foldCase, isStorable } from '../../runtime/contract/stored-columns.ts'
import { errorAt, warningAt } from '../diagnostic-codes.ts'
import type { SourceObservation, SourceRequest } from '../ports.ts'
import type { ResolvedSource } from '../resolve.ts'
import { placeAt } from '../sql/placed-text.ts'
import type { DeclaredColumn, LockedSource } from '../validate.ts'
import type { BoundNode, LockedColumns, World } from './bound-node.ts'
import { withDeclared } from './columns.ts'
import { unknownType } from './declared.ts'
import { type KnownType, knownTypes } from './types.ts'
import { acceptedUnread, unreadColumns } from './unread-columns.ts'

type Types = ReadonlyMap<string, KnownType | null>
const ABSENT: SourceObservation = { kind: 'absent' }

type Lock = Readonly<Record<string, LockedSource>>

export interface BoundSources {
  readonly bound: readonly BoundNode[]
  readonly lock: Lock
  readonly diagnostics: readonly Diagnostic[]
}

export async function bindSources(sources: readonly ResolvedSource[], lock: Lock, world: World): Promise<BoundSources> {
  const diagnostics: Diagnostic[] = []
  const spelled = await knownTypes(
    sources.flatMap((source) => [
      ...source.node.columns.flatMap((column) => column.type ?? []),
      ...(lock[source.id]?.columns ?? []).map((column) => column.type),
    ]),
    world,
  )
  const valid = sources.filter((source) => {
    const wrong = source.node.columns.filter((c) => c.type !== null && spelled.get(c.type) === null)
    diagnostics.push(...wrong.map((column) => unknownType(column, source.id)))
    return wrong.length === 0
  })
  const observations = await world.observe(
    valid.map((source) => requestOf(source, lock[source.id]?.columns ?? [], spelled)),
  )
  const settled = valid.map((source, i) => {
    return settle(source, observations[i] ?? ABSENT, lock[source.id], spelled, world.acceptSources, diagnostics)
  })
  const types = await knownTypes(
    settled.flatMap((columns) => (columns ?? []).map((column) => column.type)),
    world,
  )
  const bound: BoundNode[] = []
  const known = new Set<string>(sources.map((source) => source.id))
  const newLock: Record<string, LockedSource> = Object.fromEntries(Object.entries(lock).filter(([id]) => known.has(id)))
  for (const [i, source] of valid.entries()) {
    const columns = settled[i]
    if (columns === null || columns === undefined) continue
    const unknown = columns.filter((column) => types.get(column.type) == null)
    const unstorable = columns.filter((column) => !isStorable(column.type))
    diagnostics.push(
      ...unknown.filter((column) => !unstorable.includes(column)).map((column) => unknownLockedType(source, column)),
      ...unstorable.map((column) => notStorable(source, column)),
    )
    if (unknown.length + unstorable.length > 0) continue
    const node = boundSource(source, columns, types)
    bound.push(node)
    const unread = acceptedUnread(source, observations[i] ?? ABSENT, lock[source.id]?.unread, world.acceptSources)
    newLock[source.id] = {
      columns: (node.columns ?? []).map(({ name, type }) => ({ name, type })),
      ...(unread.length === 0 ? {} : { unread }),
    }
  }
  return { bound, lock: newLock, diagnostics }
}

const declaredType = (column: DeclaredColumn, types: Types): string | null =>
  column.type === null ? null : (types.get(column.type)?.type ?? column.type)

/** Text formats have no types of their own: the lock's stand as long as the data can be read with them. */
function requestOf(source: ResolvedSource, locked: LockedColumns, types: Types): SourceRequest {
  const { format, columns } = source.node
  const expected: Record<string, string> = {}
  for (const { name, type } of format === 'parquet' ? [] : locked) {
    const known = types.get(type)
    if (known) expected[name] = known.type
  }
  for (const column of columns) {
    const type = declaredType(column, types)
    const name = locked.find((other) => foldCase(other.name) === foldCase(column.name))?.name ?? column.name
    if (type !== null) expected[name] = type
  }
  // A run's parameter has no value yet; any file of the pattern shows the columns.
  const path = source.path.replace(/\{\{[^{}]*\}\}/g, '*')
  return { node: source.id, format, path, options: source.options, expected }
}

/** Why the data cannot be read, or null. */
const unreadable = (observation: SourceObservation): string | null =>
  observation.kind === 'error'
    ? observation.message
    : observation.kind === 'columns' && observation.columns.some(({ name }) => name.includes('\0'))
      ? 'the name of a column holds the character NUL. Is it UTF-16? Save it as UTF-8.'
      : null

/** The source's columns, or null with a report. */
function settle(
  source: ResolvedSource,
  observation: SourceObservation,
  lock: LockedSource | undefined,
  types: Types,
  accept: boolean,
  diagnostics: Diagnostic[],
): LockedColumns | null {
  const locked = lock?.columns
  const place = pathPlace(source)
  const report = (...found: readonly Diagnostic[]): null => {
    diagnostics.push(...found)
    return null
  }
  const reason = unreadable(observation)
  if (reason !== null)
    return report(
      errorAt('BIND_SOURCE_UNREADABLE', place, `'${source.path}' cannot be read as ${source.node.format}: ${reason}`, {
        facts: { node: source.id, path: source.path },
      }),
    )
  if (observation.kind === 'refused')
    return report(
      errorAt('BIND_SOURCE_REFUSED', place, `${observation.message}.`, {
        facts: { node: source.id, path: source.path },
        hints: observation.hints,
      }),
    )
  const found = observation.kind === 'columns' ? observation.columns : null
  const columns = found ?? locked ?? completeDeclaration(source, types)
  if (columns === null)
    return report(
      observation.kind === 'empty'
        ? empty(source, place, observation, true)
        : notFound(source, place, observation.kind === 'absent' ? (observation.hints ?? []) : []),
    )
  const wrong = [...misdeclared(source, columns, found !== null, types), ...duplicates(source, columns, place)]
  if (wrong.length > 0) return report(...wrong)
  if (observation.kind === 'empty' && completeDeclaration(source, types) === null)
    diagnostics.push(empty(source, place, observation, false))
  const accepted = acceptedUnread(source, observation, lock?.unread, accept)
  if (found !== null)
    diagnostics.push(...notSplit(source, found, place), ...unreadColumns(source, observation, accepted, place))
  if (found === null || locked === undefined || accept) return withDeclaredTypes(source, columns, types)
  const difference = columnDifference(withDeclaredTypes(source, locked, types), withDeclaredTypes(source, found, types))
  if (difference.length > 0) return report(changed(source, place, difference))
  return withDeclaredTypes(source, locked, types)
}

/** Where rows have different numbers of fields, the engine takes each line of a CSV file for one text. */
function notSplit(source: ResolvedSource, columns: LockedColumns, place: Place): readonly Diagnostic[] {
  const name = columns.length === 1 ? (columns[0]?.name ?? '') : ''
  const delimiter = /[,;\t|]/.exec(name)?.[0]
  if (source.node.format !== 'csv' || delimiter === undefined || source.node.columns.length > 0) return []
  return [
    warningAt('BIND_SOURCE_NOT_SPLIT', place, `'${source.path}' is read as one column, '${name}'.`, {
      facts: { node: source.id, path: source.path, column: name },
      hints: [
        `Its rows have different numbers of fields: correct them, or read all with 'params: {delim: ${JSON.stringify(delimiter)}, null_padding: true}'. Text without fields is declared, below 'columns:'.`,
      ],
    }),
  ]
}

function completeDeclaration(source: ResolvedSource, types: Types): LockedColumns | null {
  const columns = source.node.columns.map((column) => ({ name: column.name, type: declaredType(column, types) }))
  const typed = columns.flatMap(({ name, type }) => (type === null ? [] : [{ name, type }]))
  return typed.length > 0 && typed.length === columns.length ? typed : null
}

function withDeclaredTypes(source: ResolvedSource, columns: LockedColumns, types: Types): LockedColumns {
  const declared = new Map(source.node.columns.map((column) => [foldCase(column.name), declaredType(column, types)]))
  return columns.map(({ name, type }) => ({ name, type: declared.get(foldCase(name)) ?? type }))
}

function misdeclared(
  source: ResolvedSource,
  columns: LockedColumns,
  isObserved: boolean,
  types: Types,
): readonly Diagnostic[] {
  return source.node.columns.flatMap((column) => {
    const found = columns.find((other) => foldCase(other.name) === foldCase(column.name))
    const type = declaredType(column, types)
    if (found === undefined) return [missing(source, column, columns)]
    if (!isObserved || type === null || foldCase(type) === foldCase(found.type)) return []
    return [
      errorAt(
        'BIND_COLUMN_TYPE',
        column.place,
        `The column '${column.name}' of '${source.id}' is declared as ${type}; its data can only be read as ${found.type}.`,
        { facts: { node: source.id, column: column.name, declared: type, found: found.type } },
      ),
    ]
  })
}

function missing(source: ResolvedSource, column: DeclaredColumn, columns: LockedColumns): Diagnostic {
  const near = nearest(
    column.name,
    columns.map((other) => other.name),
  )
  const list = columns.map((other) => other.name).join(', ')
  return errorAt(
    'BIND_COLUMN_NOT_FOUND',
    column.place,
    `The column '${column.name}' is declared, but '${source.path}' does not have it.`,
    {
      facts: { node: source.id, column: column.name, columns: columns.map((other) => other.name) },
      hints: [near === undefined ? `Its columns: ${list}.` : `Did you mean '${near}'?`],
    },
  )
}

const duplicates = (source: ResolvedSource, columns: LockedColumns, place: Place): readonly Diagnostic[] =>
  duplicateNames(columns).map((name) =>
    errorAt(
      'BIND_DUPLICATE_COLUMN',
      place,
      `'${source.path}' has two columns '${name}', which differ at most in case.`,
      {
        facts: { node: source.id, column: name },
      },
    ),
  )

/** Observed and declared types are the engine's own by now. */
const unknownLockedType = (source: ResolvedSource, column: LockedColumns[number]): Diagnostic =>
  errorAt(
    'BIND_UNKNOWN_TYPE',
    pathPlace(source),
    `seeknal.lock.json gives '${column.name}' of '${source.id}' the type '${column.type}', which is no type of the engine.`,
    {
      facts: { node: source.id, column: column.name, type: column.type },
      hints: ['Run `seeknal lock --accept` where the data is.'],
    },
  )

function notStorable(source: ResolvedSource, { name, type }: LockedColumns[number]): Diagnostic {
  const declared = source.node.columns.find((column) => foldCase(column.name) === foldCase(name))
  const message = `The column '${name}' of '${source.id}' has the type ${type}, which an output cannot hold.`
  const facts = { node: source.id, column: name, type }
  return errorAt('BIND_TYPE_NOT_STORABLE', declared?.place ?? pathPlace(source), message, { facts })
}

const pathPlace = (source: ResolvedSource): Place => placeAt(source.node.path, 0, source.node.path.text.length)

function notFound(source: ResolvedSource, place: Place, meant: readonly string[]): Diagnostic {
  return errorAt(
    'BIND_SOURCE_NOT_FOUND',
    place,
    `No file matches '${source.path}', so the columns of '${source.id}' are not known.`,
    {
      facts: { node: source.id, path: source.path },
      hints: [
        ...meant,
        'Put the data there, declare all `columns:` with types, or compile once where the data is and keep seeknal.lock.json.',
      ],
    },
  )
}

/** A file that a run would read as no rows. */
function empty(
  source: ResolvedSource,
  place: Place,
  { isBlank }: { readonly isBlank: boolean },
  isUnknown: boolean,
): Diagnostic {
  const make = isUnknown ? errorAt : warningAt
  const what = isBlank ? 'holds nothing but blank lines' : 'is empty'
  const then = isUnknown ? `, so the columns of '${source.id}' are not known` : ' and is read as no rows'
  return make('BIND_SOURCE_EMPTY', place, `'${source.path}' ${what}${then}.`, {
    facts: { node: source.id, path: source.path },
    hints: [
      'Put the data there, or declare all `columns:` with types, by which an empty file is a table without rows.',
    ],
  })
}

const changed = (source: ResolvedSource, place: Place, difference: readonly string[]): Diagnostic =>
  errorAt(
    'BIND_SOURCE_CHANGED',
    place,
    `'${source.path}' no longer has the columns that seeknal.lock.json holds for '${source.id}': ${difference.join(', ')}.`,
    {
      facts: { node: source.id, path: source.path, difference },
      hints: ['Run `seeknal lock --accept` to accept the new columns, or declare types with `columns:`.'],
    },
  )

function boundSource(source: ResolvedSource, columns: LockedColumns, types: Types): BoundNode {
  const stored: Column[] = columns.map(({ name, type }) => ({ name, type: types.get(type)?.type ?? type }))
  const casts = columns.flatMap(({ name, type }) =>
    types.get(type)?.cast ? [[name, types.get(type)?.type ?? type] as const] : [],
  )
  return {
    id: source.id,
    columns: withDeclared(stored, source.node.columns),
    columnsFingerprint: columnsFingerprint(stored),
    casts: Object.fromEntries(casts),
    lineage: null,
    reproducibility: { clock: false, volatile: [], order_dependent: [] },
    canonicalSql: null,
  }
}
