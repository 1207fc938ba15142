// What changed and executes in a project, and what does now in a part of it that holds with a node all that it reads → what
// does in all of it. Pure.

import type { Change, Diff } from '../../runtime/contract/diff.ts'
import { summary } from '../diff.ts'
import type { Kept } from './kept.ts'

/** `ids` are those of the part; `nodes` are all, whose steps come in the order of the graph: in production each has one. */
export function mergedDiff(before: Diff, now: Diff, ids: ReadonlySet<string>, nodes: Kept['nodes']): Diff {
  const turns = new Map(nodes.map(([id, , , turn]) => [id, turn]))
  const turn = (id: string): number => turns.get(id) ?? -1
  const inOrder = (some: readonly string[]): string[] => [...some].sort((a, b) => turn(a) - turn(b))
  const isOutside = (id: string): boolean => !ids.has(id)
  const known = new Map(before.changes.map((change) => [change.node, change]))
  // What the part's own inputs change in nodes outside is not told by it.
  const affected = (change: Change): Change => {
    const outside = known.get(change.node)?.affects.filter(isOutside) ?? []
    return { ...change, affects: inOrder([...outside, ...change.affects]) }
  }
  const changes = [...before.changes.filter(({ node }) => isOutside(node)), ...now.changes.map(affected)]
  const execute = [...before.execute.filter(({ node }) => isOutside(node)), ...now.execute]
  const check = inOrder([...(before.check ?? []).filter(isOutside), ...(now.check ?? [])])
  changes.sort((a, b) => (a.node < b.node ? -1 : 1))
  execute.sort((a, b) => turn(a.node) - turn(b.node))
  const { check: _, ...rest } = before
  return { ...rest, changes, execute, ...(check.length === 0 ? {} : { check }), summary: summary(changes, execute) }
}
