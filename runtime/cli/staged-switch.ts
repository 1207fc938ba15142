// A switch of production as it is staged, in words.

import type { SwitchResult } from '../promote.ts'
import type { Terminal } from './terminal.ts'
import { counted } from './text.ts'

export function sayStaged(terminal: Terminal, { from, to, changed, removed, committed }: SwitchResult): void {
  terminal.info(`${committed ? 'Production' : 'Production would become'}: generation ${from ?? 'none'} → ${to}`)
  for (const node of changed) terminal.line(`  ~ ${node}`)
  for (const node of removed) terminal.line(`  - ${node}`)
  if (changed.length + removed.length === 0) terminal.line('  No output changes; only what is said about them.')
  else terminal.line(`  ${counted(changed.length, 'output')} replaced, ${removed.length} removed`)
}

/** What would make the switch refuse. */
export function sayUnmet(terminal: Terminal, { unmet }: SwitchResult): void {
  for (const requirement of unmet) {
    const what =
      'node' in requirement
        ? `'${requirement.node}' has moved in production`
        : `production is not generation ${requirement.generation ?? 'none'}`
    terminal.warn(`It would be refused: ${what}.`)
  }
}
