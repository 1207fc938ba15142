// Graph → output columns and types of every node, from the engine itself: each query prepared over empty tables of its
// inputs' columns. Source columns are declared, locked or observed, in this order. Reports BIND_*; what only data can
// tell is late-bound. Results are cached by (SQL, input columns, engine version): with all of them the engine never starts.

import type { Diagnostic } from '../runtime/contract/diagnostics.ts'
import type { NodeId } from '../runtime/contract/ids.ts'
import type { BoundNode, LockedColumns, World } from './bind/bound-node.ts'
import { described } from './bind/columns.ts'
import { declaredMistakes, outputMistakes } from './bind/declared.ts'
import { mistake, rowNumberMistakes } from './bind/mistakes.ts'
import { bindSources } from './bind/sources.ts'
import { type Analysed, analyse } from './bind/transforms.ts'
import type { Graph } from './graph.ts'
import { isTransform, type ResolvedNode, type ResolvedTransform } from './resolve.ts'

export type { BoundNode } from './bind/bound-node.ts'

export interface Bound {
  readonly graph: Graph
  readonly bound: ReadonlyMap<NodeId, BoundNode>
  /** What seeknal.lock.json should hold: observed source columns, by id. */
  readonly lock: Readonly<Record<string, LockedColumns>>
  /** Name and version of the engine that answered: `duckdb v1.5.6`. */
  readonly engine: string
  readonly diagnostics: readonly Diagnostic[]
}

/** Columns of every node that has no mistake and reads none that has. */
export async function bind(graph: Graph, world: World): Promise<Bound> {
  const engine = await engineVersion(world)
  const byId = new Map<NodeId, ResolvedNode>(graph.nodes.map((node) => [node.id, node]))
  const sources = await bindSources(
    graph.nodes.flatMap((node) => (isTransform(node) ? [] : [node])),
    graph.lock,
    world,
  )
  const bound = new Map<NodeId, BoundNode>(sources.bound.map((node) => [node.id, node]))
  const diagnostics: Diagnostic[] = [...sources.diagnostics]
  for (const level of graph.levels) {
    // A reader of a node with a mistake would only repeat the mistake.
    const nodes = level.flatMap((id) => {
      const node = byId.get(id)
      return node !== undefined && isTransform(node) && node.inputs.every((input) => bound.has(input)) ? [node] : []
    })
    const found = await bindLevel(nodes, bound, engine, world)
    for (const node of found.bound) bound.set(node.id, node)
    diagnostics.push(...found.diagnostics)
  }
  return { graph, bound, lock: sources.lock, engine, diagnostics }
}

async function bindLevel(
  nodes: readonly ResolvedTransform[],
  bound: ReadonlyMap<NodeId, BoundNode>,
  engine: string,
  world: World,
): Promise<{ readonly bound: readonly BoundNode[]; readonly diagnostics: readonly Diagnostic[] }> {
  const answers = await analyse(nodes, bound, engine, world)
  const pairs = nodes.flatMap((node, i) => {
    const answer = answers[i]
    return answer === undefined ? [] : [{ node, answer }]
  })
  const diagnostics: Diagnostic[] = []
  const good: { readonly node: ResolvedTransform; readonly analysed: Analysed }[] = []
  for (const { node, answer } of pairs) {
    const wrong =
      answer.kind === 'error' ? [mistake(node, answer.error, answer.relations)] : mistakesOf(node, answer.analysed)
    diagnostics.push(...wrong)
    if (answer.kind === 'analysed' && wrong.length === 0) good.push({ node, analysed: answer.analysed })
  }
  diagnostics.push(
    ...(await declaredMistakes(
      good.map(({ node, analysed }) => ({ node, columns: analysed.columns })),
      world,
    )),
  )
  return { bound: good.map(({ node, analysed }) => boundTransform(node, analysed)), diagnostics }
}

const mistakesOf = (node: ResolvedTransform, { columns, reproducibility }: Analysed): readonly Diagnostic[] => [
  ...outputMistakes(node, columns),
  ...(reproducibility.order_dependent.includes('rowid') ? rowNumberMistakes(node) : []),
]

const boundTransform = (node: ResolvedTransform, analysed: Analysed): BoundNode => ({
  ...analysed,
  id: node.id,
  columns: analysed.columns && described(analysed.columns, node.node.columns),
})

/** Remembered by the cache, which belongs to one version of the engine. */
async function engineVersion(world: World): Promise<string> {
  const cached = world.cache.get('bind.engine')
  if (typeof cached === 'string') return cached
  const { version } = await world.engine()
  world.cache.set('bind.engine', version)
  return version
}
