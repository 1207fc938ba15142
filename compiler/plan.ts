// Diff → the steps of the bundle, in an order in which they can run. Production: every node; the runtime knows what is
// there already. An environment: what must or may execute, and what it reads that production lacks or made from older
// data; everything else is read from production. Checks follow what makes their output; those that are new or others come
// without it. Pure.

import type { Step, StepInput } from '../runtime/contract/bundle.ts'
import type { Check } from '../runtime/contract/checks.ts'
import type { Change, Execution } from '../runtime/contract/diff.ts'
import { asNodeId, type EnvironmentName, type NodeId } from '../runtime/contract/ids.ts'
import type { ManifestNode } from '../runtime/contract/manifest.ts'
import { severest } from './diff/reasons.ts'
import type { Diffed } from './diff.ts'

interface StepHead {
  readonly node: NodeId
  readonly inputs: readonly StepInput[]
  readonly category: Step['category']
  readonly reasons: readonly string[]
}

export interface PlannedBuild extends StepHead {
  readonly kind: 'build'
}

/** Checks of an output; its only input is the node itself. */
export interface PlannedCheck extends StepHead {
  readonly kind: 'check'
  readonly checks: readonly Check[]
}

export type PlannedStep = PlannedBuild | PlannedCheck

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
  const { manifest, diff, base, bound } = diffed
  const nodes = new Map(manifest.nodes.map((n) => [n.id, n]))
  const order = bound.graph.order.flatMap((id) => nodes.get(id) ?? [])
  const inProduction = new Set(base?.nodes.map((n) => n.id))
  const executions = new Map(diff.execute.map((e) => [e.node, e]))
  const changes = new Map(diff.changes.map((c) => [c.node, c]))

  const included =
    environment === null
      ? new Set(nodes.keys())
      : withWhatProductionLacks(withWhatIsOld(new Set(executions.keys()), nodes, due), nodes, inProduction)
  const inputOf = (ref: string): StepInput => ({ from: included.has(ref) ? 'bundle' : 'production', node: ref })
  const build = (node: ManifestNode): PlannedBuild => {
    const [change, execution] = [changes.get(node.id), executions.get(node.id)]
    return {
      kind: 'build',
      node: asNodeId(node.id),
      inputs: node.inputs.map(({ ref }) => inputOf(ref)),
      category: categoryOf(change, execution, base === null),
      reasons: reasonsOf(change, execution, environment === null ? null : whyIncluded(inProduction.has(node.id))),
    }
  }
  const check = (node: ManifestNode): PlannedCheck => ({
    kind: 'check',
    node: asNodeId(node.id),
    inputs: [inputOf(node.id)],
    checks: node.checks ?? [],
    ...whyChecked(changes.get(node.id), executions.has(node.id), base === null),
  })
  const checkedOnly = new Set(diff.check)
  const steps = order.flatMap((node): PlannedStep[] => [
    ...(included.has(node.id) ? [build(node)] : []),
    ...(node.checks !== undefined && (included.has(node.id) || checkedOnly.has(node.id)) ? [check(node)] : []),
  ])
  const read = steps.flatMap((s) => s.inputs.filter((i) => i.from === 'production').map((i) => i.node))
  return {
    diffed,
    environment,
    steps,
    promote: {
      replace: steps.flatMap((s) => (s.kind === 'build' ? [s.node] : [])).sort(),
      remove: [...inProduction]
        .filter((id) => !nodes.has(id))
        .sort()
        .map(asNodeId),
      read: [...new Set(read)].sort().map(asNodeId),
    },
  }
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
  const inputsOf = (id: string) => nodes.get(id)?.inputs.map(({ ref }) => ref) ?? []
  const readers = new Map<string, string[]>()
  for (const id of due.length === 0 ? [] : nodes.keys())
    for (const ref of inputsOf(id)) readers.set(ref, [...(readers.get(ref) ?? []), id])
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

const whyIncluded = (isInProduction: boolean): string =>
  isInProduction ? 'production made it from older data than it has now' : 'production has no output of it to read'

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

function reasonsOf(change: Change | undefined, execution: Execution | undefined, otherwise: string | null): string[] {
  const own = change?.reasons.map((r) => r.text) ?? []
  const propagated = execution === undefined || (execution.own && execution.inputs.length === 0) ? [] : [execution.text]
  const reasons = [...own, ...propagated]
  return reasons.length === 0 && otherwise !== null ? [otherwise] : reasons
}
