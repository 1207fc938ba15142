// Two queries of one node → which columns' values and whether the row set may differ, by the plans of their tuples.
// Only what the node's own edit does: the old query is looked at over the inputs of now where it can be.

import type { Reason } from '../../runtime/contract/diff.ts'
import type { Column, ManifestNode } from '../../runtime/contract/manifest.ts'
import type { LazySqlEngine } from '../ports.ts'
import { differingParts } from '../sql/query-parts.ts'
import { type ColumnChanges, columnReasons, compareColumns } from './column-changes.ts'
import { isRowMember, ownMembers, type Pairs } from './pairs.ts'
import type { Plans, Query } from './queries.ts'
import { reason } from './reasons.ts'
import type { Sides } from './sides.ts'
import type { Trees } from './trees.ts'

export interface OutputChanges {
  readonly reasons: readonly Reason[]
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly retyped: readonly string[]
  /** Columns whose values may differ; null: any. */
  readonly changed: readonly string[] | null
}

interface ValueChanges {
  readonly reasons: readonly Reason[]
  readonly changed: readonly string[] | null
}

const UNCHANGED: ValueChanges = { reasons: [], changed: [] }
const NOTHING: OutputChanges = { reasons: [], added: [], removed: [], retyped: [], changed: [] }

interface Side {
  readonly node: ManifestNode
  readonly query: Query | null
  readonly columns: readonly Column[] | null
}

export class QueryChanges {
  readonly #pairs: Pairs
  readonly #plans: Plans
  readonly #trees: Trees
  readonly #sides: Sides
  readonly #engine: LazySqlEngine

  constructor(
    pairs: Pairs,
    { plans, trees, sides }: { readonly plans: Plans; readonly trees: Trees; readonly sides: Sides },
    engine: LazySqlEngine,
  ) {
    this.#pairs = pairs
    this.#plans = plans
    this.#trees = trees
    this.#sides = sides
    this.#engine = engine
  }

  async of(node: ManifestNode, base: ManifestNode): Promise<OutputChanges> {
    const edited = ownMembers(base, node).some(isRowMember)
    const rewritten = ownMembers(base, node).includes('sql')
    if (!edited) return declaredChanges(node, base)
    const now: Side = { node, query: await this.#sides.now(node), columns: node.columns }
    const old = await this.#before(node, base)
    if (now.columns === null || old.columns === null)
      return rewritten ? unknownColumns(now, old) : { ...NOTHING, changed: null }
    const columns = compareColumns(old.columns, now.columns)
    const renamed = rewritten ? await this.#renamed(node.id, old, now, columns) : new Map<string, string>()
    const structure = columnReasons(columns, renamed)
    const values = rewritten ? await this.#values(node.id, old, now, columns) : UNCHANGED
    const rest = ownMembers(base, node).some((m) => m !== 'sql' && m !== 'inputs' && isRowMember(m))
    const reasons = [...structure, ...values.reasons]
    return {
      reasons:
        rewritten && !rest && reasons.length === 0 ? [reason('SQL_REWRITTEN', 'SQL, to the same effect')] : reasons,
      added: columns.added.map((c) => c.name),
      removed: columns.removed.map((c) => c.name),
      retyped: columns.retyped.map((c) => c.name),
      changed: rest ? null : values.changed,
    }
  }

  /** The old query over the inputs of now, or over those that it had when it does not fit them any more. */
  async #before(node: ManifestNode, base: ManifestNode): Promise<Side> {
    const asItWas: Side = { node: base, query: await this.#sides.old(base), columns: base.columns }
    const moved = base.inputs.some(({ ref }) => {
      const now = this.#pairs.of(ref)?.node
      return now !== undefined && now.columns_fingerprint !== this.#pairs.baseNode(ref)?.columns_fingerprint
    })
    if (!moved || base.sql === undefined || node.sql === undefined || base.dialect !== undefined) return asItWas
    const query = await this.#sides.oldNow(base)
    if (query === null) return asItWas
    const [described] = await (await this.#engine()).describe([{ statements: [query.sql], relations: query.relations }])
    if (described?.kind !== 'columns') return asItWas
    const declared = new Set(base.columns?.filter((c) => c.not_null).map((c) => c.name))
    return {
      node: base,
      query: { ...query, columns: described.columns.map((c) => c.name) },
      columns: described.columns.map((c) => (declared.has(c.name) ? { ...c, not_null: true } : c)),
    }
  }

  /** Removed columns that live on under another name, by their values. */
  async #renamed(
    id: string,
    old: Side,
    now: Side,
    { added, removed }: ColumnChanges,
  ): Promise<ReadonlyMap<string, string>> {
    const renamed = new Map<string, string>()
    for (const was of removed) {
      for (const column of added) {
        if (column.type !== was.type || [...renamed.values()].includes(column.name)) continue
        const sameLetters = column.name.toLowerCase() === was.name.toLowerCase()
        if (!sameLetters && !(await this.#equal(id, old, [was.name], now, [column.name]))) continue
        renamed.set(was.name, column.name)
        break
      }
    }
    return renamed
  }

  async #values(id: string, old: Side, now: Side, { common }: ColumnChanges): Promise<ValueChanges> {
    if (await this.#equal(id, old, common, now, common)) return UNCHANGED
    const rows = await this.#equal(id, old, [], now, [])
    if (rows === null)
      return { reasons: [reason('SQL_CHANGED', 'SQL; which columns, the engine cannot say')], changed: null }
    if (!rows) return { reasons: await this.#rowReasons(old, now, common), changed: null }
    const changed = [...(await this.#changed(id, old, now, common))]
    if (changed.length === 0)
      return { reasons: [reason('ROWS_CHANGED', 'which values stand together in a row')], changed: null }
    return {
      reasons: changed.map((name) => reason('COLUMN_VALUES_CHANGED', `values of ${name}`, name)),
      changed: changed.sort(),
    }
  }

  /** Those of some columns that may differ each by itself. A tuple that is equal clears all its columns: halves are asked first. */
  async #changed(id: string, old: Side, now: Side, columns: readonly string[]): Promise<readonly string[]> {
    if (columns.length === 0 || (await this.#equal(id, old, columns, now, columns))) return []
    if (columns.length === 1) return columns
    const middle = columns.length >> 1
    const first = await this.#changed(id, old, now, columns.slice(0, middle))
    return [...first, ...(await this.#changed(id, old, now, columns.slice(middle)))]
  }

  /** Where the row set may differ, every value may; the syntax says which clauses and expressions were edited. */
  async #rowReasons(old: Side, now: Side, common: readonly string[]): Promise<readonly Reason[]> {
    const parsed = await (await this.#engine()).parse([old.query?.sql ?? '', now.query?.sql ?? ''])
    const [before, after] = parsed.map((p) => (p.kind === 'trees' ? p.trees[0] : undefined))
    const parts = before && after ? differingParts(before, after) : null
    const where = parts === null || parts.clauses.length === 0 ? 'filter, join or grouping' : parts.clauses.join(', ')
    const items = parts?.items.filter((name) => common.includes(name)) ?? []
    return [
      reason('ROWS_CHANGED', `the row set: ${where}`),
      ...items.map((name) => reason('COLUMN_VALUES_CHANGED', `values of ${name}`, name)),
    ]
  }

  /** Null: cannot be answered. The node's budget of plans for its readers is not touched. */
  async #equal(
    id: string,
    old: Side,
    oldColumns: readonly string[],
    now: Side,
    nowColumns: readonly string[],
  ): Promise<boolean | null> {
    const isByTrees = now.node.dialect !== undefined && old.node.dialect !== undefined
    if (isByTrees && oldColumns.join('\n') === nowColumns.join('\n')) {
      if ((await this.#trees.shared(now.node, old.node, nowColumns)) !== null) return true
    }
    if (old.query === null || now.query === null) return null
    const [a, b] = [
      { query: old.query, columns: oldColumns },
      { query: now.query, columns: nowColumns },
    ]
    return this.#plans.equal(`${id} itself`, a, b)
  }
}

/** Without an edit of the query only what is declared about its columns can be the node's own change. */
function declaredChanges(node: ManifestNode, base: ManifestNode): OutputChanges {
  if (!ownMembers(base, node).includes('not_null')) return NOTHING
  const { mayBeNull, notNull } = compareColumns(base.columns ?? [], node.columns ?? [])
  const none = { added: [], removed: [], retyped: [], moved: [], common: [] }
  return { ...NOTHING, reasons: columnReasons({ ...none, mayBeNull, notNull }, new Map()) }
}

function unknownColumns(now: Side, old: Side): OutputChanges {
  const text = 'SQL; which columns, only data can tell'
  const reasons = [reason('SQL_CHANGED', text)]
  if (old.columns !== null && now.columns === null)
    reasons.push(reason('COLUMNS_UNKNOWN', 'its columns now depend on data'))
  return { ...NOTHING, reasons, changed: null }
}
