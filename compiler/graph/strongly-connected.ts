// Tarjan's algorithm without recursion, since chains of nodes are long.

import { byCodeUnit } from '../../runtime/contract/canonical-json.ts'
import type { NodeId } from '../../runtime/contract/ids.ts'

interface Frame {
  readonly id: NodeId
  readonly edges: readonly NodeId[]
  next: number
}

/** Sets of nodes that reach each other, each sorted, and nodes that reach themselves directly. Pure. */
export function stronglyConnected(edges: ReadonlyMap<NodeId, readonly NodeId[]>): readonly (readonly NodeId[])[] {
  const index = new Map<NodeId, number>()
  const low = new Map<NodeId, number>()
  const stack: NodeId[] = []
  const onStack = new Set<NodeId>()
  const components: NodeId[][] = []
  const open = (id: NodeId): Frame => {
    index.set(id, index.size)
    low.set(id, index.size - 1)
    stack.push(id)
    onStack.add(id)
    return { id, edges: edges.get(id) ?? [], next: 0 }
  }
  const lower = (id: NodeId, value: number): void => {
    low.set(id, Math.min(low.get(id) ?? value, value))
  }
  const close = (id: NodeId): void => {
    if (low.get(id) !== index.get(id)) return
    const members = stack.splice(stack.indexOf(id))
    for (const member of members) onStack.delete(member)
    if (members.length > 1 || edges.get(id)?.includes(id)) components.push(members.sort(byCodeUnit))
  }
  for (const root of edges.keys()) {
    if (index.has(root)) continue
    const frames: Frame[] = [open(root)]
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const input = frame.edges[frame.next++]
      if (input === undefined) {
        frames.pop()
        close(frame.id)
        const parent = frames.at(-1)
        if (parent !== undefined) lower(parent.id, low.get(frame.id) ?? 0)
      } else if (!index.has(input)) frames.push(open(input))
      else if (onStack.has(input)) lower(frame.id, index.get(input) ?? 0)
    }
  }
  return components
}
