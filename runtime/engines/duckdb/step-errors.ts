// What DuckDB threw while a step ran → a failure of the world: where in the step's file, and whose fault it is.
// Reports STEP_FAILED, STATE_IO (disk full), INTERRUPTED.

import { messageOf, RuntimeFailure } from '../../contract/failures.ts'
import { engineError, utf16Offset } from './engine-errors.ts'

/** `start` is where the statement's text begins in the step's SQL, in UTF-16 code units; `index` counts statements from 0. */
export function stepFailure(
  error: unknown,
  statement: { readonly text: string; readonly start: number },
  index: number,
): RuntimeFailure {
  if (error instanceof RuntimeFailure) return error
  const general = generalFailure(error)
  if (general !== null) return general
  const { message, offset, code, exception } = engineError(error)
  const at = offset === null ? null : Math.max(0, statement.start + utf16Offset(statement.text, offset, code))
  return new RuntimeFailure(
    'STEP_FAILED',
    message,
    { message, exception, statement: index, offset: at },
    { cause: error, hints: hintsFor(message) },
  )
}

/** Failures that are no statement's fault, or null. */
export function generalFailure(error: unknown): RuntimeFailure | null {
  const text = messageOf(error)
  if (/no space left on device|disk quota exceeded|file too large/i.test(text)) {
    return new RuntimeFailure(
      'STATE_IO',
      `DuckDB cannot write: ${engineError(error).message}`,
      {},
      {
        cause: error,
        hints: [
          "Free some space ('seeknal clean' removes what nothing refers to) and run again; what is finished is kept.",
        ],
      },
    )
  }
  if (/^INTERRUPT|interrupted/i.test(text))
    return new RuntimeFailure('INTERRUPTED', 'interrupted', {}, { cause: error })
  return null
}

function hintsFor(message: string): string[] {
  if (/out of memory/i.test(message))
    return ["Give the run more memory ('--memory-limit 4GB') or fewer threads and workers ('--threads 1')."]
  if (/do not exist in the CSV File|schema mismatch/i.test(message))
    return ["Where the files of a source have different columns, 'params: {union_by_name: true}' reads them all."]
  if (/^CSV Error.*Could not convert|^JSON transform error.*Failed to cast/s.test(message))
    return ["Declare a type that holds every value of the column below 'columns:', such as VARCHAR."]
  return []
}
