// json_serialize_sql's answer → syntax trees. Read losslessly: a number that JavaScript cannot hold stays text. Members
// with default values are skipped, empty lists are not (an empty grouping set is a grouping set).

import type { DuckDBConnection } from './driver.ts'
import { utf16Offset } from './engine-errors.ts'
import { literal } from './quoting.ts'

export type SyntaxTree = Readonly<Record<string, unknown>>

/** See ParseResult in compiler/ports.ts. */
export type ParseResult =
  | { readonly kind: 'trees'; readonly trees: readonly SyntaxTree[] }
  | { readonly kind: 'syntax_error'; readonly message: string; readonly offset: number | null }
  | { readonly kind: 'opaque' }

interface Answer {
  readonly error: boolean
  readonly error_type?: string
  readonly error_message?: string
  readonly error_subtype?: string
  readonly position?: string
  readonly statements?: readonly SyntaxTree[]
}

/** Parses all texts with one query. */
export async function parseTexts(connection: DuckDBConnection, texts: readonly string[]): Promise<ParseResult[]> {
  if (texts.length === 0) return []
  const list = texts.map(literal).join(', ')
  const answer = await connection.runAndReadAll(
    `SELECT json_serialize_sql(text, skip_default := true, skip_null := true) FROM (SELECT unnest([${list}]) AS text)`,
  )
  return answer.getRows().map((row, i) => parseResult(String(row[0]), texts[i] ?? ''))
}

function parseResult(json: string, text: string): ParseResult {
  let answer: Answer
  try {
    answer = JSON.parse(lossless(json))
  } catch {
    // NaN and infinity are no JSON.
    return { kind: 'opaque' }
  }
  if (!answer.error) return { kind: 'trees', trees: answer.statements ?? [] }
  if (answer.error_type === 'not implemented') return { kind: 'opaque' }
  const offset = answer.position === undefined ? null : utf16Offset(text, Number(answer.position), answer.error_subtype)
  return { kind: 'syntax_error', message: answer.error_message ?? 'syntax error', offset }
}

const MAY_LOSE_DIGITS = /[:[,]\s*-?(?:\d{16}|\d+[.eE])/
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g

/** JSON text with every number that is no small integer in quotes. Pure. */
export function lossless(json: string): string {
  if (!MAY_LOSE_DIGITS.test(json)) return json
  return json.replace(STRING_OR_NUMBER, (token) =>
    /^-?\d{1,15}$/.test(token) || token.startsWith('"') ? token : `"${token}"`,
  )
}
