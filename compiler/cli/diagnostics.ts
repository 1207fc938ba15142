// Diagnostics → words: `file:line:column: sentence [CODE]`, the source line with a caret, notes and hints. Source lines
// come from the files that were compiled. Pure but for printing.

import { eastAsianWidth } from 'get-east-asian-width'
import type { Terminal } from '../../runtime/cli/terminal.ts'
import { oneLine, styled, type Text } from '../../runtime/cli/text.ts'
import { type Diagnostic, type Place, placeText } from '../../runtime/contract/diagnostics.ts'
import { REDACTED } from '../../runtime/contract/secret.ts'
import type { ProjectFile } from '../load.ts'

/** The widest source line that is shown in full. */
const WIDEST = 160

/** Prints all diagnostics, errors and warnings, in their order. */
export function sayDiagnostics(
  terminal: Terminal,
  diagnostics: readonly Diagnostic[],
  files: readonly ProjectFile[],
): void {
  if (diagnostics.length === 0) return
  const lines = sourceLines(files)
  for (const diagnostic of diagnostics) for (const line of frame(diagnostic, lines)) terminal.problem(line)
}

/** Gives line `n` (1-based) of a file, or undefined. */
export type Lines = (file: string, line: number) => string | undefined

export function sourceLines(files: readonly ProjectFile[]): Lines {
  const texts = new Map(files.map((file) => [file.path, file.text]))
  const split = new Map<string, readonly string[]>()
  return (file, line) => {
    const known = split.get(file) ?? (texts.get(file) ?? '').split(/\r\n|\n|\r/)
    split.set(file, known)
    return known[line - 1]
  }
}

/** Pure. */
export function frame(diagnostic: Diagnostic, lines: Lines): readonly Text[] {
  const { place, severity, message, code } = diagnostic
  const sign = severity === 'error' ? styled('red', '✗') : styled('yellow', '⚠')
  const head: Text = [
    sign,
    ' ',
    styled('bold', oneLine(placeText(place))),
    ': ',
    message,
    ' ',
    styled('dim', `[${code}]`),
  ]
  const notes = diagnostic.notes.flatMap((note): readonly Text[] => [
    `  note: ${oneLine(placeText(note.place))}: ${note.message}`,
    ...excerpt(note.place, lines),
  ])
  const hints = diagnostic.hints.map((hint): Text => ['  ', styled('cyan', 'hint:'), ' ', hint])
  return [head, ...excerpt(place, lines), ...notes, ...hints]
}

function excerpt(place: Place, lines: Lines): readonly Text[] {
  const source = withoutSecret(lines(place.file, place.line) ?? '')
  if (source.trim() === '') return []
  // Long lines are cut around the place.
  const from = place.column > WIDEST - 20 ? place.column - 80 : 0
  const shown = source.slice(from, from + WIDEST)
  const number = String(place.line).padStart(5)
  const column = place.column - 1 - from
  const before = spaces(shown.slice(0, column))
  const length = Math.max(1, widthOf(shown.slice(column, column + place.length).replaceAll('\t', ' ')))
  return [
    [styled('dim', `${number} │ `), shown],
    [styled('dim', '      │ '), before, styled('red', '^'.repeat(length))],
  ]
}

/** Whatever stands behind a key of YAML that is a secret's is not shown. */
const withoutSecret = (line: string): string =>
  line.replace(
    /((?:^|[\s{,"'])[\w-]*(?:pass|secret|token|credential)[\w-]*["']?\s*:(?=\s|["'])\s*).*$/i,
    `$1${REDACTED}`,
  )

/** As wide on a terminal as the text; tabs stay, since their width depends on where they stand. */
const spaces = (text: string): string =>
  text
    .split('\t')
    .map((part) => ' '.repeat(widthOf(part)))
    .join('\t')

/** Cells on a terminal. Not of string-width: making its segmenter takes longer than compiling what changed. */
const widthOf = (text: string): number =>
  Array.from(text, (character) =>
    /[\p{M}\p{Cf}]/u.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) ?? 0),
  ).reduce<number>((sum, width) => sum + width, 0)
