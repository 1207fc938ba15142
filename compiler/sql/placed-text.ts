// From an offset in text of the project, or in SQL that was resolved from it, back to file, line and column. Pure.

import type { Place } from '../../runtime/contract/diagnostics.ts'
import type { ResolvedSql } from '../resolve.ts'
import type { PlacedText } from '../validate.ts'
import { originOf } from './spliced-text.ts'

/** The place of `length` characters at `offset` of a text; the length ends with the line. */
export function placeAt(placed: PlacedText, offset: number, length: number): Place {
  const at = Math.max(0, Math.min(offset, placed.text.length))
  let low = 0
  let high = placed.pieces.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((placed.pieces[middle]?.start ?? 0) <= at) low = middle
    else high = middle - 1
  }
  const piece = placed.pieces[low] ?? { start: 0, line: 1, column: 1 }
  const end = placed.text.indexOf('\n', at)
  const rest = (end < 0 ? placed.text.length : end) - at
  return {
    file: placed.file,
    line: piece.line,
    column: piece.column + (at - piece.start),
    length: Math.max(1, Math.min(length, rest)),
  }
}

/** The author's place of `length` characters at `offset` of the resolved text; what was put in maps to what it replaced. */
export function placeInSql(sql: ResolvedSql, offset: number, length: number): Place {
  const origin = sql.spliced.reduceRight((at, layer) => originOf(layer, at), offset)
  return placeAt(sql.author, origin, length)
}
