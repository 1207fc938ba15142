// What binding gives for one node, and what it needs from the world.

import type { Fingerprint, NodeId } from '../../runtime/contract/ids.ts'
import type { Column, Lineage, Reproducibility } from '../../runtime/contract/manifest.ts'
import type { CompileCache, LazySqlEngine, ObserveSources } from '../ports.ts'

export interface BoundNode {
  readonly id: NodeId
  /** As stored (see DescribeResult), in order. Null: late-bound. */
  readonly columns: readonly Column[] | null
  /** Columns that a step must cast before it writes them, name → stored type: Parquet would turn a HUGEINT into a DOUBLE. */
  readonly casts: Readonly<Record<string, string>>
  /** Of `columns`; null: late-bound. */
  readonly columnsFingerprint: Fingerprint | null
  readonly lineage: Lineage | null
  readonly reproducibility: Reproducibility
  /** Hash of the canonical form of the SQL (formatting, comments, letter case do not count). Null for sources. */
  readonly canonicalSql: string | null
}

export type LockedColumns = readonly { readonly name: string; readonly type: string }[]

export interface World {
  readonly engine: LazySqlEngine
  readonly observe: ObserveSources
  readonly cache: CompileCache
  /** Accept that a source no longer has its locked columns. */
  readonly acceptSources: boolean
}
