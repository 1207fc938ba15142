// What a run or a plan answers, put together from what is known of each node. Pure.

import { knownChecks } from '../check.ts'
import type { NodeId } from '../contract/ids.ts'
import type { NodeChecks, NodeState } from '../contract/state.ts'
import { removedNodes } from './finish.ts'
import { isDue, type Prediction } from './plan.ts'
import type { DueNode, ExecuteOptions, NodeResult, NodeStatus, RunResult } from './run.ts'
import type { Settled } from './running.ts'
import type { World } from './world.ts'

export function dueNode(prediction: Prediction, everything: ReadonlyMap<NodeId, Prediction>): DueNode {
  const { id, status, reason } = prediction
  const all = everything.get(id)
  const leftOut = status === 'left_out' && all !== undefined
  return {
    node: id,
    status,
    due: isDue(all ?? prediction),
    reason: leftOut ? all.reason : reason,
    checks: (leftOut ? all : prediction).checks,
    targets: (leftOut ? all : prediction).targets,
    fails: status === 'blocked' || prediction.failsChecks,
    rows: prediction.readable?.snapshot?.rows ?? null,
  }
}

interface Ended {
  readonly failed: boolean
  readonly interrupted: boolean
  /** Of nodes that have an output. */
  readonly states: ReadonlyMap<string, NodeState>
  /** Of nodes whose checks are known. */
  readonly checks: Readonly<Record<string, NodeChecks>>
}

/** What settled nodes leave to be recorded. */
export function endedWith(settled: ReadonlyMap<string, Settled>, { signal }: ExecuteOptions): Ended {
  const all = [...settled]
  return {
    failed: all.some(([, { result }]) => result.status === 'failed'),
    interrupted: signal?.aborted === true,
    states: new Map(all.flatMap(([id, { state }]) => (state === null ? [] : [[id, state] as const]))),
    checks: Object.fromEntries(all.flatMap(([id, { checks }]) => (checks === null ? [] : [[id, checks] as const]))),
  }
}

export interface Ending {
  readonly outcome: RunResult['outcome']
  readonly generation?: number | null
  readonly settled: ReadonlyMap<NodeId, Settled>
  readonly predictions: ReadonlyMap<NodeId, Prediction>
  /** Left out by the selection, and due. */
  readonly stillDue: readonly NodeId[]
  readonly started: number
}

export function resultOf(world: World, ending: Ending): RunResult {
  const nodes = [...ending.predictions.values()]
    .filter((prediction) => prediction.status !== 'left_out')
    .map((prediction) => ending.settled.get(prediction.id)?.result ?? cachedResult(world, prediction))
  const counts: Record<NodeStatus, number> = { executed: 0, reused: 0, cached: 0, skipped: 0, failed: 0 }
  for (const node of nodes) counts[node.status] += 1
  return {
    outcome: ending.outcome,
    runId: world.values.runId,
    environment: world.environment,
    generation: ending.generation ?? (world.environment === null ? (world.production?.number ?? null) : null),
    nodes,
    counts,
    removed: ending.outcome === 'done' ? removedNodes(world) : [],
    stillDue: [...ending.stillDue],
    durationMs: performance.now() - ending.started,
  }
}

function cachedResult(world: World, { id, readable }: Prediction): NodeResult {
  const [node, snapshot] = [world.nodes.get(id), readable?.snapshot ?? null]
  const known = node === undefined || snapshot === null ? null : knownChecks(world, node, snapshot)
  return {
    node: id,
    status: 'cached',
    rows: snapshot?.rows ?? null,
    ms: 0,
    reason: '',
    ...(snapshot === null ? {} : { snapshot }),
    ...(known === null ? {} : { checks: known.results }),
  }
}
