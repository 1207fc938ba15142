// What a run would do about a node's targets: nothing where they hold the output that readers would read. A target is also
// due when its connection leads to another database than the one that was written, when nobody saw the end of a write, or
// when its table is not there any more.

import type { MaterializeStep } from '../contract/bundle.ts'
import { fingerprintOf } from '../contract/canonical-json.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type Fingerprint } from '../contract/ids.ts'
import { contentOf, type Target } from '../contract/targets.ts'
import type { PostgresqlConnection } from '../engines/postgresql/connection.ts'
import type { Prediction } from './plan.ts'
import type { World } from './world.ts'

/** An output as a target is to hold it. */
export interface TargetOutput {
  readonly data: string
  readonly digest: string
}

/** The prediction with the targets that are not known to hold what readers would read. */
export function withTargets(world: World, prediction: Prediction): Prediction {
  const { id, status, readable } = prediction
  const steps = world.targets.get(id) ?? []
  if (steps.length === 0 || status === 'blocked' || status === 'left_out') return prediction
  const output = readable?.snapshot == null ? null : { data: readable.data, digest: readable.snapshot.digest }
  const due = steps.filter((step) => output === null || !isHeld(world, step, output))
  if (due.length === 0) return prediction
  const targets = due.map(({ relation }) => relation)
  if (status !== 'cached') return { ...prediction, targets }
  const lost = due.filter((step) => world.targetRecord.isLost(step.id)).map(({ relation }) => relation)
  const other = targets.filter((relation) => !lost.includes(relation))
  const reasons = [
    ...(lost.length === 0 ? [] : [`${lost.join(', ')} ${lost.length === 1 ? 'is' : 'are'} not there any more`]),
    ...(other.length === 0 ? [] : [`${other.join(', ')} ${other.length === 1 ? 'does' : 'do'} not hold it`]),
  ]
  return { ...prediction, status: 'write', reason: reasons.join('; '), targets }
}

/** Whether the table is known to hold the output. A full run believes it of an `append` only. */
export function isHeld(world: World, step: MaterializeStep, output: TargetOutput): boolean {
  const node = world.nodes.get(asNodeId(step.node))
  const written = node && world.targetRecord.of(step.id, node)
  const target = node?.targets?.[step.target]
  if (world.targetRecord.isLost(step.id)) return false
  // Writing a table anew is no harm; adding the same rows once more is.
  if (world.full && target?.mode !== 'append') return false
  if (written === undefined || target === undefined || written.content !== contentOf(target, output)) return false
  const isThere = written.schema === `${world.contract.prefix}${target.schema}` && written.table === target.table
  return isThere && written.place === placeNow(world, step.connection)
}

export const targetOf = (world: World, step: MaterializeStep): Target | undefined =>
  world.nodes.get(asNodeId(step.node))?.targets?.[step.target]

/** Where a connection leads to, without who asks. */
export const placeOfConnection = ({ host, port, database }: PostgresqlConnection): Fingerprint =>
  fingerprintOf({ host, port, database })

export const placeNow = (world: World, connection: string): Fingerprint | null => placeIn(world.connection, connection)

/** Null: the profile does not say. */
export function placeIn(connection: World['connection'], name: string): Fingerprint | null {
  try {
    return placeOfConnection(connection(name))
  } catch (error) {
    if (error instanceof RuntimeFailure) return null
    throw error
  }
}
