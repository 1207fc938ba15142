// Production's tables in the engine's database that do not hold what an earlier generation has: going back to it says what
// becomes of each. Only reads.

import { asNodeId } from '../contract/ids.ts'
import { contentOf, relationOf, type Target, targetStepIds } from '../contract/targets.ts'
import { readGeneration } from '../store/generations.ts'
import type { Store } from '../store/store.ts'
import { TargetRecord } from '../store/target-writes.ts'

export interface OtherTarget {
  readonly node: string
  readonly relation: string
  readonly mode: Target['mode']
}

export function targetsUnlike(store: Store, generation: number): readonly OtherTarget[] {
  const record = new TargetRecord(store, null)
  const { manifest, state } = readGeneration(store, generation)
  return manifest.nodes.flatMap((node) => {
    const output = state.nodes[asNodeId(node.id)]
    if (output === undefined) return []
    const targets = node.targets ?? []
    return targetStepIds(node.id, targets).flatMap((step, i) => {
      const [target, written] = [targets[i], record.of(step, node)]
      if (target === undefined || written === undefined) return []
      if (written.content === contentOf(target, { data: output.data, digest: output.snapshot.digest })) return []
      return [{ node: node.id, relation: relationOf(target, ''), mode: target.mode }]
    })
  })
}

/** What becomes of such a table. */
export const STAYS: Readonly<Record<Target['mode'], string>> = {
  overwrite: "holds its newer rows until the next 'seeknal run' writes it again",
  append: 'keeps the rows that were added since; those of this generation are there, and are not added again',
  upsert_by_key: "keeps the rows that were added since; the next 'seeknal run' writes those of this generation again",
  incremental_by_time: "keeps other ranges as they are; the next 'seeknal run' writes that of this generation again",
}
