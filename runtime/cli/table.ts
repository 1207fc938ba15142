// Rows of text in columns, two spaces apart, with a header line. A cell is on one line, whatever it holds. Pure.

import stringWidth from 'string-width'
import { oneLine, styled, type Text } from './text.ts'

/** Columns named in `right` are aligned to the right. */
export function alignedRows(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): readonly Text[] {
  const [first = '', ...others] = alignedLines(header, rows, right)
  return [styled('bold', first), ...others]
}

/** The same as plain text. */
export function alignedLines(
  header: readonly string[],
  cells: readonly (readonly string[])[],
  right: readonly string[] = [],
): readonly string[] {
  const rows = cells.map((row) => row.map(oneLine))
  const widths = header.map((name, i) => Math.max(stringWidth(name), ...rows.map((row) => stringWidth(row[i] ?? ''))))
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => {
        const space = ' '.repeat(Math.max(0, (widths[i] ?? 0) - stringWidth(cell)))
        return right.includes(header[i] ?? '') ? space + cell : cell + space
      })
      .join('  ')
      .trimEnd()
  return [line(header), ...rows.map(line)]
}
