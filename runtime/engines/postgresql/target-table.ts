// What the server says of a target's table, and whether an output fits it: added columns may be added, everything else is
// an error that says what to do. Only reads.

import { RuntimeFailure } from '../../contract/failures.ts'
import { BATCHES, type WrittenTarget } from '../../contract/target-sql.ts'
import { targetType } from '../../contract/target-types.ts'
import { relationOf } from '../../contract/targets.ts'
import type { Session } from './session.ts'

interface TableColumn {
  readonly name: string
  readonly type: string
  /** Of a domain: the type that it stands on. */
  readonly base: string
  readonly fills: boolean
  readonly notNull: boolean
  /** Refuses values by INSERT, and takes them by COPY. */
  readonly identity: boolean
}

export interface FoundTable {
  readonly hasSchema: boolean
  readonly hasBatches: boolean
  /** Null: there is none. */
  readonly columns: readonly TableColumn[] | null
  /** What depends on its rows: other tables whose rows would go or change with them. */
  readonly takenAlong: readonly string[]
  /** Nothing looks at its rows or changes them as they come and go, and none waits for others. So is a new table. */
  readonly plain: boolean
  /** Its only unique index is one of the keys, and nothing hears of a row before it is known to be there or not. */
  readonly keyed: boolean
}

const KINDS: Readonly<Record<string, string>> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
  i: 'an index',
  S: 'a sequence',
  c: 'a type',
}

/** Throws TARGET_FAILED when what has the name is no table. */
export async function findTable(session: Session, what: string, written: WrittenTarget): Promise<FoundTable> {
  const { target, prefix } = written
  const schema = `${prefix}${target.schema}`
  const relations = await session.rows(
    what,
    `SELECT n.oid AS schema, c.oid AS relation, c.relname AS name, c.relkind AS kind
     FROM pg_catalog.pg_namespace n
     LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname IN ($2, $3)
     WHERE n.nspname = $1`,
    [schema, target.table, BATCHES],
  )
  const table = relations.find(({ name }) => name === target.table)
  const found = { hasSchema: relations.length > 0, hasBatches: relations.some(({ name }) => name === BATCHES) }
  if (table === undefined) return { ...found, columns: null, takenAlong: [], plain: true, keyed: false }
  if (table.kind !== 'r' && table.kind !== 'p')
    throw new RuntimeFailure(
      'TARGET_FAILED',
      `${relationOf(target, prefix)} is ${KINDS[table.kind ?? ''] ?? 'something else'}, not a table`,
      {
        relation: relationOf(target, prefix),
      },
    )
  const relation = table.relation ?? ''
  const taken = await session.rows(
    what,
    `SELECT conname || ' of ' || conrelid::regclass::text AS name FROM pg_catalog.pg_constraint
     WHERE contype = 'f' AND confrelid = $1::oid AND confdeltype IN ('c', 'n', 'd', 'r') ORDER BY 1`,
    [relation],
  )
  return {
    ...found,
    columns: await columnsOf(session, what, relation),
    takenAlong: taken.map(({ name }) => name ?? ''),
    plain: await isPlain(session, what, relation),
    keyed: target.unique_keys !== undefined && (await isKeyed(session, what, relation, target.unique_keys)),
  }
}

async function columnsOf(session: Session, what: string, relation: string): Promise<readonly TableColumn[]> {
  const columns = await session.rows(
    what,
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE format_type(a.atttypid, a.atttypmod) END AS base,
       a.atthasdef OR a.attidentity <> '' AS fills, a.attnotnull AS not_null,
       a.attidentity <> '' AS identity
     FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
     WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [relation],
  )
  return columns.map(({ name, type, base, fills, not_null, identity }) => ({
    name: name ?? '',
    type: type ?? '',
    base: base ?? '',
    fills: fills === 't',
    notNull: not_null === 't',
    identity: identity === 't',
  }))
}

/**
 * Rules do not hear of COPY; triggers and foreign keys of other tables would see the table empty in between; the table's own
 * foreign keys may wait for others once rows are on their way; parts of a table may have all of these for themselves.
 */
async function isPlain(session: Session, what: string, relation: string): Promise<boolean> {
  const [row] = await session.rows(
    what,
    `SELECT c.relkind = 'r' AND NOT (c.relhasrules OR c.relrowsecurity OR c.relhassubclass OR c.relispartition)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint f WHERE f.contype = 'f' AND c.oid IN (f.conrelid, f.confrelid)) AS plain
     FROM pg_catalog.pg_class c WHERE c.oid = $1::oid`,
    [relation],
  )
  return row?.plain === 't'
}

/** Where INSERT … ON CONFLICT comes to the same as an UPDATE and an INSERT of what is missing. */
async function isKeyed(session: Session, what: string, relation: string, keys: readonly string[]): Promise<boolean> {
  const [row] = await session.rows(
    what,
    `SELECT c.relkind = 'r' AND NOT (c.relhasrules OR c.relhassubclass OR c.relispartition)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
       AND (SELECT count(*) FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)) = 1
       AND EXISTS (
         SELECT FROM pg_catalog.pg_index i
         WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
           AND ARRAY(SELECT k.value COLLATE "C" FROM json_array_elements_text($2::json) k ORDER BY 1)
             = ARRAY(SELECT a.attname::text COLLATE "C" FROM pg_catalog.pg_attribute a
                     WHERE a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:coalesce((to_jsonb(i)->>'indnkeyatts')::int, i.indnatts) - 1]) ORDER BY 1)
       ) AS keyed
     FROM pg_catalog.pg_class c WHERE c.oid = $1::oid`,
    [relation, JSON.stringify(keys)],
  )
  return row?.keyed === 't'
}

export interface Fit {
  /** Columns that the table lacks. */
  readonly missing: readonly string[]
  /** The table must be made anew, as `recreate` asks. */
  readonly recreate: boolean
}

/** Throws TARGET_FAILED (facts: relation, differences). */
export function fitTable({ target, columns, prefix }: WrittenTarget, found: FoundTable): Fit {
  const relation = relationOf(target, prefix)
  if (found.columns === null) {
    if (target.create_table !== false) return { missing: [], recreate: false }
    throw new RuntimeFailure(
      'TARGET_FAILED',
      `there is no table ${relation}`,
      { relation },
      {
        hints: ["Make it, or leave out 'create_table: false'."],
      },
    )
  }
  const present = new Map(found.columns.map((column) => [column.name, column]))
  const own = new Map(columns.map(({ name, type }) => [name, targetType(type) ?? '']))
  const differences = [
    ...[...own].flatMap(([name, type]) => {
      const column = present.get(name)
      return column === undefined || holds(column.base, type)
        ? []
        : [`${name} is ${column.type} there and ${type} here`]
    }),
    ...found.columns
      .filter(({ name, fills }) => !own.has(name) && !fills)
      .map(({ name, type }) => `${name} ${type} is there and no longer here`),
  ]
  const missing = [...own.keys()].filter((name) => !present.has(name))
  if (differences.length === 0) {
    const taken = ['overwrite', 'incremental_by_time'].includes(target.mode) ? found.takenAlong : []
    if (taken.length > 0) throw takenAlong(relation, taken)
    return { missing, recreate: false }
  }
  if (target.recreate === true) return { missing: [], recreate: true }
  throw new RuntimeFailure(
    'TARGET_FAILED',
    `the columns of ${relation} are others: ${differences.join('; ')}`,
    { relation, differences },
    {
      hints: [
        'Change the table by hand, or the query so that it gives these columns with these types.',
        ...(target.mode === 'overwrite' ? ["Or let it be made anew: 'recreate: true'."] : []),
      ],
    },
  )
}

/**
 * Whether rows that go straight to the table give what those of a staging table give. Where a value would be cast on the way,
 * or readers would wait for all rows since the table's columns change, they do not.
 */
export function isDirect({ target, columns }: WrittenTarget, found: FoundTable, fit: Fit): boolean {
  if (target.mode !== 'overwrite' || !found.plain || fit.recreate || fit.missing.length > 0) return false
  if (found.columns === null) return true
  const present = new Map(found.columns.map((column) => [column.name, column]))
  return columns.every(({ name, type }) => {
    const column = present.get(name)
    return column?.type === targetType(type) && !column?.identity
  })
}

const takenAlong = (relation: string, names: readonly string[]): RuntimeFailure =>
  new RuntimeFailure(
    'TARGET_FAILED',
    `replacing rows of ${relation} would delete or change rows of other tables: ${names.join(', ')}`,
    { relation, constraints: names },
    { hints: ["Use mode 'upsert_by_key', which deletes nothing, or a foreign key with ON DELETE NO ACTION."] },
  )

/** Whether every value of `type` is one of a column, or is refused by the server: nothing is rounded or cut off. */
export function holds(column: string, type: string): boolean {
  if (column === type) return true
  if (type === 'text') return /^character varying(\(\d+\))?$/.test(column)
  if (type === 'text[]') return column === 'character varying[]'
  if (type === 'json' || type === 'jsonb') return column === 'json' || column === 'jsonb'
  if (type === 'real') return column === 'double precision'
  if (WHOLE.includes(type))
    return (
      (WHOLE.includes(column) && WHOLE.indexOf(column) > WHOLE.indexOf(type)) || /^numeric(\(\d+,\d+\))?$/.test(column)
    )
  const [own, other] = [scaleOf(type), scaleOf(column)]
  return own !== null && other !== null && other >= own
}

const WHOLE: readonly string[] = ['smallint', 'integer', 'bigint']

/** Digits after the point; a numeric without any limit has as many as one likes. */
function scaleOf(type: string): number | null {
  if (type === 'numeric') return Number.POSITIVE_INFINITY
  const found = /^numeric\(\d+,(\d+)\)$/.exec(type)
  return found === null ? null : Number(found[1])
}
