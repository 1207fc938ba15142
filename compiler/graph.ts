// Resolved nodes → an order in which they can run. Kahn's algorithm with ids in code-unit order. Reports every cycle
// (GRAPH_CYCLE), with the edges that make it.

import type { Diagnostic } from '../runtime/contract/diagnostics.ts'
import type { NodeId } from '../runtime/contract/ids.ts'
import type { Resolved } from './resolve.ts'

export interface Graph extends Resolved {
  /** Inputs before readers; ids in code-unit order where the graph leaves a choice. */
  readonly order: readonly NodeId[]
  /** Nodes of one level read only nodes of earlier levels. */
  readonly levels: readonly (readonly NodeId[])[]
  /** Readers of each node, sorted. */
  readonly readers: ReadonlyMap<NodeId, readonly NodeId[]>
  readonly edgeCount: number
  readonly diagnostics: readonly Diagnostic[]
}
