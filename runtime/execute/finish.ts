// What a completed run leaves: for production a switch to a new generation, for an environment its own outputs and the
// prepared promotion. Both keep the bundle under its digest. Reports STATE_IO, STATE_MOVED.

import { replaceBundle } from '../bundle/directory.ts'
import type { Bundle } from '../contract/bundle.ts'
import { canonicalJson, prettyJson, sha256, sortedKeys } from '../contract/canonical-json.ts'
import { asNodeId, type NodeId, outputStem } from '../contract/ids.ts'
import type { ChecksByNode, NodeState, RunState } from '../contract/state.ts'
import { fittingChecks, type Merged, mergeProduction } from '../promote/merge.ts'
import { generationDocuments, type NewGeneration, type Requirement, type StagedSwitch } from '../promote/switch.ts'
import { type Generation, nextGeneration, readRecord } from '../store/generations.ts'
import { folderIn, pathIn, type Store } from '../store/store.ts'
import type { Faults } from './run.ts'
import type { World } from './world.ts'

/** Who makes a generation, and from what. */
export interface Maker {
  readonly kind: 'run' | 'promote'
  readonly environment: string | null
  /** Digest of the bundle. */
  readonly bundle: string
  readonly runId: string
  readonly runTimestamp: string
  readonly engine: string
  /** When; default: now. */
  readonly createdAt?: string
  /** The merged manifest says in part what a bundle said that was not compiled here. */
  readonly unproven: boolean
}

/** Production after a run of its bundle: nodes that ended well, and all others as they were. */
export function mergedAfterRun(world: World, states: ReadonlyMap<string, NodeState>, checked: ChecksByNode): Merged {
  const text = world.bundle.files.get('manifest.json')
  if (isBundles(world) && text !== undefined) return wholeProduction(world, text, Object.fromEntries(states), checked)
  return mergeProduction({
    before: world.production && { manifest: world.production.manifest, ...world.production.state },
    bundle: world.manifest,
    base: world.base,
    made: states,
    removed: new Set(removedNodes(world)),
    checked,
    describe: false,
  })
}

function wholeProduction(world: World, text: string, nodes: States, checked: ChecksByNode): Merged {
  const checks = fittingChecks(world.manifest.nodes, nodes, [checked, world.production?.state.checks ?? {}])
  return { manifest: world.manifest, text, nodes, checks }
}

/** After a run without selection, production's manifest is the bundle's. */
const isBundles = (world: World): boolean => world.isWhole && world.environment === null

/** Whether the manifest of production after a run holds what only a bundle that was not compiled here has said. */
const isUnproven = ({ compiled, isWhole, production }: World): boolean =>
  !compiled || (!isWhole && production?.state.unproven === true)

/** Who makes the generation of a run of production. */
export const runMaker = (world: World, engine: string): Maker => ({
  kind: 'run',
  environment: null,
  bundle: world.contract.digest,
  runId: world.values.runId,
  runTimestamp: world.values.runTimestamp,
  engine,
  unproven: isUnproven(world),
})

/** Production's nodes that the project no longer has. A selection removes nothing. */
export function removedNodes(world: World): NodeId[] {
  if (!world.isWhole || world.environment !== null) return []
  return (world.production?.manifest.nodes ?? []).map((node) => asNodeId(node.id)).filter((id) => !world.nodes.has(id))
}

/** Whether the merged production is another than the one that is there. */
export function differs(world: World, merged: Merged): boolean {
  if (world.production === null) return true
  if (Object.keys(merged.nodes).some((id) => merged.nodes[id]?.status !== 'cached')) return true
  if (canonicalJson(merged.checks) !== canonicalJson(world.production.state.checks ?? {})) return true
  return manifestDigest(world, merged) !== world.production.manifestDigest || removedNodes(world).length > 0
}

const manifestDigest = (world: World, merged: Merged): string =>
  merged.text === undefined ? sha256(prettyJson(merged.manifest)) : (world.contract.files['manifest.json'] ?? '')

/** The switch to a new generation, as data. */
export function stageGeneration(
  store: Store,
  production: Generation | null,
  merged: Merged,
  maker: Maker,
): StagedSwitch {
  const number = nextGeneration(store)
  const from = production?.number ?? null
  const create = newGeneration(store, { number, production, merged, maker })
  return {
    kind: maker.kind,
    runId: maker.runId,
    requirements: [{ kind: 'current', generation: from }, ...newSnapshots(merged.nodes)],
    updates: { create, current: { from, to: number }, ...changesBetween(production?.state.nodes ?? {}, merged.nodes) },
  }
}

/** That the outputs which production does not have yet are there. Pure. */
export const newSnapshots = (nodes: States): readonly Requirement[] =>
  Object.entries(nodes).flatMap(
    ([
      node,
      {
        status,
        snapshot: { sha256, size_bytes },
      },
    ]) => (status === 'cached' ? [] : [{ kind: 'snapshot', node, sha256, size_bytes }]),
  )

/** File below intermediate/ → SHA-256 of the output. Pure. */
export const outputFiles = (nodes: States): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(nodes).map(([id, { snapshot }]) => [`${outputStem(asNodeId(id))}.parquet`, snapshot.sha256]),
  )

interface Ingredients {
  readonly number: number
  readonly production: Generation | null
  readonly merged: Merged
  readonly maker: Maker
}

function newGeneration(store: Store, { number, production, merged, maker }: Ingredients): NewGeneration {
  const state: RunState = {
    format: 'seeknal.run_state/1',
    generation: number,
    environment: null,
    bundle: maker.bundle,
    ...(maker.unproven ? { unproven: true } : {}),
    run_id: maker.runId,
    run_timestamp: maker.runTimestamp,
    engine: maker.engine,
    nodes: { ...merged.nodes },
    ...(Object.keys(merged.checks).length === 0 ? {} : { checks: merged.checks }),
  }
  const [manifest, runState] = [merged.text ?? prettyJson(merged.manifest), prettyJson(state)]
  const documents = generationDocuments(
    { manifest, runState, bundle: maker.bundle },
    {
      format: 'seeknal.generation/1',
      generation: number,
      parent: production?.number ?? null,
      parent_record: production === null ? null : (readRecord(store, production.number)?.digest ?? null),
      kind: maker.kind,
      environment: maker.environment,
      bundle: maker.bundle,
      run_id: maker.runId,
      created_at: maker.createdAt ?? new Date().toISOString(),
      ...changesBetween(production?.state.nodes ?? {}, merged.nodes),
      manifest: sha256(manifest),
      run_state: sha256(runState),
    },
  )
  return { number, documents, outputs: outputFiles(merged.nodes) }
}

type States = Readonly<Record<string, NodeState>>

/** Nodes whose output is another one, and nodes that are gone. Pure. */
export function changesBetween(before: States, after: States): { changed: string[]; removed: string[] } {
  return {
    changed: sortedKeys(after).filter((id) => before[id]?.snapshot.sha256 !== after[id]?.snapshot.sha256),
    removed: sortedKeys(before).filter((id) => after[id] === undefined),
  }
}

/** Keeps the bundle as bundles/<digest>/: what made a generation can be looked at later. */
export function keepBundle(store: Store, bundle: Bundle, faults: Faults): void {
  folderIn(store, 'bundles')
  const folder = pathIn(store, 'bundles', bundle.contract.digest)
  replaceBundle(folder, bundle)
  faults('kept')
}
