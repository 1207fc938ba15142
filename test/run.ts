// Runs the built test files (*.test.js beside this file) in processes with a temporary folder and home of their own, two
// more than there are cores where files wait for servers and other processes, the files that take longest first. A process
// takes one file after the other (support/after-file.ts). Cannot be green without running: every file must report that
// each of its tests ran to its end (support/suite.ts, support/report.ts).
//   node dist-test/run.js [--tests=DIR] [TEXT…]    only files whose path contains one of the texts
// Last line: `N passed, N failed, N skipped`. Exit code 1 when something failed or nothing ran.

import { readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { byCodeUnit } from '../runtime/contract/canonical-json.ts'
import { forgetCertificates } from './support/machine-certificates.ts'
import { type FileVerdict, judge, type TestResult } from './support/report.ts'
import { newRunFolder, removeLeftFolders } from './support/run-folder.ts'
import { inSources } from './support/source-places.ts'
import { tempRoot } from './support/temp-root.ts'
import { folderFor, TestProcess } from './support/test-process.ts'

/** A file that takes so long waits for ever, also on a machine that is busy with other things. */
const FILE_TIMEOUT_MS = 900_000
const SLOW_MS = 2_000
/** What takes longest, longest first: the cores then end together. */
const FIRST = [
  'differential.',
  'database-engine/server-faults.',
  'cli/promoted-edits.',
  'faults/',
  'targets/',
  'database-engine/',
  'readme.',
  'cli/completion.',
  'edits.',
  'laws.',
  'recall-edits.',
  'translated-',
  'cli/startup.',
  'golden.',
  'compiler/emit/types-file.',
  'compiler/diagnostics.',
  'compiler/recall.',
]

/** Files that start neither servers nor processes. */
const COMPUTES = /^(?:compiler\/|golden\.)/

const PROGRAM = fileURLToPath(new URL('programs/test-files.js', import.meta.url))

interface FileRun {
  readonly file: string
  readonly verdict: FileVerdict
  readonly results: readonly TestResult[]
  readonly ms: number
  readonly output: string
}

function testFiles(folder: string): string[] {
  const rank = (path: string): number => [...FIRST, path].findIndex((prefix) => path.startsWith(prefix))
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.js'))
    .sort((a, b) => rank(a) - rank(b) || byCodeUnit(a, b))
    .map((path) => join(folder, path))
}

/** One of the lanes that take files from the queue, with the process that its files share. */
class Lane {
  readonly #folder: string
  readonly #say: (run: FileRun) => void
  #shared: TestProcess | undefined

  constructor(folder: string, say: (run: FileRun) => void) {
    this.#folder = folder
    this.#say = say
  }

  async run(file: string): Promise<void> {
    const started = performance.now()
    const process = this.#shared ?? new TestProcess(PROGRAM, FILE_TIMEOUT_MS)
    const outcome = await process.run(file)
    this.#shared = outcome.isOver ? undefined : process
    const after = outcome.isOver ? await process.end() : { ending: 0, output: '' }
    const ending = outcome.ending === 0 ? after.ending : outcome.ending
    const ms = performance.now() - started
    const results = outcome.report?.results ?? []
    this.#say({ file, verdict: judge(outcome.report, ending), results, ms, output: outcome.output + after.output })
  }

  /** Ends the process that was shared. Whatever its files reported, it must end as they do alone. */
  async end(): Promise<void> {
    if (this.#shared === undefined) return
    const { ending, output } = await this.#shared.end()
    if (ending === 0) return
    const problems = [`the process that ran the files of a lane ended with ${ending}`]
    const verdict = { passed: 0, failed: 1, skipped: 0, problems }
    this.#say({ file: join(this.#folder, 'lane'), verdict, results: [], ms: 0, output })
  }
}

function say(run: FileRun, folder: string): void {
  const { passed, failed, skipped, problems } = run.verdict
  const name = relative(folder, run.file).replace(/\.test\.js$/, '')
  const counts = `${passed} passed${failed ? `, ${failed} failed` : ''}${skipped ? `, ${skipped} skipped` : ''}`
  console.log(`${failed ? 'FAILED' : 'ok    '} ${name}  (${counts}, ${(run.ms / 1000).toFixed(1)} s)`)
  if (failed) console.log(`${inSources(run.output.trimEnd())}\n`)
  for (const problem of problems) console.log(`       ${name}: ${problem}`)
}

async function main(): Promise<number> {
  const args = process.argv.slice(2)
  const folder = args.find((arg) => arg.startsWith('--tests='))?.slice(8) ?? dirname(fileURLToPath(import.meta.url))
  const filters = args.filter((arg) => !arg.startsWith('--'))
  const all = testFiles(folder)
  const files = all.filter(
    (file) => filters.length === 0 || filters.some((text) => relative(folder, file).includes(text)),
  )
  if (files.length === 0) console.log(`no test file matches ${filters.join(' ') || folder} (${all.length} built)`)

  const root = tempRoot()
  removeLeftFolders(root)
  const own = newRunFolder(root)
  process.env.TMPDIR = own
  forgetCertificates()
  process.env.SEEKNAL_TEST_SHARED = folderFor('shared')
  const runs: FileRun[] = []
  const queue = [...files]
  const work = async () => {
    const lane = new Lane(folder, (run) => {
      runs.push(run)
      say(run, folder)
    })
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) await lane.run(file)
    await lane.end()
  }
  await Promise.all(Array.from({ length: lanesFor(files.map((file) => relative(folder, file))) }, work))
  rmSync(own, { recursive: true, force: true, maxRetries: 10 })
  return summary(runs)
}

/** What only computes is done soonest by as many processes as there are cores, each of which loads the engine. */
const lanesFor = (paths: readonly string[]): number =>
  availableParallelism() + (paths.every((path) => COMPUTES.test(path)) ? 0 : 2)

function summary(runs: readonly FileRun[]): number {
  const results = runs.flatMap((run) => run.results)
  const slow = results.filter((r) => r.ms >= SLOW_MS).sort((a, b) => b.ms - a.ms)
  if (slow.length > 0) console.log('\nslow tests:')
  for (const { suite, name, ms } of slow.slice(0, 10)) console.log(`  ${(ms / 1000).toFixed(1)} s  ${suite}: ${name}`)
  const skipped = results.filter((r) => r.outcome === 'skipped')
  if (skipped.length > 0) console.log('\nskipped:')
  for (const { suite, name, reason } of skipped) console.log(`  ${suite}: ${name}: ${reason}`)
  const total = (which: 'passed' | 'failed' | 'skipped') => runs.reduce((sum, run) => sum + run.verdict[which], 0)
  console.log(`\n${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`)
  return total('failed') > 0 || total('passed') === 0 ? 1 : 0
}

process.exitCode = await main()
