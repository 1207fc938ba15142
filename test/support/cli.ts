// The `seeknal` command inside the test's own process: the same program, arguments and exit codes, without the cost of
// starting Node. test/support/seeknal.ts starts the built one.

import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { VERBS } from '../../compiler/cli/verbs.ts'
import { type Program, runProgram } from '../../runtime/cli/program.ts'
import { command, type Ended } from './seeknal.ts'

export const program: Program = {
  name: 'seeknal',
  summary: 'test',
  version: '0.0.0',
  verbs: VERBS,
  examples: [['seeknal run', 'execute']],
}

// A cache belongs to the build that made it. What is started here and the built command are of the same sources: a test that
// needs both does not compile everything anew at each change from one to the other.
process.argv[1] = command

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Colours, as on a terminal. */
  readonly tty?: boolean
}

/** Runs `seeknal ...args` as if in `cwd`. */
export async function cli(cwd: string, args: readonly string[], options: CliOptions = {}): Promise<Ended> {
  const texts = { out: '', err: '' }
  const sink = (name: 'out' | 'err') => ({
    isTTY: options.tty === true,
    write: (text: string) => (texts[name] += text),
  })
  const code = await runProgram(program, args, {
    stdout: sink('out'),
    stderr: sink('err'),
    stdin: {},
    cwd,
    environment: { HOME: join(cwd, '.no-home'), ...options.env },
    signal: new AbortController().signal,
  })
  return { code, ...texts, all: texts.out + texts.err }
}

/** The same, for a command that must end with 0; gives what it printed on stdout. */
export async function does(cwd: string, args: readonly string[], options: CliOptions = {}): Promise<string> {
  const ended = await cli(cwd, args, options)
  assert.is(ended.code, 0, `seeknal ${args.join(' ')} ended with ${ended.code}:\n${ended.all}`)
  return ended.out
}

/** Plans an environment and applies it. */
export async function applies(cwd: string, environment: string): Promise<void> {
  await does(cwd, ['env', 'plan', environment])
  await does(cwd, ['env', 'apply', environment])
}

/** For a command that must end with `code`; gives both streams. */
export async function ends(
  code: number,
  cwd: string,
  args: readonly string[],
  options: CliOptions = {},
): Promise<Ended> {
  const ended = await cli(cwd, args, options)
  assert.is(ended.code, code, `seeknal ${args.join(' ')} ended with ${ended.code}:\n${ended.all}`)
  return ended
}

/** Rows of a query as arrays of text, without the header. */
export async function rowsOf(cwd: string, sql: string, env?: string): Promise<string[][]> {
  const out = await does(cwd, ['repl', ...(env === undefined ? [] : ['--env', env]), '--exec', sql, '--format', 'csv'])
  return out
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))
}

/** Values of `--json` lines. */
export const records = (out: string): Record<string, unknown>[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
