// Graph → output columns and types of every node, from the engine itself: each query prepared over empty tables of its
// inputs' columns. Source columns are declared, locked or observed, in this order. Reports BIND_*; what only data can
// tell is late-bound. Results are cached by (SQL, input columns, engine version).

import type { Diagnostic } from '../runtime/contract/diagnostics.ts'
import type { NodeId } from '../runtime/contract/ids.ts'
import type { Column, Lineage, Reproducibility } from '../runtime/contract/manifest.ts'
import type { Graph } from './graph.ts'

export interface BoundNode {
  readonly id: NodeId
  /** As stored (see DescribeResult), in order. Null: late-bound. */
  readonly columns: readonly Column[] | null
  /** Columns that a step must cast before it writes them, name → stored type: Parquet would turn a HUGEINT into a DOUBLE. */
  readonly casts: Readonly<Record<string, string>>
  readonly lineage: Lineage | null
  readonly reproducibility: Reproducibility
  /** Hash of the canonical form of the SQL (formatting, comments, letter case do not count). Null for sources. */
  readonly canonicalSql: string | null
}

export interface Bound {
  readonly graph: Graph
  readonly bound: ReadonlyMap<NodeId, BoundNode>
  /** What seeknal.lock.json should hold: observed source columns, by id. */
  readonly lock: Readonly<Record<string, readonly { readonly name: string; readonly type: string }[]>>
  readonly diagnostics: readonly Diagnostic[]
}
