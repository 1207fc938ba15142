// Column types of a query → the types that its output has once it is stored in Parquet and read back. Measured on
// DuckDB 1.5: the writer keeps most types, widens some, and would silently make a DOUBLE of a HUGEINT.

/** What the writer makes of a type without being asked. */
const WIDENED: readonly (readonly [RegExp, string])[] = [
  [/"NULL"/g, 'INTEGER'],
  [/\bENUM\((?:'(?:[^']|'')*'(?:, )?)*\)/g, 'VARCHAR'],
  [/\bTIMESTAMP_(?:S|MS)\b/g, 'TIMESTAMP'],
  [/\b(?:BIT|BIGNUM)\b/g, 'VARCHAR'],
  [/\[\d+\]/g, '[]'],
]

const LOSSY = /\bU?HUGEINT\b/g

export interface StoredType {
  readonly type: string
  /** The step must cast to `type` itself, or digits are lost. */
  readonly cast: boolean
}

/** Pure. Quoted field names that spell a type are left alone. */
export function storedType(queryType: string): StoredType {
  const outsideQuotes = (text: string, change: (part: string) => string) =>
    text
      .split(/("(?:[^"]|"")*")/)
      .map((part) => (part.startsWith('"') && part !== '"NULL"' ? part : change(part)))
      .join('')
  const kept = outsideQuotes(queryType, (part) => part.replace(LOSSY, 'DECIMAL(38,0)'))
  const type = outsideQuotes(kept, (part) => WIDENED.reduce((t, [pattern, to]) => t.replace(pattern, to), part))
  return { type, cast: kept !== queryType }
}

/** UNION values lose their tag names when stored; such a column is refused. */
export const isStorable = (queryType: string): boolean => !/\bUNION\(/.test(queryType)
