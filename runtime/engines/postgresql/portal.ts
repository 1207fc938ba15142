// One statement → its columns and its rows as they come, whatever there are: while nobody takes them, the socket waits. The
// protocol's own limit of rows ends a statement early. Throws what the driver throws.

import type { Connection, Submittable } from 'pg'

export interface PortalField {
  readonly name: string
  readonly dataTypeID: number
  readonly dataTypeModifier: number
}

/** The texts of the server. */
export type PortalRow = readonly (string | null)[]

/** Rows that may wait to be taken. */
const MOST_WAITING = 2000

/** A query of the driver: `client.query(portal)` sends it. */
export class Portal implements Submittable {
  /** None, where the statement answers without rows. */
  readonly fields: Promise<readonly PortalField[]>
  readonly #text: string
  readonly #most: number
  #connection: Connection | null = null
  #waiting: PortalRow[] = []
  #state: 'open' | 'abandoned' | 'done' = 'open'
  #failure: unknown = null
  #wake: () => void = () => {}
  #described: (fields: readonly PortalField[]) => void = () => {}
  #refused: (error: unknown) => void = () => {}

  /** `most`: how many rows; 0: all, and then the server may work in parallel. */
  constructor(text: string, most: number) {
    this.#text = text
    this.#most = most
    this.fields = new Promise((resolve, reject) => {
      this.#described = resolve
      this.#refused = reject
    })
    // Whoever reads the rows hears of it too.
    this.fields.catch(() => {})
  }

  /** Whether the server has nothing to say, not yet or no more. */
  get isDone(): boolean {
    return this.#state === 'done' || this.#connection === null
  }

  /** Those that are there; ends with the statement. */
  async *rows(): AsyncGenerator<readonly PortalRow[]> {
    for (;;) {
      const rows = this.#waiting
      this.#waiting = []
      if (rows.length > 0) yield rows
      else if (this.#failure !== null) throw this.#failure
      else if (this.#state === 'done') return
      else await this.#more()
    }
  }

  /** Nobody wants the rest; resolves when the server has ended, which whoever calls asks it to. */
  async abandoned(): Promise<void> {
    if (!this.isDone) this.#state = 'abandoned'
    while (!this.isDone) await this.#more()
    this.#waiting = []
  }

  #more(): Promise<void> {
    const next = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#connection?.stream.resume()
    return next
  }

  submit(connection: Connection): void {
    this.#connection = connection
    const { stream } = connection
    stream.cork()
    connection.parse({ text: this.#text, name: '', types: [] }, true)
    connection.bind({}, true)
    connection.describe({ type: 'P', name: '' }, true)
    connection.execute({ rows: String(this.#most) }, true)
    connection.sync()
    stream.uncork()
  }

  handleRowDescription({ fields }: { readonly fields: readonly PortalField[] }): void {
    this.#described(fields)
  }

  handleDataRow({ fields }: { readonly fields: PortalRow }): void {
    if (this.#state !== 'open') return
    this.#waiting.push(fields)
    if (this.#waiting.length >= MOST_WAITING) this.#connection?.stream.pause()
    this.#wake()
  }

  handlePortalSuspended(): void {}

  handleCommandComplete(): void {
    this.#described([])
  }

  handleEmptyQuery(): void {
    this.#described([])
  }

  /** The server says no more of a statement that failed, but that it is ready. */
  handleError(error: unknown): void {
    this.#failure ??= error
    this.#end()
    this.#refused(error)
  }

  handleReadyForQuery(): void {
    this.#end()
  }

  #end(): void {
    this.#state = 'done'
    this.#connection?.stream.resume()
    this.#wake()
  }
}
