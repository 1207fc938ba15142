// Texts in PostgreSQL's dialect over tables of given columns, as the compiler looks at them when it compares two of them: what
// DuckDB reads alike, and the forms of its plans.

import { Plans, type Query } from '../../compiler/diff/queries.ts'
import { Readings } from '../../compiler/diff/readings.ts'
import { noCache, type Relation } from '../../compiler/ports.ts'
import { translationBy } from '../../compiler/sql/translation.ts'
import type { Column, ManifestNode } from '../../runtime/contract/manifest.ts'
import { checkQueries } from '../../runtime/engines/postgresql/read-only.ts'
import { sameQueries } from '../../runtime/engines/postgresql/same-query.ts'
import { analysisEngine } from './analysis.ts'

type Types = Readonly<Record<string, Readonly<Record<string, string>>>>

export class PostgresqlReadings {
  readonly #relations: readonly Relation[]
  readonly #types: Types
  readonly #readings = new Readings(analysisEngine, noCache, {
    checkQueries,
    sameQueries,
    translateQueries: translationBy(analysisEngine, checkQueries),
  })
  readonly #plans = new Plans(analysisEngine, noCache, new Map())

  /** `types`: the server's own, by `kind.name` and column, where they are others than those of DuckDB's types. */
  constructor(relations: readonly Relation[], types: Types = {}) {
    this.#relations = relations
    this.#types = types
  }

  /** The columns that DuckDB gives a text; null: it does not bind it. */
  async columns(sql: string): Promise<readonly Column[] | null> {
    const [found] = await (await analysisEngine()).describe([{ statements: [sql], relations: this.#relations }])
    return found?.kind === 'columns' ? found.columns : null
  }

  /** `columns`: of the server; by default those of DuckDB. */
  async query(sql: string, columns?: readonly Column[]): Promise<Query | null> {
    const known = columns ?? (await this.columns(sql))
    const inputs = this.#relations.map((one) => this.#node(`${one.schema}.${one.name}`, one.columns))
    const node = this.#node('transform.x', known, { dialect: 'postgresql', sql }, inputs)
    return this.#readings.of(node, (id) => inputs.find((input) => input.id === id), {})
  }

  /** Whether the plans of two texts say that they have the same tuples of these columns; null: there are none of both. */
  async isSame(a: string, b: string, tuple: readonly string[]): Promise<boolean | null> {
    const [old, now] = [await this.query(a), await this.query(b)]
    if (old === null || now === null) return null
    return this.#plans.equal(a, { query: old, columns: tuple }, { query: now, columns: tuple })
  }

  #node(
    id: string,
    columns: readonly Column[] | null,
    more: Partial<ManifestNode> = {},
    inputs: readonly ManifestNode[] = [],
  ): ManifestNode {
    const [kind = '', name = ''] = id.split('.')
    const types = this.#types[id]
    return {
      id,
      kind,
      name,
      file: '',
      tags: [],
      definition: {},
      definition_fingerprint: '',
      inputs: inputs.map((input) => ({ ref: input.id, fingerprint: '', covers: null, reads: null })),
      columns: columns && [...columns],
      columns_fingerprint: null,
      lineage: null,
      reproducibility: { clock: false, volatile: [], order_dependent: [] },
      parameters: [],
      ...(types === undefined ? {} : { server_types: types }),
      ...more,
    }
  }
}
