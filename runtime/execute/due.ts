// What is left to do of a run, whatever its engine: nothing at all, or nodes that a selection left out.

import type { NodeId } from '../contract/ids.ts'
import type { NodeState } from '../contract/state.ts'
import { acquireEnvironment } from '../store/environments.ts'
import { acquireWriter } from '../store/locks.ts'
import { isApplied } from './environment.ts'
import { differs, mergedAfterRun, removedNodes } from './finish.ts'
import { isDue, isSettled, type Prediction, predict } from './plan.ts'
import type { ExecuteOptions } from './run.ts'
import type { World } from './world.ts'

export function lockOf({ store, environment }: World, { command = 'seeknal run' }: ExecuteOptions, timeoutMs: number) {
  if (environment === null) return acquireWriter(store, 'production', { command, timeoutMs })
  return acquireEnvironment(store, environment, { command, timeoutMs })
}

export type Predictions = ReadonlyMap<NodeId, Prediction>

/** The same without the selection: of nodes that it left out, a full run asks nothing. */
export const predictAll = async (world: World, predictions: Predictions): Promise<Predictions> =>
  world.isWhole ? predictions : predict({ ...world, selected: () => true, isWhole: true, full: false })

export async function leftOutAndDue(world: World, predictions: Predictions): Promise<NodeId[]> {
  const everything = await predictAll(world, predictions)
  return [...everything.values()]
    .filter((p) => !world.selected(p.id) && isDue(p) && p.status !== 'maybe')
    .map((p) => p.id)
}

export function isNothing(world: World, predictions: ReadonlyMap<NodeId, Prediction>): boolean {
  if (!isSettled(predictions)) return false
  if (world.environment !== null) return isApplied(world)
  if (removedNodes(world).length > 0) return false
  if (world.isWhole) return world.contract.files['manifest.json'] === world.production?.manifestDigest
  const cached = [...predictions.keys()].flatMap((id): [string, NodeState][] => {
    const state = world.selected(id) ? world.own.get(id)?.state : undefined
    return state === undefined ? [] : [[id, { ...state, status: 'cached' }]]
  })
  return !differs(world, mergedAfterRun(world, new Map(cached), {}))
}
