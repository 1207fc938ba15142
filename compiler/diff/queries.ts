// A transform of a manifest → the query whose plans are compared: its one statement over its inputs' columns. Answers
// are kept by content, so that a node is planned once however often it is asked about, and over runs of the compiler.

import { byCodeUnit, fingerprintOf } from '../../runtime/contract/canonical-json.ts'
import { asFingerprint } from '../../runtime/contract/ids.ts'
import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import { quoted } from '../dialect/duckdb.ts'
import type { CompileCache, LazySqlEngine, Relation } from '../ports.ts'
import { lex } from '../sql/lexer.ts'
import { type PlanForm, planForm } from '../sql/plan-form.ts'

export interface Query {
  readonly sql: string
  readonly relations: readonly Relation[]
  readonly settings: Readonly<Record<string, string>>
}

/** Changes whenever the form of a plan does, so that an old answer is not taken for a new one. */
const FORM_VERSION = 1

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
  return relations.length === inputs.length ? { sql, relations, settings } : null
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

/** Answers questions about tuples of queries, each once. */
export class Plans {
  readonly #engine: LazySqlEngine
  readonly #cache: CompileCache
  readonly #renamed: ReadonlyMap<string, string>
  readonly #asked = new Map<string, number>()
  readonly #known = new Map<string, Promise<PlanForm | null>>()

  constructor(engine: LazySqlEngine, cache: CompileCache, renamed: ReadonlyMap<string, string>) {
    this.#engine = engine
    this.#cache = cache
    this.#renamed = renamed
  }

  /** How many different questions there were. */
  get asked(): number {
    return this.#known.size
  }

  /** The form of one tuple of a query, whatever its order; null when there is none. `asker` is whose budget pays. */
  form(asker: string, query: Query, tuple: readonly string[]): Promise<PlanForm | null> {
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
    const stored = `plan-form/${FORM_VERSION}/${engine.version}/${key}`
    const kept = this.#cache.get(stored)
    if (kept !== undefined) return restored(kept)
    const [json] = await engine.plans([{ sql: tupleOf(sql, columns), relations, settings }])
    const answer = planForm(json ?? null, this.#renamed)
    this.#cache.set(stored, answer && { form: answer.form, scans: [...answer.scans] })
    return answer
  }
}

/** What this class itself has stored; anything else counts as no answer. */
function restored(value: unknown): PlanForm | null {
  const kept = value as { readonly form?: unknown; readonly scans?: unknown } | null
  if (kept === null || typeof kept.form !== 'string' || !Array.isArray(kept.scans)) return null
  return { form: asFingerprint(kept.form), scans: new Map(kept.scans as [string, string[]][]) }
}
