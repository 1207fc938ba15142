// A question before something that is not undone by itself. Without a terminal, --yes must be given.

import { RuntimeFailure } from '../contract/failures.ts'
import type { Surroundings } from './command.ts'

/** Throws USAGE when nobody can be asked. Anything but `y` or `yes` is no. */
export async function confirmed(question: string, yes: boolean, { terminal, signal }: Surroundings): Promise<boolean> {
  if (yes) return true
  if (!terminal.options.interactive)
    throw new RuntimeFailure(
      'USAGE',
      'This asks before it goes on, and there is no terminal to ask on.',
      {},
      { hints: ['Pass --yes.'] },
    )
  const { createInterface } = await import('node:readline/promises')
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal })).trim())
  } finally {
    lines.close()
  }
}
