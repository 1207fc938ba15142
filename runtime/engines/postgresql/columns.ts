// What columns a SELECT has on the server, by preparing it in a READ ONLY transaction: names and types, nothing is read.
// Reports QUERY_FAILED (facts: sqlstate, position), CONNECTION_FAILED, SOURCE_DIFFERS.

import { RuntimeFailure } from '../../contract/failures.ts'
import { serverFailure } from './failures.ts'
import type { Session } from './session.ts'
import { duckdbType } from './types.ts'

export interface ServerColumn {
  readonly name: string
  /** Of DuckDB. */
  readonly type: string
  /** As format_type() spells it; of a domain what it is a domain of. */
  readonly source_type: string
}

/** Domains are looked through: `$1` types and `$2` their modifiers, `$3` tables and `$4` their columns. */
const TYPES = `WITH RECURSIVE asked AS (
  SELECT ordinality AS i, type, modifier, tab, col
  FROM unnest($1::oid[], $2::int4[], $3::oid[], $4::int2[]) WITH ORDINALITY AS t(type, modifier, tab, col, ordinality)
), base AS (
  SELECT i, type, modifier FROM asked
  UNION ALL
  SELECT b.i, t.typbasetype, CASE WHEN t.typtypmod = -1 THEN b.modifier ELSE t.typtypmod END
  FROM base b JOIN pg_type t ON t.oid = b.type AND t.typtype = 'd'
)
SELECT format_type(b.type, b.modifier) AS type, coalesce(a.attndims, 0)::text AS dimensions
FROM base b
JOIN asked q ON q.i = b.i
JOIN pg_type t ON t.oid = b.type AND t.typtype <> 'd'
LEFT JOIN pg_attribute a ON a.attrelid = q.tab AND a.attnum = q.col AND q.tab <> 0
ORDER BY b.i`

/** `what` begins the message of a failure. Must be called within a transaction. */
export async function serverColumns(session: Session, what: string, sql: string): Promise<readonly ServerColumn[]> {
  const { client, connection } = session
  let fields: readonly Field[]
  try {
    fields = (await client.query({ text: `${sql}\nLIMIT 0`, rowMode: 'array' })).fields
  } catch (error) {
    throw serverFailure(error, connection, what)
  }
  const list = (values: readonly number[]): string => `{${values.join(',')}}`
  const types = await session.rows(what, TYPES, [
    list(fields.map((field) => field.dataTypeID)),
    list(fields.map((field) => field.dataTypeModifier)),
    list(fields.map((field) => field.tableID)),
    list(fields.map((field) => field.columnID)),
  ])
  return fields.map(({ name }, i) => {
    const { type, dimensions } = types[i] ?? {}
    const source_type = type ?? 'text'
    return { name, type: duckdbType(source_type, Number(dimensions ?? 1)), source_type }
  })
}

/** Refuses a source whose columns have other types on the server than `types` says. */
export async function requireTypes(
  session: Session,
  {
    node,
    sql,
    types,
  }: { readonly node: string; readonly sql: string; readonly types: Readonly<Record<string, string>> },
): Promise<void> {
  const found = await serverColumns(session, `Reading ${node}`, sql)
  const now = new Map(found.map((column) => [column.name, column.source_type]))
  const difference = Object.entries(types).flatMap(([name, type]) => {
    const other = now.get(name)
    if (other === type) return []
    return [other === undefined ? `- ${name} ${type}` : `${name} ${type} → ${other}`]
  })
  if (difference.length === 0) return
  throw new RuntimeFailure(
    'SOURCE_DIFFERS',
    `The columns of ${node} are no longer those that it was compiled with: ${difference.join(', ')}`,
    { node, difference },
    { hints: ['Accept them with `seeknal lock --accept`, and run or plan again.'] },
  )
}

interface Field {
  readonly name: string
  readonly dataTypeID: number
  readonly dataTypeModifier: number
  readonly tableID: number
  readonly columnID: number
}
