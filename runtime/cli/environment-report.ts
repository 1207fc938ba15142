// report.md of an environment: what the last apply executed, what failed and where, and how its outputs differ from
// production. Holds counts and names, never values: samples are shown by `env diff --samples` alone.

import { sortedKeys } from '../contract/canonical-json.ts'
import { placeText } from '../contract/diagnostics.ts'
import { messageOf } from '../contract/failures.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import type { ReportOf } from '../contract/ledger.ts'
import type { CheckResult } from '../contract/state.ts'
import { environmentDiff, type NodeDiff } from '../environment-diff.ts'
import type { RunResult } from '../execute/run.ts'
import { messageWithoutValues } from '../kept-message.ts'
import type { EnvironmentPromotion } from '../promote/to-environment.ts'
import { fileOutputs } from '../repl/outputs.ts'
import type { SharedState } from '../shared-state.ts'
import { acquireEnvironment, readEnvConfig, readEnvState, writeEnvDocument } from '../store/environments.ts'
import { removeTree } from '../store/files.ts'
import { openStore, pathIn, type Store } from '../store/store.ts'
import { detailLines, summaryLine } from './diff-lines.ts'
import { type FailureSummary, placeInBundle } from './failure-summary.ts'
import type { Terminal } from './terminal.ts'
import { counted, oneLine, thousands } from './text.ts'

/** Comparing the rows of larger outputs would cost more than making them: `env diff` does it when asked. */
const MOST_ROWS = 5_000_000

/** And so would comparing very many. */
const MOST_NODES = 100

const LOCK_TIMEOUT_MS = 2_000

/**
 * Writes report.md after an apply, `failed` when it did not end well. What it reports is done by then: a report that
 * cannot be written is a warning.
 */
export async function reportApply(
  projectDir: string,
  result: RunResult,
  failed: FailureSummary | null,
  { terminal, shared }: Reporting,
): Promise<void> {
  const { environment, outcome, runId } = result
  if (environment === null || outcome === 'nothing') return
  await warnIfNotWritten(terminal, async () => {
    const place = { store: openStore(projectDir), shared, environment }
    if (failed === null) await writeReport(place, runId, runLines(result))
    else await writeFailure(place, [...runLines(result), ...failureLines(failed)], result)
  })
}

export interface Reporting {
  readonly terminal: Terminal
  /** Where the engine is a database: the outputs are compared there, and the report is kept with the state. */
  readonly shared: SharedState | null
}

interface Place {
  readonly store: Store
  readonly shared: SharedState | null
  readonly environment: EnvironmentName
}

/** A report that cannot be written is a warning. */
export async function warnIfNotWritten(terminal: Terminal, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    terminal.warn(`report.md was not written: ${messageOf(error)}`)
  }
}

/** The same after a promotion from another environment. */
export async function reportPromotion(
  projectDir: string,
  from: EnvironmentName,
  { environment, staged }: EnvironmentPromotion,
  { terminal, shared }: Reporting,
): Promise<void> {
  if (staged.updates.create === null) return
  const made = `Promoted from environment ${from}: outputs of run ${staged.runId}.`
  const place = { store: openStore(projectDir), shared, environment }
  await warnIfNotWritten(terminal, () => writeReport(place, staged.runId, [made]))
}

function runLines(result: RunResult): string[] {
  const executed = result.nodes.map(
    ({ node, status, rows, ms }) =>
      `| \`${node}\` | ${status} | ${rows === null ? '' : thousands(rows)} | ${status === 'executed' ? Math.round(ms) : ''} |`,
  )
  return [
    `Run ${result.runId}: ${counted(result.counts.executed, 'node')} executed, ${result.counts.reused} taken from the store.`,
    ...(executed.length === 0 ? [] : ['', '| node | status | rows | ms |', '|---|---|--:|--:|', ...executed]),
  ]
}

/** In a line or a table, as code: a backtick in a name becomes an apostrophe. */
const cell = (name: string): string => `\`${oneLine(name).replaceAll('`', "'").replaceAll('|', '\\|')}\``

/** Text that is no Markdown: a name or a message shows as it is. */
const plain = (text: string): string => oneLine(text.replace(/\s*\n\s*/g, ' ')).replace(/[\\`*_[\]<>|]/g, '\\$&')

function failureLines({ headline, failed, skipped, written, again }: FailureSummary): string[] {
  const failures = failed.map(({ node, failure, explained }) => {
    const place = explained === null ? placeInBundle(failure) : placeText(explained.place)
    return `- ${cell(node)}${place === '' ? '' : ` at ${cell(place)}`} (${failure.code}): ${plain(messageWithoutValues(failure))}`
  })
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ['', `## ${title}`, '', ...lines]
  return [
    '',
    headline,
    ...section('Failed', failures),
    ...section(
      'Skipped',
      skipped.map(({ node, reason }) => `- ${cell(node)}${reason === '' ? '' : `: ${plain(reason)}`}`),
    ),
    ...section(
      'Written to other databases all the same',
      written.map((table) => `- ${cell(table)}`),
    ),
    '',
    `Go on with \`${again}\`.`,
  ]
}

type ChecksOfNodes = Readonly<Record<string, { readonly results: readonly CheckResult[] }>>

function checksSection(checks: ChecksOfNodes): string[] {
  const rows = sortedKeys(checks).flatMap((node) =>
    (checks[node]?.results ?? []).map(
      ({ id, severity, status, failing_rows }) =>
        `| ${cell(node)} | ${cell(id)} | ${severity} | ${status} | ${thousands(failing_rows)} |`,
    ),
  )
  if (rows.length === 0) return []
  return ['## Checks', '', '| node | check | severity | status | failing rows |', '|---|---|---|---|--:|', ...rows, '']
}

async function writeReport(place: Place, runId: string, made: readonly string[]): Promise<void> {
  const { store, environment } = place
  const diffs = await differencesOf(place)
  const differences = diffs.flatMap((diff) => [
    `- ${summaryLine(diff)}`,
    ...detailLines(diff).map((line) => `  - ${line.trim()}`),
  ])
  const lines = [
    `# Environment ${environment}`,
    '',
    ...made,
    '',
    ...checksSection(readEnvState(store, environment)?.checks ?? {}),
    '## Compared with production',
    '',
    ...(differences.length === 0 ? ['Nothing: it has no output of its own.'] : differences),
    ...(diffs.some((diff) => diff.diff === null && diff.production_rows !== null)
      ? ['', `Rows that are not compared here, \`seeknal env diff ${environment}\` compares.`]
      : []),
    '',
  ]
  await replaceReport(place, lines, { runId })
}

async function differencesOf({ store, shared, environment }: Place): Promise<readonly NodeDiff[]> {
  const request = { node: null, samples: 0, mostRows: MOST_ROWS, mostNodes: MOST_NODES }
  const scratchDirectory = pathIn(store, 'tmp', `report-${process.pid}`)
  try {
    const source =
      shared === null || shared.inFiles
        ? fileOutputs(store, scratchDirectory)
        : (await import('../repl/database-outputs.ts')).databaseOutputs(store, shared, 'report')
    return await environmentDiff({ store, source }, environment, request)
  } finally {
    removeTree(scratchDirectory)
  }
}

/** What is applied stays what an earlier run left: it is not compared again. */
async function writeFailure(place: Place, made: readonly string[], { nodes }: RunResult): Promise<void> {
  const { store, environment } = place
  const checks = Object.fromEntries(
    nodes.flatMap(({ node, checks: results }) => (results ? [[node, { results }]] : [])),
  )
  const before = readEnvState(store, environment)
  const lines = [
    `# Environment ${environment}`,
    '',
    ...made,
    '',
    ...checksSection(checks),
    '## Outputs',
    '',
    before === null
      ? 'It has none of its own yet.'
      : `As run ${before.run_id} left them; \`seeknal env diff ${environment}\` compares them with production.`,
    '',
  ]
  await replaceReport(place, lines, 'failed')
}

/** The run's own lock is given up by now: the environment may have been deleted, or be another's. */
async function replaceReport(
  { store, shared, environment }: Place,
  lines: readonly string[],
  of: ReportOf,
): Promise<void> {
  const lock = await acquireEnvironment(store, environment, {
    command: 'seeknal (writing report.md)',
    timeoutMs: LOCK_TIMEOUT_MS,
  })
  const text = lines.join('\n')
  const isStillThere = () =>
    of === 'failed'
      ? readEnvConfig(store, environment)?.status === 'failed'
      : readEnvState(store, environment)?.run_id === of.runId
  try {
    if (shared !== null) {
      const { keepReport } = await import('../engines/postgresql/ledger-reader.ts')
      await keepReport(shared.ledger, environment, text, of)
      await shared.refresh()
    } else if (isStillThere()) writeEnvDocument(store, environment, 'report.md', text)
  } finally {
    lock.release()
  }
}
