// Columns that files of a source hold, and that are not read, → warnings; but where the author declares all that is read, or
// accepted in seeknal.lock.json what is not. Pure.

import type { Diagnostic, Place } from '../../runtime/contract/diagnostics.ts'
import { foldCase } from '../../runtime/contract/stored-columns.ts'
import { warningAt } from '../diagnostic-codes.ts'
import type { SourceObservation } from '../ports.ts'
import type { ResolvedSource } from '../resolve.ts'

/** As many are named. */
const MOST_NAMED = 5

type Unread = NonNullable<Extract<SourceObservation, { kind: 'columns' }>['unread']>

/** None where `columns:` names all that is read: then the list is a choice. */
function unreadOf({ node }: ResolvedSource, observation: SourceObservation): Unread {
  if (observation.kind !== 'columns') return []
  const declared = new Set(node.columns.map(({ name }) => foldCase(name)))
  const isChosen = observation.columns.every(({ name }) => declared.has(foldCase(name)))
  return isChosen ? [] : (observation.unread ?? [])
}

/** Names of what is accepted as left out, sorted: those of the lock, or all that are seen now. */
export function acceptedUnread(
  source: ResolvedSource,
  observation: SourceObservation,
  locked: readonly string[] = [],
  accept: boolean,
): readonly string[] {
  if (!accept || observation.kind !== 'columns') return locked
  return unreadOf(source, observation)
    .map(({ column }) => column)
    .sort()
}

export function unreadColumns(
  source: ResolvedSource,
  observation: SourceObservation,
  accepted: readonly string[],
  place: Place,
): readonly Diagnostic[] {
  const known = new Set(accepted.map(foldCase))
  const unread = unreadOf(source, observation).filter(({ column }) => !known.has(foldCase(column)))
  const { format } = source.node
  const why = format === 'json' ? 'it is in none of the rows that were looked at' : 'the first file does not have it'
  const how =
    format === 'json'
      ? "'params: {sample_size: -1}' looks at all rows; of more than 32 files also 'maximum_sample_files'."
      : "'params: {union_by_name: true}' reads the columns of all files."
  const few = unread.length > MOST_NAMED ? [`${MOST_NAMED} of ${unread.length} such columns are named.`] : []
  return unread.slice(0, MOST_NAMED).map(({ file, column }) =>
    warningAt('BIND_SOURCE_COLUMN_UNREAD', place, `The column '${column}' of '${file}' is not read: ${why}.`, {
      facts: { node: source.id, path: source.path, file, column },
      hints: [how, 'If it is to be left out, `seeknal lock --accept` keeps that in seeknal.lock.json.', ...few],
    }),
  )
}
