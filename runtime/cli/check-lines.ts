// What came out of checks, in words: how many passed, and one line a check of severity `warn` that rows fail. Pure.

import type { CheckResult } from '../contract/state.ts'
import type { NodeResult, RunResult } from '../execute/run.ts'
import { counted, oneLine, rowCount } from './text.ts'

/** `2 checks passed`, `1 of 2 checks passed`; empty without checks. */
export function checkCount(checks: readonly CheckResult[] | undefined): string {
  if (checks === undefined || checks.length === 0) return ''
  const passed = checks.filter((check) => check.status === 'passed').length
  return passed === checks.length
    ? `${counted(passed, 'check')} passed`
    : `${passed} of ${counted(checks.length, 'check')} passed`
}

/** A line a check that only warns. */
export const warnedChecks = ({ nodes }: Pick<RunResult, 'nodes'>): readonly string[] =>
  nodes.flatMap(({ node, checks }) =>
    (checks ?? [])
      .filter((check) => check.status === 'warned')
      .map((check) => `${node}: ${oneLine(check.id)} fails for ${rowCount(check.failing_rows)} (severity: warn)`),
  )

/** How many checks ended how; undefined when nothing was checked. */
export function checkSummary(nodes: readonly NodeResult[]) {
  const checks = nodes.flatMap((node) => node.checks ?? [])
  if (checks.length === 0) return undefined
  const count = (status: CheckResult['status']) => checks.filter((check) => check.status === status).length
  return { passed: count('passed'), warned: count('warned'), failed: count('failed') }
}
