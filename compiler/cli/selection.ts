// Which nodes a run may execute: --nodes, --types, --tags and their --exclude- twins, each with commas or repeated; what
// holds a comma itself stands in quotes.
// A name that nothing has is an error: a run that silently selects nothing looks like success.

import type { ArgsDef, ParsedArgs } from 'citty'
import { listed, listItem } from '../../runtime/cli/arguments.ts'
import { nearest } from '../../runtime/contract/diagnostics.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { Manifest, ManifestNode } from '../../runtime/contract/manifest.ts'
import { findNode } from './node-argument.ts'

export const SELECTION_ARGS = {
  nodes: { type: 'string', description: 'Only these nodes', valueHint: 'a,b' },
  types: { type: 'string', description: 'Only nodes of these kinds', valueHint: 'source,transform' },
  tags: {
    type: 'string',
    description: `Only nodes with one of these tags; one that holds a comma in quotes: 'a,"b,c"'`,
    valueHint: 'a,b',
  },
  'exclude-nodes': { type: 'string', alias: 'exclude', description: 'Not these nodes', valueHint: 'a,b' },
  'exclude-types': { type: 'string', description: 'No nodes of these kinds', valueHint: 'a,b' },
  'exclude-tags': { type: 'string', description: 'No nodes with one of these tags, as for --tags', valueHint: 'a,b' },
} as const satisfies ArgsDef

export const SELECTION_LISTS = ['nodes', 'types', 'tags', 'exclude-nodes', 'exclude-types', 'exclude-tags'] as const

export const SELECTION_COMPLETES = {
  nodes: 'nodes',
  types: 'types',
  tags: 'tags',
  'exclude-nodes': 'nodes',
  'exclude-types': 'types',
  'exclude-tags': 'tags',
} as const

export type SelectionArgs = ParsedArgs<typeof SELECTION_ARGS>

/** Null: everything. Throws NODE_NOT_FOUND or USAGE. */
export function selection(args: SelectionArgs, manifest: Manifest): ((node: ManifestNode) => boolean) | null {
  refuseEmpty(args)
  const nodes = (text: string | undefined) => new Set(listed(text).map((name) => findNode(manifest, name).id))
  const kinds = new Set(manifest.nodes.map((node) => node.kind))
  const tags = new Set(manifest.nodes.flatMap((node) => node.tags))
  const only = {
    nodes: nodes(args.nodes),
    kinds: known('types', args.types, kinds),
    tags: known('tags', args.tags, tags),
  }
  const not = {
    nodes: nodes(args['exclude-nodes']),
    kinds: known('exclude-types', args['exclude-types'], kinds),
    tags: known('exclude-tags', args['exclude-tags'], tags),
  }
  if ([...Object.values(only), ...Object.values(not)].every((set) => set.size === 0)) return null
  const tagged = (node: ManifestNode, set: ReadonlySet<string>) => node.tags.some((tag) => set.has(tag))
  const selected = (node: ManifestNode): boolean =>
    (only.nodes.size === 0 || only.nodes.has(node.id)) &&
    (only.kinds.size === 0 || only.kinds.has(node.kind)) &&
    (only.tags.size === 0 || tagged(node, only.tags)) &&
    !not.nodes.has(node.id) &&
    !not.kinds.has(node.kind) &&
    !tagged(node, not.tags)
  if (!manifest.nodes.some(selected))
    throw new RuntimeFailure(
      'USAGE',
      'No node is left by this selection.',
      {},
      { hints: ['`seeknal parse` lists the nodes.'] },
    )
  return selected
}

/** An option whose value is empty (a variable of a script that is not set) would select everything. */
function refuseEmpty(args: SelectionArgs): void {
  const empty = SELECTION_LISTS.find((option) => args[option] !== undefined && listed(args[option]).length === 0)
  if (empty === undefined) return
  throw new RuntimeFailure(
    'USAGE',
    `'--${empty}' names nothing.`,
    { option: empty },
    { hints: ['Leave the option out to select everything.'] },
  )
}

function known(option: string, text: string | undefined, names: ReadonlySet<string>): ReadonlySet<string> {
  const wanted = listed(text)
  const unknown = wanted.find((name) => !names.has(name))
  if (unknown === undefined) return new Set(wanted)
  const parted = [...names].find(
    (name) => name.includes(',') && name.split(',').some((part) => part.trim() === unknown),
  )
  const near = parted ?? nearest(unknown, names)
  const has =
    names.size === 0 ? 'The project has none.' : `The project has ${[...names].sort().map(listItem).join(', ')}.`
  throw new RuntimeFailure(
    'USAGE',
    `No node fits '--${option} ${unknown}'.`,
    { option, value: unknown },
    { hints: [near === undefined ? has : `Did you mean '${listItem(near)}'?`] },
  )
}
