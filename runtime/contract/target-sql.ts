// A target and the columns of its node → the SQL that writes it, in PostgreSQL's dialect: statements with their roles. The
// compiler writes them into the step's file, which psql runs; the runtime executes the very same ones in one transaction,
// leaving out those that make what is there already, and those of one of two roads where there are two. Only names and types
// of a target are in them, spelled by the dialect: a file that says anything else is no bundle's. Where the engine is the
// database, rows come from the output's table, and none is sent. Pure. Rule: FORMAT.md, "Targets".

import type { Column } from './manifest.ts'
import { pgName, pgPrefixed, pgText } from './postgresql-names.ts'
import { targetType } from './target-types.ts'
import { relationOf, type Target } from './targets.ts'

export type StatementRole =
  /** Makes the staging table, that only this session sees and that goes with the transaction; fills it; looks at it. */
  | 'staging'
  | 'copy'
  | 'analyze'
  /** How long to wait for others, and no row that is hidden from the session. */
  | 'wait'
  | 'visible'
  /** What is left out when it is there: schema, table, a column, the table that remembers batches. */
  | 'schema'
  | 'table'
  | 'column'
  | 'batches'
  /** Only with `recreate`, and only when the table's columns do not fit. */
  | 'drop'
  /** Keeps other writers out, never readers. */
  | 'lock'
  /** Remembers the batch of an `append`; with the parameter `batch`. */
  | 'batch'
  /** Instead of staging and `change`, where nothing could tell them apart: empties the table, and fills it. */
  | 'empty'
  | 'fill'
  /** Instead of every `change`, where an index of the table finds the keys and nothing could tell them apart. */
  | 'merge'
  | 'change'

export interface TargetStatement {
  readonly role: StatementRole
  /** Without a semicolon. */
  readonly sql: string
  /** `column`: which one. */
  readonly column?: string
}

/** The staging table, in the schema of the session's own temporary tables. */
const STAGING = 'pg_temp.seeknal_staging'
/** Remembers which batches an `append` has written, beside the table. */
export const BATCHES = 'seeknal_batches'
/** What stands for the batch, by hand. */
export const BATCH_VARIABLE = ":'batch'"

export interface WrittenTarget {
  /** Id of the node. */
  readonly node: string
  readonly target: Target
  /** Of the node's output, in order. */
  readonly columns: readonly Column[]
  /** What stands before the schema. */
  readonly prefix: string
  /** The output is a table of the same database. Absent: its rows are sent. */
  readonly stored?: StoredRows | undefined
}

export interface StoredRows {
  /** The table, as SQL spells it. */
  readonly table: string
  /** The server's own types of columns, where they are others than targetType() says. */
  readonly types: Readonly<Record<string, string>>
}

/** Where a run sends rows in COPY's binary format. */
export const binaryCopy = (sql: string): string => sql.replace(/\(FORMAT csv\)$/, '(FORMAT binary)')

/** In the order in which they run. */
export function targetStatements(written: WrittenTarget): readonly TargetStatement[] {
  const { target, columns } = written
  const definitions = columns.map((column) => definition(written, column))
  const [schema, table] = [schemaName(written), tableName(written)]
  const names = columns.map(({ name }) => pgName(name)).join(', ')
  const statement = (role: StatementRole, sql: string): TargetStatement => ({ role, sql })
  const sent = [
    statement('staging', `CREATE TEMPORARY TABLE seeknal_staging ${inParentheses(definitions)} ON COMMIT DROP`),
    statement('copy', `COPY ${STAGING} (${names}) FROM STDIN (FORMAT csv)`),
    statement('analyze', `ANALYZE ${STAGING}`),
  ]
  const there = ['append', 'overwrite'].includes(target.mode)
    ? []
    : [statement('analyze', `ANALYZE ${rowsOf(written)}`)]
  return [
    ...(written.stored === undefined ? sent : there),
    statement('wait', "SET LOCAL lock_timeout = '10s'"),
    statement('visible', 'SET LOCAL row_security = off'),
    statement('schema', `CREATE SCHEMA IF NOT EXISTS ${schema}`),
    ...(target.recreate === true ? [statement('drop', `DROP TABLE IF EXISTS ${table}`)] : []),
    ...(target.create_table === false
      ? []
      : [
          statement(
            'table',
            `CREATE TABLE IF NOT EXISTS ${table} ${inParentheses([...definitions, ...uniqueKeys(target)])}`,
          ),
        ]),
    ...columns.map((column) => ({
      role: 'column' as const,
      column: column.name,
      sql: `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${definition(written, column)}`,
    })),
    ...changes(written, table, names),
    // Other steps follow in the same transaction.
    ...(written.stored === undefined ? [] : [statement('visible', 'SET LOCAL row_security = on')]),
  ]
}

/** The server's type of a column. */
export const columnType = ({ stored }: Pick<WrittenTarget, 'stored'>, { name, type }: Column): string =>
  stored !== undefined && Object.hasOwn(stored.types, name) ? (stored.types[name] ?? '') : (targetType(type) ?? '')

const definition = (written: WrittenTarget, column: Column): string =>
  `${pgName(column.name)} ${columnType(written, column)}`

/** Where the rows of the output are. */
const rowsOf = ({ stored }: WrittenTarget): string => stored?.table ?? STAGING

const inParentheses = (lines: readonly string[]): string => `(\n  ${lines.join(',\n  ')}\n)`

const uniqueKeys = ({ unique_keys: keys }: Target): string[] =>
  keys === undefined ? [] : [`UNIQUE (${keys.map(pgName).join(', ')})`]

const schemaName = ({ target, prefix }: WrittenTarget): string => pgPrefixed(target.schema, prefix)

const tableName = (written: WrittenTarget): string => `${schemaName(written)}.${pgName(written.target.table)}`

function changes(written: WrittenTarget, table: string, names: string): readonly TargetStatement[] {
  const { target } = written
  const rows = rowsOf(written)
  const insert = `INSERT INTO ${table} (${names})\nSELECT ${names}\nFROM ${rows}`
  const lock = (mode: string): TargetStatement => ({ role: 'lock', sql: `LOCK TABLE ${table} IN ${mode} MODE` })
  const change = (sql: string): TargetStatement => ({ role: 'change', sql })
  switch (target.mode) {
    case 'overwrite':
      // One statement, at whose end foreign keys of other tables find their rows again.
      return [
        lock('SHARE ROW EXCLUSIVE'),
        ...(written.stored === undefined ? sentDirectly(table, names) : []),
        change(
          `WITH gone AS (\n  DELETE FROM ${table} RETURNING 1\n)\n${insert}\nWHERE (SELECT count(*) FROM gone) IS NOT NULL`,
        ),
      ]
    case 'append':
      // Of the same database the ledger remembers what was appended, in the same transaction.
      return [...(written.stored === undefined ? batchStatements(written) : [lock('ROW EXCLUSIVE')]), change(insert)]
    case 'incremental_by_time': {
      const time = pgName(target.time_column ?? '')
      const range = `${time} >= (SELECT min(${time}) FROM ${rows})\n  AND ${time} <= (SELECT max(${time}) FROM ${rows})`
      return [lock('SHARE ROW EXCLUSIVE'), change(`DELETE FROM ${table}\nWHERE ${range}`), change(insert)]
    }
    case 'upsert_by_key':
      return [
        lock('SHARE ROW EXCLUSIVE'),
        ...(target.null_keys === 'match' ? [] : [{ role: 'merge' as const, sql: merge(written, table, names) }]),
        ...upsert(written, table, names).map(change),
      ]
  }
}

const sentDirectly = (table: string, names: string): readonly TargetStatement[] => [
  { role: 'empty', sql: `DELETE FROM ${table}` },
  { role: 'fill', sql: `COPY ${table} (${names}) FROM STDIN (FORMAT csv)` },
]

function batchStatements(written: WrittenTarget): readonly TargetStatement[] {
  const { target, prefix, node } = written
  const batches = `${schemaName(written)}.${BATCHES}`
  const key = `${prefix}${target.schema}.${target.table}`
  return [
    {
      role: 'batches',
      sql: `CREATE TABLE IF NOT EXISTS ${batches} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  relation text NOT NULL,
  node text NOT NULL,
  batch text NOT NULL,
  rows bigint NOT NULL,
  written_at timestamp with time zone NOT NULL DEFAULT now()
)`,
    },
    // Whoever else appends waits here, so that none adds what another is adding.
    { role: 'lock', sql: `SELECT pg_advisory_xact_lock(hashtextextended(${pgText(key)}, 0))` },
    {
      role: 'batch',
      sql: `INSERT INTO ${batches} (relation, node, batch, rows)\nSELECT ${pgText(target.table)}, ${pgText(node)}, ${BATCH_VARIABLE}, count(*)\nFROM ${STAGING}`,
    },
  ]
}

const columnsBesideKeys = ({ target, columns }: WrittenTarget): readonly Column[] =>
  columns.filter(({ name }) => !target.unique_keys?.includes(name))

/** One look at an index for each row, where the others join the whole table twice. */
function merge(written: WrittenTarget, table: string, names: string): string {
  const others = columnsBesideKeys(written)
  const keys = (written.target.unique_keys ?? []).map(pgName).join(', ')
  const set = others.map(({ name }) => `${pgName(name)} = excluded.${pgName(name)}`).join(',\n  ')
  const action =
    others.length === 0 ? 'NOTHING' : `UPDATE SET\n  ${set}${changed(written, others, 'WHERE', 'excluded')}`
  return `INSERT INTO ${table} AS target (${names})\nSELECT ${names}\nFROM ${rowsOf(written)}\nON CONFLICT (${keys}) DO ${action}`
}

/** NULL keys are matched apart: no join finds them by hash. */
function upsert(written: WrittenTarget, table: string, names: string): readonly string[] {
  const { target, columns } = written
  const keys = (target.unique_keys ?? []).map(pgName)
  const others = columnsBesideKeys(written)
  const matches = target.null_keys === 'match' ? [equal(keys), bothNull(keys)] : [equal(keys)]
  const set = others.map(({ name }) => `${pgName(name)} = new.${pgName(name)}`).join(',\n  ')
  const updates =
    others.length === 0
      ? []
      : matches.map(
          (match) =>
            `UPDATE ${table} AS target SET\n  ${set}\nFROM ${rowsOf(written)} AS new\nWHERE ${match}${changed(written, others, 'AND', 'new')}`,
        )
  const missing = matches.map((match) => `NOT EXISTS (SELECT FROM ${table} AS target WHERE ${match})`)
  const own = columns.map(({ name }) => `new.${pgName(name)}`).join(', ')
  return [
    ...updates,
    `INSERT INTO ${table} (${names})\nSELECT ${own}\nFROM ${rowsOf(written)} AS new\nWHERE ${missing.join('\n  AND ')}`,
  ]
}

const equal = (keys: readonly string[]): string => keys.map((key) => `target.${key} = new.${key}`).join(' AND ')

const bothNull = (keys: readonly string[]): string => {
  const hasNull = (row: string): string => `(${keys.map((key) => `${row}.${key} IS NULL`).join(' OR ')})`
  const same = keys.map((key) => `target.${key} IS NOT DISTINCT FROM new.${key}`).join(' AND ')
  return `${hasNull('target')} AND ${hasNull('new')} AND ${same}`
}

/** Types that are known to have an equality. */
const COMPARED =
  /^(bigint|boolean|bytea|character( varying)?(\(\d+\))?|date|double precision|integer|interval|jsonb|numeric(\(.*\))?|real|smallint|text|time(stamp)?(\(\d\))? with(out)? time zone|uuid)(\[\])?$/

/** Rows that are as they should be are left alone, where all their types can be compared. */
function changed(
  written: WrittenTarget,
  others: readonly Column[],
  word: 'AND' | 'WHERE',
  made: 'new' | 'excluded',
): string {
  if (others.some((column) => !COMPARED.test(columnType(written, column)))) return ''
  const row = (of: string): string => `(${others.map(({ name }) => `${of}.${pgName(name)}`).join(', ')})`
  return `\n${word === 'AND' ? '  AND' : word} ${row('target')} IS DISTINCT FROM ${row(made)}`
}

const ROLE_COMMENTS: Partial<Readonly<Record<StatementRole, string>>> = {
  schema: 'If it is missing:',
  table: 'If it is missing:',
  batches: 'If it is missing:',
  column: 'Columns that an older table lacks:',
  drop: 'If its columns do not fit, instead of adding any:',
  merge: 'Where it comes to the same, a run does this, without the statements below:',
  empty: 'Where it comes to the same, a run does this, without the staging table and the statement below:',
}

/** What a run decides to do, by looking at the table. */
const ONLY_RUNS: readonly StatementRole[] = ['drop', 'empty', 'fill', 'merge']

/**
 * The step's file: `psql -v ON_ERROR_STOP=1 -f FILE < rows.csv`. What a run decides by looking at the table stands in a
 * comment.
 */
export function targetText(written: WrittenTarget): string {
  const { node, target, prefix } = written
  const statements = targetStatements(written)
  const rows = statements.map(({ role, sql }, i) => {
    const comment = role === statements[i - 1]?.role ? undefined : ROLE_COMMENTS[role]
    const lead = comment === undefined ? '' : `-- ${comment}\n`
    if (role === 'copy') return `\\copy ${sql.slice('COPY '.length).replace('FROM STDIN', 'FROM pstdin')}\n`
    if (ONLY_RUNS.includes(role)) return `${lead}-- ${sql.replace(/\r\n?|\n/g, '$&-- ')};\n`
    return `${lead}${sql};\n`
  })
  return `-- ${oneLine(node)} to ${oneLine(relationOf(target, prefix))} on connection ${oneLine(target.connection)}: ${target.mode}.
${target.mode === 'append' && written.stored === undefined ? "-- By hand, 'batch' says which rows these are: psql -v batch=2026-03-01.\n" : ''}${written.stored === undefined ? `BEGIN;\n${rows.join('')}COMMIT;\n` : rows.join('')}`
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ')
