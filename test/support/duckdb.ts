// DuckDB through its plain client, for tests that compare with what the engine itself does.

import { DuckDBInstance } from '@duckdb/node-api'

/** A session of its own, in memory, without any confinement. */
export class Session {
  readonly #connection: Awaited<ReturnType<DuckDBInstance['connect']>>

  private constructor(connection: Awaited<ReturnType<DuckDBInstance['connect']>>) {
    this.#connection = connection
  }

  static async open(): Promise<Session> {
    const instance = await DuckDBInstance.create(':memory:')
    return new Session(await instance.connect())
  }

  /** Rows of the last statement, as text; null for NULL. */
  async rows(sql: string): Promise<(string | null)[][]> {
    const answer = await this.#connection.runAndReadAll(sql)
    return answer.getRows().map((row) => row.map((value) => (value === null ? null : String(value))))
  }

  /** Every statement of a text, one after the other, as the engine splits it. */
  async script(text: string): Promise<void> {
    const statements = await this.#connection.extractStatements(text)
    for (let i = 0; i < statements.count; i++) await (await statements.prepare(i)).run()
  }
}

/** Rows of one query in a session that nothing else uses. */
export const rowsOf = async (sql: string): Promise<(string | null)[][]> => (await Session.open()).rows(sql)
