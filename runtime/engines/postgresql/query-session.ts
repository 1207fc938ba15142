// SQL of a person over outputs in a database: each statement in a READ ONLY transaction of its own that is rolled back, on one
// session; query-text.ts refuses before what such a transaction does not know of. A session that is lost is opened again.
// Throws STATEMENT_REFUSED, QUERY_FAILED (message as the server words it), CONNECTION_FAILED.

import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { nearest } from '../../contract/diagnostics.ts'
import { RuntimeFailure } from '../../contract/failures.ts'
import { answerOf, type QueryAnswer, type QueryStream, type RowChunk, type SqlSession } from '../../query.ts'
import { streamed } from '../../repl/formats.ts'
import { guarded } from '../../store/files.ts'
import type { PostgresqlConnection } from './connection.ts'
import { serverFailure } from './failures.ts'
import type { Portal } from './portal.ts'
import { portalAnswer } from './portal-answer.ts'
import { queryText, type RelationNames } from './query-text.ts'
import { TYPES_SQL, type TypeNames } from './result-cells.ts'
import { openSession, type Session } from './session.ts'
import { duckdbType } from './types.ts'

/** One output, visible as `schema.name` and as `schema_name`. */
export interface QueryRelation {
  readonly schema: string
  readonly name: string
  /** As SQL spells it. */
  readonly relation: string
}

export interface QuerySessionOptions {
  readonly connection: PostgresqlConnection
  readonly tables: readonly QueryRelation[]
  /** Whose statements they are: stands before each in a comment. */
  readonly comment: string
  /** All statements see one moment; after one that failed no other can run. */
  readonly oneMoment?: boolean
}

const WHAT = 'The query'

interface Opened {
  readonly session: Session
  readonly types: TypeNames
}

export class QuerySession implements SqlSession {
  readonly keyTypes: RegExp = /^(smallint|integer|bigint|numeric.*|text|character.*|uuid|date|timestamp.*)$/
  readonly #options: QuerySessionOptions
  readonly #names: RelationNames
  #opened: Opened
  #isLost = false
  #runs = false
  #cancelling: Promise<void> | null = null

  private constructor(options: QuerySessionOptions, opened: Opened) {
    this.#options = options
    this.#opened = opened
    this.#names = new Map(
      options.tables.flatMap(({ schema, name, relation }) => [
        [`${schema}.${name}`.toLowerCase(), relation],
        [`${schema}_${name}`.toLowerCase(), relation],
      ]),
    )
  }

  static async open(options: QuerySessionOptions): Promise<QuerySession> {
    const opened = await open(options)
    return new QuerySession(options, opened)
  }

  async version(): Promise<string> {
    return `postgresql ${this.#opened.session.serverVersion}`
  }

  async run(sql: string, limit: number): Promise<QueryAnswer> {
    return answerOf(await this.stream(sql, limit))
  }

  async stream(sql: string, limit: number): Promise<QueryStream> {
    const text = await queryText(sql, this.#names)
    await this.#cancelling
    if (this.#isLost) await this.#again()
    const { session, types } = this.#opened
    this.#runs = true
    let portal: Portal | null = null
    try {
      if (this.#options.oneMoment !== true) await session.client.query(BEGIN)
      const answer = portalAnswer(session.client, types, `${this.#options.comment} ${text}`, limit)
      portal = answer.portal
      const stream = await answer.stream
      return { ...stream, chunks: this.#ended(answer.portal, stream.chunks) }
    } catch (error) {
      await this.#end(portal)
      throw this.#failure(error)
    }
  }

  /** The chunks; then, whatever became of them, the statement is over. */
  async *#ended(portal: Portal, chunks: AsyncIterable<RowChunk>): AsyncGenerator<RowChunk> {
    try {
      yield* chunks
    } catch (error) {
      throw this.#failure(error)
    } finally {
      await this.#end(portal)
    }
  }

  /** DuckDB writes it, of rows that stream through a file beside it. */
  async exportParquet(sql: string, limit: number, file: string): Promise<void> {
    const answer = await this.stream(sql, limit)
    const csv = `${file}.csv`
    const out = guarded('write', csv, () => openSync(csv, 'w'))
    try {
      await streamed(answer, 'csv', (text) => guarded('write', csv, () => writeSync(out, text)))
      const columns = answer.columns.map(({ name, type }) => ({ name, type: duckdbType(type) }))
      const { parquetOfCsv } = await import('../duckdb/parquet-of-csv.ts')
      await parquetOfCsv(csv, columns, file)
    } finally {
      closeSync(out)
      rmSync(csv, { force: true })
    }
  }

  async typesOf(relation: string): Promise<ReadonlyMap<string, string>> {
    const { columns } = await this.run(`SELECT * FROM ${relation}`, 0)
    return new Map(columns.map(({ name, type }) => [name, type]))
  }

  interrupt(): void {
    if (!this.#runs || this.#cancelling !== null) return
    this.#cancelling = this.#opened.session.cancel().finally(() => {
      this.#cancelling = null
    })
  }

  async close(): Promise<void> {
    await this.#cancelling
    await this.#opened.session.close()
  }

  /** What a statement leaves is taken back, whatever became of it. */
  async #end(portal: Portal | null): Promise<void> {
    const { session } = this.#opened
    if (portal !== null && !portal.isDone) {
      void session.cancel()
      await portal.abandoned()
    }
    await this.#cancelling
    this.#runs = false
    if (this.#options.oneMoment !== true) await session.client.query('ROLLBACK').catch(() => {})
  }

  async #again(): Promise<void> {
    await this.#opened.session.close()
    this.#opened = await open(this.#options)
    this.#isLost = false
  }

  #failure(error: unknown): RuntimeFailure {
    const failure = serverFailure(error, this.#options.connection, WHAT)
    if (failure.code === 'CONNECTION_FAILED') this.#isLost = true
    if (failure.code !== 'QUERY_FAILED' || failure === error) return failure
    const message = failure.message.replace(`${WHAT} failed: `, '')
    const hints = failure.facts.sqlstate === '42P01' ? this.#near(message) : []
    return new RuntimeFailure('QUERY_FAILED', `${message}.`, failure.facts, {
      cause: failure.cause,
      hints: [...failure.hints, ...hints],
    })
  }

  /** A relation that is not there may be an output's with another letter. */
  #near(message: string): readonly string[] {
    const name = /"([^"]+)"/.exec(message)?.[1]
    const near = name === undefined ? undefined : nearest(name, this.#names.keys())
    return near === undefined ? [] : [`Did you mean '${near}'?`]
  }
}

const BEGIN = 'BEGIN TRANSACTION READ ONLY'

async function open({ connection, oneMoment }: QuerySessionOptions): Promise<Opened> {
  const session = await openSession(connection)
  try {
    await session.rows(WHAT, "SELECT set_config('default_transaction_read_only', 'on', false)")
    const rows = await session.rows(WHAT, TYPES_SQL)
    const types = new Map(rows.map(({ oid, name }) => [Number(oid), name ?? '']))
    if (oneMoment === true) await session.rows(WHAT, 'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY')
    return { session, types }
  } catch (error) {
    await session.close()
    throw error
  }
}
