// How DuckDB spells names, literals, paths below a root and calls of its file readers. No driver, no state. A name that
// needs no quotes gets none, so that SQL reads as a person would write it.

declare const spelled: unique symbol
/** An identifier, or a path of them, as SQL spells it. Only this file makes one. */
export type QuotedName = string & { readonly [spelled]: 'name' }

/** Words of `duckdb_keywords()` that are not free to name something; compared with the engine by a test. */
export const KEYWORDS: ReadonlySet<string> = new Set(
  `all analyse analyze and anti any array as asc asof asymmetric at authorization between bigint binary bit boolean both
by case cast char character check coalesce collate collation column columns concurrently constraint create cross dec
decimal default deferrable desc describe distinct do else end except exists extract false fetch float for foreign freeze
from full generated glob group grouping grouping_id having ilike in initially inner inout int integer intersect interval
into is isnull join lambda lateral leading left like limit map national natural nchar none not notnull null nullif
numeric offset on only or order out outer overlaps overlay pivot pivot_longer pivot_wider placing position positional
precision primary qualify real references returning right row select semi setof show similar smallint some struct
substring summarize symmetric table tablesample then time timestamp to trailing treat trim true try_cast union unique
unpack unpivot using values varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement xmlexists
xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable`.split(/\s+/),
)

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** An identifier, in quotes only where it needs them. Its letter case is kept either way. */
export function quoteName(name: string): QuotedName {
  const plain = PLAIN_NAME.test(name) && !KEYWORDS.has(name.toLowerCase())
  return plain ? (name as QuotedName) : quoted(name)
}

/** The same in quotes whatever it is: for SQL that nobody reads. */
export const quoted = (name: string): QuotedName => `"${name.replaceAll('"', '""')}"` as QuotedName

/** `transform.orders`, `transform."order"`. */
export const quotePath = (...names: readonly string[]): QuotedName => names.map(quoteName).join('.') as QuotedName

/** A text literal. DuckDB knows no escapes in it but the doubled quote. */
export const textLiteral = (text: string): string => `'${text.replaceAll("'", "''")}'`

const LONG_MAPPING = 80

/** A value of YAML as SQL: lists as `[…]`, mappings as `{'key': …}`, a member a line when they are longer than `most`. */
export function literal(value: unknown, most = LONG_MAPPING): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'boolean' || typeof value === 'number') return String(value)
  if (Array.isArray(value)) return `[${value.map((item) => literal(item, most)).join(', ')}]`
  if (typeof value !== 'object') return textLiteral(String(value))
  const members = Object.entries(value).map(([key, member]) => `${textLiteral(key)}: ${literal(member, most)}`)
  const line = `{${members.join(', ')}}`
  return line.length <= most ? line : `{\n    ${members.join(',\n    ')}\n  }`
}

/**
 * A text as a value of a type: numbers and truth values plainly, anything else but text by a cast that the engine may
 * refuse. Null: it is no value of the type.
 */
export function typedLiteral(text: string, type: string): string | null {
  if (type === 'VARCHAR') return textLiteral(text)
  if (type === 'BOOLEAN') return /^(true|false)$/i.test(text) ? text.toLowerCase() : null
  const isWhole = /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type)
  if (!isWhole && !type.startsWith('DECIMAL(')) return `CAST(${textLiteral(text)} AS ${type})`
  const number = isWhole ? /^-?\d+$/ : /^-?\d+(\.\d+)?$/
  return number.test(text) ? text.replace(/^(-?)0+(?=\d)/, '$1') : null
}

/** The value of an SQL variable: roots and the run's parameters. */
export const variable = (name: string): string => `getvariable(${textLiteral(name)})`

export interface ReaderCall {
  readonly format: 'csv' | 'parquet' | 'json'
  /** SQL expression of the path. */
  readonly path: string
  /** By the reader's names. */
  readonly options: Readonly<Record<string, unknown>>
}

/** `read_csv(path, header = true)`, one argument a line when there are several. */
export function readerCall({ format, path, options }: ReaderCall): string {
  const named = Object.entries(options).map(([name, value]) => `${name} = ${literal(value)}`)
  return named.length === 0 ? `read_${format}(${path})` : `read_${format}(\n  ${[path, ...named].join(',\n  ')}\n)`
}
