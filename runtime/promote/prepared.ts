// The generation that was prepared when an environment was applied → the switch to it, as data. While production is as it was
// then, it is the one that promoting makes, to the byte, and need not be put together again. Whatever does not fit: null.

import { sha256 } from '../contract/canonical-json.ts'
import { parseDocument } from '../contract/schema.ts'
import { GenerationRecord, RunState } from '../contract/state.ts'
import { newSnapshots, outputFiles } from '../execute/finish.ts'
import { readIfThere } from '../store/files.ts'
import { type Generation, nextGeneration, readRecord } from '../store/generations.ts'
import { type Store, unlessDamaged } from '../store/store.ts'
import type { Applied } from './stage.ts'
import type { StagedSwitch } from './switch.ts'

/** `folder`: the environment's. */
export function stagePrepared(
  store: Store,
  production: Generation | null,
  applied: Applied,
  folder: string,
): StagedSwitch | null {
  const found = unlessDamaged(
    () => prepared(`${folder}/promotion/generation`),
    () => null,
  )
  if (found === null || !fits(store, production, applied, found.record)) return null
  const { record, nodes, documents } = found
  const from = production?.number ?? null
  return {
    kind: 'promote',
    runId: record.run_id,
    requirements: [{ kind: 'current', generation: from }, ...newSnapshots(nodes), ...applied.requirements],
    updates: {
      create: { number: record.generation, documents, outputs: outputFiles(nodes) },
      current: { from, to: record.generation },
      changed: record.changed,
      removed: record.removed,
    },
  }
}

/** What says of the prepared generation when it was made; null when it cannot be read. */
export const preparedRecord = (folder: string): GenerationRecord | null =>
  unlessDamaged(
    () => {
      const text = readIfThere(`${folder}/promotion/generation/generation.json`)
      return text === null ? null : parseDocument(GenerationRecord, text, 'generation.json', 'STATE_INVALID')
    },
    () => null,
  )

interface Prepared {
  readonly record: GenerationRecord
  readonly nodes: RunState['nodes']
  readonly documents: Readonly<Record<string, string>>
}

/** Null when it is not whole. */
function prepared(folder: string): Prepared | null {
  const [own, manifest, state, bundle] = ['generation.json', 'manifest.json', 'run_state.json', 'bundle.digest'].map(
    (name) => readIfThere(`${folder}/${name}`),
  )
  if (own == null || manifest == null || state == null || bundle == null) return null
  const record = parseDocument(GenerationRecord, own, 'generation.json', 'STATE_INVALID')
  const isWhole = sha256(manifest) === record.manifest && sha256(state) === record.run_state
  if (!isWhole || bundle !== `${record.bundle}\n`) return null
  return {
    record,
    nodes: parseDocument(RunState, state, 'run_state.json', 'STATE_INVALID').nodes,
    documents: { 'manifest.json': manifest, 'run_state.json': state, 'generation.json': own, 'bundle.digest': bundle },
  }
}

/** It is of what was applied last, and comes next after production. */
function fits(
  store: Store,
  production: Generation | null,
  { contract, state }: Applied,
  record: GenerationRecord,
): boolean {
  const parent = production === null ? null : (readRecord(store, production.number)?.digest ?? null)
  return (
    record.bundle === contract.digest &&
    record.run_id === state.run_id &&
    record.parent === (production?.number ?? null) &&
    record.parent_record === parent &&
    record.generation === nextGeneration(store)
  )
}
