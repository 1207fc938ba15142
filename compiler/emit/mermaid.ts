// The part of the graph that a change touches, as a Mermaid flow chart: nodes that change or execute, and their direct
// neighbours. Empty when nothing is touched or when it is too large to be looked at.

import { byCodeUnit } from '../../runtime/contract/canonical-json.ts'
import type { Diff } from '../../runtime/contract/diff.ts'
import type { Manifest } from '../../runtime/contract/manifest.ts'

const MOST_NODES = 60

type Look = 'added' | 'breaking' | 'changed' | 'metadata' | 'removed' | 'affected'

const STYLES: Readonly<Record<Look, string>> = {
  added: 'fill:#dafbe1,stroke:#1a7f37,color:#1f2328',
  breaking: 'fill:#ffebe9,stroke:#cf222e,color:#1f2328',
  changed: 'fill:#fff8c5,stroke:#9a6700,color:#1f2328',
  metadata: 'fill:#f6f8fa,stroke:#656d76,color:#1f2328',
  removed: 'fill:#ffebe9,stroke:#cf222e,color:#1f2328,stroke-dasharray:4',
  affected: 'fill:#ddf4ff,stroke:#0969da,color:#1f2328',
}

export function mermaid(diff: Diff, manifest: Manifest, base: Manifest | null): string {
  const looks = looksOf(diff)
  if (looks.size === 0 || looks.size > MOST_NODES) return ''
  const removed = new Set(diff.changes.filter((c) => c.change === 'removed').map((c) => c.node))
  const nodes = [...manifest.nodes, ...(base?.nodes.filter((node) => removed.has(node.id)) ?? [])]
  const edges = nodes.flatMap((node) => node.inputs.map((input) => [input.ref, node.id] as const))
  const touched = edges
    .filter(([from, to]) => looks.has(from) || looks.has(to))
    .sort(([a, b], [c, d]) => byCodeUnit(a, c) || byCodeUnit(b, d))
  const shown = [...new Set([...looks.keys(), ...touched.flat()])].sort(byCodeUnit)
  if (shown.length > MOST_NODES) return ''
  const names = new Map(shown.map((id, i) => [id, `n${i}`]))
  const used = [...new Set(looks.values())].sort(byCodeUnit)
  return [
    'flowchart LR',
    ...shown.map((id) => `  ${names.get(id)}["${id}"]${looks.has(id) ? `:::${looks.get(id)}` : ''}`),
    ...touched.map(([from, to]) => `  ${names.get(from)} --> ${names.get(to)}`),
    ...used.map((look) => `  classDef ${look} ${STYLES[look]}`),
  ].join('\n')
}

function looksOf(diff: Diff): ReadonlyMap<string, Look> {
  const looks = new Map<string, Look>(diff.execute.map(({ node }) => [node, 'affected']))
  for (const { node, change, category } of diff.changes) {
    if (change === 'modified') looks.set(node, category === 'non_breaking' ? 'changed' : category)
    else looks.set(node, change)
  }
  return looks
}
