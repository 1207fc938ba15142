// What one test file says about itself, and what the runner makes of it: a file is green only when every test that it
// registered was run to its end. Pure.

export interface TestResult {
  readonly suite: string
  readonly name: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly ms: number
  /** Why it was skipped, else ''. */
  readonly reason: string
}

/** Written by a test file when its process ends, whatever ended it. */
export interface FileReport {
  /** Tests handed to a suite, whether or not the suite was run. */
  readonly registered: number
  /** What makes the file red besides a failed test: a left-over `.only`, a hook that threw, a suite that was not run. */
  readonly problems: readonly string[]
  readonly results: readonly TestResult[]
}

export interface FileVerdict {
  readonly passed: number
  /** Failed tests and problems. */
  readonly failed: number
  readonly skipped: number
  readonly problems: readonly string[]
}

/** `report` is null when the file wrote none. `ending` is the exit code, or the signal that ended it. */
export function judge(report: FileReport | null, ending: number | string): FileVerdict {
  if (report === null) {
    const problem = `it reported nothing (ended with ${ending}): import { suite } from test/support/suite.ts, not from uvu`
    return { passed: 0, failed: 1, skipped: 0, problems: [problem] }
  }
  const count = (outcome: TestResult['outcome']) => report.results.filter((r) => r.outcome === outcome).length
  const problems = [...report.problems]
  if (report.registered === 0) problems.push('it has no tests')
  const missing = report.registered - report.results.length
  if (missing > 0)
    problems.push(`${missing} of ${report.registered} tests did not run to their end (it ended with ${ending})`)
  const failed = count('failed') + problems.length
  if (failed === 0 && ending !== 0) problems.push(`all tests passed, but it ended with ${ending}`)
  return { passed: count('passed'), failed: count('failed') + problems.length, skipped: count('skipped'), problems }
}
