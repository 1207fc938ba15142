// Sessions of one run: opened when they are needed, used by one step at a time, all cancelled when the run is interrupted.

import type { PostgresqlConnection } from './connection.ts'
import { openSession, type Session } from './session.ts'

export class SessionPool {
  readonly #connection: PostgresqlConnection
  readonly #settings: Readonly<Record<string, string>>
  readonly #idle: Session[] = []
  readonly #open = new Set<Session>()
  readonly #busy = new Set<Session>()

  /** `settings` hold in every session. */
  constructor(connection: PostgresqlConnection, settings: Readonly<Record<string, string>>) {
    this.#connection = connection
    this.#settings = settings
  }

  /** A session whose work ended in an error is not used again. */
  async with<T>(body: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#idle.pop() ?? (await this.#opened())
    this.#busy.add(session)
    try {
      const result = await body(session)
      this.#idle.push(session)
      return result
    } catch (error) {
      this.#open.delete(session)
      await session.close()
      throw error
    } finally {
      this.#busy.delete(session)
    }
  }

  async #opened(): Promise<Session> {
    const session = await openSession(this.#connection)
    this.#open.add(session)
    for (const [name, value] of Object.entries(this.#settings))
      await session.rows('Preparing a session', 'SELECT set_config($1, $2, false)', [name, value])
    return session
  }

  /** Tells the server to stop what runs. */
  cancel(): void {
    for (const session of this.#busy) void session.cancel()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((session) => session.close()))
  }
}
