// A person's statement → what is sent for it: one that only reads, by PostgreSQL's own parser, with the names of outputs
// (`transform.orders`, `transform_orders`) led to the relations that hold them. The server is asked within a READ ONLY
// transaction besides; refused here is what that does not know of. Pure. Reports STATEMENT_REFUSED, QUERY_FAILED.

import { RuntimeFailure } from '../../contract/failures.ts'
import { pgName } from '../../contract/postgresql-names.ts'
import { treeOf } from './parse-tree.ts'
import { readingStatement } from './read-only.ts'
import { type SchemaUse, schemaUses } from './relations.ts'
import { utf16At } from './utf16.ts'

/** Lower-case `transform.orders` and `transform_orders` → the relation, as SQL spells it. */
export type RelationNames = ReadonlyMap<string, string>

export async function queryText(sql: string, names: RelationNames): Promise<string> {
  const reading = await readingStatement(sql)
  if (reading.kind === 'syntax') throw notUnderstood(sql, reading)
  if (reading.kind === 'other') throw refused(sql, reading.message.replace('; a source only reads.', '.'))
  const call = forbiddenCall(reading.tree)
  if (call !== null) throw refused(sql, `${call}() does more than read.`)
  return placed(sql, reading.tree, names)
}

function notUnderstood(sql: string, { message, offset }: { readonly message: string; readonly offset: number }) {
  const before = sql.slice(0, offset).split('\n')
  const place = `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`
  const hints = OTHER_DIALECT.test(sql)
    ? ['The engine is PostgreSQL: queries are in its SQL; `.tables` and `.schema T` say what there is in a session.']
    : []
  return new RuntimeFailure(
    'QUERY_FAILED',
    `${message.replace(/\.$/, '')} (${place}).`,
    { position: offset + 1 },
    { hints },
  )
}

/** What DuckDB would answer. */
const OTHER_DIALECT = /^\s*(from|describe|desc|summarize|show\s+(all\s+)?tables|pivot|unpivot|set\s+variable)\b/i

function refused(sql: string, why: string): RuntimeFailure {
  const shown = sql.trim().split(/\s+/).slice(0, 2).join(' ').slice(0, 60)
  return new RuntimeFailure(
    'STATEMENT_REFUSED',
    `The REPL only reads: '${shown}' is refused. ${why}`,
    { statement: shown },
    { hints: ['Allowed are queries, EXPLAIN of them, and SHOW.'] },
  )
}

/** Functions with effects beyond the transaction, and those that run a text of SQL which nobody has looked at. */
const FORBIDDEN =
  /^(dblink.*|lo_.*|set_config|setseed|pg_(try_)?advisory_.*|pg_(cancel|terminate)_backend|pg_(read|ls|file)_.*|pg_stat_file|pg_notify|pg_logical_.*|pg_replication_.*|pg_(create|drop|copy)_.*|pg_(promote|reload_conf|rotate_logfile|switch_wal|prewarm|export_snapshot|import_system_collations|log_.*|stat_reset.*|wal_replay_.*|backup_.*)|(query|cursor)_to_xml.*|ts_stat|ts_rewrite|crosstab.*|connectby)$/

/** The first call of such a function. */
function forbiddenCall(node: unknown): string | null {
  if (Array.isArray(node)) {
    for (const item of node) {
      const found = forbiddenCall(item)
      if (found !== null) return found
    }
    return null
  }
  if (node === null || typeof node !== 'object') return null
  for (const [key, value] of Object.entries(node)) {
    const name = key === 'FuncCall' ? lastNameOf(treeOf(value).funcname) : ''
    if (FORBIDDEN.test(name)) return name
    const found = forbiddenCall(value)
    if (found !== null) return found
  }
  return null
}

function lastNameOf(names: unknown): string {
  const { sval } = treeOf(treeOf(Array.isArray(names) ? names.at(-1) : null).String)
  return typeof sval === 'string' ? sval.toLowerCase() : ''
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

function placed(sql: string, tree: unknown, names: RelationNames): string {
  const aliased = new Set<number>()
  collectAliased(tree, utf16At(sql), aliased)
  const edits = schemaUses(sql, tree).flatMap((use) => editOf(sql, use, names, aliased) ?? [])
  let [text, at] = ['', 0]
  for (const { start, end, text: other } of edits) {
    text += sql.slice(at, start) + other
    at = end
  }
  return text + sql.slice(at)
}

function editOf(sql: string, use: SchemaUse, names: RelationNames, aliased: ReadonlySet<number>): Edit | null {
  const { what, schema, name, start } = use
  const relation = names.get((schema === null ? name : `${schema}.${name}`).toLowerCase())
  if (relation === undefined) return null
  const dot = start + matched(QUALIFIER, sql, start)
  // A column is found by the name alone, which the relation goes by.
  if (what === 'column') return { start, end: dot, text: '' }
  if (what !== 'relation') return null
  const end = (schema === null ? start : dot) + matched(IDENTIFIER, sql, schema === null ? start : dot)
  const isPlain = aliased.has(start) || TABLE_BEFORE.test(sql.slice(0, start))
  return { start, end, text: isPlain ? relation : `${relation} AS ${pgName(name)}` }
}

const GAP = '(?:\\s|--[^\\n]*\\n|\\/\\*[\\s\\S]*?\\*\\/)*'
const NAME = '(?:(?:[uU]&)?"(?:[^"]|"")*"|[\\w$\\u0080-\\uffff]+)'
const IDENTIFIER = new RegExp(NAME, 'y')
const QUALIFIER = new RegExp(`${NAME}${GAP}\\.${GAP}`, 'y')
/** `TABLE name` takes no alias. */
const TABLE_BEFORE = new RegExp(`\\btable${GAP}$`, 'i')

function matched(pattern: RegExp, sql: string, at: number): number {
  pattern.lastIndex = at
  return pattern.exec(sql)?.[0].length ?? 0
}

/** Where relations begin that have an alias of their own. */
function collectAliased(node: unknown, at: (byte: number) => number, found: Set<number>): void {
  if (Array.isArray(node)) for (const item of node) collectAliased(item, at, found)
  if (node === null || typeof node !== 'object') return
  const tree = treeOf(node)
  if (typeof tree.relname === 'string' && tree.alias !== undefined)
    found.add(at(typeof tree.location === 'number' ? tree.location : 0))
  for (const value of Object.values(tree)) collectAliased(value, at, found)
}
