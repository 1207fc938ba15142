// A question before something that is not undone by itself. Without a terminal, --yes must be given.

import { RuntimeFailure } from '../contract/failures.ts'
import type { Surroundings } from './command.ts'

/** Throws USAGE when nobody can be asked, INTERRUPTED on Ctrl-C. Anything but `y` or `yes` is no, also Ctrl-D. */
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
  const interrupted = new RuntimeFailure('INTERRUPTED', 'Interrupted; nothing was changed.')
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      lines.once('SIGINT', () => reject(interrupted))
      lines.once('close', () => resolve(''))
      lines.question(`${question} [y/N] `, { signal }).then(resolve, reject)
    })
    return /^y(es)?$/i.test(answer.trim())
  } catch (error) {
    throw signal.aborted ? interrupted : error
  } finally {
    lines.close()
  }
}
