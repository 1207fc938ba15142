// What reads an output through a table of another database: a source that reads a table which a node of the plan writes, and
// whoever reads that source. In an environment they are part of the plan: the rows then decide whether anything executes.
// Pure.

import type { ManifestNode } from '../../runtime/contract/manifest.ts'

/** `after`: by source, the nodes whose tables it reads. */
export function withTableReaders(
  wanted: ReadonlySet<string>,
  nodes: ReadonlyMap<string, ManifestNode>,
  after: ReadonlyMap<string, readonly string[]>,
): ReadonlySet<string> {
  if (after.size === 0) return wanted
  const readers = new Map<string, string[]>()
  for (const [id, { inputs }] of nodes)
    for (const { ref } of inputs) readers.set(ref, [...(readers.get(ref) ?? []), id])
  const through = new Map<string, string[]>()
  for (const [source, writers] of after)
    for (const writer of writers) through.set(writer, [...(through.get(writer) ?? []), source])
  const found = new Set<string>()
  const waiting = [...wanted].flatMap((id) => through.get(id) ?? [])
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (found.has(id)) continue
    found.add(id)
    waiting.push(...(readers.get(id) ?? []), ...(through.get(id) ?? []))
  }
  return found.size === 0 ? wanted : new Set([...wanted, ...found])
}
