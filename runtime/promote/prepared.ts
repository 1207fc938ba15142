// The generation that was prepared when an environment was applied → the switch to it, as data. While production is as it was
// then, it is the one that promoting makes, to the byte, and need not be put together again. Whatever does not fit: null.

import { sha256 } from '../contract/canonical-json.ts'
import { parseDocument } from '../contract/schema.ts'
import { GenerationRecord, RunState } from '../contract/state.ts'
import { newSnapshots, outputFiles } from '../execute/finish.ts'
import { readIfThere } from '../store/files.ts'
import { type Generation, readRecord } from '../store/generations.ts'
import { type Store, unlessDamaged } from '../store/store.ts'
import { type Applied, isNext } from './stage.ts'
import type { StagedSwitch } from './switch.ts'

/** What says which generation was prepared, and its text, to the byte. */
export interface PreparedRecord {
  readonly folder: string
  readonly record: GenerationRecord
  readonly text: string
}

/** `environment`: its folder. Null: nothing was prepared, or it cannot be read. */
export const preparedRecord = (environment: string): PreparedRecord | null =>
  unlessDamaged(
    () => {
      const folder = `${environment}/promotion/generation`
      const text = readIfThere(`${folder}/generation.json`)
      if (text === null) return null
      return { folder, text, record: parseDocument(GenerationRecord, text, 'generation.json', 'STATE_INVALID') }
    },
    () => null,
  )

export function stagePrepared(
  store: Store,
  production: Generation | null,
  applied: Applied,
  prepared: PreparedRecord,
): StagedSwitch | null {
  const { record } = prepared
  if (!fits(store, production, applied, record)) return null
  const found = unlessDamaged(
    () => contentsOf(prepared),
    () => null,
  )
  if (found === null) return null
  const from = production?.number ?? null
  return {
    kind: 'promote',
    runId: record.run_id,
    requirements: [{ kind: 'current', generation: from }, ...newSnapshots(found.nodes), ...applied.requirements],
    updates: {
      create: { number: record.generation, documents: found.documents, outputs: outputFiles(found.nodes) },
      current: { from, to: record.generation },
      changed: record.changed,
      removed: record.removed,
    },
  }
}

interface Contents {
  readonly nodes: RunState['nodes']
  readonly documents: Readonly<Record<string, string>>
}

/** Null when it is not whole. */
function contentsOf({ folder, record, text }: PreparedRecord): Contents | null {
  const [manifest, state, bundle] = ['manifest.json', 'run_state.json', 'bundle.digest'].map((name) =>
    readIfThere(`${folder}/${name}`),
  )
  if (manifest == null || state == null || bundle == null) return null
  const isWhole = sha256(manifest) === record.manifest && sha256(state) === record.run_state
  if (!isWhole || bundle !== `${record.bundle}\n`) return null
  return {
    nodes: parseDocument(RunState, state, 'run_state.json', 'STATE_INVALID').nodes,
    documents: { 'manifest.json': manifest, 'run_state.json': state, 'generation.json': text, 'bundle.digest': bundle },
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
    record.parent_record === parent &&
    isNext(store, production, record)
  )
}
