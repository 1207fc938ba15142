// Documents in the form in which they are cached: short, and without the file's path, so that a moved file is found again.

import type { Place } from '../../runtime/contract/diagnostics.ts'
import type { Json, LoadedDocument, Position, TextPiece } from '../load.ts'

/** Line, column, length; nothing for no key. */
type PackedPlace = readonly number[]
/** Pointer, key, value, and for each piece start, line, column. */
type PackedPosition = readonly [string, PackedPlace, PackedPlace, ...(readonly number[])[]]

export interface PackedDocument {
  readonly index: number
  readonly value: { readonly [key: string]: Json }
  readonly positions: readonly PackedPosition[]
  readonly sources: Readonly<Record<string, string>>
}

export const pack = (documents: readonly LoadedDocument[]): PackedDocument[] =>
  documents.map(({ index, value, positions, sources }) => ({
    index,
    value,
    sources,
    positions: Object.entries(positions).map(([pointer, { key, value: place, pieces }]): PackedPosition => {
      const places = [key === null ? [] : packPlace(key), packPlace(place)] as const
      return pieces === undefined
        ? [pointer, ...places]
        : [pointer, ...places, pieces.flatMap(({ start, line, column }) => [start, line, column])]
    }),
  }))

const packPlace = ({ line, column, length }: Place): PackedPlace => [line, column, length]

export function unpack(documents: readonly PackedDocument[], file: string): LoadedDocument[] {
  const place = ([line = 1, column = 1, length = 1]: PackedPlace): Place => ({ file, line, column, length })
  return documents.map(({ index, value, positions, sources }) => ({
    file,
    index,
    value,
    sources,
    positions: Object.fromEntries(
      positions.map(([pointer, key, at, pieces]): [string, Position] => {
        const position = { key: key.length === 0 ? null : place(key), value: place(at) }
        return [pointer, pieces === undefined ? position : { ...position, pieces: unpackPieces(pieces) }]
      }),
    ),
  }))
}

function unpackPieces(flat: readonly number[]): TextPiece[] {
  const pieces: TextPiece[] = []
  for (let i = 0; i < flat.length; i += 3)
    pieces.push({ start: flat[i] ?? 0, line: flat[i + 1] ?? 1, column: flat[i + 2] ?? 1 })
  return pieces
}
