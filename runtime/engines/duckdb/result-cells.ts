// Values of a result → text and JSON that lose nothing: whole numbers beyond 2^53 and decimals are text in JSON, as the
// interfaces in a bundle's types.ts say. Pure.

import {
  DuckDBArrayValue,
  DuckDBDateValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  type DuckDBType,
  DuckDBTypeId,
  DuckDBUnionValue,
  type DuckDBValue,
  type Json,
  JsonDuckDBValueConverter,
} from '@duckdb/node-api'
import { literal } from './quoting.ts'

/** As DuckDB itself prints it; null for NULL. */
export function cellText(value: DuckDBValue, type: DuckDBType | undefined): string | null {
  if (value === null) return null
  if (typeof value !== 'number') return textOf(value)
  if (type?.typeId === DuckDBTypeId.DOUBLE) return floatText(value, String(value))
  if (type?.typeId === DuckDBTypeId.FLOAT) return floatText(value, shortestFloat(value))
  return String(value)
}

/** Within lists, structs and maps texts are quoted. */
const displayed = (value: DuckDBValue): string => (typeof value === 'string' ? literal(value) : textOf(value))

function textOf(value: DuckDBValue): string {
  if (value === null) return 'NULL'
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue)
    return `[${value.items.map(displayed).join(', ')}]`
  if (value instanceof DuckDBStructValue) return fieldsText(Object.entries(value.entries))
  if (value instanceof DuckDBMapValue) return fieldsText(value.entries.map((entry) => [entry.key, entry.value]))
  if (value instanceof DuckDBUnionValue) return textOf(value.value)
  return endlessText(value) ?? String(value)
}

const fieldsText = (fields: readonly (readonly [DuckDBValue, DuckDBValue])[]): string =>
  `{${fields.map(([key, value]) => `${displayed(key)}: ${displayed(value)}`).join(', ')}}`

/** Days and times without end, which the client prints as if they were in the calendar; null: it is none of these. */
function endlessText(value: DuckDBValue): string | null {
  const isCounted =
    value instanceof DuckDBDateValue ||
    value instanceof DuckDBTimestampSecondsValue ||
    value instanceof DuckDBTimestampMillisecondsValue ||
    value instanceof DuckDBTimestampNanosecondsValue
  if (!isCounted || value.isFinite) return null
  return Object.values(value).some((count) => count > 0) ? 'infinity' : '-infinity'
}

/** Whole numbers keep their `.0`, so that the values of a column look alike. */
function floatText(value: number, text: string): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

/** The shortest decimal that is the same 32-bit number. */
function shortestFloat(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits))
    if (Math.fround(candidate) === value) return String(candidate)
  }
  return String(value)
}

export const cellJson = (value: DuckDBValue, type: DuckDBType | undefined): unknown =>
  type === undefined ? null : jsonOf(value, type)

/** Whole numbers are the same within lists, structs and maps. */
const jsonOf = (value: DuckDBValue, type: DuckDBType): Json => {
  if (value === null) return null
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return endlessText(value) ?? JsonDuckDBValueConverter(value, type, jsonOf)
}
