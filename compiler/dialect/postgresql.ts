// How PostgreSQL spells names, literals and types. Translated SQL takes for granted that a session is set as
// runtime/contract/extract.ts says. No driver, no state. The words themselves are in runtime/contract/postgresql-names.ts, which the
// runtime needs too.

import { LONGEST_IDENTIFIER, pgName, pgText } from '../../runtime/contract/postgresql-names.ts'
import { targetType } from '../../runtime/contract/target-types.ts'
import type { QuotedName } from './duckdb.ts'

/** An identifier, in quotes only where it needs them. Its letter case is kept either way. */
export const quoteName = (name: string): QuotedName => pgName(name) as QuotedName

/** `transform.orders`, `transform."order"`. */
export const quotePath = (...names: readonly string[]): QuotedName => names.map(quoteName).join('.') as QuotedName

/** A text literal, for sessions with `standard_conforming_strings` on. It must hold no NUL. */
export const textLiteral = pgText

/** A text literal that has its type also where PostgreSQL would have to guess it. */
export const typedText = (text: string): string => `text ${pgText(text)}`

/** Whether PostgreSQL keeps all of a name: what is longer than 63 bytes it would cut off. */
export const keepsName = (name: string): boolean => new TextEncoder().encode(name).length <= LONGEST_IDENTIFIER

/** Signed whole numbers that PostgreSQL has no type for, and every scalar type that no output stores. */
const NOT_STORED: Readonly<Record<string, string>> = {
  HUGEINT: 'numeric(38,0)',
  TIMESTAMP_MS: 'timestamp without time zone',
  TIMESTAMP_S: 'timestamp without time zone',
}

/** PostgreSQL's type of values that DuckDB calls `type`, as format_type() spells it; null: it has none that holds them all. */
export const postgresqlType = (type: string): string | null => NOT_STORED[type] ?? targetType(type)

const SHORT: Readonly<Record<string, string>> = {
  'time without time zone': 'time',
  'timestamp with time zone': 'timestamptz',
  'timestamp without time zone': 'timestamp',
}

/** The same in the shorter spelling that people write. */
export function writtenType(type: string): string | null {
  const full = postgresqlType(type)
  return full === null ? null : (SHORT[full] ?? full)
}

/** What PostgreSQL can do that DuckDB cannot, or the reverse: a difference that is not one of spelling. */
export const CAPABILITIES = {
  /** Letter case and order by code points, whatever the collation of the database; from version 17, in encoding UTF8. */
  caseCollation: 'pg_catalog.pg_c_utf8',
  orderCollation: '"C"',
} as const
