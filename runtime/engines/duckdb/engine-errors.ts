// DuckDB's error texts → facts: message, code, byte position, names. With `errors_as_json` on, a binder or parser error
// is one JSON document; anything else is prose whose `LINE n:` block is cut off.

import { messageOf } from '../../contract/failures.ts'

export interface EngineError {
  readonly message: string
  /** DuckDB's subtype or exception type: `COLUMN_NOT_FOUND`, `Binder`… */
  readonly code: string
  /** DuckDB's exception type, or `Unknown`. */
  readonly exception: string
  /** Position from the start of the statement (see utf16Offset), or null. */
  readonly offset: number | null
  readonly name: string | null
  readonly candidates: readonly string[]
}

export function engineError(error: unknown): EngineError {
  const text = messageOf(error)
  const start = text.indexOf('{"exception_type"')
  if (start >= 0) {
    try {
      return fromJson(JSON.parse(text.slice(start)) as Readonly<Record<string, string | undefined>>)
    } catch {
      // Not the JSON form after all: the prose below is all there is.
    }
  }
  return {
    message: readable(text.split(/\n+LINE \d+:/)[0] ?? text),
    code: 'ERROR',
    exception: 'Unknown',
    offset: null,
    name: null,
    candidates: [],
  }
}

/** A line of data in a message, in characters: enough to find it. */
const LONGEST_LINE = 300

/** Without the settings of the CSV reader and its advice in terms of them, which a message ends with, and without most of what the data holds. */
const readable = (message: string): string =>
  message
    .replace(/\n\s*\n {2}file = [\s\S]*$/, '')
    .replace(/\n\s*\nColumn .* is being converted as type [\s\S]*$/, '')
    .trim()
    .split('\n')
    .map((line) =>
      line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 60)}… (${line.length} characters)` : line,
    )
    .join('\n')

function fromJson(facts: Readonly<Record<string, string | undefined>>): EngineError {
  const position = facts.position === undefined ? null : Number(facts.position)
  return {
    message: readable(facts.exception_message ?? ''),
    code: facts.error_subtype ?? facts.exception_type ?? 'ERROR',
    exception: facts.exception_type ?? 'Unknown',
    offset: position !== null && Number.isSafeInteger(position) && position >= 0 ? position : null,
    name: facts.name ?? null,
    candidates: facts.candidates === undefined || facts.candidates === '' ? [] : facts.candidates.split(','),
  }
}

/** The UTF-16 offset that a position in an error means: the scanner counts characters, everything after it bytes of UTF-8. */
export function utf16Offset(text: string, position: number, code = ''): number {
  if (code === 'SYNTAX_ERROR') return [...text].slice(0, position).join('').length
  return Buffer.from(text, 'utf8').subarray(0, position).toString('utf8').length
}
