// report.md of an environment: what the last apply executed and how its outputs differ from production. Holds counts and
// column names, never values: samples are shown by `env diff --samples` alone.

import { messageOf } from '../contract/failures.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import { environmentDiff } from '../environment-diff.ts'
import type { RunResult } from '../execute/run.ts'
import { writeEnvDocument } from '../store/environments.ts'
import { openStore, type Store } from '../store/store.ts'
import { detailLines, summaryLine } from './diff-lines.ts'
import type { Terminal } from './terminal.ts'
import { counted, thousands } from './text.ts'

/** Comparing the rows of larger outputs would cost more than making them: `env diff` does it when asked. */
const MOST_ROWS = 5_000_000

/** Writes report.md after an apply that ended well. The outputs are there already: a report that fails is a warning. */
export async function reportApply(projectDir: string, result: RunResult, terminal: Terminal): Promise<void> {
  if (result.environment === null || result.outcome !== 'done') return
  try {
    await writeReport(openStore(projectDir), result.environment, result)
  } catch (error) {
    terminal.warn(`report.md was not written: ${messageOf(error)}`)
  }
}

async function writeReport(store: Store, environment: EnvironmentName, result: RunResult): Promise<void> {
  const diffs = await environmentDiff(store, environment, { node: null, samples: 0, mostRows: MOST_ROWS })
  const executed = result.nodes.map(
    ({ node, status, rows, ms }) =>
      `| \`${node}\` | ${status} | ${rows === null ? '' : thousands(rows)} | ${status === 'executed' ? ms : ''} |`,
  )
  const differences = diffs.flatMap((diff) => [
    `- ${summaryLine(diff)}`,
    ...detailLines(diff).map((line) => `  - ${line.trim()}`),
  ])
  const lines = [
    `# Environment ${environment}`,
    '',
    `Run ${result.runId}: ${counted(result.counts.executed, 'node')} executed, ${result.counts.reused} taken from the store.`,
    '',
    ...(executed.length === 0 ? [] : ['| node | status | rows | ms |', '|---|---|--:|--:|', ...executed, '']),
    '## Compared with production',
    '',
    ...(differences.length === 0 ? ['Nothing: it has no output of its own.'] : differences),
    '',
  ]
  writeEnvDocument(store, environment, 'report.md', lines.join('\n'))
}
