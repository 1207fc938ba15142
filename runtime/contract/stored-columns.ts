// Columns that a query gives → columns of its output, once it is stored in Parquet and read back. The compiler follows
// these rules for what it knows, the runtime for what only data can tell. Measured on DuckDB 1.5: the writer keeps most
// types, widens some, would silently make a DOUBLE of a HUGEINT, and forgets which member a UNION has. Pure.

import type { Column } from './manifest.ts'

/** What the writer would keep as a DOUBLE: regular expressions (of RE2 too) over a type without what is quoted. */
export const LOSSY = '\\bU?HUGEINT\\b'
/** What a lossy type is cast to. */
export const LOSSLESS = 'DECIMAL(38,0)'
/** A UNION, and a STRUCT whose fields have no names, which no reader's column can be declared with. */
export const UNSTORABLE = '\\bUNION\\(|\\bSTRUCT\\((?:[A-Z0-9_]*[(\\[,)]|TIME(?:STAMP)? WITH )'

/** Labels of ENUMs and quoted names of fields, which may spell a type. */
const QUOTED = /"(?:[^"]|"")*"|'(?:[^']|'')*'/g

/** As the engine spells a type, only the name of a field is followed by a space. */
const PARTS =
  /"(?:[^"]|"")*"(?= )|"NULL"|\bENUM\((?:'(?:[^']|'')*'(?:, )?)*\)|\b(?:U?HUGEINT|TIMESTAMP_M?S|BIT|BIGNUM)\b(?! )|\[\d+\]/g

const STORED: readonly (readonly [RegExp, string])[] = [
  [/ENUM\(|^BIT$|^BIGNUM$/, 'VARCHAR'],
  [/HUGEINT$/, LOSSLESS],
  [/^TIMESTAMP/, 'TIMESTAMP'],
  [/^\[/, '[]'],
  [/^"NULL"$/, 'INTEGER'],
]

export interface StoredType {
  readonly type: string
  /** The step must cast to `type` itself, or digits are lost. */
  readonly cast: boolean
}

/** `queryType` is spelled as the engine does. */
export function storedType(queryType: string): StoredType {
  let cast = false
  const type = queryType.replace(PARTS, (part, at: number) => {
    if (part.startsWith('"') && queryType[at + part.length] === ' ') return part
    cast ||= new RegExp(`^${LOSSY}$`).test(part)
    return STORED.find(([pattern]) => pattern.test(part))?.[1] ?? part
  })
  return { type, cast }
}

const UNSTORABLE_TYPE = new RegExp(UNSTORABLE)
/** Most types are one word, of which nothing needs to be looked up. */
const isPlain = (type: string): boolean => !type.includes('(') && !type.includes('"') && !type.includes(' ')

/** Whether an output can hold a type: UNION values lose their tag names when stored. */
export const isStorable = (type: string): boolean => isPlain(type) || !UNSTORABLE_TYPE.test(type.replace(QUOTED, ''))

/** The part of a type of whose values an output keeps less; null: none. */
export const inexactPart = (type: string): 'INTERVAL' | 'TIME WITH TIME ZONE' | null => {
  if (isPlain(type) && !type.startsWith('INTERVAL')) return null
  const found = /\b(?:INTERVAL|TIME WITH TIME ZONE)\b(?! )/.exec(type.replace(QUOTED, ''))?.[0]
  return found === 'INTERVAL' || found === 'TIME WITH TIME ZONE' ? found : null
}

/** What an output keeps of such a value, and what to do to keep more. */
export const KEPT = {
  INTERVAL: {
    kept: 'months, days and whole milliseconds, none of them negative',
    hint: 'For more, store epoch_us(…) or a text.',
  },
  'TIME WITH TIME ZONE': { kept: 'the time in UTC', hint: 'To keep the offset, store a text.' },
} as const

/** What to do about types that an output cannot hold. */
export const STORABLE_HINT =
  "Take the members of a UNION apart, for example with union_extract(); name the fields of a STRUCT, as in {'a': 1}."

export interface StoredColumns {
  readonly columns: readonly Column[]
  /** Columns that a step must cast before it writes them, name → stored type. */
  readonly casts: Readonly<Record<string, string>>
}

/** The output of a query that gives `described`, in order. */
export function storedColumns(described: readonly Column[]): StoredColumns {
  const stored = described.map(({ name, type }) => ({ name, ...storedType(type) }))
  return {
    columns: stored.map(({ name, type }) => ({ name, type })),
    casts: Object.fromEntries(stored.filter(({ cast }) => cast).map(({ name, type }) => [name, type])),
  }
}

/** Upper case to lower case as the engine compares identifiers: ASCII letters only. */
export const foldCase = (name: string): string =>
  /[^\0-\x7f]/.test(name) ? name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : name.toLowerCase()

/** Later ones of names that are equal ignoring case: an output has none. */
export function duplicateNames(columns: readonly { readonly name: string }[]): readonly string[] {
  const seen = new Set<string>()
  return columns.flatMap(({ name }) => {
    const isSecond = seen.has(foldCase(name))
    seen.add(foldCase(name))
    return isSecond ? [name] : []
  })
}

type Columns = readonly { readonly name: string; readonly type: string }[]

/** One line a column: `+ name TYPE`, `- name TYPE`, `name TYPE → TYPE`; the order of columns does not count. */
export function columnDifference(before: Columns, after: Columns): readonly string[] {
  const was = new Map(before.map((column) => [column.name, column.type]))
  const is = new Map(after.map((column) => [column.name, column.type]))
  return [
    ...after.filter((column) => !was.has(column.name)).map((column) => `+ ${column.name} ${column.type}`),
    ...before.filter((column) => !is.has(column.name)).map((column) => `- ${column.name} ${column.type}`),
    ...before.flatMap(({ name, type }) =>
      is.has(name) && is.get(name) !== type ? [`${name} ${type} → ${is.get(name)}`] : [],
    ),
  ]
}
