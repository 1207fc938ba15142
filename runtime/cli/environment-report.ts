// report.md of an environment: what the last apply executed and how its outputs differ from production. Holds counts and
// column names, never values: samples are shown by `env diff --samples` alone.

import { sortedKeys } from '../contract/canonical-json.ts'
import { messageOf } from '../contract/failures.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import type { ChecksByNode } from '../contract/state.ts'
import { environmentDiff } from '../environment-diff.ts'
import type { RunResult } from '../execute/run.ts'
import type { EnvironmentPromotion } from '../promote/to-environment.ts'
import { acquireEnvironment, readEnvState, writeEnvDocument } from '../store/environments.ts'
import { openStore, type Store } from '../store/store.ts'
import { detailLines, summaryLine } from './diff-lines.ts'
import type { Terminal } from './terminal.ts'
import { counted, oneLine, thousands } from './text.ts'

/** Comparing the rows of larger outputs would cost more than making them: `env diff` does it when asked. */
const MOST_ROWS = 5_000_000

/** And so would comparing very many. */
const MOST_NODES = 100

const LOCK_TIMEOUT_MS = 2_000

/** Writes report.md after an apply that ended well. The outputs are there already: a report that fails is a warning. */
export async function reportApply(projectDir: string, result: RunResult, terminal: Terminal): Promise<void> {
  if (result.environment === null || result.outcome !== 'done') return
  try {
    await writeReport(openStore(projectDir), result.environment, result.runId, runLines(result))
  } catch (error) {
    terminal.warn(`report.md was not written: ${messageOf(error)}`)
  }
}

/** The same after a promotion from another environment. */
export async function reportPromotion(
  projectDir: string,
  from: EnvironmentName,
  { environment, staged }: EnvironmentPromotion,
  terminal: Terminal,
): Promise<void> {
  if (staged.updates.create === null) return
  const made = `Promoted from environment ${from}: outputs of run ${staged.runId}.`
  try {
    await writeReport(openStore(projectDir), environment, staged.runId, [made])
  } catch (error) {
    terminal.warn(`report.md was not written: ${messageOf(error)}`)
  }
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

/** In a table, as code: a backtick in a column's name becomes an apostrophe. */
const cell = (name: string): string => `\`${oneLine(name).replaceAll('`', "'").replaceAll('|', '\\|')}\``

function checksSection(checks: ChecksByNode): string[] {
  const rows = sortedKeys(checks).flatMap((node) =>
    (checks[node]?.results ?? []).map(
      ({ id, severity, status, failing_rows }) =>
        `| ${cell(node)} | ${cell(id)} | ${severity} | ${status} | ${thousands(failing_rows)} |`,
    ),
  )
  if (rows.length === 0) return []
  return ['## Checks', '', '| node | check | severity | status | failing rows |', '|---|---|---|---|--:|', ...rows, '']
}

async function writeReport(
  store: Store,
  environment: EnvironmentName,
  runId: string,
  made: readonly string[],
): Promise<void> {
  const diffs = await environmentDiff(store, environment, {
    node: null,
    samples: 0,
    mostRows: MOST_ROWS,
    mostNodes: MOST_NODES,
  })
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
  // The run's own lock is given up by now: the environment may have been deleted, or be another's.
  const lock = await acquireEnvironment(store, environment, {
    command: 'seeknal (writing report.md)',
    timeoutMs: LOCK_TIMEOUT_MS,
  })
  try {
    if (readEnvState(store, environment)?.run_id === runId)
      writeEnvDocument(store, environment, 'report.md', lines.join('\n'))
  } finally {
    lock.release()
  }
}
