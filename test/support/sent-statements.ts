// Messages of PostgreSQL's protocol as a client sends them → its statements, and which of them change something.

export interface Statement {
  readonly socket: number
  readonly sql: string
  /** Something is there afterwards that was not before, unless a transaction is open. */
  readonly isChange: boolean
}

const CHANGES =
  /^(?:\/\*.*?\*\/ )?(?:INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|COPY|COMMIT|SELECT (?:seeknal\.(?!views_now|lock_key)))/

/** Who holds a lock says nothing of what is there, and the project was noted before. */
const LOCKS = /seeknal\.holders|INSERT INTO seeknal\.projects/

export class SentStatements {
  readonly #parsed = new Map<number, string>()

  /** The statement that ends with this message, or null. Messages come one by one, as they are written. */
  add(socket: number, message: Buffer): Statement | null {
    const [kind = '', text] = [String.fromCharCode(message[0] ?? 0), message.subarray(5, 2000).toString('latin1')]
    if (kind === 'P') this.#parsed.set(socket, text.slice(text.indexOf('\0') + 1))
    const whole = kind === 'Q' ? text : kind === 'S' ? this.#parsed.get(socket) : undefined
    if (whole === undefined) return null
    this.#parsed.delete(socket)
    const sql = (whole.split('\0')[0] ?? '').trim()
    return { socket, sql, isChange: CHANGES.test(sql) && !LOCKS.test(sql) }
  }
}
