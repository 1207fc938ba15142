// Sessions of one run: opened when they are needed, used by one step at a time, all cancelled when the run is interrupted:
// whatever a session is doing then, and whatever it would do next. Reports INTERRUPTED.

import { setTimeout as sleep } from 'node:timers/promises'
import { RuntimeFailure } from '../../contract/failures.ts'
import type { PostgresqlConnection } from './connection.ts'
import { openSession, type Session } from './session.ts'

/** Between one request to stop and the next, as long as a session does something. */
const AGAIN_MS = 250

export class SessionPool {
  readonly #connection: PostgresqlConnection
  readonly #settings: Readonly<Record<string, string>>
  readonly #idle: Session[] = []
  readonly #open = new Set<Session>()
  readonly #busy = new Set<Session>()
  #isCancelled = false

  /** `settings` hold in every session. */
  constructor(connection: PostgresqlConnection, settings: Readonly<Record<string, string>>) {
    this.#connection = connection
    this.#settings = settings
  }

  /** A session whose work ended in an error is not used again. Throws INTERRUPTED once all is cancelled. */
  async with<T>(body: (session: Session) => Promise<T>): Promise<T> {
    this.#requireGoing()
    const session = this.#idle.pop() ?? (await this.#opened())
    this.#busy.add(session)
    try {
      // It may have been cancelled while the session was opened.
      this.#requireGoing()
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

  #requireGoing(): void {
    if (this.#isCancelled) throw new RuntimeFailure('INTERRUPTED', 'The run is interrupted.')
  }

  async #opened(): Promise<Session> {
    const session = await openSession(this.#connection)
    this.#open.add(session)
    for (const [name, value] of Object.entries(this.#settings))
      await session.rows('Preparing a session', 'SELECT set_config($1, $2, false)', [name, value])
    return session
  }

  /** Tells the server to stop what runs. A session that is between two statements is told again. */
  cancel(): void {
    this.#isCancelled = true
    for (const session of this.#busy) void this.#stopped(session)
  }

  async #stopped(session: Session): Promise<void> {
    while (this.#busy.has(session)) {
      await session.cancel()
      await sleep(AGAIN_MS)
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((session) => session.close()))
  }
}
