// A transform of a manifest → the query whose plans are compared: its one statement over its inputs' columns; and
// what plans say of tuples of its columns, within a budget.

import { byCodeUnit, fingerprintOf } from '../../runtime/contract/canonical-json.ts'
import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import { quoted } from '../dialect/duckdb.ts'
import type { CompileCache, LazySqlEngine, Relation } from '../ports.ts'
import { lex } from '../sql/lexer.ts'
import {
  type PlanColumn,
  type PlanForm,
  type PlanParts,
  type PlanScans,
  sameParts,
  scansOfParts,
} from '../sql/plan-form.ts'
import { PlanAnswers, type Question } from './plan-answers.ts'

export interface Query {
  readonly sql: string
  /** Names of its columns; null: only data can tell. */
  readonly columns: readonly string[] | null
  readonly relations: readonly Relation[]
  readonly settings: Readonly<Record<string, string>>
}

export interface Tuple {
  readonly query: Query
  readonly columns: readonly string[]
}

/** Whoever has more questions than this is answered with "may have changed". */
const PLANS_PER_NODE = 200

/** An empty table stands for the node `kind.name`. */
export const relationOf = (node: ManifestNode): Relation => ({
  schema: node.kind,
  name: node.name,
  columns: node.columns ?? [],
})

/**
 * Null: a source, several statements, or an input whose columns only data can tell. Of another dialect it is DuckDB's query
 * only where readings.ts says so.
 */
export function queryOf(
  node: ManifestNode,
  nodeById: (id: string) => ManifestNode | undefined,
  settings: Readonly<Record<string, string>>,
): Query | null {
  const sql = node.sql === undefined ? null : oneStatement(node.sql)
  if (sql === null) return null
  const inputs = node.inputs.map((i) => nodeById(i.ref))
  const relations = inputs.flatMap((i) => (i?.columns ? [relationOf(i)] : []))
  const columns = node.columns?.map((c) => c.name) ?? null
  return relations.length === inputs.length ? { sql, columns, relations, settings } : null
}

/** The text without semicolons at its end, or null when it has several statements. */
function oneStatement(sql: string): string | null {
  const tokens = lex(sql).filter((t) => t.kind !== 'comment')
  let last = tokens.length - 1
  while (last >= 0 && sql[tokens[last]?.start ?? 0] === ';') last--
  const rest = tokens.slice(0, last + 1)
  if (rest.some((t) => t.kind === 'punctuation' && sql[t.start] === ';')) return null
  return sql.slice(0, rest.at(-1)?.end ?? 0)
}

/** The rows of a query when only these columns are wanted; none: how many rows there are. */
const tupleOf = (sql: string, columns: readonly string[]): string =>
  `SELECT ${columns.length === 0 ? '1' : columns.map(quoted).join(', ')} FROM (\n${sql}\n) AS q`

/** What the plan of all columns of a query says, by their names. */
interface Whole extends Omit<PlanParts, 'columns'> {
  readonly columns: ReadonlyMap<string, PlanColumn>
}

/**
 * Answers questions about tuples of queries, each once. Asked first is the plan of all columns of a query: it answers for
 * every tuple of them when it can be read column by column. Otherwise each tuple has a plan of its own.
 */
export class Plans {
  readonly #answers: PlanAnswers
  readonly #renamed: ReadonlyMap<string, string>
  readonly #asked = new Map<string, number>()
  readonly #known = new Map<string, Promise<PlanForm | null>>()
  readonly #wholes = new WeakMap<Query, Promise<Whole | null>>()

  constructor(engine: LazySqlEngine, cache: CompileCache, renamed: ReadonlyMap<string, string>) {
    this.#answers = new PlanAnswers(engine, cache, renamed)
    this.#renamed = renamed
  }

  /** How many different questions there were. */
  get asked(): number {
    return this.#known.size
  }

  /** What a tuple of a query scans; null when nobody can tell. `asker` is whose budget pays. */
  async scans(asker: string, tuple: Tuple): Promise<PlanScans | null> {
    const parts = await this.#parts(asker, tuple)
    return parts === null ? ((await this.#form(asker, tuple))?.scans ?? null) : scansOfParts(parts)
  }

  /** Whether two tuples are one function of what both scan; null when nobody can tell. `asker` is whose budget pays. */
  async equal(asker: string, a: Tuple, b: Tuple): Promise<boolean | null> {
    const [left, right] = [await this.#parts(asker, a), await this.#parts(asker, b)]
    if (left !== null && right !== null) return sameParts(left, right)
    const [one, other] = [await this.#form(asker, a), await this.#form(asker, b)]
    return one === null || other === null ? null : one.form === other.form
  }

  /** Of the plan of all columns what concerns these. */
  async #parts(asker: string, { query, columns }: Tuple): Promise<PlanParts | null> {
    const asked = this.#wholes.get(query) ?? this.#whole(asker, query)
    this.#wholes.set(query, asked)
    const whole = await asked
    const own = [...columns].sort(byCodeUnit).flatMap((name) => whole?.columns.get(name) ?? [])
    return whole !== null && own.length === columns.length ? { ...whole, columns: own } : null
  }

  async #whole(asker: string, query: Query): Promise<Whole | null> {
    if (query.columns === null) return null
    const names = [...query.columns].sort(byCodeUnit)
    const parts = (await this.#form(asker, { query, columns: names }))?.parts ?? null
    return parts && { ...parts, columns: new Map(parts.columns.map((column, i) => [names[i] ?? '', column])) }
  }

  /**
   * Asks about all columns of some queries together, so that the answers are there when somebody wants them. They stay what
   * they are: nobody's budget pays, and a question counts only once it is put.
   */
  ahead(queries: readonly Query[]): Promise<void> {
    const tuples = queries.flatMap((query) => (query.columns === null ? [] : [{ query, columns: query.columns }]))
    return this.#answers.ahead(tuples.map((tuple) => this.#question(tuple)))
  }

  /** The form of one tuple of a query, whatever its order; null when there is none. */
  #form(asker: string, tuple: Tuple): Promise<PlanForm | null> {
    const question = this.#question(tuple)
    const known = this.#known.get(question.key)
    if (known !== undefined) return known
    const asked = this.#asked.get(asker) ?? 0
    this.#asked.set(asker, asked + 1)
    const answer = asked < PLANS_PER_NODE ? this.#answers.of(question) : Promise.resolve(null)
    this.#known.set(question.key, answer)
    return answer
  }

  #question({ query: { sql, relations, settings }, columns }: Tuple): Question {
    const request = { sql: tupleOf(sql, [...columns].sort(byCodeUnit)), relations, settings }
    const key = fingerprintOf({
      ...request,
      relations: relations.map((r) => [r.schema, r.name, r.columns.map((c) => [c.name, c.type])]),
      renamed: [...this.#renamed],
    })
    return { key, request }
  }
}
