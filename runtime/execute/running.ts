// What is known of a node while it runs, and how it ended: what its step reads, what that wrote, and what readers wait for.

import type { Fingerprint } from '../contract/ids.ts'
import type { NodeChecks, NodeState } from '../contract/state.ts'
import type { OutputColumn, OutputFacts } from '../engine.ts'
import type { SourceListing } from '../store/source-files.ts'
import type { ReadInput } from './fingerprints.ts'
import type { Readable } from './plan.ts'
import type { NodeResult } from './run.ts'

/** What an output is made from. */
export interface Made {
  readonly source: SourceListing | null
  readonly reads: readonly ReadInput[]
  readonly readables: readonly Readable[]
  readonly data: string
  readonly fingerprint: string
  /** Whether the fingerprint is the compiler's, of this step and of all that it reads. */
  readonly isProven: boolean
  readonly reason: string
  /** Of a source in a database: where it was read. */
  readonly place?: Fingerprint
}

/** What a step left in the scratch folder, and how long that took. */
export interface Written {
  readonly columns: readonly OutputColumn[]
  readonly rows: number
  readonly ms: number
  /** What looking at it gave already. */
  readonly facts?: OutputFacts
}

/** How a node ended: its result, and its state when its output can be part of production. */
export interface Settled {
  readonly result: NodeResult
  readonly state: NodeState | null
  /** What came out of its checks; null: nothing is checked, or not yet. */
  readonly checks: NodeChecks | null
}

/** Gives an output to the node's readers; null: there is none. Only the first call counts. */
export type Release = (readable: Readable | null) => void

export interface Running {
  /** Resolves when readers can start; null: they cannot. */
  readonly ready: Promise<Readable | null>
  readonly settled: Promise<Settled | null>
}
