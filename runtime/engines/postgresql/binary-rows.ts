// Rows as contract/target-wire.ts spells them → the binary format of COPY, as a stream, in constant memory but for a single
// larger row. Every value stands behind its length, the most significant byte first; NULL has the length -1.
// Rule: PostgreSQL's manual, COPY, "Binary Format", and its functions numeric_recv, jsonb_recv.

import { Transform, type TransformCallback } from 'node:stream'
import { Bug } from '../../contract/failures.ts'
import type { WireField } from '../../contract/target-wire.ts'
import { RowEncoder } from './row-encoder.ts'

const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const TRAILER = Buffer.from([0xff, 0xff])

/** Whoever wrote the rows stopped in the middle of one, and knows why. */
export class CutRows extends Bug {
  constructor() {
    super('rows that end within a row')
  }
}

export class BinaryRows extends Transform {
  readonly #encoder: RowEncoder
  #waiting: Buffer[] = []
  #waitingBytes = 0
  /** So many bytes must wait before it is worth to look again. */
  #enough = 1

  constructor(fields: readonly WireField[]) {
    super({ readableHighWaterMark: 1 << 18 })
    this.#encoder = new RowEncoder(fields, (bytes) => this.push(bytes))
    this.push(HEADER)
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#waiting.push(chunk)
    this.#waitingBytes += chunk.length
    done(this.#waitingBytes >= this.#enough ? this.#encode() : null)
  }

  override _flush(done: TransformCallback): void {
    const failed = this.#waitingBytes > 0 ? this.#encode() : null
    const isCut = failed === null && this.#waitingBytes > 0
    if (failed === null && !isCut) {
      this.#encoder.flush()
      this.push(TRAILER)
    }
    done(isCut ? new CutRows() : failed)
  }

  #encode(): Error | null {
    const [only, second] = this.#waiting
    const input = only !== undefined && second === undefined ? only : Buffer.concat(this.#waiting)
    let taken = 0
    try {
      taken = this.#encoder.encode(input)
    } catch (error) {
      return error instanceof Error ? error : new Bug(String(error))
    }
    const rest = input.subarray(taken)
    this.#waiting = rest.length === 0 ? [] : [rest]
    this.#waitingBytes = rest.length
    // A row that is longer than what waits is looked at again when twice as much is there.
    this.#enough = taken === 0 ? 2 * rest.length : 1
    return null
  }
}
