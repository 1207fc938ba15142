// Where the characters of a YAML scalar stand in the file: pieces that are contiguous there. Indentation, folded lines
// and escapes end a piece.

import type { Scalar } from 'yaml'
import type { TextPiece } from '../load.ts'
import type { YamlSource } from './document.ts'

/** The pieces of a string, or undefined when it stands in the file as it is, from the start of the scalar on. */
export function scalarPieces(node: Scalar, value: string, source: YamlSource): readonly TextPiece[] | undefined {
  const start = node.range?.[0] ?? 0
  const end = node.range?.[1] ?? 0
  if (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED') return blockPieces(value, start, end, source)
  const written = source.text.slice(start, end)
  if (written === value) return undefined
  const quote = node.type === 'QUOTE_DOUBLE' ? '"' : node.type === 'QUOTE_SINGLE' ? "'" : ''
  return flowPieces(written, quote).map(({ text, file }) => {
    const { line, col } = source.lines.linePos(start + file)
    return { start: text, line, column: col }
  })
}

/** Each line of the file that holds text is found again in the value; only white space lies between. */
function blockPieces(value: string, start: number, end: number, source: YamlSource): TextPiece[] {
  const pieces: TextPiece[] = []
  const header = source.text.indexOf('\n', start)
  if (header < 0 || value === '') return [{ start: 0, ...lineAndColumn(source, start) }]
  const lines = source.text
    .slice(header + 1, end)
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
  const filled = lines.find((line) => line.trim() !== '') ?? ''
  const firstText = value.split('\n').find((line) => line.trim() !== '') ?? ''
  const indent = Math.max(
    0,
    filled.length - filled.trimStart().length - (firstText.length - firstText.trimStart().length),
  )
  const firstLine = source.lines.linePos(header + 1).line
  let at = 0
  lines.forEach((line, i) => {
    const text = line.slice(indent)
    if (text.trim() === '') {
      if (pieces.length === 0 || value[at] === '\n') pieces.push({ start: at, line: firstLine + i, column: 1 })
      if (value.startsWith(text, at)) at += text.length
      if (value[at] === '\n') at++
      return
    }
    const found = value.indexOf(text, at)
    if (found < 0) return
    pieces.push({ start: pieces.length === 0 ? 0 : found, line: firstLine + i, column: indent + 1 })
    at = found + text.length
    if (value[at] === '\n') at++
  })
  return pieces.length > 0 ? pieces : [{ start: 0, ...lineAndColumn(source, start) }]
}

function lineAndColumn(source: YamlSource, offset: number): { readonly line: number; readonly column: number } {
  const { line, col } = source.lines.linePos(offset)
  return { line, column: col }
}

const DOUBLE_QUOTE_ESCAPE = /\\(?:x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|\r?\n[ \t]*|[\s\S])/y
const FOLD = /[ \t]*\r?\n(?:[ \t]*\r?\n)*[ \t]*/y

/** Offsets of the pieces of a plain or quoted scalar: in its text and in its source. */
function flowPieces(written: string, quote: string): { readonly text: number; readonly file: number }[] {
  let at = quote.length
  let text = 0
  const pieces = [{ text, file: at }]
  const end = written.length - quote.length
  const skip = (length: number, characters: number): void => {
    at += length
    text += characters
    pieces.push({ text, file: at })
  }
  while (at < end) {
    FOLD.lastIndex = at
    const fold = FOLD.exec(written)
    if (fold !== null) skip(fold[0].length, Math.max(1, fold[0].split('\n').length - 2))
    else if (quote === "'" && written.startsWith("''", at)) skip(2, 1)
    else if (quote === '"' && written[at] === '\\') {
      DOUBLE_QUOTE_ESCAPE.lastIndex = at
      const sequence = DOUBLE_QUOTE_ESCAPE.exec(written)?.[0] ?? '\\'
      skip(sequence.length, escapedLength(sequence))
    } else {
      at++
      text++
    }
  }
  return pieces
}

function escapedLength(sequence: string): number {
  if (/^\\\r?\n/.test(sequence)) return 0
  return sequence.startsWith('\\U') && Number.parseInt(sequence.slice(2), 16) > 0xffff ? 2 : 1
}
