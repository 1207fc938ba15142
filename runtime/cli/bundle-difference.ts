// Where two bundles differ, in words.

import type { BundleDifference } from '../bundle-diff.ts'
import type { Terminal } from './terminal.ts'

/** One line a difference: `+` only in the second, `-` only in the first, `~` in both. */
export function sayDifference(terminal: Terminal, difference: BundleDifference): void {
  for (const member of difference.head) terminal.result(`~ bundle.json: ${member}`)
  for (const [what, sets] of [
    ['node', difference.nodes],
    ['step', difference.steps],
    ['file', difference.files],
  ] as const) {
    for (const name of sets.added) terminal.result(`+ ${what} ${name}`)
    for (const name of sets.removed) terminal.result(`- ${what} ${name}`)
    for (const name of sets.changed) {
      const members = what === 'node' ? (difference.nodes.members[name] ?? []) : []
      terminal.result(`~ ${what} ${name}${members.length === 0 ? '' : `: ${members.join(', ')}`}`)
    }
  }
}
