// Manifest + base manifest → what changed, in which category and why, and who is affected; and the manifest whose
// fingerprints are carried over where the engine proved that nothing that a reader reads has changed.

import type { Diff } from '../runtime/contract/diff.ts'
import type { Manifest } from '../runtime/contract/manifest.ts'
import type { Bound } from './bind.ts'

export interface Diffed {
  readonly bound: Bound
  readonly base: Manifest | null
  /** With carried fingerprints. */
  readonly manifest: Manifest
  readonly diff: Diff
}
