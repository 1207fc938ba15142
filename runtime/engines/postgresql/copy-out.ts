// COPY … TO STDOUT → files of whole rows. The messages of the server's protocol are taken from the socket as they come, so
// that memory stays the same however large the answer is; the socket waits while the disk does.

import type { Connection, Submittable } from 'pg'
import type { RowFiles } from './row-files.ts'

const HEADER = 5
const COPY_DATA = 0x64
const COPY_DONE = 0x63
/** Messages that may stand between rows: what COPY begins with, settings, notices, notifications. */
const BETWEEN: readonly number[] = [0x48, 0x53, 0x4e, 0x41]

type Listener = (chunk: Buffer) => void

/** A query of the driver that is a COPY. `done` gives how many rows there were. */
export class CopyOut implements Submittable {
  readonly done: Promise<number>
  readonly #text: string
  readonly #files: RowFiles
  #resolve: (rows: number) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  #connection: Connection | null = null
  #driver: Listener | null = null
  #rest: Buffer | null = null
  /** Bytes of the message that is being read, and whether they are a row's. */
  #left = 0
  #isRow = false
  #rows = 0
  #failure: unknown = null

  constructor(text: string, files: RowFiles) {
    this.#text = text
    this.#files = files
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  submit(connection: Connection): void {
    this.#connection = connection
    const { stream } = connection
    const [driver] = stream.listeners('data')
    // The driver's own listener, which reads messages one by one.
    this.#driver = driver as Listener
    stream.removeListener('data', this.#driver)
    stream.on('data', this.#onData)
    connection.query(this.#text)
  }

  handleError(error: unknown): void {
    this.#detach(null)
    this.#reject(this.#failure ?? error)
  }

  handleCommandComplete(message: { readonly text: string }): void {
    this.#rows = Number(/^COPY (\d+)/.exec(message.text)?.[1] ?? 0)
  }

  handleReadyForQuery(): void {
    if (this.#failure === null) this.#resolve(this.#rows)
    else this.#reject(this.#failure)
  }

  readonly #onData = (chunk: Buffer): void => {
    try {
      this.#read(this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]))
    } catch (error) {
      // A full disk: nothing more of the answer is wanted.
      this.#failure = error
      this.#connection?.stream.destroy()
      this.#reject(error)
    }
  }

  #read(chunk: Buffer): void {
    this.#rest = null
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) {
        const end = Math.min(chunk.length, at + this.#left)
        if (this.#isRow) this.#files.add(chunk, at, end)
        this.#left -= end - at
        at = end
        if (this.#left === 0 && this.#isRow) this.#files.endRow()
        continue
      }
      if (chunk.length - at < HEADER) {
        this.#rest = chunk.subarray(at)
        return
      }
      const code = chunk[at] ?? 0
      if (code !== COPY_DATA && !BETWEEN.includes(code)) {
        // Rows have ended, or the server says why they will not come: the driver reads on.
        this.#detach(chunk.subarray(code === COPY_DONE ? at + HEADER : at))
        return
      }
      this.#isRow = code === COPY_DATA
      this.#left = chunk.readUInt32BE(at + 1) - 4
      at += HEADER
    }
  }

  #detach(rest: Buffer | null): void {
    const [connection, driver] = [this.#connection, this.#driver]
    if (connection === null || driver === null) return
    this.#driver = null
    connection.stream.removeListener('data', this.#onData)
    connection.stream.on('data', driver)
    if (rest !== null && rest.length > 0) driver(rest)
  }
}
