// Benchmarks of the built command against the same SQL on the DuckDB client, side by side. Whole processes, medians.
//   npm run bench -- [--parts=startup,projects,memory,rows,spill,environments,postgresql-engine,postgresql-sources,postgresql-targets] [--sizes=10,100,1000,5000] [--shapes=chain,star,layers]
//                    [--runs=3] [--csv-rows=10000] [--table-rows=5000000] [--engine-rows=40000]

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { forgetCertificates } from '../support/machine-certificates.ts'
import { tempFolder } from '../support/temp.ts'
import { environments } from './environments.ts'
import {
  command,
  type Measured,
  machine,
  measure,
  median,
  medians,
  middleOf,
  seconds,
  seeknal,
  startMs,
} from './measure.ts'
import { postgresqlEngine } from './postgresql-engine.ts'
import { postgresqlSources } from './postgresql-sources.ts'
import { postgresqlTargets } from './postgresql-targets.ts'
import { editedFile, editSql, generateProject, type ProjectSize, SHAPES } from './projects.ts'

const option = (name: string, otherwise: string): string =>
  process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise
const list = (name: string, otherwise: string): string[] => option(name, otherwise).split(',')
const runs = Number(option('runs', '3'))
const raw = resolve('dist-test/bench/raw.js')

const parts: Readonly<Record<string, () => Promise<void>>> = {
  startup,
  projects,
  memory,
  rows,
  spill,
  environments: () => environments(runs),
  'postgresql-engine': () => postgresqlEngine(Number(option('engine-rows', '40000')), runs),
  'postgresql-targets': () => postgresqlTargets(Number(option('table-rows', '5000000')), runs),
  'postgresql-sources': () => postgresqlSources(Number(option('table-rows', '5000000')), runs),
}

/** Of the same start several times, in milliseconds. */
const start = (folder: string, args: readonly string[]): number =>
  middleOf(
    Array.from({ length: runs * 5 }, () => startMs(folder, args)),
    (ms) => ms,
  )

async function startup(): Promise<void> {
  const folder = tempFolder('bench')
  const started = (args: readonly string[]) => () => ({ ms: startMs(folder, args) })
  for (const args of [['--version'], ['--help'], ['run', '--help']]) {
    const [{ ms: bare }, { ms: own }] = medians(runs * 5, [started(['-e', '0']), started([command, ...args])])
    const what = `seeknal ${args.join(' ')}`.padEnd(26)
    console.log(
      `  ${what} ${seconds(own).padStart(8)}  node -e 0: ${seconds(bare)}; ${(own / bare).toFixed(2)} × the time`,
    )
  }
}

async function projects(): Promise<void> {
  for (const nodes of list('sizes', '10,100,1000,5000').map(Number)) {
    for (const shape of SHAPES.filter((name) => list('shapes', SHAPES.join(',')).includes(name))) {
      const size = {
        shape,
        nodes,
        rows: Number(option('csv-rows', '10000')),
        sources: Math.max(1, Math.ceil(nodes / 50)),
      }
      await project(size, nodes > 1000 ? 1 : runs)
    }
  }
}

async function project(size: ProjectSize, times: number): Promise<void> {
  const folder = tempFolder('bench')
  await generateProject(folder, size)
  console.log(`\n${size.nodes} nodes, ${size.shape}, ${size.sources} CSV files of ${size.rows} rows`)
  const fresh = () => rmSync(join(folder, 'target'), { recursive: true, force: true })
  const edit = () => {
    const file = join(folder, editedFile(size))
    writeFileSync(file, editSql(readFileSync(file, 'utf8')))
  }
  const compile = () => seeknal(folder, 'compile', '--out', 'bundle')
  line('compile, cold', await median(times, compile, fresh))
  const warm = await median(times, compile, edit)
  line('compile, warm, one edit', warm, `node -e 0: ${seconds(start(folder, ['-e', '0']))}`)
  const full = await median(times, () => seeknal(folder, 'run'), fresh)
  const bare = await median(times, () => measure(folder, [raw, 'bundle', folder, join(folder, 'raw')]))
  line('run, everything', full, `raw SQL: ${seconds(bare.ms)}; ${ratio(full, bare)}`)
  line('run, nothing to do', await median(times, () => seeknal(folder, 'run')))
  line('run, one edit', await median(times, () => seeknal(folder, 'run'), edit))
  // The first compares with another production than the last compile.
  compile()
  line('compile over production', await median(times, compile, edit), 'warm, one edit')
  line('plan, one edit', await median(times, () => seeknal(folder, 'plan'), edit))
  rmSync(folder, { recursive: true, force: true })
}

async function memory(): Promise<void> {
  const folder = tempFolder('bench')
  const size: ProjectSize = { shape: 'layers', nodes: 5000, rows: 100, sources: 100 }
  await generateProject(folder, size)
  console.log(`\n${size.nodes} nodes, ${size.shape}`)
  line('compile, cold', seeknal(folder, 'compile', '--out', 'bundle'))
  rmSync(folder, { recursive: true, force: true })
}

/** 20 nodes over 10 million rows: what the runtime adds to the engine's own work. In `layers` every node keeps its rows. */
async function rows(): Promise<void> {
  await large({ shape: 'pipeline', nodes: 20, rows: 5_000_000, sources: 2 }, runs)
  await large({ shape: 'layers', nodes: 20, rows: 5_000_000, sources: 2 }, runs)
}

/** 50 million rows, more than the memory limit holds. */
async function spill(): Promise<void> {
  await large({ shape: 'layers', nodes: 8, rows: 25_000_000, sources: 2 }, 1, '1GB')
}

async function large(size: ProjectSize, times: number, memoryLimit?: string): Promise<void> {
  const folder = tempFolder('bench')
  await generateProject(folder, size)
  const limit = memoryLimit === undefined ? '' : `, memory limit ${memoryLimit}`
  console.log(`\n${size.nodes} nodes, ${size.shape}, ${size.sources} CSV files of ${size.rows} rows${limit}`)
  const options = memoryLimit === undefined ? [] : ['--memory-limit', memoryLimit]
  const fresh = () => {
    rmSync(join(folder, 'target'), { recursive: true, force: true })
    rmSync(join(folder, 'raw'), { recursive: true, force: true })
  }
  seeknal(folder, 'compile', '--out', 'bundle')
  const rawArgs = [raw, 'bundle', folder, join(folder, 'raw'), ...options.slice(1)]
  const [bare, full] = medians(times, [() => measure(folder, rawArgs), () => seeknal(folder, 'run', ...options)], fresh)
  line('run, everything', full, `raw SQL: ${seconds(bare.ms)}, ${bare.peakMb.toFixed(0)} MB; ${ratio(full, bare)}`)
  rmSync(folder, { recursive: true, force: true })
}

const ratio = (a: Measured, b: Measured): string =>
  `${(a.ms / b.ms).toFixed(2)} × the time, ${(a.cpuMs / b.cpuMs).toFixed(2)} × the processor`

function line(what: string, run: Measured, beside = ''): void {
  console.log(
    `  ${what.padEnd(26)} ${seconds(run.ms).padStart(8)} ${seconds(run.cpuMs).padStart(8)} cpu ${run.peakMb.toFixed(0).padStart(6)} MB  ${beside}`,
  )
}

console.log(machine())
if (forgetCertificates()) console.log('without NODE_EXTRA_CA_CERTS, by which each start of Node reads certificates')
console.log(
  `npm run bench -- ${process.argv.slice(2).join(' ')}  (medians of ${runs}; 1 for 5,000 nodes and for spill)`,
)
for (const part of list('parts', Object.keys(parts).join(','))) {
  console.log(`\n== ${part}`)
  await parts[part]?.()
}
