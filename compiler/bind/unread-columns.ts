// Columns that files of a source hold, and that are not read, → warnings. Pure.

import type { Diagnostic, Place } from '../../runtime/contract/diagnostics.ts'
import { warningAt } from '../diagnostic-codes.ts'
import type { SourceObservation } from '../ports.ts'
import type { ResolvedSource } from '../resolve.ts'

export function unreadColumns(
  source: ResolvedSource,
  observation: SourceObservation,
  place: Place,
): readonly Diagnostic[] {
  if (observation.kind !== 'columns') return []
  const { format } = source.node
  const why = format === 'json' ? 'it is in none of the rows that were looked at' : 'the first file does not have it'
  const how =
    format === 'json'
      ? "'params: {sample_size: -1}' looks at all rows; of more than 32 files also 'maximum_sample_files'."
      : "'params: {union_by_name: true}' reads the columns of all files."
  return (observation.unread ?? []).map(({ file, column }) =>
    warningAt('BIND_SOURCE_COLUMN_UNREAD', place, `The column '${column}' of '${file}' is not read: ${why}.`, {
      facts: { node: source.id, path: source.path, file, column },
      hints: [how],
    }),
  )
}
