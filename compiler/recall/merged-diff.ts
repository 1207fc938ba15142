// What changed and executes in a project, and what does now in a part of it that holds with a node all that it reads → what
// does in all of it. Pure.

import type { Change, Diff } from '../../runtime/contract/diff.ts'
import { summary } from '../diff.ts'
import { stepIdIn } from '../emit/contract.ts'
import type { Kept } from './kept.ts'

/** `ids` are those of the part; `steps` are all of production's, in the order of the graph. */
export function mergedDiff(before: Diff, now: Diff, ids: ReadonlySet<string>, steps: Kept['steps']): Diff {
  const places = new Map(steps.map(([path], place) => [stepIdIn(path), place]))
  const place = (id: string): number => places.get(id) ?? -1
  const inOrder = (nodes: readonly string[]): string[] => [...nodes].sort((a, b) => place(a) - place(b))
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
  execute.sort((a, b) => place(a.node) - place(b.node))
  const { check: _, ...rest } = before
  return { ...rest, changes, execute, ...(check.length === 0 ? {} : { check }), summary: summary(changes, execute) }
}
