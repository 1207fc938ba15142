// Values of a result → text and JSON that lose nothing: whole numbers beyond 2^53 and decimals are text in JSON, as the
// interfaces in a bundle's types.ts say. Pure.

import { type DuckDBType, DuckDBTypeId, type DuckDBValue, type Json, JsonDuckDBValueConverter } from '@duckdb/node-api'

/** As DuckDB itself prints it; null for NULL. */
export function cellText(value: DuckDBValue, type: DuckDBType | undefined): string | null {
  if (value === null) return null
  if (typeof value !== 'number') return String(value)
  if (type?.typeId === DuckDBTypeId.DOUBLE) return floatText(value, String(value))
  if (type?.typeId === DuckDBTypeId.FLOAT) return floatText(value, shortestFloat(value))
  return String(value)
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
  return JsonDuckDBValueConverter(value, type, jsonOf)
}
