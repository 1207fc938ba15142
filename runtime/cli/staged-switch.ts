// A switch of production as it is staged, in words.

import type { SwitchResult } from '../promote.ts'
import type { Terminal } from './terminal.ts'
import { counted } from './text.ts'

export function sayStaged(terminal: Terminal, result: SwitchResult): void {
  const { from, to, committed } = result
  terminal.info(`${committed ? 'Production' : 'Production would become'}: generation ${from ?? 'none'} → ${to}`)
  sayOutputs(terminal, result)
}

/** Outputs that become other ones, and those that go. */
export function sayOutputs(terminal: Terminal, { changed, removed }: Pick<SwitchResult, 'changed' | 'removed'>): void {
  for (const node of changed) terminal.line(`  ~ ${node}`)
  for (const node of removed) terminal.line(`  - ${node}`)
  if (changed.length + removed.length === 0) terminal.line('  No output changes; only what is said about them.')
  else terminal.line(`  ${counted(changed.length, 'output')} replaced, ${removed.length} removed`)
}

/** What would make the switch refuse. */
export function sayUnmet(terminal: Terminal, unmet: SwitchResult['unmet']): void {
  for (const requirement of unmet) {
    const what =
      'node' in requirement
        ? `'${requirement.node}' has moved in production`
        : `production is not generation ${requirement.generation ?? 'none'}`
    terminal.warn(`It would be refused: ${what}.`)
  }
}
