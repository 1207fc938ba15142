// SQL of a person over stored outputs, read-only: an in-memory database with a view for each output, made when a
// statement first names it. The engine itself confines what can be read; statement-guard.ts refuses what could write.
// Throws STATEMENT_REFUSED and QUERY_FAILED (message as the engine words it).

import { dirname } from 'node:path'
import type { DuckDBPreparedStatement, DuckDBResult } from '@duckdb/node-api'
import { messageOf, RuntimeFailure } from '../../contract/failures.ts'
import { literalGlob } from '../../contract/source-paths.ts'
import { answerOf, type QueryAnswer, type QueryStream, type RowChunk, type SqlSession } from '../../query.ts'
import { type DuckDBConnection, type DuckDBInstance, openDatabase } from './driver.ts'
import { literal, quoted } from './quoting.ts'
import { cellJson, cellText } from './result-cells.ts'
import { refusal } from './statement-guard.ts'

/** One output, visible as `schema.name` and as `schema_name`. */
export interface QueryTable {
  readonly schema: string
  readonly name: string
  /** Absolute path of a Parquet file. */
  readonly file: string
}

export interface QuerySessionOptions {
  readonly tables: readonly QueryTable[]
  /** For larger-than-memory work and exports; absolute. */
  readonly scratchDirectory: string
}

const CATALOGUE = /\b(show|describe|information_schema|duckdb_\w+|pragma_\w+)\b/i

export class QuerySession implements SqlSession {
  readonly keyTypes: RegExp = /^(U?(TINY|SMALL|BIG)?INT(EGER)?|VARCHAR|UUID|DATE|TIMESTAMP.*)$/
  readonly #instance: DuckDBInstance
  readonly #connection: DuckDBConnection
  readonly #waiting: Map<string, QueryTable>

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection, tables: readonly QueryTable[]) {
    this.#instance = instance
    this.#connection = connection
    this.#waiting = new Map(tables.map((table) => [`${table.schema}_${table.name}`.toLowerCase(), table]))
  }

  static async open(options: QuerySessionOptions): Promise<QuerySession> {
    const instance = await openDatabase({
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    })
    const connection = await instance.connect()
    const folders = new Set([
      options.scratchDirectory,
      ...options.tables.flatMap(({ file }) => [file, literalGlob(file)].map((path) => dirname(path))),
    ])
    await connection.run("SET TimeZone = 'UTC'")
    for (const schema of new Set(options.tables.map((table) => table.schema)))
      await connection.run(`CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`)
    await connection.run(`SET temp_directory = ${literal(options.scratchDirectory)}`)
    await connection.run(`SET allowed_directories = [${[...folders].map((f) => literal(`${f}/`)).join(', ')}]`)
    await connection.run('SET enable_external_access = false')
    await connection.run('SET lock_configuration = true')
    return new QuerySession(instance, connection, options.tables)
  }

  /** `duckdb v1.5.6`. */
  async version(): Promise<string> {
    return `duckdb ${(await this.#connection.runAndReadAll('SELECT version()')).getRows()[0]?.[0]}`
  }

  /** Runs one statement, without its semicolon, and reads at most `limit` rows. */
  async run(sql: string, limit: number): Promise<QueryAnswer> {
    return answerOf(await this.stream(sql, limit))
  }

  /** The same, chunk by chunk. The next statement may run when all chunks have been read. */
  async stream(sql: string, limit: number): Promise<QueryStream> {
    try {
      await this.#register(sql)
      const statement = await this.#prepared(sql)
      return streamOf(await statement.stream(), limit, () => statement.destroySync())
    } catch (error) {
      throw queryFailure(error)
    }
  }

  async exportParquet(sql: string, limit: number, file: string): Promise<void> {
    const limited = Number.isFinite(limit) ? `FROM (\n${sql}\n) LIMIT ${limit}` : sql
    try {
      await this.#register(limited)
      const refused = await refusal(this.#connection, limited, true)
      if (refused !== null) throw refused
      await this.#connection.run(`COPY (\n${limited}\n) TO ${literal(file)} (FORMAT parquet, PARQUET_VERSION v2)`)
    } catch (error) {
      throw queryFailure(error)
    }
  }

  /** A manifest's types are those of this engine. */
  async typesOf(): Promise<ReadonlyMap<string, string>> {
    return new Map()
  }

  interrupt(): void {
    this.#connection.interrupt()
  }

  async close(): Promise<void> {
    this.#connection.closeSync()
    this.#instance.closeSync()
  }

  async #prepared(sql: string): Promise<DuckDBPreparedStatement> {
    const refused = await refusal(this.#connection, sql, false)
    if (refused !== null) throw refused
    // PIVOT is several statements; those before the last prepare it.
    const extracted = await this.#connection.extractStatements(sql)
    for (let i = 0; i < extracted.count - 1; i++) {
      const statement = await extracted.prepare(i)
      await statement.run()
      statement.destroySync()
    }
    return extracted.prepare(extracted.count - 1)
  }

  /** Creates the views of outputs that `sql` names for the first time; all of them when it asks the catalogue. */
  async #register(sql: string): Promise<void> {
    if (this.#waiting.size === 0) return
    const words = new Set(sql.toLowerCase().match(/[a-z_]\w*/g))
    const all = CATALOGUE.test(sql)
    for (const [alias, table] of this.#waiting) {
      if (!all && !words.has(alias) && !words.has(table.name.toLowerCase())) continue
      const relation = `${quoted(table.schema)}.${quoted(table.name)}`
      await this.#connection.run(`CREATE VIEW ${relation} AS FROM read_parquet(${literal(literalGlob(table.file))})`)
      await this.#connection.run(`CREATE VIEW ${quoted(`${table.schema}_${table.name}`)} AS FROM ${relation}`)
      this.#waiting.delete(alias)
    }
  }
}

const queryFailure = (error: unknown): RuntimeFailure =>
  error instanceof RuntimeFailure
    ? error
    : new RuntimeFailure(
        'QUERY_FAILED',
        messageOf(error)
          .trim()
          .replace(/^Failed to extract statements: /, ''),
        {},
        {
          cause: error,
        },
      )

function streamOf(result: DuckDBResult, limit: number, done: () => void): QueryStream {
  const types = result.columnTypes()
  const columns = result
    .columnNames()
    .map((name, i) => ({ name, type: String(types[i]), numeric: NUMERIC.test(String(types[i])) }))
  let truncated = false
  async function* chunks(): AsyncGenerator<RowChunk> {
    try {
      let left = limit
      for (
        let chunk = await result.fetchChunk();
        chunk !== null && chunk.rowCount > 0;
        chunk = await result.fetchChunk()
      ) {
        const all = chunk.getRows()
        truncated = all.length > left
        const rows = truncated ? all.slice(0, left) : all
        left -= rows.length
        yield {
          text: () => rows.map((row) => row.map((value, i) => cellText(value, types[i]))),
          json: () => rows.map((row) => row.map((value, i) => cellJson(value, types[i]))),
        }
        if (truncated) return
      }
    } catch (error) {
      throw queryFailure(error)
    } finally {
      done()
    }
  }
  return { columns, chunks: chunks(), isTruncated: () => truncated }
}

const NUMERIC = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)|BIGNUM)$/
