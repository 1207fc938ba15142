// Diff → the steps of the bundle, in an order in which they can run. Production: every node; the runtime knows what is
// there already. An environment: what must or may execute, and what it reads that production lacks or made from older
// data; everything else is read from production. Checks follow what makes their output; those that are new or others come
// without it. Pure.

import type { Step, StepInput } from '../runtime/contract/bundle.ts'
import type { Check } from '../runtime/contract/checks.ts'
import type { Change, Execution } from '../runtime/contract/diff.ts'
import { asNodeId, type EnvironmentName, type NodeId } from '../runtime/contract/ids.ts'
import type { ManifestNode } from '../runtime/contract/manifest.ts'
import { type Target, targetStepIds } from '../runtime/contract/targets.ts'
import { severest } from './diff/reasons.ts'
import type { Diffed } from './diff.ts'
import { withTableReaders } from './plan/through-tables.ts'

interface StepHead {
  readonly node: NodeId
  readonly inputs: readonly StepInput[]
  readonly category: Step['category']
  readonly reasons: readonly string[]
}

export interface PlannedBuild extends StepHead {
  readonly kind: 'build'
  /** Ids of the steps that write tables which it reads in a database; absent: none. */
  readonly after?: readonly string[]
}

/** Checks of an output; its only input is the node itself. */
export interface PlannedCheck extends StepHead {
  readonly kind: 'check'
  readonly checks: readonly Check[]
}

/** Writes an output to one of its node's targets; its only input is the node itself. */
export interface PlannedMaterialize extends StepHead {
  readonly kind: 'materialize'
  readonly id: string
  /** Place of `target` among the node's. */
  readonly index: number
  readonly target: Target
}

export type PlannedStep = PlannedBuild | PlannedCheck | PlannedMaterialize

export interface Planned {
  readonly diffed: Diffed
  readonly environment: EnvironmentName | null
  readonly steps: readonly PlannedStep[]
  readonly promote: {
    readonly replace: readonly NodeId[]
    readonly remove: readonly NodeId[]
    readonly read: readonly NodeId[]
  }
}

/** `due`: nodes whose stored outputs production made from older data of their inputs than it has now. */
export function plan(diffed: Diffed, environment: EnvironmentName | null, due: readonly string[] = []): Planned {
  const { manifest, base, bound } = diffed
  const nodes = new Map(manifest.nodes.map((n) => [n.id, n]))
  const order = bound.graph.order.flatMap((id) => nodes.get(id) ?? [])
  const inProduction = new Set(base?.nodes.map((n) => n.id))
  const steps = new Steps(diffed, environment, { nodes, inProduction, due }).of(order)
  const read = steps.flatMap((s) => s.inputs.filter((i) => i.from === 'production').map((i) => i.node))
  return {
    diffed,
    environment,
    steps,
    promote: {
      replace: steps.flatMap((s) => (s.kind === 'build' ? [s.node] : [])).sort(),
      remove: sortedIds([...inProduction].filter((id) => !nodes.has(id))),
      read: sortedIds(new Set(read)),
    },
  }
}

interface PlanWorld {
  readonly nodes: ReadonlyMap<string, ManifestNode>
  readonly inProduction: ReadonlySet<string>
  readonly due: readonly string[]
}

/** Makes the steps of nodes. */
class Steps {
  readonly #environment: EnvironmentName | null
  readonly #isFirst: boolean
  readonly #nodes: ReadonlyMap<string, ManifestNode>
  readonly #executions: ReadonlyMap<string, Execution>
  readonly #changes: ReadonlyMap<string, Change>
  readonly #checkedOnly: ReadonlySet<string>
  /** By source, the nodes whose tables it reads in a database. */
  readonly #after: ReadonlyMap<string, readonly NodeId[]>
  readonly #included: ReadonlySet<string>
  readonly #inProduction: ReadonlySet<string>
  /** Part of the plan for what they read through a table of a database. */
  readonly #throughTables: ReadonlySet<string>

  constructor(
    { diff, base, bound }: Diffed,
    environment: EnvironmentName | null,
    { nodes, inProduction, due }: PlanWorld,
  ) {
    this.#environment = environment
    this.#isFirst = base === null
    this.#nodes = nodes
    this.#executions = new Map(diff.execute.map((e) => [e.node, e]))
    this.#changes = new Map(diff.changes.map((c) => [c.node, c]))
    this.#checkedOnly = new Set(diff.check)
    this.#after = new Map(bound.graph.nodes.flatMap(({ id, after }) => (after === undefined ? [] : [[id, after]])))
    this.#inProduction = inProduction
    const wanted = new Set(this.#executions.keys())
    const old = withWhatIsOld(wanted, nodes, due)
    const read = withTableReaders(old, nodes, this.#after)
    this.#throughTables = new Set([...read].filter((id) => !old.has(id)))
    this.#included = environment === null ? new Set(nodes.keys()) : withWhatProductionLacks(read, nodes, inProduction)
  }

  of(order: readonly ManifestNode[]): PlannedStep[] {
    return order.flatMap((node): PlannedStep[] => {
      const isIncluded = this.#included.has(node.id)
      const isChecked = node.checks !== undefined && (isIncluded || this.#checkedOnly.has(node.id))
      return [
        ...(isIncluded ? [this.#build(node)] : []),
        ...(isChecked ? [this.#check(node)] : []),
        ...(isIncluded ? materializations(node, this.#why(node, whyWritten)) : []),
      ]
    })
  }

  #input(ref: string): StepInput {
    return { from: this.#included.has(ref) ? 'bundle' : 'production', node: ref }
  }

  #build(node: ManifestNode): PlannedBuild {
    const [change, execution] = [this.#changes.get(node.id), this.#executions.get(node.id)]
    const writers = this.#after.get(node.id) ?? []
    const after = writers.flatMap((id) => this.#written(id))
    return {
      kind: 'build',
      node: asNodeId(node.id),
      inputs: node.inputs.map(({ ref }) => this.#input(ref)),
      ...(after.length === 0 ? {} : { after }),
      category: categoryOf(change, execution, this.#isFirst),
      reasons: reasonsOf(change, execution, this.#environment === null ? null : this.#whyIncluded(node.id, writers)),
    }
  }

  #whyIncluded(id: string, writers: readonly string[]): string {
    if (!this.#inProduction.has(id)) return 'production has no output of it to read'
    if (!this.#throughTables.has(id)) return 'production made it from older data than it has now'
    return writers.length === 0
      ? 'it reads what comes back from a database'
      : `it reads what ${writers.join(', ')} writes to a database`
  }

  /** Ids of the steps by which a node of the bundle writes its targets. */
  #written(id: NodeId): readonly string[] {
    const writer = this.#nodes.get(id)
    return writer === undefined || !this.#included.has(id) ? [] : targetStepIds(id, writer.targets ?? [])
  }

  #check(node: ManifestNode): PlannedCheck {
    return {
      kind: 'check',
      node: asNodeId(node.id),
      inputs: [this.#input(node.id)],
      checks: node.checks ?? [],
      ...this.#why(node, whyChecked),
    }
  }

  #why<T>(node: ManifestNode, why: (change: Change | undefined, executes: boolean, isFirst: boolean) => T): T {
    return why(this.#changes.get(node.id), this.#executions.has(node.id), this.#isFirst)
  }
}

const sortedIds = (ids: Iterable<string>): NodeId[] => [...ids].sort().map(asNodeId)

/** A step for each target of a node whose output is made. */
function materializations(
  node: ManifestNode,
  why: Pick<PlannedMaterialize, 'category' | 'reasons'>,
): PlannedMaterialize[] {
  const { id, targets = [] } = node
  const ids = targetStepIds(id, targets)
  const inputs = [{ from: 'bundle' as const, node: id }]
  return targets.map((target, index) => ({
    ...{ kind: 'materialize', id: ids[index] ?? '', node: asNodeId(id), inputs, index, target },
    ...why,
  }))
}

/**
 * `wanted`, what is due of all that they read, and everything that reads what is made anew thereby: production would
 * otherwise get tables of one time beside tables of another.
 */
function withWhatIsOld(
  wanted: ReadonlySet<string>,
  nodes: ReadonlyMap<string, ManifestNode>,
  due: readonly string[],
): ReadonlySet<string> {
  if (due.length === 0) return wanted
  const inputsOf = (id: string) => nodes.get(id)?.inputs.map(({ ref }) => ref) ?? []
  const readers = new Map<string, string[]>()
  for (const id of nodes.keys()) for (const ref of inputsOf(id)) readers.set(ref, [...(readers.get(ref) ?? []), id])
  const all = new Set(wanted)
  for (let size = -1; size !== all.size; ) {
    size = all.size
    const read = reached(all, inputsOf)
    const old = due.filter((id) => read.has(id) && nodes.has(id))
    for (const id of reached(new Set(old), (one) => readers.get(one) ?? [])) all.add(id)
  }
  return all
}

/** `from` and everything that `next` leads to. */
function reached(from: ReadonlySet<string>, next: (id: string) => readonly string[]): ReadonlySet<string> {
  const all = new Set(from)
  for (const id of all) for (const other of next(id)) all.add(other)
  return all
}

/** `wanted` and, transitively, each input of it that cannot be read from production. */
function withWhatProductionLacks(
  wanted: ReadonlySet<string>,
  nodes: ReadonlyMap<string, ManifestNode>,
  inProduction: ReadonlySet<string>,
): ReadonlySet<string> {
  const all = new Set(wanted)
  const waiting = [...wanted]
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    for (const { ref } of nodes.get(id)?.inputs ?? []) {
      if (all.has(ref) || inProduction.has(ref)) continue
      all.add(ref)
      waiting.push(ref)
    }
  }
  return all
}

function categoryOf(change: Change | undefined, execution: Execution | undefined, isFirst: boolean): Step['category'] {
  if (isFirst || change?.change === 'added') return 'new'
  if (change !== undefined && (execution === undefined || execution.own)) return change.category
  if (execution !== undefined) return 'affected'
  return 'unchanged'
}

/** A check of a node whose checks are what they were is there because of the output. */
function whyChecked(
  change: Change | undefined,
  executes: boolean,
  isFirst: boolean,
): Pick<PlannedCheck, 'category' | 'reasons'> {
  if (isFirst || change?.change === 'added') return { category: 'new', reasons: [] }
  const own = (change?.reasons ?? []).filter((reason) => reason.code.startsWith('CHECK_'))
  if (own.length > 0) return { category: severest(own), reasons: own.map((reason) => reason.text) }
  return executes
    ? { category: 'affected', reasons: ['its output is made anew'] }
    : { category: 'unchanged', reasons: [] }
}

/** Targets that are new or others, or the output that they hold. */
function whyWritten(
  change: Change | undefined,
  executes: boolean,
  isFirst: boolean,
): Pick<PlannedMaterialize, 'category' | 'reasons'> {
  if (isFirst || change?.change === 'added') return { category: 'new', reasons: [] }
  const own = (change?.reasons ?? []).filter((reason) => reason.code.startsWith('MATERIALIZATION_'))
  if (own.length > 0) return { category: severest(own), reasons: own.map((reason) => reason.text) }
  return executes
    ? { category: 'affected', reasons: ['its output is made anew'] }
    : { category: 'unchanged', reasons: [] }
}

function reasonsOf(change: Change | undefined, execution: Execution | undefined, otherwise: string | null): string[] {
  const own = change?.reasons.map((r) => r.text) ?? []
  const propagated = execution === undefined || (execution.own && execution.inputs.length === 0) ? [] : [execution.text]
  const reasons = [...own, ...propagated]
  return reasons.length === 0 && otherwise !== null ? [otherwise] : reasons
}
