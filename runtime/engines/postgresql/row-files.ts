// Rows of a COPY → files in a folder, each ending with a row and, but for a single longer row, no larger than a reader takes
// in one piece. Written through one small buffer. A byte order mark that a file begins with is written twice, since a reader
// takes one away. Throws what the file system says.

import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const MOST_BYTES = 16_000_000
const BUFFER_BYTES = 1 << 20
/** Readers take it for no part of the first value. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

export class RowFiles {
  readonly #folder: string
  readonly #prefix: string
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  #filled = 0
  #file: number | null = null
  #inFile = 0
  #files = 0
  #bytes = 0

  /** Files are called `<prefix>-<number>.csv`. */
  constructor(folder: string, prefix: string) {
    this.#folder = folder
    this.#prefix = prefix
  }

  get bytes(): number {
    return this.#bytes
  }

  /** A part of a row. */
  add(chunk: Buffer, start: number, end: number): void {
    let at = start
    while (at < end) {
      if (this.#filled === BUFFER_BYTES) this.#flush()
      const take = Math.min(end - at, BUFFER_BYTES - this.#filled)
      chunk.copy(this.#buffer, this.#filled, at, at + take)
      this.#filled += take
      at += take
    }
  }

  endRow(): void {
    if (this.#inFile + this.#filled >= MOST_BYTES) this.#end()
  }

  /** Without a row there is an empty file. */
  close(): void {
    if (this.#files === 0) this.#open()
    this.#end()
  }

  #end(): void {
    this.#flush()
    if (this.#file !== null) closeSync(this.#file)
    this.#file = null
    this.#inFile = 0
  }

  #open(): number {
    const name = `${this.#prefix}-${String(this.#files++).padStart(5, '0')}.csv`
    this.#file = openSync(join(this.#folder, name), 'wx')
    return this.#file
  }

  #flush(): void {
    if (this.#filled === 0) return
    const file = this.#file ?? this.#open()
    if (this.#inFile === 0 && this.#buffer.subarray(0, Math.min(3, this.#filled)).equals(BYTE_ORDER_MARK))
      writeSync(file, BYTE_ORDER_MARK)
    let written = 0
    while (written < this.#filled) written += writeSync(file, this.#buffer, written, this.#filled - written)
    this.#inFile += this.#filled
    this.#bytes += this.#filled
    this.#filled = 0
  }
}
