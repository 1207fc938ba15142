// The targets of a node at its turn: those that do not hold its output are written, in the order of the bundle. The first
// that fails fails the node; those before it are recorded and stay as they are.

import type { MaterializeStep } from '../contract/bundle.ts'
import { Bug } from '../contract/failures.ts'
import { asNodeId } from '../contract/ids.ts'
import type { ManifestNode } from '../contract/manifest.ts'
import type { Snapshot } from '../contract/state.ts'
import type { Journal } from '../journal.ts'
import type { Maker } from './maker.ts'
import { isHeld, targetOf } from './plan-targets.ts'
import { tried } from './retry.ts'
import type { ExecuteOptions } from './run.ts'
import type { Slots } from './slots.ts'
import type { World } from './world.ts'

interface Context {
  readonly world: World
  readonly journal: Journal
  readonly maker: Maker
  readonly options: ExecuteOptions
}

interface Output {
  readonly data: string
  readonly snapshot: Snapshot
}

interface Turn {
  readonly slots: Slots
  readonly isOver: () => boolean
}

/** The tables that were written; null when the run ended before. */
export async function writeTargets(
  context: Context,
  node: ManifestNode,
  output: Output,
  { slots, isOver }: Turn,
): Promise<readonly string[] | null> {
  const { world } = context
  const known = { data: output.data, digest: output.snapshot.digest }
  const due = (world.targets.get(asNodeId(node.id)) ?? []).filter((step) => !isHeld(world, step, known))
  for (const step of due) {
    const free = await slots.take()
    try {
      if (isOver()) return null
      await write(context, node, output, step)
    } finally {
      free()
    }
  }
  return due.map(({ relation }) => relation)
}

async function write(context: Context, node: ManifestNode, output: Output, step: MaterializeStep): Promise<void> {
  const { world, journal, options } = context
  const id = asNodeId(node.id)
  const target = targetOf(world, step)
  if (target === undefined) throw new Bug(`${step.id} has no target`)
  const { relation } = step
  options.onEvent?.({ kind: 'writing', node: id, relation })
  const started = performance.now()
  const order = { id: step.id, node, target, prefix: world.contract.prefix, relation, output, types: step.types }
  await tried(options, id, () => context.maker.writeTarget(order))
  const ms = Math.round(performance.now() - started)
  await journal.append({ kind: 'target', node: id, step: step.id, relation, rows: output.snapshot.rows, ms })
  options.faults?.('recorded')
}
