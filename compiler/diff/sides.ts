// A node's query on both sides of a comparison, each made once: the base's over the inputs that it had, and that of now.

import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import type { Pairs } from './pairs.ts'
import type { Query } from './queries.ts'
import type { Readings } from './readings.ts'

export type Settings = Readonly<Record<string, string>>

type Queries = Map<ManifestNode, Promise<Query | null>>

export class Sides {
  readonly settings: { readonly old: Settings; readonly now: Settings }
  readonly #pairs: Pairs
  readonly #readings: Readings
  readonly #old: Queries = new Map()
  readonly #now: Queries = new Map()

  constructor(pairs: Pairs, readings: Readings, settings: { readonly old: Settings; readonly now: Settings }) {
    this.settings = settings
    this.#pairs = pairs
    this.#readings = readings
  }

  old(base: ManifestNode): Promise<Query | null> {
    return once(this.#old, base, () => this.#readings.of(base, (id) => this.#pairs.baseNode(id), this.settings.old))
  }

  now(node: ManifestNode): Promise<Query | null> {
    return once(this.#now, node, () => this.#readings.of(node, (id) => this.#pairs.of(id)?.node, this.settings.now))
  }

  /** What the base's query would be now, where its inputs are still there. */
  oldNow(base: ManifestNode): Promise<Query | null> {
    const nodeOf = (id: string) => this.#pairs.of(id)?.node ?? this.#pairs.baseNode(id)
    return this.#readings.of(base, nodeOf, this.settings.now)
  }
}

function once(known: Queries, node: ManifestNode, make: () => Promise<Query | null>): Promise<Query | null> {
  const query = known.get(node) ?? make()
  known.set(node, query)
  return query
}
