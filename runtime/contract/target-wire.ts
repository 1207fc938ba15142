// Columns of an output → a short text of their rows, from which the binary format of PostgreSQL's COPY is made without any
// parser of dates or quotes: a SELECT of DuckDB for CSV in which nothing is quoted. Numbers are decimal, dates and times count
// from 2000, floating point is its bits; what may hold a comma has its length in bytes before it. NULL is nothing. The
// server reads binary rows in half the time. Where a type has no such text the answer is null. Pure.
// Rule: FORMAT.md, "Types of targets".

import type { Column } from './manifest.ts'
import { jsonText, targetType } from './target-types.ts'

export type WireField =
  /** Decimal; of a date, time or floating point what PostgreSQL's integer of that many bytes would be. */
  | { readonly kind: 'integer'; readonly bytes: 2 | 4 | 8 }
  | { readonly kind: 'numeric'; readonly scale: number }
  /** `1` or `0`. */
  | { readonly kind: 'boolean' }
  | { readonly kind: 'uuid' }
  /** These have their length in front: of the bytes, for `bytea` before each became two digits. */
  | { readonly kind: 'text' }
  | { readonly kind: 'jsonb' }
  | { readonly kind: 'bytea' }

type Quote = (name: string) => string

/** The fields of a row; null: a column has a type that goes as CSV only. */
export function wireFields(columns: readonly Column[]): readonly WireField[] | null {
  const fields = columns.map(({ type }) => fieldOf(targetType(type) ?? ''))
  return fields.every((field) => field !== null) ? fields : null
}

const INTEGERS: Readonly<Record<string, 2 | 4 | 8>> = {
  bigint: 8,
  date: 4,
  'double precision': 8,
  integer: 4,
  real: 4,
  smallint: 2,
  'time without time zone': 8,
  'timestamp with time zone': 8,
  'timestamp without time zone': 8,
}

function fieldOf(type: string): WireField | null {
  const bytes = INTEGERS[type]
  if (bytes !== undefined) return { kind: 'integer', bytes }
  if (type === 'text' || type === 'json') return { kind: 'text' }
  if (type === 'boolean' || type === 'uuid' || type === 'jsonb' || type === 'bytea') return { kind: type }
  const scale = /^numeric\(\d+,(\d+)\)$/.exec(type)?.[1]
  return scale === undefined ? null : { kind: 'numeric', scale: Number(scale) }
}

/** The items of the SELECT, for columns that have fields. `quote` spells a name for DuckDB. */
export const wireItems = (columns: readonly Column[], quote: Quote): readonly string[] =>
  columns.flatMap(({ name, type }) => itemsOf(quote(name), type))

const EPOCH_DATE = "DATE '2000-01-01'"
const EPOCH_US = '946684800000000'
/** Long before the first day that PostgreSQL has, and not so long that it could not count from 2000. */
const LEAST_US = '-9000000000000000000'

function itemsOf(value: string, type: string): readonly string[] {
  switch (type) {
    case 'BOOLEAN':
      return [`CAST(${value} AS UTINYINT)`]
    case 'DATE':
      return [finite(value, `${value} - ${EPOCH_DATE}`, '2147483647', '-2147483648')]
    case 'TIMESTAMP':
    case 'TIMESTAMP WITH TIME ZONE': {
      const micros = `greatest(epoch_us(${value}), ${LEAST_US}) - ${EPOCH_US}`
      return [finite(value, micros, '9223372036854775807', '-9223372036854775808')]
    }
    case 'TIME':
      return [`epoch_us(${value})`]
    case 'DOUBLE':
      return [`CAST(CAST(${value} AS BIT) AS BIGINT)`]
    case 'FLOAT':
      return [`CAST(CAST(${value} AS BIT) AS INTEGER)`]
    case 'BLOB':
      return [`octet_length(${value})`, `hex(${value})`]
  }
  const target = targetType(type)
  if (target === 'jsonb') return measured(jsonText(value, type))
  return target === 'text' || target === 'json' ? measured(value) : [value]
}

const measured = (text: string): readonly string[] => [`strlen(CAST(${text} AS VARCHAR))`, text]

const finite = (value: string, count: string, most: string, least: string): string =>
  `CASE WHEN isfinite(${value}) THEN ${count} WHEN ${value} = 'infinity' THEN ${most} WHEN ${value} = '-infinity' THEN ${least} END`
