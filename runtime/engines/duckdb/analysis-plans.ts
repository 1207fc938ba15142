// Optimised plans of analysed queries, as JSON text. The clock and variables become expressions that the planner can
// neither fold nor tell from data: a marker text joined with random(). (Columns of a one-row table would make a scalar
// subquery of each, which the optimiser never prunes.) Optimisers that look at statistics are off: tables are empty.
// What would make a plan depend on this session (its user, its real clock) gets no plan.

import { CLOCK_MACROS, clockStatements, RUN_VALUE } from '../../contract/clock.ts'
import { SESSION_NAMES } from '../../contract/engine-names.ts'
import type { DuckDBConnection } from './driver.ts'
import { literal, quoted } from './quoting.ts'

const KEPT_OPTIMIZERS: readonly string[] = [
  'expression_rewriter',
  'unused_columns',
  'cte_inlining',
  'deliminator',
  'unnest_rewriter',
  'filter_pushdown',
  'filter_pullup',
  'duplicate_groups',
  'in_clause',
]

/**
 * With it `UNION ALL` serialises and scalar subqueries do not; without it, the other way round (DuckDB 1.5). Both give
 * a plan that means the query, so a query is tried with it, then without.
 */
const SIDES_OPTIMIZER = 'build_side_probe_side'

/** Read the session or keep state; too rare as a column's name to look closer. */
const REFUSED_WORDS = new RegExp(
  `\\b(?:${[...SESSION_NAMES].filter((name) => name !== 'version').join('|')}|nextval|currval|setseed|query_table)\\b`,
  'i',
)
/** Read the session's clock or the program's version, unless it is the macro, a column or the two-argument form that is meant. */
const LOOKED_AT_WORDS = new RegExp(`\\b(?:version|${CLOCK_MACROS.join('|')})\\b`, 'i')

/** A nested query: a statement without one fails for the same reason either way. */
const SUBQUERY = /\(\s*(?:select|from|with|values|table)\b/i

/** The run's timestamp is no text like the other variables; a macro cannot choose its type by an argument. */
const RUN_TIMESTAMP = /\bgetvariable\(\s*'run_timestamp'\s*\)/gi
const RUN_TIMESTAMP_MACRO = 'seeknal_run_timestamp'

export interface PlanRequest {
  readonly sql: string
  /** The project's settings: they may change how a query is bound and what is folded. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A connection that plans queries. Between its calls the database's own settings are as they were. */
export class Planning {
  readonly #connection: DuckDBConnection
  readonly #disabled: readonly string[]

  private constructor(connection: DuckDBConnection, disabled: readonly string[]) {
    this.#connection = connection
    this.#disabled = disabled
  }

  static async on(connection: DuckDBConnection): Promise<Planning> {
    const result = await connection.runAndReadAll('SELECT name FROM duckdb_optimizers()')
    const all = result.getRows().map((row) => String(row[0]))
    const timestamp = `(${literal(`${RUN_VALUE}run_timestamp`)} || random())`
    for (const macro of clockStatements(timestamp)) await connection.run(macro)
    await connection.run(`CREATE OR REPLACE TEMP MACRO ${RUN_TIMESTAMP_MACRO}() AS CAST(${timestamp} AS TIMESTAMPTZ)`)
    await connection.run(
      `CREATE OR REPLACE TEMP MACRO getvariable(name) AS (${literal(`${RUN_VALUE}variable `)} || name || random())`,
    )
    await connection.run("SET TimeZone = 'UTC'")
    const planning = new Planning(
      connection,
      all.filter((name) => !KEPT_OPTIMIZERS.includes(name)),
    )
    await planning.#keepSides(true)
    return planning
  }

  /** The plans of SELECTs, most by one statement, or null where the engine has none to give. Never throws. */
  async planTexts(requests: readonly PlanRequest[]): Promise<readonly (string | null)[]> {
    const plain = requests.length < 2 ? [] : requests.filter(isPlain)
    const together = plain.length === 0 ? [] : await this.#plansTogether(plain.map(({ sql }) => sql))
    const found = new Map(plain.map((request, i) => [request, together[i]]))
    const results: (string | null)[] = []
    for (const request of requests) results.push(found.get(request) ?? (await this.#planText(request)))
    return results
  }

  /** One statement for several plans takes two thirds of the time; where it fails, each is asked for by itself. */
  async #plansTogether(sqls: readonly string[]): Promise<readonly (string | null)[]> {
    try {
      const calls = sqls.map((sql) => `json_serialize_plan(${literal(withRunTimestamp(sql))}, optimize := true)`)
      const result = await this.#connection.runAndReadAll(`SELECT ${calls.join(', ')}`)
      return (result.getRows()[0] ?? []).map((value) => planOrNull(String(value)))
    } catch {
      return []
    }
  }

  async #planText(request: PlanRequest): Promise<string | null> {
    if (REFUSED_WORDS.test(request.sql)) return null
    const text = withRunTimestamp(request.sql)
    const settings = Object.entries(request.settings ?? {})
    try {
      for (const [name, value] of settings) await this.#connection.run(`SET ${quoted(name)} = ${literal(value)}`)
      if (LOOKED_AT_WORDS.test(text) && readsSession(await this.#plan(text, false))) return null
      return (await this.#plan(text, true)) ?? (await this.#planWithoutSides(text))
    } catch {
      return null
    } finally {
      await this.#reset(settings.map(([name]) => name))
    }
  }

  async #plan(sql: string, optimize: boolean): Promise<string | null> {
    const result = await this.#connection.runAndReadAll(
      `SELECT json_serialize_plan(${literal(sql)}, optimize := ${optimize})`,
    )
    return planOrNull(String(result.getRows()[0]?.[0]))
  }

  async #planWithoutSides(sql: string): Promise<string | null> {
    if (!SUBQUERY.test(sql)) return null
    await this.#keepSides(false)
    const plan = await this.#plan(sql, true)
    await this.#keepSides(true)
    return plan
  }

  async #keepSides(keep: boolean): Promise<void> {
    const disabled = this.#disabled.filter((name) => !keep || name !== SIDES_OPTIMIZER)
    await this.#connection.run(`SET disabled_optimizers = ${literal(disabled.join(','))}`)
  }

  async #reset(names: readonly string[]): Promise<void> {
    for (const name of names) await this.#connection.run(`RESET ${quoted(name)}`)
    if (names.length > 0) await this.#connection.run("SET TimeZone = 'UTC'")
  }
}

const withRunTimestamp = (sql: string): string => sql.replace(RUN_TIMESTAMP, `${RUN_TIMESTAMP_MACRO}()`)

const planOrNull = (json: string): string | null => (json.startsWith('{"error":true') ? null : json)

/** Nothing of the session is looked at, and nothing set, for this one alone. */
const isPlain = ({ sql, settings }: PlanRequest): boolean =>
  !REFUSED_WORDS.test(sql) && !LOOKED_AT_WORDS.test(sql) && Object.keys(settings ?? {}).length === 0

/** Whether a bound plan calls a function that reads the clock or the session past the macros. Null counts as yes. */
function readsSession(plan: string | null): boolean {
  if (plan === null) return true
  let found = false
  JSON.parse(plan, (_, value) => {
    if (value === null || typeof value !== 'object' || typeof value.name !== 'string') return value
    const name = value.name.toLowerCase()
    if (name === 'age' ? value.children?.length !== 2 : name === 'version' || CLOCK_MACROS.includes(name)) found = true
    return value
  })
  return found
}
