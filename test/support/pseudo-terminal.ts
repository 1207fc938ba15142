// The built command on a pseudo-terminal: what a person types and sees, with echo, line editing and signals by the
// terminal's own keys. The terminal comes from a package that has no build for some platforms; there the test says that
// it did not run.

import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import type { IPty } from '@lydell/node-pty'
import { messageOf } from '../../runtime/contract/failures.ts'
import { command } from './seeknal.ts'
import { skip } from './skip.ts'

const MOST_MS = 120_000

export const KEYS = { enter: '\r', tab: '\t', up: '\u001b[A', ctrlC: '\u0003', ctrlD: '\u0004' } as const

export interface Session {
  /**
   * Types `text`, and waits until what is shown after that matches; gives it, without escape sequences. With `againMs`, it is
   * typed again every so many milliseconds, as by somebody who was too early.
   */
  types(text: string, shown: RegExp, againMs?: number): Promise<string>
  /** Types `text`, and waits for the end of the command; its exit code. */
  ends(text: string): Promise<number>
}

const open = new Set<IPty>()

/** Ends what a failed test left running. */
export function closeTerminals(): void {
  for (const terminal of open) terminal.kill('SIGKILL')
}

/** Starts `seeknal ...args` on a terminal of 120 columns and waits until it shows `first`. */
export async function onTerminal(
  folder: string,
  args: readonly string[],
  first: RegExp,
): Promise<Session & { readonly start: string }> {
  // With CI set nobody is asked anything, whatever the terminal.
  const { NO_COLOR: _, SEEKNAL_TEST_REPORT: __, CI: ___, ...environment } = process.env
  const terminal = await opened(args, folder, { ...environment, TERM: 'xterm', HOME: join(folder, 'home') })
  open.add(terminal)
  let [shown, from] = ['', 0]
  let code: number | undefined
  terminal.onData((data) => {
    shown += data
  })
  terminal.onExit(({ exitCode, signal }) => {
    open.delete(terminal)
    code = signal ? 128 + signal : exitCode
  })
  const since = () => stripVTControlCharacters(shown.slice(from))
  const wait = async (what: string, until: () => boolean, turn: (waited: number) => void = () => {}): Promise<void> => {
    for (let waited = 0; !until(); waited += 10) {
      turn(waited)
      if (waited > MOST_MS) throw new Error(`${what} did not come; shown: ${JSON.stringify(since())}`)
      await new Promise((resume) => setTimeout(resume, 10))
    }
  }
  const types = async (text: string, expected: RegExp, againMs = Number.POSITIVE_INFINITY): Promise<string> => {
    from = shown.length
    terminal.write(text)
    const again = (waited: number) => {
      if (waited > 0 && waited % againMs === 0) terminal.write(text)
    }
    await wait(String(expected), () => expected.test(since()), again)
    return since()
  }
  const ends = async (text: string): Promise<number> => {
    terminal.write(text)
    await wait('the end', () => code !== undefined)
    return code ?? -1
  }
  return { types, ends, start: await types('', first) }
}

async function opened(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<IPty> {
  try {
    const { spawn } = await import('@lydell/node-pty')
    return spawn(process.execPath, [command, ...args], { cols: 120, rows: 40, cwd, env })
  } catch (error) {
    return skip(
      `no pseudo-terminal on ${process.platform} ${process.arch} (${messageOf(error)}); it runs where the package @lydell/node-pty has a build`,
    )
  }
}
