// Manifest + base manifest → what changed, in which category and why, and who is affected; and the manifest whose
// fingerprints are carried over where the engine proved that nothing that a reader reads has changed.
// Rules: design of change categories. A cold compile (no base) asks the engine nothing.

import type { Category, Change, Diff, Execution } from '../runtime/contract/diff.ts'
import type { Manifest, ManifestNode } from '../runtime/contract/manifest.ts'
import type { Bound } from './bind.ts'
import { checkReasons } from './diff/check-changes.ts'
import { definitionReasons, descriptionReasons } from './diff/definition-changes.ts'
import { executions } from './diff/executions.ts'
import { Impact, type Verdict } from './diff/impact.ts'
import { differingMembers, Pairs } from './diff/pairs.ts'
import { Plans, type Query } from './diff/queries.ts'
import { QueryChanges } from './diff/query-changes.ts'
import { Readings, type ReadingWorld } from './diff/readings.ts'
import { reason, severest } from './diff/reasons.ts'
import { Sides } from './diff/sides.ts'
import { Trees } from './diff/trees.ts'
import type { Fingerprinted } from './fingerprint.ts'
import { type CompileCache, type LazySqlEngine, noCache, noDatabases } from './ports.ts'

export interface Diffed {
  readonly bound: Bound
  readonly base: Manifest | null
  /** With carried fingerprints. */
  readonly manifest: Manifest
  readonly diff: Diff
  /** How many different questions about plans there were. */
  readonly asked: number
}

/** Compares with the base. Without one everything is new, and the manifest stays as it is. */
export async function diff(
  { bound, manifest }: Fingerprinted,
  base: Manifest | null,
  engine: LazySqlEngine,
  cache: CompileCache = noCache,
  databases: ReadingWorld = noDatabases,
): Promise<Diffed> {
  const against: Manifest = base ?? { ...manifest, nodes: [] }
  const order = bound.graph.order
  const pairs = new Pairs(against, manifest)
  const settings = { old: against.settings, now: manifest.settings }
  const sides = new Sides(pairs, new Readings(engine, cache, databases), settings)
  const plans = new Plans(engine, cache, pairs.renamed)
  const compared = { plans, trees: new Trees(databases.checkQueries, cache, pairs), sides }
  const impact = new Impact(pairs, compared)
  const queryChanges = new QueryChanges(pairs, compared, engine)

  for (const queries of await rewrittenQueries(order, pairs, sides)) await plans.ahead(queries)
  const verdicts = new Map<string, Verdict>()
  const own = new Map<string, Change>()
  for (const id of order) {
    const pair = pairs.of(id)
    if (pair === undefined) continue
    verdicts.set(id, await impact.decide(pair.node))
    const change = pair.base === null ? added(pair.node) : await modified(pair.node, pair.base, pairs, queryChanges)
    if (change !== null) own.set(id, change)
  }

  const execute = executions(order, verdicts, own, pairs, base !== null)
  const removed = pairs.removed.map((node) => removal(node, manifest))
  const affected = reached(execute, verdicts, pairs)
  const changes = [...own.values(), ...removed]
    .map((change) => ({ ...change, affects: [...(affected.get(change.node) ?? [])] }))
    .sort((a, b) => (a.node < b.node ? -1 : 1))
  const check = checkedOnly(order, execute, pairs)
  return {
    bound,
    base,
    asked: plans.asked,
    manifest: { ...manifest, nodes: manifest.nodes.map((n) => verdicts.get(n.id)?.record ?? n) },
    diff: {
      format: 'seeknal.diff/1',
      has_base: base !== null,
      changes,
      execute,
      ...(check.length === 0 ? {} : { check }),
      summary: summary(changes, execute),
    },
  }
}

/** Those of now and those of the base, each over inputs that fit together; plans will certainly be asked about them. */
async function rewrittenQueries(
  order: readonly string[],
  pairs: Pairs,
  sides: Sides,
): Promise<readonly (readonly Query[])[]> {
  const now: (Query | null)[] = []
  const old: (Query | null)[] = []
  for (const id of order) {
    const { node, base = null } = pairs.of(id) ?? {}
    if (node === undefined || base === null || node.dialect !== undefined || base.dialect !== undefined) continue
    if (!differingMembers(base, node).includes('sql')) continue
    now.push(await sides.now(node))
    old.push(await sides.old(base))
  }
  return [now, old].map((queries) => queries.filter((query) => query !== null))
}

function added(node: ManifestNode): Change {
  const reasons = [reason('NODE_ADDED', 'new')]
  const columns = node.columns?.map((c) => c.name) ?? []
  return changeOf(node.id, 'added', reasons, { columns_added: columns })
}

function removal(node: ManifestNode, manifest: Manifest): Change {
  const successor = manifest.nodes.find((n) => n.name === node.name)
  const reasons = successor
    ? [reason('NODE_KIND_CHANGED', `is a ${successor.kind} now, '${successor.id}'`)]
    : [reason('NODE_REMOVED', 'removed')]
  const columns = node.columns?.map((c) => c.name) ?? []
  return changeOf(node.id, 'removed', reasons, { columns_removed: columns })
}

async function modified(
  node: ManifestNode,
  base: ManifestNode,
  pairs: Pairs,
  queryChanges: QueryChanges,
): Promise<Change | null> {
  const output = await queryChanges.of(node, base)
  const reasons = [
    ...definitionReasons({ node, base }, pairs),
    ...output.reasons,
    ...checkReasons(node, base),
    ...descriptionReasons({ node, base }),
  ]
  if (reasons.length === 0) return null
  return changeOf(node.id, 'modified', reasons, {
    columns_added: [...output.added],
    columns_removed: [...output.removed],
    columns_retyped: [...output.retyped],
    columns_changed: output.changed === null ? null : [...output.changed],
  })
}

/** A change whose members are in the order in which they are written. */
const changeOf = (
  node: string,
  change: Change['change'],
  reasons: Change['reasons'],
  {
    columns_added = [],
    columns_changed = [],
    columns_removed = [],
    columns_retyped = [],
  }: Partial<Pick<Change, 'columns_added' | 'columns_changed' | 'columns_removed' | 'columns_retyped'>>,
): Change => ({
  affects: [],
  category: severest(reasons),
  change,
  columns_added,
  columns_changed,
  columns_removed,
  columns_retyped,
  node,
  reasons,
})

/** Nodes whose checks are new or others while nothing makes them execute for certain. */
function checkedOnly(order: readonly string[], execute: readonly Execution[], pairs: Pairs): string[] {
  const executes = new Set(execute.filter((e) => !e.maybe).map((e) => e.node))
  return order.filter((id) => {
    const pair = pairs.of(id)
    if (pair?.node.checks_fingerprint === undefined || executes.has(id)) return false
    return pair.node.checks_fingerprint !== pair.base?.checks_fingerprint
  })
}

/** For each change the other nodes that execute because of it, in graph order. */
function reached(
  execute: readonly Execution[],
  verdicts: ReadonlyMap<string, Verdict>,
  pairs: Pairs,
): ReadonlyMap<string, readonly string[]> {
  const nodes = new Map<string, string[]>()
  for (const { node, maybe } of execute) {
    if (maybe) continue
    const removed = pairs.of(node)?.base?.inputs.map((i) => i.ref) ?? []
    const causes = new Set(removed.filter((ref) => pairs.of(ref) === undefined))
    for (const set of verdicts.get(node)?.inputs.values() ?? []) for (const cause of set) causes.add(cause)
    causes.delete(node)
    for (const cause of causes) {
      const known = nodes.get(cause)
      if (known === undefined) nodes.set(cause, [node])
      else known.push(node)
    }
  }
  return nodes
}

export function summary(changes: readonly Change[], execute: readonly Execution[]): Diff['summary'] {
  const modifiedIn = (category: Category) =>
    changes.filter((c) => c.change === 'modified' && c.category === category).length
  return {
    breaking: modifiedIn('breaking'),
    non_breaking: modifiedIn('non_breaking'),
    metadata: modifiedIn('metadata'),
    added: changes.filter((c) => c.change === 'added').length,
    removed: changes.filter((c) => c.change === 'removed').length,
    execute: execute.filter((e) => !e.maybe).length,
  }
}
