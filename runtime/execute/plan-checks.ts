// What a run would do about a node's checks: nothing where their result is known for the output that readers would read,
// and good. A result that is known and bad is as much to do as one that is not known: the run fails by it again.

import { checkFailure, failedResults, knownChecks } from '../check.ts'
import type { Prediction } from './plan.ts'
import type { World } from './world.ts'

/** The prediction with what is known of the node's checks. */
export function withChecks(world: World, prediction: Prediction): Prediction {
  const { id, status, readable } = prediction
  const [node, step] = [world.nodes.get(id), world.checks.get(id)]
  if (node === undefined || step === undefined || status === 'blocked') return prediction
  const known = readable?.snapshot == null ? null : knownChecks(world, node, readable.snapshot)
  const failure = known && checkFailure(step, known)
  if (status === 'left_out') return failure === null ? prediction : { ...prediction, failure }
  if (known !== null && failure === null) return prediction
  const checks = known === null ? step.checks.map((check) => check.id) : failedResults(known).map((check) => check.id)
  const reason = failure === null ? 'its checks have not run on this output' : failure.message
  return {
    ...prediction,
    checks,
    failsChecks: failure !== null,
    ...(status === 'cached' ? { status: 'check', reason } : {}),
  }
}
