// Whole processes: elapsed time, processor time of all threads and peak resident memory, medians of several runs.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { Bug } from '../../runtime/contract/failures.ts'

export interface Measured {
  readonly ms: number
  /** Of all threads; hardly depends on what else the machine does. */
  readonly cpuMs: number
  /** Peak resident set. */
  readonly peakMb: number
  readonly out: string
}

/** Not a module, for which Node would start its loader of modules: 20 ms of each command. */
const probe = join(tmpdir(), `seeknal-bench-probe-${process.pid}.cjs`)
writeFileSync(
  probe,
  `const { writeFileSync } = require('node:fs')
process.on('exit', () => writeFileSync(process.env.SEEKNAL_BENCH_USAGE, JSON.stringify(process.resourceUsage())))`,
)

/** Runs `node ...args` in `cwd` to its end; fails when it fails. */
export function measure(cwd: string, args: readonly string[]): Measured {
  const usageFile = `${probe}.usage`
  const env = { ...process.env, NO_COLOR: '1', SEEKNAL_BENCH_USAGE: usageFile }
  const started = performance.now()
  const run = spawnSync(process.execPath, ['--require', probe, ...args], {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  const ms = performance.now() - started
  if (run.status !== 0) {
    throw new Bug(
      `node ${args.join(' ')} ended with ${run.status ?? run.signal}: ${(run.stderr + run.stdout).slice(0, 2000)}`,
    )
  }
  const usage: NodeJS.ResourceUsage = JSON.parse(readFileSync(usageFile, 'utf8'))
  const cpuMs = (usage.userCPUTime + usage.systemCPUTime) / 1000
  return { ms, cpuMs, peakMb: usage.maxRSS / 1024, out: run.stdout }
}

/** Elapsed time of `node ...args` alone: the probe would cost both sides as much as a start does. */
export function startMs(cwd: string, args: readonly string[]): number {
  const started = performance.now()
  const run = spawnSync(process.execPath, args, { cwd, stdio: 'ignore' })
  if (run.status !== 0) throw new Bug(`node ${args.join(' ')} ended with ${run.status ?? run.signal}`)
  return performance.now() - started
}

/** The folder of the built command, from `--dist=`. */
const dist = process.argv.find((arg) => arg.startsWith('--dist='))?.slice(7) ?? 'dist'

export const command = resolve(dist, 'compiler/cli/main.js')

/** The built command, run in `cwd`. */
export const seeknal = (cwd: string, ...args: readonly string[]): Measured => measure(cwd, [command, ...args])

/** Runs `body` `times` times; `before` is not measured. The run with the median time. */
export async function median(
  times: number,
  body: () => Measured,
  before: () => void | Promise<void> = () => {},
): Promise<Measured> {
  const runs: Measured[] = []
  for (let i = 0; i < times; i++) {
    await before()
    runs.push(body())
  }
  return middleOf(runs, (run) => run.ms)
}

/** The same of two that are compared: they take turns, since a machine is not always as fast. */
export function medians<T extends Pick<Measured, 'ms'>>(
  times: number,
  bodies: readonly [() => T, () => T],
  before: () => void = () => {},
): readonly [T, T] {
  const [first, second]: [T[], T[]] = [[], []]
  for (let i = 0; i < times; i++) {
    before()
    first.push(bodies[0]())
    before()
    second.push(bodies[1]())
  }
  return [middleOf(first, (run) => run.ms), middleOf(second, (run) => run.ms)]
}

/** The one in the middle by `size`; of an even number the smaller. */
export function middleOf<T>(values: readonly T[], size: (value: T) => number): T {
  const middle = [...values].sort((a, b) => size(a) - size(b))[Math.floor((values.length - 1) / 2)]
  if (middle === undefined) throw new Bug('the median of nothing')
  return middle
}

export const seconds = (ms: number): string =>
  ms < 10_000 ? `${(ms / 1000).toFixed(2)} s` : `${(ms / 1000).toFixed(1)} s`

/** What the figures were measured on. */
export function machine(): string {
  const version = (name: string): string => JSON.parse(readFileSync(name, 'utf8')).version
  return [
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}`,
    `node ${process.version}, seeknal ${version('package.json')}, DuckDB ${version('node_modules/@duckdb/node-api/package.json')}`,
  ].join('\n')
}
