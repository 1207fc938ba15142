// Queries whose rows are looked at and kept by nobody: all that they need is made as temporary objects, in one transaction that
// is rolled back. Reports STEP_FAILED, QUERY_FAILED, CONNECTION_FAILED, INTERRUPTED.

import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { RuntimeFailure } from '../../contract/failures.ts'
import { pgName } from '../../contract/postgresql-names.ts'
import { answerOf, type QueryAnswer } from '../../query.ts'
import type { PostgresqlConnection } from './connection.ts'
import { copyFrom } from './driver.ts'
import { serverFailure } from './failures.ts'
import { portalAnswer } from './portal-answer.ts'
import { TYPES_SQL, type TypeNames } from './result-cells.ts'
import { openSession, type Session } from './session.ts'

const WHAT = 'The preview'

export class PreviewSession {
  readonly #session: Session
  readonly #types: TypeNames
  readonly #comment: string

  private constructor(session: Session, types: TypeNames, comment: string) {
    this.#session = session
    this.#types = types
    this.#comment = comment
  }

  /** `comment` goes before each statement. */
  static async open(connection: PostgresqlConnection, comment: string): Promise<PreviewSession> {
    const session = await openSession(connection)
    try {
      const rows = await session.rows(WHAT, TYPES_SQL)
      await session.rows(WHAT, 'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ')
      await session.rows(WHAT, "SELECT set_config('search_path', 'pg_catalog, public', true)")
      return new PreviewSession(session, new Map(rows.map(({ oid, name }) => [Number(oid), name ?? ''])), comment)
    } catch (error) {
      await session.close()
      throw error
    }
  }

  /** A temporary view over a query: nothing is read until somebody reads it. */
  async makeView(name: string, query: string): Promise<void> {
    await this.#run(`CREATE TEMP VIEW ${pgName(name)} AS\n${query}`)
  }

  /** A temporary table of a query's rows; how many there are. */
  async makeTable(name: string, query: string): Promise<number> {
    return this.#run(`CREATE TEMP TABLE ${pgName(name)} ON COMMIT DROP AS\n${query}`)
  }

  /** A temporary table of a CSV file without a header. `items`: its columns, as SQL spells them with their types. */
  async loadTable(name: string, items: readonly string[], file: string): Promise<void> {
    await this.#run(`CREATE TEMP TABLE ${pgName(name)} (${items.join(', ')}) ON COMMIT DROP`)
    const sink = this.#session.client.query(
      copyFrom(`${this.#comment} COPY pg_temp.${pgName(name)} FROM STDIN (FORMAT csv)`),
    )
    try {
      await pipeline(createReadStream(file), sink)
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** At most so many rows of a query. */
  async rows(query: string, limit: number): Promise<QueryAnswer> {
    const answer = portalAnswer(this.#session.client, this.#types, `${this.#comment} ${query}`, limit)
    try {
      return await answerOf(await answer.stream)
    } catch (error) {
      throw this.#failure(error)
    }
  }

  interrupt(): void {
    void this.#session.cancel()
  }

  /** Nothing stays. Never fails. */
  async close(): Promise<void> {
    await this.#session.client.query('ROLLBACK').catch(() => {})
    await this.#session.close()
  }

  async #run(sql: string): Promise<number> {
    try {
      return (await this.#session.client.query(`${this.#comment} ${sql}`)).rowCount ?? 0
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** As of a step that is executed. */
  #failure(error: unknown): RuntimeFailure {
    const failure = serverFailure(error, this.#session.connection, WHAT)
    if (failure.code !== 'QUERY_FAILED') return failure
    if (failure.facts.sqlstate === '57014')
      return new RuntimeFailure('INTERRUPTED', `${WHAT} was cancelled`, failure.facts, { cause: failure })
    const message = failure.message.replace(`${WHAT} failed: `, '')
    const facts = { ...failure.facts, message, statement: 0, offset: null }
    return new RuntimeFailure('STEP_FAILED', message, facts, { cause: failure.cause, hints: failure.hints })
  }
}
