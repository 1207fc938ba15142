// What a compile of some files of a project takes over of the last compile of all: the nodes of the other files, what stands
// in the bundle of them, and what was reported of them. Of those that are compiled they see no more than they did.

import type { StepInput } from '../runtime/contract/bundle.ts'
import type { Diagnostic } from '../runtime/contract/diagnostics.ts'
import type { Fingerprint, NodeId } from '../runtime/contract/ids.ts'
import type { Manifest, ManifestNode } from '../runtime/contract/manifest.ts'
import type { Bound } from './bind.ts'
import type { RewrittenStep } from './rewrite.ts'
import type { Validated } from './validate.ts'

/** Nodes by id, as `fingerprint` made them. */
export type Records = ReadonlyMap<NodeId, ManifestNode>

export interface KeptStep {
  readonly step: RewrittenStep
  /** Where it reads its inputs: from elsewhere, it has another text. */
  readonly inputs: readonly StepInput[]
}

/** Steps by id. */
export type KeptSteps = ReadonlyMap<string, KeptStep>

export interface Outside {
  readonly records: Records
  readonly steps: KeptSteps
  /** What seeknal.lock.json should hold of them. */
  readonly lock: Validated['lock']
  readonly diagnostics: readonly Diagnostic[]
  /** Whether the nodes of the files that are compiled are still just those that are not outside. */
  readonly fits: (validated: Validated) => boolean
  /** Whether nodes outside that read those that are compiled still see the same columns. */
  readonly isSeenAsBefore: (bound: Bound) => boolean
  /** The manifest with the nodes that say what they said as they were: their texts need not be written anew. */
  readonly written: (manifest: Manifest) => Manifest
  /** The text of types.ts, if it is the same for this manifest. */
  readonly types: (manifest: Manifest) => string | undefined
  /** Of a file of the bundle whose text is what it was. */
  readonly digestOf: (path: string, text: string) => Fingerprint | undefined
}

export const NO_RECORDS: Records = new Map()
export const NO_STEPS: KeptSteps = new Map()

/** All files are compiled. */
export const NOTHING_OUTSIDE: Outside = {
  records: NO_RECORDS,
  steps: NO_STEPS,
  lock: {},
  diagnostics: [],
  fits: () => true,
  isSeenAsBefore: () => true,
  written: (manifest) => manifest,
  types: () => undefined,
  digestOf: () => undefined,
}
