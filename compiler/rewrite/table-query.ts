// A source in a database → the SELECT by which its rows leave the database as CSV, and how DuckDB reads them back without
// losing anything: a column whose text both sides spell alike is read as its type, any other as text that is then
// converted, and a declared type that the database does not promise is checked. Pure.

import { pgName, pgPrefixed } from '../../runtime/contract/postgresql-names.ts'
import { quoteName, textLiteral } from '../dialect/duckdb.ts'
import type { ResolvedTable } from '../resolve.ts'

/** What stands behind FROM: the table, or the query in brackets; `probe`: with literals in place of values of the run. */
export function fromClause(
  { asked }: Pick<ResolvedTable, 'asked'>,
  which: 'text' | 'probe' = 'text',
  prefix = '',
): string {
  if (asked.kind === 'query') return `(\n${asked[which]}\n) AS asked`
  const schema = asked.schema === null ? [] : [pgPrefixed(asked.schema, prefix)]
  return [...schema, pgName(asked.name)].join('.')
}

export interface ReadColumn {
  readonly name: string
  /** Of the output. */
  readonly type: string
  /** The database's own type; undefined: not known, only declared. */
  readonly sourceType: string | undefined
  /** The author declares the type. */
  readonly isDeclared: boolean
}

interface Spelling {
  /** In PostgreSQL. */
  readonly sent: string
  /** Type of the CSV reader. */
  readonly csvType: string
  /** In DuckDB, of the column that the reader gives. */
  readonly read: string
}

/** The SELECT in PostgreSQL's SQL. */
export function sentQuery(table: ResolvedTable, columns: readonly ReadColumn[], prefix = ''): string {
  const items = columns.map((column) => spelling(column).sent)
  return `SELECT\n  ${items.join(',\n  ')}\nFROM ${fromClause(table, 'text', prefix)}`
}

/** Items of the SELECT in DuckDB's SQL, and the types that the CSV reader gives. */
export function readItems(columns: readonly ReadColumn[]): {
  readonly items: readonly string[]
  readonly csvTypes: Readonly<Record<string, string>>
} {
  const spellings = columns.map((column) => [column, spelling(column)] as const)
  return {
    items: spellings.map(([{ name }, { read }]) => (read === quoteName(name) ? read : `${read} AS ${quoteName(name)}`)),
    csvTypes: Object.fromEntries(spellings.map(([{ name }, { csvType }]) => [name, csvType])),
  }
}

function spelling(column: ReadColumn): Spelling {
  const [sent, read] = [pgName(column.name), quoteName(column.name)]
  const as = (text: string): string => `${text} AS ${sent}`
  const { type, sourceType } = column
  const from = sourceType ?? ''
  if (from.endsWith('[]') || (from === '' && type.endsWith('[]')))
    return {
      sent: as(`to_json(${sent}::text[])`),
      csvType: 'VARCHAR',
      read: converted(elements(`${beforeChrist(read, type)}::JSON`, type), type),
    }
  if (from === 'bytea' || (from === '' && type === 'BLOB'))
    return { sent: as(`encode(${sent}, 'hex')`), csvType: 'VARCHAR', read: converted(`unhex(${read})`, type, 'BLOB') }
  if (type === 'INTERVAL' && (from === '' || from.startsWith('interval')))
    return { sent: as(intervalText(sent)), csvType: 'VARCHAR', read: converted(read, type) }
  // The reader takes a time that it cannot read with its zone for NULL; a cast says so.
  if (type === 'DATE' || TIMESTAMP.test(type))
    return { sent, csvType: 'VARCHAR', read: converted(beforeChrist(read, type), type) }
  if (column.isDeclared && isExact(type)) return { sent, csvType: 'VARCHAR', read: checked(column, read) }
  if (type === 'JSON') return { sent, csvType: 'VARCHAR', read: converted(read, type) }
  return { sent, csvType: type, read }
}

const converted = (text: string, type: string, from = 'VARCHAR'): string =>
  type === from ? text : `CAST(${text} AS ${type})`

/** The elements are texts of JSON, which as JSON would stay texts. */
const elements = (json: string, type: string): string =>
  type.startsWith('JSON[') ? `CAST(${json} AS ${type.replace('JSON', 'VARCHAR')})` : json

const TIMESTAMP = /^TIMESTAMP\b/

/** `0044-03-15 BC` would be read as a year of our era, and `0044-03-15 10:00:00 BC` as nothing. */
function beforeChrist(text: string, type: string): string {
  if (type.startsWith('DATE')) return `replace(${text}, ' BC', ' (BC)')`
  if (!TIMESTAMP.test(type)) return text
  const [day, rest] = type.endsWith('[]') ? ['"([^" ]+)', '([^"]+) BC"'] : ['^(\\S+)', '(.*) BC$']
  const spelled = type.endsWith('[]') ? '"\\1 (BC) \\2"' : '\\1 (BC) \\2'
  return `CASE WHEN contains(${text}, ' BC') THEN regexp_replace(${text}, '${day} ${rest}', '${spelled}', 'g') ELSE ${text} END`
}

/** What the two spell differently: `-1 days +02:03:00` is no interval to DuckDB. */
const intervalText = (name: string): string =>
  `(extract(year FROM ${name}) * 12 + extract(month FROM ${name}))::int8 || ' months ' || extract(day FROM ${name}) || ' days ' || ` +
  `(extract(hour FROM ${name}) * 3600000000 + extract(minute FROM ${name}) * 60000000 + extract(microsecond FROM ${name}))::int8 || ' microseconds'`

const WHOLE = /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/
const DECIMAL = /^DECIMAL\((\d+),(\d+)\)$/

/** A conversion to it would round without a word. */
const isExact = (type: string): boolean => WHOLE.test(type) || DECIMAL.test(type)

/** The number, or an error when it has digits that the type does not keep. */
function checked({ name, type }: ReadColumn, read: string): string {
  const scale = Number(DECIMAL.exec(type)?.[2] ?? 0)
  const digits = scale === 0 ? '(\\.0*)?' : `(\\.[0-9]{0,${scale}}0*)?`
  const message = textLiteral(`${name} does not fit ${type}: `)
  return `CASE WHEN ${read} IS NULL OR regexp_full_match(${read}, '-?[0-9]+${digits}') THEN CAST(${read} AS ${type}) ELSE error(${message} || ${read}) END`
}
