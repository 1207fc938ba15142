// A transform in PostgreSQL's dialect → a query that DuckDB reads alike, whose plans may then decide what an edit touches. It
// does when the same text, read as DuckDB's and translated to PostgreSQL's, is the text again to PostgreSQL's own parser: a
// translation means on PostgreSQL what DuckDB reads, and it adds whatever differs (1/2, the place of NULLs, the order of
// texts), so that a text which needs nothing added means the same on both. Columns must have exactly the types that DuckDB's
// are on the server: a citext, a char(5) or a numeric without digits is compared and rounded in its own way.

import { fingerprintOf } from '../../runtime/contract/canonical-json.ts'
import type { Column, ManifestNode } from '../../runtime/contract/manifest.ts'
import type { CheckQueries, CompileCache, LazySqlEngine, SameQueries, TranslateQueries } from '../ports.ts'
import { type Query, queryOf } from './queries.ts'

/** Changes whenever what is said of a text does. */
const READING_VERSION = 1

export interface ReadingWorld {
  readonly checkQueries: CheckQueries
  readonly sameQueries: SameQueries
  readonly translateQueries: TranslateQueries
}

export class Readings {
  readonly #engine: LazySqlEngine
  readonly #cache: CompileCache
  readonly #world: ReadingWorld
  readonly #known = new Map<string, Promise<boolean>>()

  constructor(engine: LazySqlEngine, cache: CompileCache, world: ReadingWorld) {
    this.#engine = engine
    this.#cache = cache
    this.#world = world
  }

  /** The query as DuckDB reads it; null: in another way than PostgreSQL, or nobody can tell. */
  async of(
    node: ManifestNode,
    nodeById: (id: string) => ManifestNode | undefined,
    settings: Readonly<Record<string, string>>,
  ): Promise<Query | null> {
    const query = queryOf(node, nodeById, settings)
    if (query === null || node.dialect === undefined) return query
    const inputs = node.inputs.map(({ ref }) => nodeById(ref))
    const serverTypes = Object.fromEntries(
      inputs.flatMap((input) => (input?.server_types === undefined ? [] : [[input.id, input.server_types]])),
    )
    const columns = node.columns ?? []
    const key = fingerprintOf([
      query.sql,
      query.relations.map((r) => [r.schema, r.name, r.columns]),
      serverTypes,
      columns,
    ])
    const known = this.#known.get(key) ?? this.#ask(key, query, serverTypes, columns)
    this.#known.set(key, known)
    return (await known) ? query : null
  }

  async #ask(
    key: string,
    query: Query,
    serverTypes: Readonly<Record<string, Readonly<Record<string, string>>>>,
    columns: readonly Column[],
  ): Promise<boolean> {
    const stored = `reading/${READING_VERSION}/${key}`
    const kept = this.#cache.get(stored)
    if (typeof kept === 'boolean') return kept
    const answer = columns.length > 0 && (await this.#readsAlike(query, serverTypes, columns))
    this.#cache.set(stored, answer)
    return answer
  }

  async #readsAlike(
    { sql, relations }: Query,
    serverTypes: Readonly<Record<string, Readonly<Record<string, string>>>>,
    columns: readonly Column[],
  ): Promise<boolean> {
    const [check] = await this.#world.checkQueries([sql])
    if (check?.kind !== 'query' || check.facts.clock.length > 0) return false
    if (check.facts.variables.some(({ name }) => name === 'run_timestamp')) return false
    const [described] = await (await this.#engine()).describe([{ statements: [sql], relations }])
    if (described?.kind !== 'columns' || !fit(columns, described.columns)) return false
    const [translation] = await this.#world.translateQueries([
      { sql, relations, columns: described.columns, serverTypes },
    ])
    if (translation?.kind !== 'translated') return false
    const names = relations.map(
      ({ schema, name, columns: all }) =>
        [`${schema}.${name}`.toLowerCase(), all.map((column) => column.name)] as const,
    )
    const [same] = await this.#world.sameQueries([{ own: sql, theirs: translation.sql, columns: new Map(names) }])
    return same === true
  }
}

/** Whether the server's columns may hold the values of DuckDB's, which may be of a wider type. */
const fit = (server: readonly Column[], read: readonly Column[]): boolean =>
  server.length === read.length &&
  server.every(({ name, type }, i) => {
    const { name: other, type: wider = '' } = read[i] ?? {}
    return name === other && (type === wider || (WIDER[type]?.test(wider) ?? false))
  })

/** Counts of letters, sums and parts of dates have these types there and here; a number without digits is DECIMAL(38,10). */
const WIDER: Readonly<Record<string, RegExp>> = {
  INTEGER: /^BIGINT$/,
  BIGINT: /^DECIMAL\(38,0\)$/,
  'DECIMAL(38,10)': /^(BIGINT|DECIMAL\(\d+,\d+\))$/,
}
