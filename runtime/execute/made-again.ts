// An output that the shared state has and this machine lacks, made again → it stands for the one that is there already, where
// the rows are the same; then nothing is another for anybody else. Other rows from the same inputs are said.

import type { NodeId } from '../contract/ids.ts'
import type { Manifest, ManifestNode } from '../contract/manifest.ts'
import { digestOf, type NodeState } from '../contract/state.ts'
import type { Generation } from '../store/generations.ts'
import type { Store } from '../store/store.ts'
import { sharedFilesBelow } from './outputs.ts'
import type { ExecuteOptions } from './run.ts'
import { entriesOf, type World } from './world.ts'

/** Nodes of production whose outputs are not on this machine, sorted. */
export const missingHere = (store: Store, production: Generation | null): readonly NodeId[] => {
  const { isThere } = sharedFilesBelow(store)
  return [...entriesOf(production)].flatMap(([id, entry]) => (isThere(entry) ? [] : [id])).sort()
}

/**
 * What of that a project can make again: nodes that are defined as production's are. `select`: these, and what they read
 * that is missing as well.
 */
export function restorable(
  missing: readonly NodeId[],
  production: Generation | null,
  { nodes }: Manifest,
): { readonly ids: readonly NodeId[]; readonly select: (node: ManifestNode) => boolean } {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const before = new Map((production?.manifest.nodes ?? []).map((node) => [node.id, node.definition_fingerprint]))
  const ids = missing.filter((id) => byId.get(id)?.definition_fingerprint === before.get(id))
  const [lacking, selected] = [new Set<string>(missing), new Set<string>()]
  const add = (id: string): void => {
    if (selected.has(id)) return
    selected.add(id)
    for (const { ref } of byId.get(id)?.inputs ?? []) if (lacking.has(ref) || !before.has(ref)) add(ref)
  }
  for (const id of ids) add(id)
  return { ids, select: (node) => selected.has(node.id) }
}

export function ownOr(
  { world, options }: { readonly world: World; readonly options: ExecuteOptions },
  id: NodeId,
  made: NodeState,
): NodeState {
  const own = world.own.get(id)
  const { outputs } = world
  if (outputs.takeFor === undefined || world.full || own === undefined) return made
  if (own.state.fingerprint !== made.fingerprint || outputs.isThere(own)) return made
  if (!isSame(own.state, made)) {
    options.onEvent?.({ kind: 'differs', node: id, isTaken: options.restore !== true })
    return made
  }
  outputs.takeFor(own, made.snapshot)
  return { ...own.state, status: 'cached' }
}

/** One that was stored before the state was shared may have digits that are no hash of its rows. */
const isSame = ({ fingerprint, snapshot }: NodeState, made: NodeState): boolean =>
  snapshot.digest === made.snapshot.digest ||
  snapshot.digest === digestOf(made.snapshot.rows, fingerprint.slice(0, 32), made.snapshot.columns)
