// Two definitions in PostgreSQL's dialect → whether they are one function of what they read, by PostgreSQL's own trees. DuckDB's
// plans cannot say it: DuckDB folds and compares constants by rules of its own (1/2 is 0.5 there, and 0 on PostgreSQL), takes names
// without regard to case and knows no varchar(5). So only what holds whatever the values are is claimed: names that a query
// does not mention are not read, and items of a plain SELECT stand beside each other without touching.

import { fingerprintOf } from '../../runtime/contract/canonical-json.ts'
import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import { isReproducible } from '../../runtime/contract/manifest.ts'
import type { CheckQueries, CompileCache, QueryShape } from '../ports.ts'
import { type Pairs, sameColumns } from './pairs.ts'
import type { Scans } from './scans.ts'

/** Changes whenever what is said of a tree does. */
const SHAPE_VERSION = 1

export class Trees {
  readonly #checkQueries: CheckQueries
  readonly #cache: CompileCache
  readonly #pairs: Pairs

  constructor(checkQueries: CheckQueries, cache: CompileCache, pairs: Pairs) {
    this.#checkQueries = checkQueries
    this.#cache = cache
    this.#pairs = pairs
  }

  /** What both scan to give these columns (none: how many rows there are); null: nobody can tell. */
  async shared(node: ManifestNode, base: ManifestNode, columns: readonly string[]): Promise<Scans | null> {
    if (node.dialect !== 'postgresql' || base.dialect !== 'postgresql') return null
    const [now, old] = [await this.#shape(node.sql), await this.#shape(base.sql)]
    if (now === null || old === null) return null
    const isSame = node.definition.sql === base.definition.sql
    if (!isSame && !(isReproducible(node.reproducibility) && isReproducible(base.reproducibility))) return null
    if (!isSame && !isSameTuple(old, now, columns)) return null
    const [before, after] = [
      this.#scans(base, old, (id) => this.#pairs.baseNode(id)),
      this.#scans(node, now, (id) => this.#pairs.of(id)?.node),
    ]
    return before !== null && after !== null && this.#bindsAlike(node, base, [now, old]) ? after : null
  }

  /** What a definition of now reads; null: it is in another dialect, or nobody can tell. */
  async scans(node: ManifestNode): Promise<Scans | null> {
    const shape = node.dialect === 'postgresql' ? await this.#shape(node.sql) : null
    return shape === null ? null : this.#scans(node, shape, (id) => this.#pairs.of(id)?.node)
  }

  /** For each input the columns of it that have a name which the query mentions; null of one: any. */
  #scans(node: ManifestNode, shape: QueryShape, nodeById: (id: string) => ManifestNode | undefined): Scans | null {
    const inputs = node.inputs.map(({ ref }) => [ref, nodeById(ref)?.columns ?? null] as const)
    const reads = readsByName(shape, inputs)
    return inputs.some(([, columns]) => columns === null) ? null : reads
  }

  /** Names lead to the same columns of the same types on both sides. */
  #bindsAlike(node: ManifestNode, base: ManifestNode, shapes: readonly QueryShape[]): boolean {
    if (node.inputs.map(({ ref }) => ref).join() !== base.inputs.map(({ ref }) => ref).join()) return false
    const names = shapes.some((shape) => shape.names === null) ? null : shapes.flatMap((shape) => shape.names ?? [])
    return node.inputs.every(({ ref }) => {
      const [before, after] = [this.#pairs.baseNode(ref), this.#pairs.of(ref)?.node]
      if (before === undefined || after === undefined) return false
      const typeIn = (one: ManifestNode, name: string) => one.columns?.find((column) => column.name === name)?.type
      return (
        sameColumns(before, after) || (names?.every((name) => typeIn(before, name) === typeIn(after, name)) ?? false)
      )
    })
  }

  async #shape(sql: string | undefined): Promise<QueryShape | null> {
    if (sql === undefined) return null
    const key = `tree-shape/${SHAPE_VERSION}/${fingerprintOf(sql)}`
    const known = this.#cache.get(key)
    // Written below by this function only.
    if (known !== undefined) return known as QueryShape | null
    const [check] = await this.#checkQueries([sql], 'script')
    if (check === undefined) return null
    const shape = check.kind === 'query' ? check.shape : null
    this.#cache.set(key, shape)
    return shape
  }
}

/** What a query reads of its inputs, by the names that it mentions; null of one: any column. */
export function readsByName(
  { names, attributes }: QueryShape,
  inputs: readonly (readonly [ref: string, columns: readonly { readonly name: string }[] | null])[],
): ReadonlyMap<string, readonly string[] | null> {
  const columnsOf = new Map(
    inputs.map(([ref, columns]) => [ref.toLowerCase(), new Set((columns ?? []).map(({ name }) => name))]),
  )
  const isColumn = ({ name, of, isDefined }: QueryShape['attributes'][number]): boolean =>
    of.length > 0
      ? of.every((path) => columnsOf.get(path.toLowerCase())?.has(name) ?? false)
      : isDefined || [...columnsOf.values()].some((columns) => columns.has(name))
  // A name behind a dot that no column has is a function of the whole row.
  const isAny = names === null || !attributes.every(isColumn)
  const mentioned = new Set(names ?? [])
  return new Map(
    inputs.map(([ref, columns]) => [
      ref,
      isAny || columns === null ? null : columns.flatMap(({ name }) => (mentioned.has(name) ? [name] : [])),
    ]),
  )
}

type Select = NonNullable<QueryShape['select']>

/** Whether two queries over the same inputs give the same tuples of these columns. */
export function isSameTuple(before: QueryShape, after: QueryShape, columns: readonly string[]): boolean {
  const [old, now] = [before.select, after.select]
  if (old === null || now === null || old.rest !== now.rest) return false
  const key = (item: Select['items'][number]): string => `${item.name} ${item.digest}`
  const nameless = (select: Select): string =>
    select.items.flatMap((item) => (item.name === null ? [key(item)] : [])).join()
  if (nameless(old) !== nameless(now)) return false
  const first = (select: Select): string => select.items.slice(0, Math.max(old.numbered, now.numbered)).map(key).join()
  if (first(old) !== first(now)) return false
  const named = (select: Select, name: string) => select.items.find((item) => item.name === name)?.digest
  const hasStar = now.items.some(({ isStar }) => isStar)
  for (const name of columns) {
    const [a, b] = [named(old, name), named(now, name)]
    if (a !== b || (a === undefined && !hasStar)) return false
  }
  const [keysBefore, keysAfter] = [new Set(old.items.map(key)), new Set(now.items.map(key))]
  const kept = now.items.filter((item) => keysBefore.has(key(item)))
  const edited = [
    ...old.items.filter((item) => !keysAfter.has(key(item))),
    ...now.items.filter((item) => !keysBefore.has(key(item))),
  ]
  const isAggregated = old.isGrouped || kept.some(({ effect }) => effect === 'aggregate')
  return edited.every(
    ({ name, effect }) =>
      name !== null && !old.ordered.includes(name) && (effect === 'none' || (effect === 'aggregate' && isAggregated)),
  )
}
