// The places of a document's keys and values, in the form in which they are cached: numbers by pointer, without the
// file's name, so that a moved file is found again. A place is made when it is asked for, which is seldom.

import type { Place } from '../../runtime/contract/diagnostics.ts'
import type { Position, TextPiece } from '../load.ts'

/** Line, column and length of the value, then of the key (line 0: no key), then start, line and column of each piece. */
export type PackedPosition = readonly number[]
export type PackedPositions = Readonly<Record<string, PackedPosition>>

const NUMBERS = 3

export class Positions {
  readonly file: string
  readonly packed: PackedPositions
  readonly #made = new Map<string, Position>()

  constructor(file: string, packed: PackedPositions) {
    this.file = file
    this.packed = packed
  }

  /** The same object each time. `pointer` is a JSON pointer: `/inputs/0/ref`. */
  at(pointer: string): Position | undefined {
    const known = this.#made.get(pointer)
    if (known !== undefined) return known
    const numbers = Object.hasOwn(this.packed, pointer) ? this.packed[pointer] : undefined
    if (numbers === undefined) return undefined
    const position = this.#position(numbers)
    this.#made.set(pointer, position)
    return position
  }

  toJSON(): Readonly<Record<string, Position>> {
    return Object.fromEntries(
      Object.entries(this.packed).map(([pointer, numbers]) => [pointer, this.#position(numbers)]),
    )
  }

  #position(numbers: PackedPosition): Position {
    const key = (numbers[NUMBERS] ?? 0) === 0 ? null : this.#place(numbers, NUMBERS)
    const value = this.#place(numbers, 0)
    if (numbers.length === 2 * NUMBERS) return { key, value }
    let made: readonly TextPiece[] | undefined
    return {
      key,
      value,
      get pieces() {
        made ??= pieces(numbers)
        return made
      },
    }
  }

  #place(numbers: PackedPosition, from: number): Place {
    return {
      file: this.file,
      line: numbers[from] ?? 1,
      column: numbers[from + 1] ?? 1,
      length: numbers[from + 2] ?? 1,
    }
  }
}

export function packPosition({ key, value, pieces }: Position): PackedPosition {
  const numbers = [value.line, value.column, value.length, key?.line ?? 0, key?.column ?? 0, key?.length ?? 0]
  for (const piece of pieces ?? []) numbers.push(piece.start, piece.line, piece.column)
  return numbers
}

function pieces(numbers: PackedPosition): TextPiece[] {
  const all: TextPiece[] = []
  for (let i = 2 * NUMBERS; i < numbers.length; i += NUMBERS)
    all.push({ start: numbers[i] ?? 0, line: numbers[i + 1] ?? 1, column: numbers[i + 2] ?? 1 })
  return all
}
