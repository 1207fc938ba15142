// Options of every command that executes, and what they ask of the runtime. Reports USAGE.

import type { ArgsDef, ParsedArgs } from 'citty'
import { RuntimeFailure } from '../contract/failures.ts'
import type { ExecuteOptions } from '../execute/run.ts'
import { milliseconds, wholeNumber } from './arguments.ts'

/** Of every command that takes a lock. */
export const LOCK_TIMEOUT_ARG = {
  'lock-timeout': { type: 'string', description: 'Wait so long for another writer: 30s, 5m', valueHint: 'time' },
} as const satisfies ArgsDef

/** Values of a run: of every command that executes, or says what executing would do. */
export const VALUE_ARGS = {
  'run-timestamp': { type: 'string', description: 'What the clock functions read (default: now)', valueHint: 'time' },
  date: {
    type: 'string',
    description: 'Value of {{ run_date }} (default: date of the run timestamp)',
    valueHint: 'YYYY-MM-DD',
  },
  'run-id': { type: 'string', description: 'Value of {{ run_id }} (default: made up)', valueHint: 'id' },
  'start-date': { type: 'string', description: 'Value of {{ start_date }}', valueHint: 'YYYY-MM-DD' },
  'end-date': { type: 'string', description: 'Value of {{ end_date }}', valueHint: 'YYYY-MM-DD' },
} as const satisfies ArgsDef

export const EXECUTION_ARGS = {
  ...VALUE_ARGS,
  retry: { type: 'string', description: 'Try a failed node again so often', valueHint: 'n' },
  parallel: {
    type: 'boolean',
    description: 'Run independent nodes at the same time (4 workers); what PostgreSQL as the engine does anyway',
  },
  'max-workers': { type: 'string', description: 'Run so many nodes at the same time', valueHint: 'n' },
  'continue-on-error': { type: 'boolean', description: 'Go on with nodes that do not depend on a failed one' },
  'memory-limit': { type: 'string', description: 'Memory of the engine: 1GB, 80%', valueHint: 'size' },
  threads: { type: 'string', description: 'Threads of the engine', valueHint: 'n' },
  ...LOCK_TIMEOUT_ARG,
} as const satisfies ArgsDef

export type ExecutionArgs = ParsedArgs<typeof EXECUTION_ARGS>

const PARALLEL_WORKERS = 4

/** `env` gives the values of `env.NAME` parameters. */
export function executionOptions(
  args: Partial<ExecutionArgs>,
  env: Readonly<Record<string, string | undefined>>,
): Omit<ExecuteOptions, 'projectDir'> {
  const parameters: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) if (value !== undefined) parameters[`env.${name}`] = value
  const [start, end] = [dateArgument(args['start-date'], '--start-date'), dateArgument(args['end-date'], '--end-date')]
  if (start !== undefined && end !== undefined && end < start)
    throw new RuntimeFailure('USAGE', `'--end-date' ${end} is before '--start-date' ${start}.`, { start, end })
  if (start !== undefined) parameters.start_date = start
  if (end !== undefined) parameters.end_date = end
  const runDate = dateArgument(args.date, '--date')
  const runTimestamp = timestampArgument(args['run-timestamp'])
  return {
    parameters,
    ...workers(args),
    continueOnError: args['continue-on-error'] === true,
    ...(args.retry === undefined ? {} : { retries: wholeNumber(args.retry, '--retry', 0) }),
    ...(args['run-id'] === undefined ? {} : { runId: args['run-id'] }),
    ...(runDate === undefined ? {} : { runDate }),
    ...(runTimestamp === undefined ? {} : { runTimestamp }),
    ...(args['memory-limit'] === undefined ? {} : { memoryLimit: memoryArgument(args['memory-limit']) }),
    ...(args.threads === undefined ? {} : { threads: wholeNumber(args.threads, '--threads', 1) }),
    ...lockTimeout(args['lock-timeout']),
  }
}

/** Where nothing is said, the engine decides. */
function workers(args: Partial<ExecutionArgs>): Pick<ExecuteOptions, 'maxWorkers'> {
  const most = args['max-workers']
  if (most !== undefined) return { maxWorkers: wholeNumber(most, '--max-workers', 1) }
  return args.parallel === true ? { maxWorkers: PARALLEL_WORKERS } : {}
}

/** The option's value as the runtime takes it. */
export const lockTimeout = (text: string | undefined): { readonly lockTimeoutMs?: number } =>
  text === undefined ? {} : { lockTimeoutMs: milliseconds(text, '--lock-timeout') }

function dateArgument(text: string | undefined, option: string): string | undefined {
  if (text === undefined) return undefined
  const valid =
    /^\d{4}-\d\d-\d\d$/.test(text) &&
    !Number.isNaN(Date.parse(`${text}T00:00:00Z`)) &&
    new Date(`${text}T00:00:00Z`).toISOString().startsWith(text)
  if (!valid)
    throw new RuntimeFailure('USAGE', `'${option}' is a date such as 2026-03-01; '${text}' is not.`, {
      option,
      value: text,
    })
  return text
}

/** ISO 8601; without a zone it is UTC. Gives it with Z. */
function timestampArgument(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text)
  const time = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00'}${match[3] ?? 'Z'}`)
  if (Number.isNaN(time))
    throw new RuntimeFailure('USAGE', `'--run-timestamp' is a time such as 2026-03-01T06:00:00Z; '${text}' is not.`, {
      value: text,
    })
  return new Date(time).toISOString()
}

function memoryArgument(text: string): string {
  if (/^\d+(\.\d+)?\s*([kmgt]i?b|b|%)$/i.test(text)) return text
  throw new RuntimeFailure('USAGE', `'--memory-limit' is a size such as 1GB or 80%; '${text}' is not.`, { value: text })
}
