// Values that a run gives to its steps: id, date, timestamp, parameters. The only place of a run that reads the clock for
// them. Reports USAGE.

import { randomBytes } from 'node:crypto'
import type { BundleFile } from '../contract/bundle.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { type ManifestNode, runParameters } from '../contract/manifest.ts'
import { fillParameters } from '../contract/parameters.ts'
import type { RunRequest } from './run.ts'

export interface RunValues {
  readonly runId: string
  /** ISO 8601 with Z. */
  readonly runTimestamp: string
  /** SQL variables by name, the run's own included. */
  readonly parameters: Readonly<Record<string, string>>
}

/** Throws USAGE for an id or time that has another form, and for a parameter that the bundle needs and nobody gave. */
export function runValues(request: RunRequest, contract: Pick<BundleFile, 'requires'>): RunValues {
  const runTimestamp = isoTimestamp(request.runTimestamp)
  const runId = request.runId ?? `${runTimestamp.replace(/[-:]|\.\d+/g, '')}-${randomBytes(4).toString('hex')}`
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(runId))
    throw usage(`'${runId}' is no run id: letters, digits, '-', '_' and '.' make one`)
  const runDate = request.runDate ?? runTimestamp.slice(0, 10)
  if (!/^\d{4}-\d{2}-\d{2}$/.test(runDate) || Number.isNaN(Date.parse(runDate)))
    throw usage(`'${runDate}' is no date: write YYYY-MM-DD`)
  const known: Record<string, string> = { ...request.parameters, run_date: runDate, run_id: runId }
  const parameters: Record<string, string> = {}
  for (const name of contract.requires.parameters) {
    const value = known[name]
    if (value !== undefined) parameters[name] = value
    else if (name !== 'run_timestamp' && !contract.requires.optional.includes(name)) throw missing(name)
  }
  return { runId, runTimestamp, parameters }
}

/** The values that a node's output depends on. */
export function dependenceOn(
  node: ManifestNode,
  values: RunValues,
): { readonly parameters: Readonly<Record<string, string | null>>; readonly stamp: string | null } {
  const named = runParameters(node).map((name) => [name, values.parameters[name] ?? null] as const)
  // A table is looked at each time without that, and its rows say whether they are others.
  const volatile = node.source_table !== undefined && node.volatile === 'always' ? 'never' : (node.volatile ?? 'never')
  const stamp = { always: values.runTimestamp, day: values.runTimestamp.slice(0, 10), never: null }[volatile]
  return { parameters: Object.fromEntries(named), stamp }
}

/** A source's path with the run's values put in. */
export const sourcePattern = (path: string, values: RunValues): string =>
  fillParameters(path, values.parameters).replace(/^(?:\.\/)+/, '')

function isoTimestamp(text: string | undefined): string {
  if (text === undefined) return new Date().toISOString()
  const time = /^\d{4}-\d{2}-\d{2}(T|$)/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(time)) throw usage(`'${text}' is no time: write it as 2026-01-31T06:00:00Z`)
  return new Date(time).toISOString()
}

const usage = (message: string): RuntimeFailure => new RuntimeFailure('USAGE', message)

const missing = (name: string): RuntimeFailure =>
  new RuntimeFailure(
    'USAGE',
    `the bundle needs a value for '${name}'`,
    { parameter: name },
    {
      hints: [
        name.startsWith('env.')
          ? `Set the environment variable ${name.slice(4)}.`
          : `Pass '--${name.replaceAll('_', '-')} VALUE'.`,
      ],
    },
  )
