// A diff → lines for people: counts, and one line a change with category, reasons and who is affected. Pure.

import { styled, type Text } from '../../runtime/cli/text.ts'
import type { OpenedBundle } from '../../runtime/contract/bundle.ts'
import type { Change, Diff } from '../../runtime/contract/diff.ts'
import type { Manifest } from '../../runtime/contract/manifest.ts'

const SIGN = { added: ['+', 'green'], removed: ['-', 'red'], modified: ['~', 'yellow'] } as const
const CATEGORY = {
  breaking: ['breaking', 'red'],
  non_breaking: ['non-breaking', 'yellow'],
  metadata: ['metadata-only', 'dim'],
} as const

/** How many names a line lists before it says how many more there are. */
const MOST_NAMES = 5

/** What a manifest says of the project as a whole, where it is not what production says. */
export function projectChanges({ manifest, base }: Pick<OpenedBundle, 'manifest' | 'base'>): readonly string[] {
  if (base === null) return []
  const of = ({ project, engine, dialect }: Manifest) => ({
    name: project.name,
    version: project.version,
    engine,
    dialect,
  })
  const before = new Map(Object.entries(of(base)))
  return Object.entries(of(manifest)).flatMap(([what, now]) =>
    before.get(what) === now ? [] : [`${what}: '${before.get(what)}' → '${now}'`],
  )
}

/** One line a change, aligned. */
export function changeLines(diff: Diff): readonly Text[] {
  const width = Math.max(0, ...diff.changes.map((change) => change.node.length))
  return diff.changes.map((change) => changeLine(change, width))
}

function changeLine(change: Change, width: number): Text {
  const [sign, signStyle] = SIGN[change.change]
  const [category, style] = CATEGORY[change.category]
  const reasons = change.reasons.map((reason) => reason.text).join('; ')
  return [
    '  ',
    styled(signStyle, sign),
    ' ',
    change.node.padEnd(width),
    '  ',
    styled(style, category),
    reasons === '' ? '' : `  ${reasons}`,
    affects(change),
  ]
}

function affects({ affects: nodes, category }: Change): Text {
  if (category === 'metadata') return ''
  return styled('dim', `  affects: ${nodes.length === 0 ? 'nothing downstream' : names(nodes)}`)
}

/** `a, b, c and 4 more`. */
export function names(all: readonly string[]): string {
  if (all.length <= MOST_NAMES + 1) return all.join(', ')
  return `${all.slice(0, MOST_NAMES).join(', ')} and ${all.length - MOST_NAMES} more`
}

/** The lines below the heading of a plan, as scripts know them. */
export function countLines({ summary }: Diff, toExecute: number): readonly string[] {
  const counts = [
    ['Breaking changes', summary.breaking],
    ['Non-breaking changes', summary.non_breaking],
    ['Metadata-only changes', summary.metadata],
    ['Added nodes', summary.added],
    ['Removed nodes', summary.removed],
  ] as const
  return [
    ...counts.filter(([, n]) => n > 0).map(([what, n]) => `  ${what}: ${n}`),
    `  Total nodes to execute: ${toExecute}`,
  ]
}

/** `✓ DAG built: 5 nodes, 4 edges`. */
export const dagLine = (nodes: number, edges: number): string =>
  `DAG built: ${nodes} ${nodes === 1 ? 'node' : 'nodes'}, ${edges} ${edges === 1 ? 'edge' : 'edges'}`

/** What --detailed-exitcode and --fail-on make of a plan. */
export function planExitCode(
  diff: Diff,
  somethingToDo: boolean,
  options: { readonly detailed: boolean; readonly failOn: string | undefined },
): number {
  const { breaking } = diff.summary
  if (options.failOn === 'breaking' && breaking > 0) return 1
  if (options.failOn === 'any' && somethingToDo) return 1
  return options.detailed && somethingToDo ? 2 : 0
}
