// `seeknal repl`: SQL over the outputs, interactive or once.

import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { messageOf, RuntimeFailure } from '../contract/failures.ts'
import type { OneShot } from '../repl/one-shot.ts'
import { INTERACTIVE_LIMIT, openReplState } from '../repl/open-state.ts'
import type { ReplState } from '../repl/state.ts'
import { requireOutsideTarget } from '../store/store.ts'
import { watchSignal } from '../watch-signal.ts'
import { formatArgument, wholeNumber } from './arguments.ts'
import { command, type Surroundings } from './command.ts'
import { environmentArgument } from './environment-argument.ts'
import { PROFILE_ARG } from './profile.ts'
import { withOutputs } from './shared.ts'
import type { Terminal } from './terminal.ts'

export const repl = command({
  about: `Runs SQL over the outputs of the last run, read-only. Every output is a table under two names:
transform_daily_revenue and transform.daily_revenue. With --env, the environment's own outputs
take the place of production's.`,
  examples: [
    ['seeknal repl', 'start a session'],
    ['seeknal repl --env dev', "look at environment 'dev'"],
    ['seeknal repl --exec "SELECT count(*) FROM transform_orders"', 'run one query'],
    ['seeknal repl -e - --format csv --output revenue.csv < revenue.sql', 'run a file, write CSV'],
    ["echo '.tables' | seeknal repl", 'run what a session takes: commands, and SQL that ends with `;`'],
  ],
  args: {
    env: { type: 'string', description: "Read this environment's outputs first", valueHint: 'name' },
    exec: { type: 'string', alias: 'e', description: "SQL to run; '-' reads it from stdin", valueHint: 'sql' },
    format: {
      type: 'enum',
      alias: 'f',
      options: ['table', 'csv', 'json', 'markdown'],
      description: 'How rows are shown (default: table); csv and json are of the last statement',
    },
    output: {
      type: 'string',
      alias: 'o',
      description: 'Write to a file: .csv, .json, .md, .parquet',
      valueHint: 'file',
    },
    limit: { type: 'string', description: 'Show at most so many rows', valueHint: 'n' },
    ...PROFILE_ARG,
  },
  completes: { env: 'environments' },
  async run(args, surroundings) {
    const environment = args.env === undefined ? null : environmentArgument(args.env)
    const json = surroundings.terminal.options.json
    const format = args.output === undefined ? formatArgument(args.format, json) : args.format
    const limit = args.limit === undefined ? null : wholeNumber(args.limit, '--limit', 0)
    const sql = await sqlArgument(args.exec, surroundings)
    const outputs = { environment, profile: args.profile, command: 'repl' }
    const output = args.output === undefined ? null : resolve(surroundings.cwd, args.output)
    return withOutputs(outputs, surroundings, async ({ store, source, scratchDirectory }) => {
      if (output !== null) requireOutsideTarget(store, output)
      const state = await openReplState(store, source, environment)
      const unwatch = watchSignal(surroundings.signal, { interrupt: () => state.session.interrupt() })
      try {
        if (sql === null) {
          state.mode = format ?? 'table'
          state.limit = limit ?? INTERACTIVE_LIMIT
          await talk(state, surroundings)
          return surroundings.signal.aborted ? 130 : 0
        }
        const request: OneShot = {
          sql,
          format: format ?? null,
          output,
          limit: limit ?? Number.POSITIVE_INFINITY,
          scratchDirectory,
          write: (text) => surroundings.terminal.raw(text),
        }
        await once(state, request, surroundings.terminal)
        if (args.output !== undefined) sayWritten(args.output, surroundings.terminal)
        return 0
      } finally {
        unwatch()
        await state.session.close()
      }
    })
  },
})

function sayWritten(output: string, terminal: Terminal): void {
  if (terminal.options.json) terminal.document({ output })
  terminal.problem(`✓ Written to ${output}`)
}

async function once(state: ReplState, request: OneShot, terminal: Terminal): Promise<void> {
  const [{ runOnce }, { runScript, scriptOf }] = await Promise.all([
    import('../repl/one-shot.ts'),
    import('../repl/script.ts'),
  ])
  const script = scriptOf(request.sql)
  const ran = script === null ? runOnce(state.session, request) : runScript(script, state, request, terminal)
  await ran.catch((error: unknown) => {
    throw state.tables.length === 0 ? withoutTables(error) : error
  })
}

/** The SQL of --exec or of a piped stdin, or null for a session. */
async function sqlArgument(exec: string | undefined, { terminal }: Surroundings): Promise<string | null> {
  if (exec !== undefined && exec !== '-') return exec
  if (exec === undefined && terminal.options.interactive) return null
  try {
    return await text(process.stdin)
  } catch (cause) {
    throw new RuntimeFailure('USAGE', `stdin cannot be read: ${messageOf(cause)}`, {}, { cause })
  }
}

async function talk(state: ReplState, { terminal, environment, signal }: Surroundings): Promise<void> {
  const { interact } = await import('../repl/interactive.ts')
  const historyFile = environment.HOME === '' ? null : join(homedir(), '.seeknal', 'repl_history')
  await interact({ state, terminal, input: process.stdin, output: process.stdout, historyFile, signal })
}

/** What a query over no tables at all probably lacks. */
function withoutTables(error: unknown): unknown {
  if (!(error instanceof RuntimeFailure) || error.code !== 'QUERY_FAILED') return error
  const { code, message, facts, hints, cause } = error
  const hint = 'There are no tables yet: `seeknal run` makes them.'
  return new RuntimeFailure(code, message, facts, { cause, hints: [...hints, hint] })
}
