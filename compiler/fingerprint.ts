// Bound nodes → the manifest with fresh fingerprints: what a cold compile without a base gives. Definitions are
// canonical and independent of any version, clock, path or plan. Pure, no engine.

import type { Manifest } from '../runtime/contract/manifest.ts'
import type { Bound } from './bind.ts'

export interface Fingerprinted {
  readonly bound: Bound
  readonly manifest: Manifest
}
