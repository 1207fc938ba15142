// The work of binary-rows.ts, value by value: bytes of text in one buffer → bytes of COPY's format in another, without a
// string or an object for any value.

import { Bug } from '../../contract/failures.ts'
import type { WireField } from '../../contract/target-wire.ts'

const BUFFER_BYTES = 1 << 18
/** More than any value takes beyond the bytes of its text. */
const MOST_BEYOND = 20
const [NEWLINE, COMMA, MINUS, POINT, ZERO, NINE] = [0x0a, 0x2c, 0x2d, 0x2e, 0x30, 0x39]
/** Digits that a number of JavaScript holds exactly. */
const EXACT_DIGITS = 15
/** Shorter than this, bytes are copied faster one by one. */
const SHORT = 32
const TWO_TO_32 = 2 ** 32
/** Of a text's length that is NULL, and of one that is not all there. */
const [NONE, PARTLY] = [-1, -2]

export class RowEncoder {
  readonly #fields: readonly WireField[]
  readonly #give: (bytes: Buffer) => void
  #input: Buffer = Buffer.alloc(0)
  #at = 0
  #out = Buffer.allocUnsafe(BUFFER_BYTES)
  #given = 0
  #filled = 0

  constructor(fields: readonly WireField[], give: (bytes: Buffer) => void) {
    this.#fields = fields
    this.#give = give
  }

  /** How many bytes were whole rows; the others are to be given again, with more behind them. */
  encode(input: Buffer): number {
    this.#input = input
    this.#at = 0
    while (this.#at < input.length) {
      const start = this.#at
      this.#room(2 + MOST_BEYOND * this.#fields.length + input.length - start)
      const filled = this.#filled
      if (this.#row()) continue
      this.#at = start
      this.#filled = filled
      break
    }
    if (this.#filled - this.#given >= BUFFER_BYTES / 2) this.flush()
    return this.#at
  }

  /** Gives what is there. */
  flush(): void {
    for (let at = this.#given; at < this.#filled; at += BUFFER_BYTES)
      this.#give(this.#out.subarray(at, Math.min(at + BUFFER_BYTES, this.#filled)))
    this.#given = this.#filled
  }

  #room(bytes: number): void {
    if (this.#out.length - this.#filled >= bytes) return
    this.flush()
    this.#out = Buffer.allocUnsafe(Math.max(BUFFER_BYTES, bytes))
    this.#given = 0
    this.#filled = 0
  }

  /** False: not all of the row is there. */
  #row(): boolean {
    let left = this.#fields.length
    this.#int16(left)
    for (const field of this.#fields) {
      if (!this.#value(field)) return false
      left -= 1
      if (this.#input[this.#at - 1] !== (left === 0 ? NEWLINE : COMMA))
        throw new Bug('a row of other values than its columns')
    }
    return true
  }

  #value(field: WireField): boolean {
    switch (field.kind) {
      case 'integer':
        return this.#integer(field.bytes)
      case 'numeric':
        return this.#numeric(field.scale)
      case 'boolean':
        return this.#boolean()
      case 'uuid':
        return this.#uuid()
      case 'text':
        return this.#text(false)
      case 'jsonb':
        return this.#text(true)
      case 'bytea':
        return this.#bytea()
    }
  }

  #integer(bytes: 2 | 4 | 8): boolean {
    const input = this.#input
    const start = this.#at
    const isNegative = input[start] === MINUS
    const first = isNegative ? start + 1 : start
    let at = first
    // Up to fifteen digits, then what they are multiplied by and what is added.
    let number = 0
    let factor = 1
    let more = 0
    for (; at < input.length; at++) {
      const digit = (input[at] ?? 0) - ZERO
      if (digit < 0 || digit > 9) break
      if (at - first < EXACT_DIGITS) number = number * 10 + digit
      else {
        factor *= 10
        more = more * 10 + digit
      }
    }
    if (at >= input.length) return false
    this.#at = at + 1
    if (at === start) return this.#null()
    this.#int32(bytes)
    if (bytes === 8) this.#int64(isNegative, number, factor, more)
    else if (bytes === 4) this.#int32(isNegative ? -number : number)
    else this.#int16(isNegative ? -number : number)
    return true
  }

  /** number * factor + more, of which only number * factor may be more than a number holds exactly. */
  #int64(isNegative: boolean, number: number, factor: number, more: number): void {
    let high = Math.floor(number / TWO_TO_32)
    let low = number >>> 0
    if (factor > 1) {
      const lower = (number % 2 ** 24) * factor + more
      const upper = Math.floor(number / 2 ** 24) * factor
      const rest = (upper % 256) * 2 ** 24 + lower
      high = Math.floor(upper / 256) + Math.floor(rest / TWO_TO_32)
      low = rest % TWO_TO_32
    }
    if (isNegative) {
      low = -low >>> 0
      high = low === 0 ? -high : ~high
    }
    this.#int32(high)
    this.#int32(low)
  }

  /** Four decimal digits in two bytes, counted from the point. */
  #numeric(scale: number): boolean {
    const input = this.#input
    const start = this.#at
    const first = input[start] === MINUS ? start + 1 : start
    let point = first
    while (point < input.length && (input[point] ?? 0) >= ZERO) point++
    const end = input[point] === POINT ? point + 1 + scale : point
    if (end >= input.length) return false
    this.#at = end + 1
    if (end === start) return this.#null()
    const before = (point - first + 3) >> 2
    const behind = (scale + 3) >> 2
    this.#int32(8 + 2 * (before + behind))
    this.#int16(before + behind)
    this.#int16(before - 1)
    this.#int16(first === start ? 0 : 0x4000)
    this.#int16(scale)
    for (let group = point - 4 * before; group < point; group += 4) this.#digits(Math.max(group, first), group + 4)
    for (let group = point + 1; group < end; group += 4) this.#digits(group, Math.min(group + 4, end), group + 4)
    return true
  }

  /** What is not there up to `full` is zeros. */
  #digits(from: number, to: number, full = to): void {
    let value = 0
    for (let at = from; at < to; at++) value = value * 10 + ((this.#input[at] ?? ZERO) - ZERO)
    for (let at = to; at < full; at++) value *= 10
    this.#int16(value)
  }

  #boolean(): boolean {
    const input = this.#input
    const first = input[this.#at] ?? 0
    const isNull = first < ZERO
    const end = isNull ? this.#at : this.#at + 1
    if (end >= input.length) return false
    this.#at = end + 1
    if (isNull) return this.#null()
    this.#int32(1)
    this.#out[this.#filled++] = first - ZERO
    return true
  }

  #uuid(): boolean {
    const input = this.#input
    const isNull = (input[this.#at] ?? 0) < ZERO
    const end = isNull ? this.#at : this.#at + 36
    if (end >= input.length) return false
    if (isNull) this.#null()
    else {
      this.#int32(16)
      for (let at = this.#at; at < end; at += 2) {
        if (input[at] === MINUS) at++
        this.#out[this.#filled++] = this.#hex(at)
      }
    }
    this.#at = end + 1
    return true
  }

  #text(isJsonb: boolean): boolean {
    const length = this.#length(1)
    if (length < 0) return length === NONE
    const input = this.#input
    const out = this.#out
    const from = this.#at
    this.#int32(isJsonb ? length + 1 : length)
    if (isJsonb) out[this.#filled++] = 1
    const to = this.#filled
    if (length < SHORT) for (let i = 0; i < length; i++) out[to + i] = input[from + i] ?? 0
    else input.copy(out, to, from, from + length)
    this.#filled = to + length
    this.#at = from + length + 1
    return true
  }

  #bytea(): boolean {
    const length = this.#length(2)
    if (length < 0) return length === NONE
    this.#int32(length)
    for (let i = 0; i < length; i++) this.#out[this.#filled++] = this.#hex(this.#at + 2 * i)
    this.#at += 2 * length + 1
    return true
  }

  /** Before what has its length in front, `each` bytes for one. A NULL is written. */
  #length(each: number): number {
    const input = this.#input
    const start = this.#at
    let at = start
    let length = 0
    for (; at < input.length; at++) {
      const digit = (input[at] ?? 0) - ZERO
      if (digit < 0) break
      length = length * 10 + digit
    }
    const isNull = at === start
    if (at + 1 + (isNull ? 0 : length * each) >= input.length) return PARTLY
    this.#at = isNull ? at + 2 : at + 1
    if (!isNull) return length
    this.#null()
    return NONE
  }

  #hex(at: number): number {
    return (nibble(this.#input[at] ?? 0) << 4) | nibble(this.#input[at + 1] ?? 0)
  }

  #null(): true {
    this.#int32(-1)
    return true
  }

  #int16(value: number): void {
    const out = this.#out
    const at = this.#filled
    out[at] = value >> 8
    out[at + 1] = value
    this.#filled = at + 2
  }

  #int32(value: number): void {
    const out = this.#out
    const at = this.#filled
    out[at] = value >> 24
    out[at + 1] = value >> 16
    out[at + 2] = value >> 8
    out[at + 3] = value
    this.#filled = at + 4
  }
}

const nibble = (digit: number): number => (digit <= NINE ? digit - ZERO : (digit & 0xf) + 9)
