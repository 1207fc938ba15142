// What a selection left behind in production: outputs that were made from data of an input that is no longer the
// input's. Told from what is recorded alone, without looking at any file. Pure.

import { rowsDecide } from '../contract/manifest.ts'
import type { Generation } from '../store/generations.ts'
import { rowsFingerprint } from './fingerprints.ts'

export interface LeftDue {
  readonly node: string
  /** The inputs that are newer. */
  readonly older: readonly string[]
}

/** In the manifest's order. Of an input whose rows decide column by column, nothing is claimed. */
export function leftDue({ manifest, state }: Pick<Generation, 'manifest' | 'state'>): readonly LeftDue[] {
  const nodes = new Map(manifest.nodes.map((node) => [node.id, node]))
  return manifest.nodes.flatMap((node) => {
    const isOlder = ({ ref, data }: { readonly ref: string; readonly data: string }): boolean => {
      const [input, now] = [nodes.get(ref), state.nodes[ref]]
      if (input === undefined || now === undefined) return false
      if (!rowsDecide(input)) return now.data !== data
      const isWhole = node.inputs.some((edge) => edge.ref === ref && edge.reads === null)
      return isWhole && rowsFingerprint(now.snapshot.digest) !== data
    }
    const older = (state.nodes[node.id]?.inputs ?? []).filter(isOlder).map(({ ref }) => ref)
    return older.length === 0 ? [] : [{ node: node.id, older }]
  })
}
