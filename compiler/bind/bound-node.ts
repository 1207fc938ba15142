// What binding gives for one node, and what it needs from the world.

import type { Fingerprint, NodeId } from '../../runtime/contract/ids.ts'
import type { Column, Lineage, Reproducibility } from '../../runtime/contract/manifest.ts'
import type {
  BindOnServer,
  CheckQueries,
  CompileCache,
  LazySqlEngine,
  ObserveSources,
  ObserveTables,
  TranslateQueries,
} from '../ports.ts'
import type { LockedColumn } from '../validate.ts'

/** What readers see of a node. */
export interface Output {
  /** As stored (see DescribeResult), in order. Null: late-bound. */
  readonly columns: readonly Column[] | null
  /** Of `columns`; null: late-bound. */
  readonly columnsFingerprint: Fingerprint | null
  /** Columns that a step must cast before it writes them, name → stored type: Parquet would turn a HUGEINT into a DOUBLE. */
  readonly casts: Readonly<Record<string, string>>
  /** What a database knows: its own type of each column, where it is known. */
  readonly sourceTypes?: Readonly<Record<string, string>>
}

/** What the syntax trees of a node's SQL tell. */
export interface SqlFacts {
  readonly lineage: Lineage | null
  readonly reproducibility: Reproducibility
  /** Hash of the canonical form of the SQL (formatting, comments, letter case do not count). Null for sources. */
  readonly canonicalSql: string | null
}

/** Columns have what is declared about them, too. */
export interface BoundNode extends Output, SqlFacts {
  readonly id: NodeId
  /** Late-bound: the types that the author declares, which the output must have. Absent: none. */
  readonly declared?: readonly Column[]
}

export type LockedColumns = readonly LockedColumn[]

export interface World {
  readonly engine: LazySqlEngine
  readonly observe: ObserveSources
  readonly observeTables: ObserveTables
  readonly checkQueries: CheckQueries
  readonly translateQueries: TranslateQueries
  readonly bindOnServer: BindOnServer
  readonly cache: CompileCache
  /** Accept that a source no longer has its locked columns. */
  readonly acceptSources: boolean
  readonly lastOutputs?: LastOutputs
}

/** Production's outputs whose columns only data can tell: what they are now, and the SQL that made them. By id. */
export type LastOutputs = Readonly<Record<string, { readonly sql: string; readonly columns: readonly Column[] }>>
