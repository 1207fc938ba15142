// Queries whose rows are looked at and kept by nobody: all that they need is made as temporary objects, in one transaction that
// is rolled back; where there are none, as objects of a schema of its own, in the same transaction. Reports STEP_FAILED, QUERY_FAILED, CONNECTION_FAILED, INTERRUPTED.

import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { RuntimeFailure } from '../../contract/failures.ts'
import { pgName } from '../../contract/postgresql-names.ts'
import { answerOf, type QueryAnswer } from '../../query.ts'
import { capabilitiesOf } from './capabilities.ts'
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
  /** Of its own; null: objects are temporary. */
  readonly #schema: string | null

  private constructor(session: Session, types: TypeNames, comment: string, schema: string | null) {
    this.#session = session
    this.#types = types
    this.#comment = comment
    this.#schema = schema
  }

  /** `comment` goes before each statement. */
  static async open(connection: PostgresqlConnection, comment: string): Promise<PreviewSession> {
    const session = await openSession(connection)
    try {
      const rows = await session.rows(WHAT, TYPES_SQL)
      await session.rows(WHAT, 'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ')
      await session.rows(WHAT, "SELECT set_config('search_path', 'pg_catalog, public', true)")
      const types = new Map(rows.map(({ oid, name }) => [Number(oid), name ?? '']))
      return new PreviewSession(session, types, comment, await schemaFor(session))
    } catch (error) {
      await session.close()
      throw error
    }
  }

  /** What is made under a name, as SQL spells it. */
  relation(name: string): string {
    return `${this.#schema ?? 'pg_temp'}.${pgName(name)}`
  }

  #create(what: 'VIEW' | 'TABLE', name: string): string {
    return this.#schema === null ? `CREATE TEMP ${what} ${pgName(name)}` : `CREATE ${what} ${this.relation(name)}`
  }

  /** A temporary view over a query: nothing is read until somebody reads it. */
  async makeView(name: string, query: string): Promise<void> {
    await this.#run(`${this.#create('VIEW', name)} AS\n${query}`)
  }

  /** A temporary table of a query's rows; how many there are. */
  async makeTable(name: string, query: string): Promise<number> {
    return this.#run(`${this.#create('TABLE', name)} AS\n${query}`)
  }

  /** A temporary table of a CSV file without a header. `items`: its columns, as SQL spells them with their types. */
  async loadTable(name: string, items: readonly string[], file: string): Promise<void> {
    await this.#run(`${this.#create('TABLE', name)} (${items.join(', ')})`)
    const sink = this.#session.client.query(
      copyFrom(`${this.#comment} COPY ${this.relation(name)} FROM STDIN (FORMAT csv)`),
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

/** Made in the transaction, where temporary objects are not to be had; the number of the session is in its name. */
async function schemaFor(session: Session): Promise<string | null> {
  const can = await capabilitiesOf(session)
  if (can.temp_tables || !can.create_schema) return null
  const [own] = await session.rows(WHAT, 'SELECT pg_backend_pid() AS pid')
  const schema = `seeknal_preview_${own?.pid}`
  await session.rows(WHAT, `CREATE SCHEMA ${schema}`)
  return schema
}
