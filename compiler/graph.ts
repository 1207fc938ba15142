// Resolved nodes → an order in which they can run. Kahn's algorithm with ids in code-unit order. Reports every cycle
// (GRAPH_CYCLE), with the edges that make it.

import { byCodeUnit } from '../runtime/contract/canonical-json.ts'
import { type Diagnostic, type Place, sortDiagnostics } from '../runtime/contract/diagnostics.ts'
import { asNodeId, type NodeId } from '../runtime/contract/ids.ts'
import type { ManifestNode } from '../runtime/contract/manifest.ts'
import { errorAt } from './diagnostic-codes.ts'
import { stronglyConnected } from './graph/strongly-connected.ts'
import { NO_RECORDS, type Records } from './outside.ts'
import type { Resolved, ResolvedNode } from './resolve.ts'

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

/** What an edge needs of a node. */
type Vertex = Pick<ResolvedNode, 'id' | 'inputs' | 'after'>

/** Nodes that read each other in a circle are in no level; a circle through nodes of `outside` is not reported. Pure. */
export function graph(resolved: Resolved, outside: Records = NO_RECORDS): Graph {
  const nodes = new Map(resolved.nodes.map((node) => [node.id, node]))
  const vertices = [...resolved.nodes, ...[...outside].map(vertexOf)].sort((a, b) => byCodeUnit(a.id, b.id))
  const { order, levels } = sortNodes(vertices)
  const done = new Set(order)
  const rest = new Map(
    [...nodes]
      .filter(([id]) => !done.has(id))
      .map(([id, node]) => [id, before(node).filter((input) => !done.has(input))]),
  )
  const cycles = stronglyConnected(rest).map((component) => shortestCycle(component, rest))
  return {
    ...resolved,
    order,
    levels,
    readers: readersOf(vertices),
    edgeCount: vertices.reduce((sum, node) => sum + node.inputs.length, 0),
    diagnostics: sortDiagnostics(cycles.map((cycle) => cycleDiagnostic(cycle, nodes))),
  }
}

function readersOf(nodes: readonly Vertex[]): ReadonlyMap<NodeId, readonly NodeId[]> {
  const readers = new Map<NodeId, NodeId[]>(nodes.map((node) => [node.id, []]))
  for (const node of nodes) for (const input of node.inputs) readers.get(input)?.push(node.id)
  return readers
}

const vertexOf = ([id, record]: readonly [NodeId, ManifestNode]): Vertex => ({
  id,
  inputs: record.inputs.map(({ ref }) => asNodeId(ref)),
})

/** What a node comes after: its inputs, and those whose targets it reads in a database. */
const before = (node: Vertex): readonly NodeId[] => [...new Set([...node.inputs, ...(node.after ?? [])])]

/** Level by level; within a level, and so in the order, by id where inputs leave a choice. */
function sortNodes(nodes: readonly Vertex[]): Pick<Graph, 'order' | 'levels'> {
  const followers = new Map<NodeId, NodeId[]>(nodes.map((node) => [node.id, []]))
  for (const node of nodes) for (const other of before(node)) followers.get(other)?.push(node.id)
  const waiting = new Map(nodes.map((node) => [node.id, before(node).length]))
  const levels: NodeId[][] = []
  let level = nodes.filter((node) => before(node).length === 0).map((node) => node.id)
  while (level.length > 0) {
    levels.push(level)
    const next: NodeId[] = []
    for (const reader of level.flatMap((id) => followers.get(id) ?? [])) {
      const left = (waiting.get(reader) ?? 0) - 1
      waiting.set(reader, left)
      if (left === 0) next.push(reader)
    }
    level = next.sort(byCodeUnit)
  }
  return { order: levels.flat(), levels }
}

/** A shortest circle within a component, from its first id on: each reads the next, the last reads the first. */
function shortestCycle(
  component: readonly NodeId[],
  inputs: ReadonlyMap<NodeId, readonly NodeId[]>,
): readonly NodeId[] {
  const inside = new Set(component)
  let best: readonly NodeId[] | undefined
  for (const start of component) {
    const cycle = cycleThrough(start, inside, inputs)
    if (cycle !== undefined && (best === undefined || cycle.length < best.length)) best = cycle
  }
  return best ?? component
}

function cycleThrough(
  start: NodeId,
  inside: ReadonlySet<NodeId>,
  inputs: ReadonlyMap<NodeId, readonly NodeId[]>,
): readonly NodeId[] | undefined {
  const from = new Map<NodeId, NodeId>()
  const queue: NodeId[] = [start]
  for (const id of queue)
    for (const input of inputs.get(id) ?? []) {
      if (input === start) return pathTo(id, start, from)
      if (!inside.has(input) || from.has(input)) continue
      from.set(input, id)
      queue.push(input)
    }
  return undefined
}

function pathTo(last: NodeId, start: NodeId, from: ReadonlyMap<NodeId, NodeId>): readonly NodeId[] {
  const path = [last]
  for (let at = last; at !== start; ) {
    at = from.get(at) ?? start
    path.unshift(at)
  }
  return path
}

function cycleDiagnostic(cycle: readonly NodeId[], nodes: ReadonlyMap<NodeId, ResolvedNode>): Diagnostic {
  const edges = cycle.map((id, i) => ({ from: id, to: cycle[(i + 1) % cycle.length] ?? id }))
  const places = edges.map(({ from, to }) => edgePlace(nodes.get(from), to))
  const [first, ...others] = places
  const message =
    cycle.length === 1
      ? `'${cycle[0]}' reads itself.`
      : `Nodes read each other in a circle: ${[...cycle, cycle[0]].join(' → ')}.`
  return errorAt('GRAPH_CYCLE', first ?? { file: '', line: 1, column: 1, length: 1 }, message, {
    facts: { cycle },
    hints: ['Take one of these inputs out.'],
    notes: others.map((place, i) => ({ message: `'${edges[i + 1]?.from}' reads '${edges[i + 1]?.to}' here.`, place })),
  })
}

const edgePlace = (node: ResolvedNode | undefined, input: NodeId): Place => {
  const found = node?.node.kind === 'transform' ? node.node.inputs.find(({ ref }) => ref === input)?.place : undefined
  return found ?? node?.node.place ?? { file: '', line: 1, column: 1, length: 1 }
}
