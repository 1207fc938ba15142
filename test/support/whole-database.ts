// Everything in a database, as text that two databases, or two moments of one, are compared by: schemas, tables with their rows,
// views, indexes, functions, grants, comments and owners, and the ledger. Left out is what is another with each run: the
// members in RUN, names of roles and databases, and the digits in names of stored tables, which are numbered instead.

import { inSession } from './kept-sessions.ts'
import type { TestDatabase } from './postgres.ts'
import { rowsIn } from './target-project.ts'

/** Members of documents, and columns, that time or the run decides, and digests of documents that hold them. */
const RUN: ReadonlySet<string> = new Set([
  'applied_at',
  'at',
  'checked_at',
  'created_at',
  'duration_ms',
  'ended_at',
  'executed_at',
  'host',
  'last_used_at',
  'parent_record',
  'pid',
  'place',
  'run_id',
  'run_state_digest',
  'run_timestamp',
  'started_at',
  'written_at',
])

export interface Comparison {
  /** More members that are left out, where the two are told to differ. */
  readonly without?: readonly string[]
  /** Tables of the ledger that are left out. */
  readonly ledgerWithout?: readonly string[]
  /** Put in the place of texts. */
  readonly replaced?: readonly (readonly [RegExp, string])[]
}

const OBJECTS: Readonly<Record<string, string>> = {
  schemas: `SELECT n.nspname, pg_get_userbyid(n.nspowner), n.nspacl::text, obj_description(n.oid, 'pg_namespace') FROM pg_namespace n
    WHERE n.nspname !~ '^pg_|^information_schema$' ORDER BY 1`,
  relations: `SELECT n.nspname, c.relname, c.relkind::text, pg_get_userbyid(c.relowner), c.relacl::text, c.reloptions::text, c.relpersistence::text,
      c.relispopulated::text, obj_description(c.oid, 'pg_class'), CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_|^information_schema$' AND c.relkind NOT IN ('i', 't') ORDER BY 1, 2`,
  columns: `SELECT n.nspname, c.relname, a.attnum::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text, a.attacl::text,
      col_description(c.oid, a.attnum), pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE n.nspname !~ '^pg_|^information_schema$' AND c.relkind NOT IN ('i', 't') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2, a.attnum`,
  indexes: `SELECT schemaname, tablename, indexdef FROM pg_indexes WHERE schemaname !~ '^pg_' ORDER BY 1, 2, 3`,
  constraints: `SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace::regnamespace::text !~ '^pg_|^information_schema$' ORDER BY 1, 2`,
  functions: `SELECT p.oid::regprocedure::text, pg_get_userbyid(p.proowner), p.proacl::text, obj_description(p.oid, 'pg_proc'), pg_get_functiondef(p.oid)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname !~ '^pg_|^information_schema$' AND p.prokind <> 'a' ORDER BY 1`,
  'large objects': 'SELECT oid::text FROM pg_largeobject_metadata ORDER BY 1',
  'advisory locks':
    "SELECT l.mode FROM pg_locks l WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
}

/** A line an object and a row; equal where two databases are the same. */
export async function wholeDatabase(database: TestDatabase, comparison: Comparison = {}): Promise<string[]> {
  return inSession(database, (client) =>
    linesOf({ database: database.database, sql: async (sql) => (await client.query(sql)).rows }, comparison),
  )
}

type Read = Pick<TestDatabase, 'database' | 'sql'>

async function linesOf(database: Read, comparison: Comparison): Promise<string[]> {
  const named = await storedNames(database)
  const plain = (text: string): string => {
    const own = text
      .replaceAll(/__[0-9a-f]{16}\b/g, (name) => named.get(name) ?? '__?')
      .replaceAll(database.database, 'OWN')
    return (comparison.replaced ?? []).reduce((all, [from, to]) => all.replaceAll(from, to), own)
  }
  const lines: string[] = []
  for (const [what, sql] of Object.entries(OBJECTS))
    for (const row of await rowsIn(database, sql)) lines.push(plain(`${what}: ${JSON.stringify(row)}`))
  const tables = await rowsIn(
    database,
    `SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname !~ '^pg_|^information_schema$' AND c.relkind IN ('r', 'p', 'v', 'm') ORDER BY 1, 2`,
  )
  const isLeftOut = (schema: string | null, name: string | null): boolean =>
    schema === 'seeknal' && (comparison.ledgerWithout ?? []).includes(name ?? '')
  const read = tables.filter(([schema, name]) => !isLeftOut(schema ?? '', name ?? ''))
  const rows = await rowsOf(database, read)
  for (const [i, [schema, name]] of read.entries()) {
    const hide = schema === 'seeknal' ? new Set([...RUN, ...(comparison.without ?? [])]) : new Set<string>()
    const texts = (rows.get(i) ?? []).map((row) =>
      plain(`${schema}.${name}: ${JSON.stringify(shown(JSON.parse(row), hide, named))}`),
    )
    lines.push(...texts.sort())
  }
  return lines
}

/** The rows of all tables, by the number of the table, in one query. */
async function rowsOf(database: Read, tables: readonly (readonly (string | null)[])[]): Promise<Map<number, string[]>> {
  const parts = tables.map(([schema, name], i) => {
    // What was rolled back leaves a gap in what counts them.
    const row =
      name === 'switches' ? "to_jsonb(t) || jsonb_build_object('id', row_number() OVER (ORDER BY t.id))" : 'to_jsonb(t)'
    return `SELECT ${i} AS number, (${row})::text AS row FROM "${schema}"."${name}" t`
  })
  const found = new Map<number, string[]>(tables.map((_, i) => [i, []]))
  if (parts.length > 0)
    for (const { number, row } of await database.sql(parts.join(' UNION ALL ')))
      found.get(Number(number))?.push(String(row))
  return found
}

/** Digits in the names of stored tables, in the order in which the ledger came to know them → a number. */
async function storedNames(database: Read): Promise<ReadonlyMap<string, string>> {
  const there = await rowsIn(database, "SELECT to_regclass('seeknal.environments')::text")
  if (there[0]?.[0] == null) return new Map()
  const known = await rowsIn(
    database,
    `SELECT v.value->>'query' FROM (
       SELECT 0 AS turn, number::text AS name, views FROM seeknal.generations UNION ALL SELECT 1, name, views FROM seeknal.environments
     ) AS l, jsonb_array_elements(l.views) WITH ORDINALITY v ORDER BY l.turn, l.name, v.ordinality`,
  )
  const names = new Map<string, string>()
  for (const [query] of known)
    for (const name of query?.match(/__[0-9a-f]{16}\b/g) ?? [])
      if (!names.has(name)) names.set(name, `__${names.size + 1}`)
  return names
}

/** Texts of documents as data, without what is left out; digests that name stored tables as these do. */
function shown(value: unknown, hide: ReadonlySet<string>, names: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') {
    if (/^[0-9a-f]{64}$/.test(value)) return names.get(`__${value.slice(0, 16)}`) ?? value
    const document = hide.size > 0 && /^[[{]/.test(value) ? parsed(value) : undefined
    return document === undefined ? value : shown(document, hide, names)
  }
  if (Array.isArray(value)) return value.map((item) => shown(item, hide, names))
  if (value === null || typeof value !== 'object') return value
  const members = Object.entries(value).flatMap(([key, member]): [string, unknown][] => {
    // The digest of a document in the record of a generation, not the document.
    const isDigest = key === 'run_state' && typeof member === 'string' && /^[0-9a-f]{64}$/.test(member)
    return hide.has(isDigest ? 'run_state_digest' : key) ? [] : [[key, shown(member, hide, names)]]
  })
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Where lines that only one of two has begin to differ from the nearest of the other, for a message. */
export function differences(a: readonly string[], b: readonly string[]): string {
  const [inA, inB] = [new Set(a), new Set(b)]
  const [onlyA, onlyB] = [a.filter((line) => !inB.has(line)), b.filter((line) => !inA.has(line))]
  const said = (side: string, lines: readonly string[], others: readonly string[]) =>
    lines.map((line) => {
      const at = Math.max(0, ...others.map((other) => commonStart(line, other)))
      return `${side} ${line.slice(0, 60)} … ${line.slice(Math.max(0, at - 60), at + 200)}`
    })
  return [...said('-', onlyA, onlyB), ...said('+', onlyB, onlyA)].join('\n')
}

function commonStart(a: string, b: string): number {
  let at = 0
  while (at < a.length && a[at] === b[at]) at += 1
  return at
}
