// PostgreSQL's types, as format_type() spells them → the type of DuckDB that holds every value of them, or VARCHAR: the
// server's own text. Pure. Rule: FORMAT.md, "Sources in databases".

const PLAIN: Readonly<Record<string, string>> = {
  bigint: 'BIGINT',
  boolean: 'BOOLEAN',
  bytea: 'BLOB',
  date: 'DATE',
  'double precision': 'DOUBLE',
  integer: 'INTEGER',
  json: 'JSON',
  jsonb: 'JSON',
  oid: 'BIGINT',
  real: 'FLOAT',
  smallint: 'SMALLINT',
  'time without time zone': 'TIME',
  'timestamp with time zone': 'TIMESTAMP WITH TIME ZONE',
  'timestamp without time zone': 'TIMESTAMP',
  uuid: 'UUID',
}

const MOST_DIGITS = 38

/** A time's number of digits changes nothing: DuckDB keeps all six. */
const withoutPrecision = (type: string): string => type.replace(/^(time|timestamp)\(\d\)/, '$1')

/** `dimensions`: of an array, as its table declares them. */
export function duckdbType(type: string, dimensions = 1): string {
  if (type.endsWith('[]')) {
    const element = elementType(type.slice(0, -2))
    return element + '[]'.repeat(Math.max(1, dimensions))
  }
  const numeric = /^numeric\((\d+),(-?\d+)\)$/.exec(type)
  if (numeric !== null) return decimal(Number(numeric[1]), Number(numeric[2]))
  return PLAIN[withoutPrecision(type)] ?? 'VARCHAR'
}

/** Inside an array the texts of these are not DuckDB's. */
function elementType(type: string): string {
  const found = duckdbType(type)
  return found === 'BLOB' ? 'VARCHAR' : found
}

/** A scale below zero rounds to tens, one above the precision is all behind the point. */
function decimal(precision: number, scale: number): string {
  const digits = scale < 0 ? precision - scale : Math.max(precision, scale)
  return digits > MOST_DIGITS ? 'VARCHAR' : `DECIMAL(${digits},${Math.max(0, scale)})`
}
