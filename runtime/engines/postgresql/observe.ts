// Looks at the columns of sources for the compiler: one session a connection, a READ ONLY transaction, nothing is read.

import { RuntimeFailure } from '../../contract/failures.ts'
import { type ServerColumn, serverColumns } from './columns.ts'
import type { PostgresqlConnection } from './connection.ts'
import { nearestTable } from './nearest-table.ts'
import { openSession } from './session.ts'

export interface Question {
  readonly node: string
  readonly sql: string
}

export type Answer =
  | { readonly kind: 'columns'; readonly columns: readonly ServerColumn[] }
  | {
      readonly kind: 'error'
      readonly message: string
      readonly offset: number | null
      /** A table or schema is not there. */
      readonly isMissing: boolean
      readonly hints: readonly string[]
    }
  | { readonly kind: 'unreachable'; readonly message: string; readonly hints: readonly string[] }

/** Answers in the order of the questions. Throws nothing that a server says. */
export async function observeColumns(
  connection: PostgresqlConnection,
  questions: readonly Question[],
): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  try {
    const session = await openSession(connection)
    try {
      for (const question of questions) answers.push(await answer(question))
    } finally {
      await session.close()
    }
    async function answer({ node, sql }: Question): Promise<Answer> {
      await session.rows('Asking', 'BEGIN TRANSACTION READ ONLY')
      try {
        return { kind: 'columns', columns: await serverColumns(session, `Looking at ${node}`, sql) }
      } catch (error) {
        if (!(error instanceof RuntimeFailure) || error.code !== 'QUERY_FAILED') throw error
        const { position, sqlstate } = error.facts
        const offset = typeof position === 'number' ? [...sql].slice(0, position - 1).join('').length : null
        const isMissing = sqlstate === '42P01' || sqlstate === '3F000'
        await session.rows('Asking', 'ROLLBACK').catch(() => [])
        const near = isMissing ? await nearestTable(session, error.message) : undefined
        const hints = near === undefined ? error.hints : [...error.hints, `Did you mean '${near}'?`]
        return { kind: 'error', message: error.message, offset, isMissing, hints }
      } finally {
        await session.rows('Asking', 'ROLLBACK').catch(() => [])
      }
    }
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error
    const lost: Answer = { kind: 'unreachable', message: error.message, hints: error.hints }
    while (answers.length < questions.length) answers.push(lost)
  }
  return answers
}
