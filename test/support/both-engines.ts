// One query on both engines: as it is on DuckDB, translated on a real PostgreSQL whose collation is no byte order. The
// tables hold what breaks translations: NULLs, negative and huge numbers, NaN, infinities, empty texts, other scripts,
// duplicates, dates before 1970.

import pg from 'pg'
import { postgresqlType, quotePath, textLiteral } from '../../compiler/dialect/postgresql.ts'
import type { Relation } from '../../compiler/ports.ts'
import { type Translation, translateQueries } from '../../compiler/sql/translate.ts'
import { clockStatements } from '../../runtime/contract/clock.ts'
import { SESSION_SETTINGS } from '../../runtime/contract/extract.ts'
import type { Column } from '../../runtime/contract/manifest.ts'
import { checkQueries } from '../../runtime/engines/postgresql/read-only.ts'
import { analysisEngine } from './analysis.ts'
import { Session } from './duckdb.ts'
import { postgresServer } from './postgres.ts'

/** A table: columns with DuckDB's types, and rows of texts that both engines read; null is NULL. */
export interface Table {
  readonly name: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly (string | null)[])[]
}

export const RUN_TIMESTAMP = '2024-02-29 13:14:15.5+00'
const VARIABLES: Readonly<Record<string, string>> = { run_date: '2024-02-29', run_id: 'a', n: '2' }

export type Outcome =
  | { readonly kind: 'same'; readonly rows: number; readonly sql: string }
  | { readonly kind: 'refused'; readonly translation: Extract<Translation, { kind: 'refused' }> }
  /** Both stop, as the query divides a text or the like. */
  | { readonly kind: 'both fail'; readonly sql: string; readonly duckdb: string; readonly postgresql: string }
  /** Only one stops, as the other does not compute what it needs not, or has a wider type for what is in between. */
  | { readonly kind: 'one stops'; readonly sql: string; readonly message: string }
  | { readonly kind: 'different'; readonly sql: string; readonly message: string }

/** An outcome in words, for a failing test. */
export function explained(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'same':
      return `${outcome.rows} rows`
    case 'refused':
      return `refused: ${outcome.translation.findings.map((each) => `${each.start} ${each.construct}: ${each.message}`).join(' | ')}`
    case 'both fail':
      return `DuckDB: ${outcome.duckdb}, PostgreSQL: ${outcome.postgresql}`
    case 'one stops':
    case 'different':
      return `${outcome.message}\n${outcome.sql}`
  }
}

export class BothEngines {
  readonly relations: readonly Relation[]
  readonly #duckdb: Session
  readonly #postgresql: pg.Client

  private constructor(relations: readonly Relation[], duckdb: Session, postgresql: pg.Client) {
    this.relations = relations
    this.#duckdb = duckdb
    this.#postgresql = postgresql
  }

  static async open(tables: readonly Table[], collation = 'en-US'): Promise<BothEngines> {
    const duckdb = await Session.open()
    const values = Object.entries(VARIABLES).map(([name, value]) => `SET VARIABLE ${name} = '${value}';`)
    await duckdb.script(
      `CREATE SCHEMA source; SET TimeZone = 'UTC'; SET VARIABLE run_timestamp = TIMESTAMPTZ '${RUN_TIMESTAMP}'; ${values.join(' ')} ${clockStatements("getvariable('run_timestamp')").join('; ')}`,
    )
    const postgresql = await client(collation)
    try {
      await postgresql.query('CREATE SCHEMA source')
      for (const table of tables) {
        await duckdb.script(`${created(table, (type) => type)}; ${filled(table, (type) => type)}`)
        await postgresql.query(created(table, (type) => postgresqlType(type) ?? type))
        await postgresql.query(filled(table, (type) => postgresqlType(type) ?? type))
      }
    } catch (error) {
      // An open connection would keep the process alive.
      await postgresql.end()
      throw error
    }
    const relations = tables.map(({ name, columns }) => ({ schema: 'source', name, columns }))
    return new BothEngines(relations, duckdb, postgresql)
  }

  async close(): Promise<void> {
    await this.#postgresql.end()
  }

  /** Whether DuckDB knows the columns of a query. */
  async binds(sql: string): Promise<boolean> {
    const engine = await analysisEngine()
    const [described] = await engine.describe([{ statements: [sql], relations: this.relations }])
    return described?.kind === 'columns'
  }

  async columns(sql: string): Promise<readonly Column[]> {
    const engine = await analysisEngine()
    const [described] = await engine.describe([{ statements: [sql], relations: this.relations }])
    if (described?.kind !== 'columns') throw new Error(`DuckDB does not bind ${sql}: ${JSON.stringify(described)}`)
    return described.columns
  }

  async translate(sql: string, columns: readonly Column[]): Promise<Translation> {
    const meanings = {
      relation: ({ schema, name }: Relation) => quotePath(schema, name),
      runTimestamp: `timestamptz '${RUN_TIMESTAMP}'`,
      variable: (name: string) => (name in VARIABLES ? `text ${textLiteral(VARIABLES[name] ?? '')}` : null),
    }
    const request = { sql, relations: this.relations, columns, meanings }
    const [translation] = await translateQueries([request], { engine: await analysisEngine(), checkQueries })
    if (translation === undefined) throw new Error(sql)
    return translation
  }

  /** Whether a text gives the same rows on both as it stands. */
  async compareAsItIs(sql: string): Promise<Outcome> {
    const columns = await this.columns(sql)
    return outcomeOf(sql, await this.#onDuckdb(sql, columns), await this.#onPostgresql(sql, columns), columns)
  }

  /** Rows of PostgreSQL as texts, sorted; or why there are none. `columns` are named as they are written in SQL. */
  async rowsOf(sql: string, columns: readonly string[]): Promise<string> {
    const list = columns.map((name) => `CAST(q."${name}" AS text)`).join(', ')
    try {
      const { rows } = await this.#postgresql.query(`SELECT CAST(ROW(${list}) AS text) AS row FROM (\n${sql}\n) AS q`)
      return rows
        .map(({ row }: { readonly row: string }) => row)
        .sort()
        .join('\n')
    } catch (error) {
      return String(error)
    }
  }

  /** Whether a query gives the same columns, types and rows. */
  async compare(sql: string): Promise<Outcome> {
    const columns = await this.columns(sql)
    const translation = await this.translate(sql, columns)
    if (translation.kind === 'refused') return { kind: 'refused', translation }
    const wrongTypes = await this.#wrongTypes(translation.sql, columns)
    if (wrongTypes !== null) return { kind: 'different', sql: translation.sql, message: wrongTypes }
    const [theirs, ours] = [await this.#onPostgresql(translation.sql, columns), await this.#onDuckdb(sql, columns)]
    return outcomeOf(translation.sql, ours, theirs, columns)
  }

  async #onDuckdb(sql: string, columns: readonly Column[]): Promise<Rows | string> {
    const list = columns.map(({ type }, i) =>
      type.endsWith(']') ? `CAST(to_json(c${i}) AS VARCHAR)` : `CAST(CAST(c${i} AS ${type}) AS VARCHAR)`,
    )
    const names = columns.map((_, i) => `c${i}`).join(', ')
    try {
      return await this.#duckdb.rows(`SELECT ${list.join(', ')} FROM (\n${sql}\n) AS q(${names})`)
    } catch (error) {
      return String(error)
    }
  }

  /** Names and types as PostgreSQL binds them, where they are not the counterparts. */
  async #wrongTypes(sql: string, columns: readonly Column[]): Promise<string | null> {
    try {
      await this.#postgresql.query(`BEGIN; CREATE TEMP VIEW translated AS ${sql}`)
      const found = await this.#postgresql.query({
        text: "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'translated'::regclass AND attnum > 0 ORDER BY attnum",
        rowMode: 'array',
      })
      const wanted = columns.map(({ name, type }) => `${name} ${postgresqlType(type)}`).join(', ')
      const types = found.rows.map((row: unknown[]) => row.join(' ')).join(', ')
      return types === wanted ? null : `columns are ${types}, not ${wanted}`
    } catch (error) {
      return `PostgreSQL does not bind it: ${error}`
    } finally {
      await this.#postgresql.query('ROLLBACK')
    }
  }

  async #onPostgresql(sql: string, columns: readonly Column[]): Promise<Rows | string> {
    const list = columns.map(({ type }, i) =>
      type.endsWith(']') ? `CAST(array_to_json(c${i}) AS text)` : `CAST(c${i} AS text)`,
    )
    const names = columns.map((_, i) => `c${i}`).join(', ')
    try {
      const answer = await this.#postgresql.query({
        text: `SELECT ${list.join(', ')} FROM (\n${sql}\n) AS q(${names})`,
        rowMode: 'array',
      })
      return answer.rows as Rows
    } catch (error) {
      return String(error)
    }
  }
}

function outcomeOf(sql: string, ours: Rows | string, theirs: Rows | string, columns: readonly Column[]): Outcome {
  if (typeof theirs === 'string' && typeof ours === 'string')
    return { kind: 'both fail', sql, duckdb: ours, postgresql: theirs }
  if (typeof theirs === 'string' || typeof ours === 'string') {
    const message = typeof theirs === 'string' ? `PostgreSQL: ${theirs}` : `DuckDB: ${String(ours)}`
    return { kind: 'one stops', sql, message }
  }
  const message = firstDifference(ours, theirs, columns)
  return message === null ? { kind: 'same', rows: ours.length, sql } : { kind: 'different', sql, message }
}

type Rows = readonly (readonly (string | null)[])[]

async function client(collation: string): Promise<pg.Client> {
  const server = await postgresServer()
  const database = `both_${collation.replace(/\W/g, '_').toLowerCase()}`
  const owner = await server.create({ database: `${database}_owner`, user: database, password: 'both' })
  await owner.superuser(
    `CREATE DATABASE ${database} OWNER ${database} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE '${collation}' LOCALE 'C'`,
  )
  const made = new pg.Client({ host: owner.host, port: owner.port, database, user: database, password: 'both' })
  made.on('error', () => {})
  await made.connect()
  for (const [name, value] of Object.entries(SESSION_SETTINGS)) await made.query(`SET ${name} = ${textLiteral(value)}`)
  return made
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

const created = ({ name, columns }: Table, spelled: (type: string) => string): string =>
  `CREATE TABLE source.${quoted(name)} (${columns.map((column) => `${quoted(column.name)} ${spelled(column.type)}`).join(', ')})`

const filled = ({ name, columns, rows }: Table, spelled: (type: string) => string): string => {
  const list = rows.map((row) => {
    const values = row.map((value, i) => `CAST(${value ?? 'NULL'} AS ${spelled(columns[i]?.type ?? '')})`)
    return `(${values.join(', ')})`
  })
  return `INSERT INTO source.${quoted(name)} VALUES ${list.join(', ')}`
}

/** Rows in any order; floating-point numbers by tolerance. Null: there is none. */
function firstDifference(ours: Rows, theirs: Rows, columns: readonly Column[]): string | null {
  if (ours.length !== theirs.length) return `${ours.length} rows on DuckDB, ${theirs.length} on PostgreSQL`
  const sorted = (rows: Rows): string[] =>
    rows.map((row) => JSON.stringify(row.map((value, i) => normal(value, columns[i]?.type ?? '')))).sort()
  const [a, b] = [sorted(ours), sorted(theirs)]
  const at = a.findIndex((row, i) => row !== b[i])
  return at < 0 ? null : `${a[at]} on DuckDB, ${b[at]} on PostgreSQL`
}

const isFloat = (type: string): boolean => /\b(DOUBLE|FLOAT)\b/.test(type)

function normal(value: string | null, type: string): unknown {
  if (value === null) return null
  if (type.endsWith(']'))
    return (
      JSON.parse(
        value.replace(/(?<!["\w-])-?(?:NaN|Infinity|nan|inf)\b(?!")/g, '"$&"').replace(/(\d)T(?=\d\d:)/g, '$1 '),
      ) as unknown[]
    ).map((each) => (isFloat(type) ? rounded(Number(each)) : each))
  if (isFloat(type)) return rounded(number(value), type === 'FLOAT' ? 6 : 12)
  if (type === 'INTERVAL') return value.replace(/\b(mon|month|day|year)s?\b/g, (_, unit: string) => unit.slice(0, 3))
  // DuckDB shows a DECIMAL(1,1) as `.5`.
  return type.startsWith('DECIMAL') ? value.replace(/^(-?)\./, '$10.') : value
}

const number = (text: string): number =>
  /^-?inf/i.test(text) ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text)

/** So many digits as both show; infinities and NaN as texts, and no negative zero. */
const rounded = (value: number, digits = 12): string =>
  value === 0 ? '0' : Number.isFinite(value) ? value.toPrecision(digits) : String(value)
