// Texts of YAML and .sql files together with the way back to their places.

import type { LoadedDocument } from '../load.ts'
import type { PlacedText } from '../validate.ts'
import { placeOf } from './read-schema.ts'

/** The text at a pointer of a document. */
export function placedText(document: LoadedDocument, pointer: string, text: string): PlacedText {
  return {
    text,
    file: document.file,
    // Asked for where something is wrong.
    get pieces() {
      const { line, column } = placeOf(document, pointer)
      return document.positions.at(pointer)?.pieces ?? [{ start: 0, line, column }]
    },
  }
}

/** A whole file. */
export function placedFile(file: string, text: string): PlacedText {
  const pieces = [{ start: 0, line: 1, column: 1 }]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1))
    pieces.push({ start: at + 1, line: pieces.length + 1, column: 1 })
  return { text, file, pieces }
}
