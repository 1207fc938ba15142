// Runs the built test files (*.test.js beside this file), each in a process of its own with its own temporary folder
// and home, as many at a time as there are cores. Cannot be green without running: every file must report that each of
// its tests ran to its end (support/suite.ts, support/report.ts).
//   node dist-test/run.js [--tests=DIR] [TEXT…]    only files whose path contains one of the texts
// Last line: `N passed, N failed, N skipped`. Exit code 1 when something failed or nothing ran.

import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { byCodeUnit } from '../runtime/contract/canonical-json.ts'
import { type FileReport, type FileVerdict, judge, type TestResult } from './support/report.ts'

const FILE_TIMEOUT_MS = 280_000
const SLOW_MS = 2_000

interface FileRun {
  readonly file: string
  readonly verdict: FileVerdict
  readonly results: readonly TestResult[]
  readonly ms: number
  readonly output: string
}

function testFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.js'))
    .sort(byCodeUnit)
    .map((path) => join(folder, path))
}

/** An empty folder that PostgreSQL, which runs as another user when the tests run as root, may go through. */
function folderFor(what: string): string {
  const folder = mkdtempSync(join(tmpdir(), `seeknal-${what}-`))
  chmodSync(folder, 0o711)
  return folder
}

async function runFile(file: string, shared: string): Promise<FileRun> {
  const temp = folderFor('test')
  const reportFile = join(temp, 'report.json')
  const started = performance.now()
  try {
    const { ending, output } = await spawned(file, {
      TMPDIR: temp,
      HOME: temp,
      SEEKNAL_TEST_REPORT: reportFile,
      SEEKNAL_TEST_SHARED: shared,
    })
    const report: FileReport | null = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')) : null
    const ms = performance.now() - started
    return { file, verdict: judge(report, ending), results: report?.results ?? [], ms, output }
  } finally {
    rmSync(temp, { recursive: true, force: true })
  }
}

function spawned(file: string, env: NodeJS.ProcessEnv): Promise<{ ending: number | string; output: string }> {
  return new Promise((settle) => {
    const child = spawn(process.execPath, ['--enable-source-maps', file], {
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    child.stdout.on('data', (data) => (output += data))
    child.stderr.on('data', (data) => (output += data))
    const timer = setTimeout(() => {
      output += `\nkilled after ${FILE_TIMEOUT_MS / 1000} s\n`
      child.kill('SIGKILL')
    }, FILE_TIMEOUT_MS)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      settle({ ending: code ?? signal ?? 'no code', output })
    })
  })
}

function say(run: FileRun, folder: string): void {
  const { passed, failed, skipped, problems } = run.verdict
  const name = relative(folder, run.file).replace(/\.test\.js$/, '')
  const counts = `${passed} passed${failed ? `, ${failed} failed` : ''}${skipped ? `, ${skipped} skipped` : ''}`
  console.log(`${failed ? 'FAILED' : 'ok    '} ${name}  (${counts}, ${(run.ms / 1000).toFixed(1)} s)`)
  if (failed) console.log(`${run.output.trimEnd()}\n`)
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

  const shared = folderFor('shared')
  const runs: FileRun[] = []
  const queue = [...files]
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const run = await runFile(file, shared)
      runs.push(run)
      say(run, folder)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  rmSync(shared, { recursive: true, force: true })
  return summary(runs)
}

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
