// A node named on the command line: its id, or its bare name when only one node has it. Reports NODE_NOT_FOUND.

import { nearest } from '../../runtime/contract/diagnostics.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { Manifest, ManifestNode } from '../../runtime/contract/manifest.ts'

export function findNode(manifest: Manifest, text: string): ManifestNode {
  const exact = manifest.nodes.find((node) => node.id === text)
  if (exact !== undefined) return exact
  const named = manifest.nodes.filter((node) => node.name === text)
  const [only, second] = named
  if (only !== undefined && second === undefined) return only
  if (second !== undefined)
    throw new RuntimeFailure(
      'NODE_NOT_FOUND',
      `Several nodes are named '${text}'.`,
      { node: text },
      { hints: [`Say which: ${named.map((node) => node.id).join(', ')}.`] },
    )
  const near = nearest(text, [...manifest.nodes.map((node) => node.id), ...manifest.nodes.map((node) => node.name)])
  throw new RuntimeFailure(
    'NODE_NOT_FOUND',
    `There is no node '${text}'.`,
    { node: text, nearest: near ?? null },
    { hints: [near === undefined ? '`seeknal parse` lists the nodes.' : `Did you mean '${near}'?`] },
  )
}
