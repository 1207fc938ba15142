// uvu's `suite`, counted. uvu is green when a hook throws, when `.run()` or an awaited promise is missing and when an
// `.only` was left over; here each of these is a problem that the runner reads from the file named by
// SEEKNAL_TEST_REPORT. A test file also runs alone: node dist-test/load.test.js

import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { exec, suite as uvuSuite } from 'uvu'
import { releaseAll } from './after-file.ts'
import type { FileReport, TestResult } from './report.ts'
import { Skipped } from './skip.ts'

type Body = () => void | Promise<void>

export interface Suite {
  /** `name` is a sentence that a user would agree with. */
  (name: string, body: Body): void
  before(hook: Body): void
  after(hook: Body): void
  /** Once, after the last test: without it nothing of the suite runs, and the runner says so. */
  run(): void
}

let problems: string[] = []
let results: TestResult[] = []
let registered = 0
const notRun = new Set<string>()

/** A named group of tests, usually one a file, named after the source file that it is about. */
export function suite(name: string): Suite {
  const inner = uvuSuite(name)
  notRun.add(name)
  const hook = (which: string, body: Body) => async () => {
    try {
      await body()
    } catch (error) {
      problems.push(`the '${which}' hook of suite '${name}' threw: ${String(error)}`)
      throw error
    }
  }
  const outer = (sentence: string, body: Body): void => {
    registered += 1
    if (!notRun.has(name)) problems.push(`'${sentence}' was registered after suite '${name}' had been run`)
    inner(sentence, () => timed(name, sentence, body))
  }
  return Object.assign(outer, {
    before: (body: Body) => inner.before(hook('before', body)),
    after: (body: Body) => inner.after(hook('after', body)),
    run: () => {
      notRun.delete(name)
      inner.run()
    },
  })
}

async function timed(suiteName: string, name: string, body: Body): Promise<void> {
  const started = performance.now()
  const record = (outcome: TestResult['outcome'], reason = '') =>
    results.push({ suite: suiteName, name, outcome, ms: performance.now() - started, reason })
  try {
    await body()
    record('passed')
  } catch (error) {
    if (error instanceof Skipped) {
      record('skipped', error.message)
      return
    }
    record('failed')
    throw error
  }
}

/** What the file did up to now; nothing of it is left for the next file of the process. */
function takeReport(): FileReport {
  const unrun = [...notRun].map((name) => `suite '${name}' was never run: end the file with test.run()`)
  const report: FileReport = { registered, problems: [...problems, ...unrun], results }
  problems = []
  results = []
  registered = 0
  notRun.clear()
  return report
}

/** Loads and runs a test file in a process in which uvu runs nothing by itself: UVU_DEFER was set before it was loaded. */
export async function runTestFile(path: string): Promise<FileReport> {
  Reflect.set(globalThis, 'UVU_QUEUE', [[null]])
  await import(pathToFileURL(path).href)
  await exec()
  for (const problem of await releaseAll())
    problems.push(`what the file made could not be taken away: ${String(problem)}`)
  return takeReport()
}

process.on('exit', () => {
  const file = process.env.SEEKNAL_TEST_REPORT
  if (file !== undefined) writeFileSync(file, JSON.stringify(takeReport()))
})
