// What environments cost in a project of 1,000 nodes whose outputs are 10 GB: creating one, promoting, going back. None
// of it may depend on how much data there is, and most of it only on how many nodes changed.

import { lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempFolder } from '../support/temp.ts'
import { enlargeOutputs } from './large-outputs.ts'
import { type Measured, middleOf, seconds, seeknal } from './measure.ts'
import { editSql, generateProject, type ProjectSize } from './projects.ts'

const SIZE: ProjectSize = { shape: 'star', nodes: 1000, rows: 200, sources: 20 }
const OUTPUT_BYTES = 10_000_000
/** The last: all that are no source. */
const CHANGES = [1, 10, 100, SIZE.nodes - SIZE.sources]

const STEPS = {
  compile: ['compile', '--env', 'dev', '--out', 'bundle'],
  'env plan': ['env', 'plan', 'dev'],
  'env apply': ['env', 'apply', 'dev'],
  'env promote to another': ['env', 'promote', 'dev', 'staging', '--force'],
  'env promote': ['env', 'promote', 'dev'],
  rollback: ['rollback', '--yes'],
} as const
type Step = keyof typeof STEPS

export async function environments(runs: number): Promise<void> {
  const folder = tempFolder('bench')
  await generateProject(folder, SIZE)
  seeknal(folder, 'run')
  const bytes = enlargeOutputs(folder, OUTPUT_BYTES)
  console.log(`\n${SIZE.nodes} nodes, ${SIZE.shape}, outputs of ${(bytes / 1e9).toFixed(1)} GB; elapsed (processor)`)
  const cycles = CHANGES.map((changes) =>
    Array.from({ length: changes > 100 ? 1 : runs }, () => cycle(folder, changes)),
  )
  const middle = (of: (cycle: Cycle) => number): number[] => cycles.map((cycle) => middleOf(cycle.map(of), (n) => n))
  const row = (what: string, texts: readonly string[]) =>
    console.log(`  ${what.padEnd(24)}${texts.map((text) => text.padStart(18)).join('')}`)
  const times = (what: string, of: (cycle: Cycle) => Times) => {
    const cpu = middle((one) => of(one).cpuMs)
    row(
      what,
      middle((one) => of(one).ms).map((ms, i) => `${seconds(ms)} (${seconds(cpu[i] ?? 0)})`),
    )
  }
  row('nodes that changed', CHANGES.map(String))
  for (const step of Object.keys(STEPS) as Step[]) times(step, ({ measured }) => measured[step])
  times('plan, apply − compile', ({ measured }) =>
    beyond(measured.compile, measured['env plan'], measured['env apply']),
  )
  row(
    'disk, plan and apply',
    middle((one) => one.diskBytes).map((disk) => `${(disk / 1e6).toFixed(1)} MB`),
  )
  rmSync(folder, { recursive: true, force: true })
}

type Times = Pick<Measured, 'ms' | 'cpuMs'>

const beyond = (less: Times, ...runs: readonly Times[]): Times => ({
  ms: runs.reduce((sum, run) => sum + run.ms, -less.ms),
  cpuMs: runs.reduce((sum, run) => sum + run.cpuMs, -less.cpuMs),
})

interface Cycle {
  readonly measured: Readonly<Record<Step, Measured>>
  /** What planning and applying added to target/. */
  readonly diskBytes: number
}

/** From an edit to production and back. */
function cycle(folder: string, changes: number): Cycle {
  for (let i = 0; i < changes; i++) {
    const file = join(folder, `seeknal/transforms/t${SIZE.sources + i}.yml`)
    writeFileSync(file, editSql(readFileSync(file, 'utf8')))
  }
  const before = diskBytes(folder)
  const measured = Object.fromEntries(
    Object.entries(STEPS).map(([step, args]) => {
      const run = seeknal(folder, ...args)
      return [step, { ...run, disk: step === 'env apply' ? diskBytes(folder) - before : 0 }]
    }),
  ) as Record<Step, Measured & { readonly disk: number }>
  return { measured, diskBytes: measured['env apply'].disk }
}

/** Blocks below target/, each file once, without the compiler's cache. */
function diskBytes(folder: string): number {
  const seen = new Map<number, number>()
  const walk = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const { ino, blocks } = lstatSync(join(path, entry.name))
      seen.set(ino, blocks * 512)
      if (entry.isDirectory() && entry.name !== 'cache') walk(join(path, entry.name))
    }
  }
  walk(join(folder, 'target'))
  return [...seen.values()].reduce((sum, bytes) => sum + bytes, 0)
}
