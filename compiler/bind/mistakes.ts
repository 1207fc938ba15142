// The engine's complaint about a query → a diagnostic at the author's line, with the nearest name that exists.

import { type Diagnostic, nearest, type Place } from '../../runtime/contract/diagnostics.ts'
import { errorAt } from '../diagnostic-codes.ts'
import type { DescribeResult, Relation } from '../ports.ts'
import type { ResolvedTransform } from '../resolve.ts'
import { identifierOf, lex } from '../sql/lexer.ts'
import { placeInSql } from '../sql/placed-text.ts'
import { foldCase } from '../sql/tree.ts'

export type DescribeError = Extract<DescribeResult, { readonly kind: 'error' }>

/** Names in a list of what there is; more would hide the message. */
const MOST_NAMES = 12

export function mistake(node: ResolvedTransform, error: DescribeError, relations: readonly Relation[]): Diagnostic {
  const statement = node.sql.statements[error.statement]
  const start = statement?.start ?? 0
  const end = statement?.end ?? node.sql.text.length
  const sql = node.sql.text.slice(start, end)
  const hidden = columnOfAlias(error, sql)
  const column = missingColumn(error) ?? (hidden !== null && ownerOf(hidden, relations) === undefined ? hidden : null)
  const name = column ?? error.name
  const offset = error.offset ?? (name === null ? null : onlyPlaceOf(name, sql))
  const place = placeInSql(node.sql, start + (offset ?? 0), offset === null ? sql.length : lengthAt(sql, offset))
  if (column !== null) return columnNotFound(node, column, place, error, relations)
  const message = sentence(error.message)
  const facts = { node: node.id, name: error.name, engine_code: error.code }
  if (error.code === 'MISSING_ENTRY' && /^(\w+ )*Function with name/i.test(error.message))
    return errorAt('BIND_FUNCTION_NOT_FOUND', place, `There is no function '${error.name}'.`, {
      facts,
      hints: error.candidates.slice(0, 1).map((candidate) => `Did you mean '${candidate}'?`),
    })
  const signatures =
    error.code === 'NO_MATCHING_FUNCTION' ? /Candidate functions:\n([\s\S]*)/.exec(error.message)?.[1] : undefined
  const hints =
    signatures === undefined
      ? []
      : [
          `It takes: ${signatures
            .split('\n')
            .map((line) => line.trim())
            .slice(0, 4)
            .join('; ')}.`,
        ]
  return errorAt('BIND_SQL', place, message, { facts, hints })
}

/** Which column the engine did not find, and where it stands in its statement; undefined: it complains of something else. */
export function missingColumnAt(
  error: DescribeError,
  statements: readonly string[],
): { readonly column: string; readonly offset: number; readonly length: number } | undefined {
  const sql = statements[error.statement]
  if (sql === undefined) return undefined
  const column = missingColumn(error) ?? columnOfAlias(error, sql)
  if (column === null) return undefined
  const offset = error.offset ?? onlyPlaceOf(column, sql)
  return offset === null ? undefined : { column: foldCase(column), offset, length: lengthAt(sql, offset) }
}

/** The name of a column that does not exist, if that is the complaint. */
function missingColumn(error: DescribeError): string | null {
  if (error.code === 'COLUMN_NOT_FOUND') return error.name
  const match =
    /does not have a column named "([^"]+)"/.exec(error.message) ??
    /^Could not find key "([^"]+)" in struct/.exec(error.message) ??
    /^Column "([^"]+)" in \w+ list not found/.exec(error.message)
  return match?.[1] ?? null
}

/**
 * In a subquery the engine looks outside for what it does not find, and then complains of the table: the column, where the
 * text gives a table that name and speaks of such a column nowhere else.
 */
function columnOfAlias({ message, offset }: DescribeError, sql: string): string | null {
  const table = /^Referenced table "([^"]+)" not found/.exec(message)?.[1]
  if (table === undefined || offset === null) return null
  const tokens = lex(sql).filter((token) => token.kind !== 'comment')
  const names = tokens.map((token) => foldCase(identifierOf(token, sql)))
  const at = tokens.findIndex((token) => token.start === offset)
  const column = tokens[at + 2]
  if (column === undefined || names[at] !== foldCase(table) || names[at + 1] !== '.') return null
  const isNamed = names.some((name, i) => name === names[at] && names[i + 1] !== '.')
  const isElsewhere = names.some((name, i) => name === names[at + 2] && names[i - 2] !== names[at])
  return isNamed && !isElsewhere ? identifierOf(column, sql) : null
}

const ownerOf = (column: string, relations: readonly Relation[]): Relation | undefined =>
  relations.find((relation) => relation.columns.some((c) => foldCase(c.name) === foldCase(column)))

function columnNotFound(
  node: ResolvedTransform,
  column: string,
  place: Place,
  error: DescribeError,
  relations: readonly Relation[],
): Diagnostic {
  const known = [
    ...new Set([...error.candidates, ...relations.flatMap((relation) => relation.columns.map((c) => c.name))]),
  ]
  const owner = ownerOf(column, relations)
  const near = nearest(column, known)
  const shown = known.slice(0, MOST_NAMES).join(', ')
  const list = known.length === 0 ? [] : [`Columns of its inputs: ${shown}${known.length > MOST_NAMES ? ', …' : ''}.`]
  const elsewhere = owner && [`'${owner.schema}.${owner.name}' has a column of that name.`]
  return errorAt('BIND_COLUMN_NOT_FOUND', place, `There is no column '${column}' in what this query reads.`, {
    facts: { node: node.id, column, candidates: error.candidates },
    hints: elsewhere ?? (near === undefined ? list : [`Did you mean '${near}'?`]),
  })
}

/** The engine's tables number their rows; the outputs that take their place do not. */
export function rowNumberMistakes(node: ResolvedTransform): readonly Diagnostic[] {
  const sql = node.sql.text
  const tokens = lex(sql).filter((token) => token.kind !== 'comment')
  const names = tokens.map((token) => foldCase(identifierOf(token, sql)))
  if (node.sql.statements.length > 1 || names.some((name, i) => name === 'rowid' && names[i - 1] === 'as')) return []
  const token = tokens[names.indexOf('rowid')]
  if (token === undefined) return []
  const place = placeInSql(node.sql, token.start, token.end - token.start)
  return [
    errorAt('BIND_COLUMN_NOT_FOUND', place, "There is no column 'rowid' in what this query reads.", {
      facts: { node: node.id, column: 'rowid' },
      hints: ['Number rows with row_number() OVER (ORDER BY …).'],
    }),
  ]
}

/** What is wrong, without lists of candidates. */
function sentence(message: string): string {
  const text = (message.split(/\s*\n\s*Candidate /)[0] ?? message).replace(/\s*\n\s*/g, ' ').trim()
  const capital = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(capital) ? capital : `${capital}.`
}

/** The offset of an identifier that stands once in the text. */
function onlyPlaceOf(name: string, sql: string): number | null {
  const places = lex(sql).filter(
    (token) =>
      (token.kind === 'word' || token.kind === 'quoted') && foldCase(identifierOf(token, sql)) === foldCase(name),
  )
  return places.length === 1 ? (places[0]?.start ?? null) : null
}

/** Length of the identifier path or the token at an offset. */
const lengthAt = (sql: string, offset: number): number =>
  /^(?:"(?:[^"]|"")*"|[\w\u0080-\uffff]+)(?:\.(?:"(?:[^"]|"")*"|[\w\u0080-\uffff]+))*/.exec(sql.slice(offset))?.[0]
    .length ?? 1
