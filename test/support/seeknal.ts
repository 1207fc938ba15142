// The built command as a user meets it: a process of its own, no terminal, no colour. SEEKNAL_DIST names the folder that
// it was built into (default dist).

import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import * as assert from 'uvu/assert'

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
  /** Both, for a message. */
  readonly all: string
}

export interface SeeknalOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

/** Path of the built command. */
export const command = resolve(process.env.SEEKNAL_DIST ?? 'dist', 'compiler/cli/main.js')

/** Runs `seeknal ...args` in `cwd` to its end. */
export function seeknal(cwd: string, args: readonly string[], options: SeeknalOptions = {}): Ended {
  const run = spawnSync(process.execPath, [command, ...args], {
    cwd,
    input: options.input ?? '',
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', HOME: join(cwd, '.no-home'), ...options.env },
    maxBuffer: 1 << 26,
  })
  return { code: run.status, out: run.stdout, err: run.stderr, all: run.stdout + run.stderr }
}

/** The same, for a command that must end with 0; gives what it printed on stdout. */
export function succeeds(cwd: string, args: readonly string[], options: SeeknalOptions = {}): string {
  const run = seeknal(cwd, args, options)
  assert.is(run.code, 0, `seeknal ${args.join(' ')} ended with ${run.code}:\n${run.all}`)
  return run.out
}

/** The answer to `sql` over production's outputs as CSV with a header. */
export const queried = (cwd: string, sql: string): string => succeeds(cwd, ['repl', '--exec', sql, '--format', 'csv'])
