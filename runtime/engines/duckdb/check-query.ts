// The SELECT of a check → its rows. A bundle is untrusted: beside what the engine's confinement forbids, a check is one
// statement that only reads, by its text and by the engine's own classification, and calls nothing that does more.
// Reports STATEMENT_REFUSED, STEP_FAILED.

import { RuntimeFailure } from '../../contract/failures.ts'
import type { CheckRequest, FailingRows } from '../../engine.ts'
import type { DuckDBConnection } from './driver.ts'
import { hasEffect, TYPE } from './preparing.ts'
import { codeOf, splitStatements } from './split-statements.ts'
import { leadingKind } from './statement-kind.ts'
import { stepFailure } from './step-errors.ts'

/** The one statement of a check. Throws STATEMENT_REFUSED. Pure. */
export function checkStatement({ sql }: Pick<CheckRequest, 'sql'>): { readonly text: string; readonly start: number } {
  const [text, second] = splitStatements(`${sql}\n;`).statements
  const isQuery = text !== undefined && leadingKind(codeOf(text, 'kept').trim()) === 'select' && !hasEffect(text)
  if (!isQuery || second !== undefined) throw refused()
  return { text, start: sql.indexOf(text) }
}

/** Throws what a step's statement throws, and STEP_FAILED when the rows are no rows of a check. */
export async function failingRows(
  connection: DuckDBConnection,
  statement: { readonly text: string; readonly start: number },
  mostRows: number,
): Promise<readonly FailingRows[]> {
  try {
    const extracted = await connection.extractStatements(statement.text)
    if (extracted.count !== 1) throw refused()
    const prepared = await extracted.prepare(0)
    try {
      if (prepared.statementType !== TYPE.SELECT) throw refused()
      const answer = await prepared.runAndReadUntil(mostRows + 1)
      return answer.getRows().map(([id, , count]) => asFailingRows(id, count))
    } finally {
      prepared.destroySync()
    }
  } catch (error) {
    throw stepFailure(error, statement, 0)
  }
}

function asFailingRows(id: unknown, count: unknown): FailingRows {
  const failing = typeof count === 'bigint' ? Number(count) : count
  if (typeof id === 'string' && typeof failing === 'number' && Number.isSafeInteger(failing) && failing >= 0)
    return { id, failingRows: failing }
  const message = 'a check gave a row that is no id, severity and number of rows'
  throw new RuntimeFailure('STEP_FAILED', message, { message, statement: 0, offset: null })
}

const refused = (): RuntimeFailure =>
  new RuntimeFailure(
    'STATEMENT_REFUSED',
    'a check may not run anything but one SELECT',
    {},
    {
      hints: ['Compile the bundle again with seeknal.'],
    },
  )
