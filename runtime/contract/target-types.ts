// Types of outputs → types of PostgreSQL that hold every value of them, and the text by which the values get there: a
// SELECT of DuckDB whose CSV PostgreSQL's COPY reads. Where there is no such type the answer is null. Pure.
// Rule: FORMAT.md, "Types of targets".

import type { Column, ManifestNode } from './manifest.ts'

const PLAIN: Readonly<Record<string, string>> = {
  BIGINT: 'bigint',
  BLOB: 'bytea',
  BOOLEAN: 'boolean',
  DATE: 'date',
  DOUBLE: 'double precision',
  FLOAT: 'real',
  INTEGER: 'integer',
  INTERVAL: 'interval',
  JSON: 'json',
  SMALLINT: 'smallint',
  TIME: 'time without time zone',
  'TIME WITH TIME ZONE': 'time with time zone',
  TIMESTAMP: 'timestamp without time zone',
  'TIMESTAMP WITH TIME ZONE': 'timestamp with time zone',
  TINYINT: 'smallint',
  UBIGINT: 'numeric(20,0)',
  UINTEGER: 'bigint',
  USMALLINT: 'integer',
  UTINYINT: 'smallint',
  UUID: 'uuid',
  VARCHAR: 'text',
}

/** Types that every server has, and whose text every server reads alike. */
const EVERYWHERE =
  /^(bigint|bit( varying)?(\(\d+\))?|boolean|bytea|character( varying)?(\(\d+\))?|cidr|date|double precision|inet|integer|interval|jsonb?|macaddr8?|numeric(\(\d+,-?\d+\))?|real|smallint|text|time(stamp)?(\(\d\))? with(out)? time zone|tsvector|uuid)(\[\])?$/

/**
 * The type of a column that is copied from another database: the server's own, spelled by format_type(), where every server
 * has it; else what holds all values of `type`. `own`: undefined where it is declared.
 */
export const copiedType = (type: string, own: string | undefined): string =>
  own !== undefined && EVERYWHERE.test(own) ? own : (targetType(type) ?? 'text')

/** Where the engine is a database: its own type of each column of a node. */
export const serverTypesOf = ({ columns, server_types: own = {} }: ManifestNode): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (columns ?? []).map(({ name, type }) => [
      name,
      (Object.hasOwn(own, name) ? own[name] : null) ?? targetType(type) ?? 'text',
    ]),
  )

/** Types by which rows can be found again: they have an order, and equality is of values. */
const KEYS = /^(bigint|bytea|boolean|date|integer|smallint|text|time(stamp)? with(out)? time zone|numeric\(.*\)|uuid)$/
/** Types of which a target's rows can have a range of time. */
const TIMES = /^(bigint|integer|smallint|date|timestamp with(out)? time zone)$/

/** PostgreSQL's type, spelled as its own format_type() does; null: it has none that holds all values. */
export function targetType(type: string): string | null {
  const plain = PLAIN[type]
  if (plain !== undefined) return plain
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(type)
  if (decimal !== null) return `numeric(${decimal[1]},${decimal[2]})`
  const element = elementOf(type)
  if (element !== null) {
    const inner = targetType(element)
    if (inner === null) return null
    return inner.endsWith('[]') || inner === 'jsonb' || inner === 'json' ? 'jsonb' : `${inner}[]`
  }
  return /^(STRUCT|MAP)\(/.test(type) && !/\bTIMESTAMP_NS\b/.test(type) ? 'jsonb' : null
}

export const isKeyType = (type: string): boolean => KEYS.test(targetType(type) ?? '')
export const isTimeType = (type: string): boolean => TIMES.test(targetType(type) ?? '')

const elementOf = (type: string): string | null => (type.endsWith('[]') ? type.slice(0, -2) : null)

type Quote = (name: string) => string

/**
 * The items of a SELECT by which CSV without a header holds an output as PostgreSQL reads it: NULL is nothing, an empty
 * text is `""`. `quote` spells a name for DuckDB.
 */
export const targetItems = (columns: readonly Column[], quote: Quote): readonly string[] =>
  columns.map(({ name, type }) => textOf(quote(name), type))

function textOf(value: string, type: string): string {
  const element = elementOf(type)
  const target = targetType(type)
  if (target === 'jsonb') return jsonText(value, type)
  if (element !== null) return arrayOf(value, element)
  if (type === 'BLOB') return `'\\x' || hex(${value})`
  // Years before the first: `0044-03-15 (BC) 10:00:00` is `0044-03-15 10:00:00 BC` to PostgreSQL.
  if (type === 'DATE' || type.startsWith('TIMESTAMP'))
    return `CASE WHEN ${value} < '0001-01-01' AND isfinite(${value}) THEN regexp_replace(CAST(${value} AS VARCHAR), '^(.*) \\(BC\\)(.*)$', '\\1\\2 BC') ELSE CAST(${value} AS VARCHAR) END`
  return value
}

/** What a `jsonb` is made of, as DuckDB writes it. */
export const jsonText = (value: string, type: string): string =>
  /^JSON(\[\])+$/.test(type) ? jsonList(value, type, 0) : `to_json(${value})`

/** The documents as they are: to_json() would round their numbers. */
function jsonList(value: string, type: string, level: number): string {
  const [element, item] = [elementOf(type) ?? type, `x${level}`]
  const text = element === 'JSON' ? `CAST(${item} AS VARCHAR)` : jsonList(item, element, level + 1)
  return `'[' || array_to_string(list_transform(${value}, lambda ${item}: coalesce(${text}, 'null')), ',') || ']'`
}

/** `{"a","b",NULL}`: every element in quotes, which PostgreSQL takes for any type. */
function arrayOf(value: string, element: string): string {
  const text = `CAST(${textOf('x', element)} AS VARCHAR)`
  const quoted = `'"' || replace(replace(${text}, '\\', '\\\\'), '"', '\\"') || '"'`
  return `'{' || array_to_string(list_transform(${value}, lambda x: CASE WHEN x IS NULL THEN 'NULL' ELSE ${quoted} END), ',') || '}'`
}
