// Nodes that are reached from a node, and the graph between them as Mermaid text. Pure.

import { oneLine } from '../../runtime/cli/text.ts'
import { byCodeUnit } from '../../runtime/contract/canonical-json.ts'
import type { Manifest, ManifestNode } from '../../runtime/contract/manifest.ts'

/** Ids, sorted. For the whole project, both hold every node. */
export interface Reach {
  readonly upstream: readonly string[]
  readonly downstream: readonly string[]
}

export function reach(manifest: Manifest, node: ManifestNode | null): Reach {
  const all = manifest.nodes.map((n) => n.id)
  if (node === null) return { upstream: all, downstream: all }
  const inputs = new Map(manifest.nodes.map((n) => [n.id, n.inputs.map((i) => i.ref)]))
  const readers = new Map(
    all.map((id) => [id, manifest.nodes.filter((n) => n.inputs.some((i) => i.ref === id)).map((n) => n.id)]),
  )
  return { upstream: closure(node.id, inputs), downstream: closure(node.id, readers) }
}

function closure(start: string, next: ReadonlyMap<string, readonly string[]>): string[] {
  const found = new Set<string>()
  const queue = [start]
  for (let id = queue.pop(); id !== undefined; id = queue.pop())
    for (const other of next.get(id) ?? [])
      if (!found.has(other) && other !== start) {
        found.add(other)
        queue.push(other)
      }
  return [...found].sort(byCodeUnit)
}

export type Edge = readonly [from: string, to: string]

/** Edges between nodes that were reached, sorted. */
export function edgesOf(manifest: Manifest, { upstream, downstream }: Reach): readonly Edge[] {
  const reached = new Set([...upstream, ...downstream])
  const edges = manifest.nodes.flatMap((node) => node.inputs.map((input): Edge => [input.ref, node.id]))
  const inside = edges.filter(([from, to]) => reached.has(from) || reached.has(to))
  return inside.sort(([a, b], [c, d]) => byCodeUnit(a, c) || byCodeUnit(b, d))
}

/** A flow chart; `marked` stands out. */
export function mermaidOf(edges: readonly Edge[], marked?: string): string {
  const ids = [...new Set([...edges.flat(), ...(marked === undefined ? [] : [marked])])].sort(byCodeUnit)
  const names = new Map(ids.map((id, i) => [id, `n${i}`]))
  const label = (id: string) => oneLine(id).replaceAll('"', '#quot;')
  return [
    'flowchart LR',
    ...ids.map((id) => `  ${names.get(id)}["${label(id)}"]${id === marked ? ':::marked' : ''}`),
    ...edges.map(([from, to]) => `  ${names.get(from)} --> ${names.get(to)}`),
    ...(marked === undefined ? [] : ['  classDef marked stroke-width:3px']),
    '',
  ].join('\n')
}
