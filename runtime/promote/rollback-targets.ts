// Production's tables in databases that do not hold what an earlier generation has: going back to it leaves them as they are,
// and says what becomes of each and what to do. Only reads.

import { asNodeId } from '../contract/ids.ts'
import { contentOf, relationOf, type Target, targetStepIds } from '../contract/targets.ts'
import { readIfThere } from '../store/files.ts'
import { readGeneration } from '../store/generations.ts'
import { pathIn, type Store } from '../store/store.ts'
import { TargetRecord } from '../store/target-writes.ts'

export interface OtherTarget {
  readonly node: string
  readonly relation: string
  readonly connection: string
  readonly mode: Target['mode']
  /** What becomes of it: a sentence without its subject. */
  readonly stays: string
}

/** `inLedger`: the engine is a database, whose ledger knows which outputs were appended with which generation. */
export function targetsUnlike(store: Store, generation: number, inLedger: boolean): readonly OtherTarget[] {
  const record = new TargetRecord(store, null)
  const { manifest, state } = readGeneration(store, generation)
  return manifest.nodes.flatMap((node) => {
    const output = state.nodes[asNodeId(node.id)]
    if (output === undefined) return []
    const targets = node.targets ?? []
    return targetStepIds(node.id, targets).flatMap((step, i): OtherTarget[] => {
      const [target, written] = [targets[i], record.of(step, node)]
      if (target === undefined || written === undefined) return []
      if (written.content === contentOf(target, { data: output.data, digest: output.snapshot.digest })) return []
      const { mode, connection } = target
      const stays = mode === 'append' && inLedger ? APPENDED : STAYS[mode]
      return [{ node: node.id, relation: relationOf(target, ''), connection, mode, stays }]
    })
  })
}

const STAYS: Readonly<Record<Target['mode'], string>> = {
  overwrite: 'holds its newer rows until it is written again',
  append: 'keeps the rows that were added since; a run that makes those of this generation adds them once more',
  upsert_by_key: 'keeps the rows that were added or changed since, until those of this generation are written again',
  incremental_by_time: 'keeps its ranges of time as they were written last',
}
const APPENDED = 'keeps the rows that were added since; those of this generation are there, and are not added again'

/** How the tables get the rows of that generation. */
export function rewritingHints(store: Store, generation: number): readonly string[] {
  const { bundle } = readGeneration(store, generation).state
  return [
    `The next 'seeknal run' writes what the project says by then. Put the project back to what it was for generation ${generation} and run, and they get its rows.`,
    ...(isOfProduction(store, bundle)
      ? [
          `Or execute once more what made generation ${generation}: 'seeknal exec bundle target/bundles/${bundle}'. While its sources are the same, it only writes these tables.`,
        ]
      : []),
  ]
}

/** Whether the bundle is kept and is no environment's. */
function isOfProduction(store: Store, digest: string): boolean {
  const text = readIfThere(pathIn(store, 'bundles', digest, 'bundle.json'))
  try {
    return text !== null && JSON.parse(text).environment === null
  } catch {
    return false
  }
}
