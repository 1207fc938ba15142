// A transform of a manifest → the query whose plans are compared: its one statement over its inputs' columns. Answers
// are kept by content, so that a node is planned once however often it is asked about, and over runs of the compiler.

import { byCodeUnit, fingerprintOf } from '../../runtime/contract/canonical-json.ts'
import { asFingerprint } from '../../runtime/contract/ids.ts'
import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import { quoted } from '../dialect/duckdb.ts'
import type { CompileCache, LazySqlEngine, Relation } from '../ports.ts'
import { lex } from '../sql/lexer.ts'
import {
  formOfParts,
  type PlanColumn,
  type PlanForm,
  type PlanParts,
  type PlanScans,
  planForm,
  sameParts,
  scansOfParts,
} from '../sql/plan-form.ts'

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

/** Changes whenever the form of a plan does, so that an old answer is not taken for a new one. */
const FORM_VERSION = 2

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
  readonly #engine: LazySqlEngine
  readonly #cache: CompileCache
  readonly #renamed: ReadonlyMap<string, string>
  readonly #asked = new Map<string, number>()
  readonly #known = new Map<string, Promise<PlanForm | null>>()
  readonly #wholes = new WeakMap<Query, Promise<Whole | null>>()

  constructor(engine: LazySqlEngine, cache: CompileCache, renamed: ReadonlyMap<string, string>) {
    this.#engine = engine
    this.#cache = cache
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

  /** The form of one tuple of a query, whatever its order; null when there is none. */
  #form(asker: string, { query, columns: tuple }: Tuple): Promise<PlanForm | null> {
    const { sql, relations, settings } = query
    const columns = [...tuple].sort(byCodeUnit)
    const key = fingerprintOf({
      sql: tupleOf(sql, columns),
      relations: relations.map((r) => [r.schema, r.name, r.columns.map((c) => [c.name, c.type])]),
      settings,
      renamed: [...this.#renamed],
    })
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const asked = this.#asked.get(asker) ?? 0
    this.#asked.set(asker, asked + 1)
    const answer = asked < PLANS_PER_NODE ? this.#ask(key, query, columns) : Promise.resolve(null)
    this.#known.set(key, answer)
    return answer
  }

  async #ask(key: string, { sql, relations, settings }: Query, columns: readonly string[]): Promise<PlanForm | null> {
    const engine = await this.#engine()
    const at = `plan-form/${FORM_VERSION}/${engine.version}/${key}`
    const kept = this.#cache.get(at)
    if (kept !== undefined) return restored(kept)
    const [json] = await engine.plans([{ sql: tupleOf(sql, columns), relations, settings }])
    const answer = planForm(json ?? null, this.#renamed)
    this.#cache.set(at, answer && stored(answer))
    return answer
  }
}

/** JSON of an answer; whatever follows from the rest of it is left out. */
const stored = ({ form, scans, parts }: PlanForm): unknown =>
  parts === null
    ? { form, scans: [...scans] }
    : { rows: parts.rows, scans: [...parts.scans], columns: parts.columns.map((c) => [c.symbol, [...c.scans]]) }

interface Stored {
  readonly form?: unknown
  readonly rows?: unknown
  readonly scans?: unknown
  readonly columns?: unknown
}

/** What `stored` has made; anything else counts as no answer. */
function restored(value: unknown): PlanForm | null {
  const { form, rows, scans: pairs, columns } = (value ?? {}) as Stored
  if (!Array.isArray(pairs)) return null
  const scans = new Map(pairs as [string, string[]][])
  if (typeof form === 'string') return { form: asFingerprint(form), scans, parts: null }
  if (typeof rows !== 'string' || !Array.isArray(columns)) return null
  const parts: PlanParts = {
    rows: asFingerprint(rows),
    scans,
    columns: (columns as [string, [string, string[]][]][]).map(([symbol, own]) => ({ symbol, scans: new Map(own) })),
  }
  return formOfParts(parts)
}
