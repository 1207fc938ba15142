// 200 transforms over CSV files, executed by PostgreSQL: a run against the very same statements of its bundle sent by psql in one
// session (without psql on PATH: by a client that plays it), promoting all of them in one transaction while others read, and an
// environment for one change. Both sides in alternation in one server that makes commits durable; each turn has a database
// of its own. Not measured: making the database, and compiling for the first time, which both sides need.

import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Bug } from '../../runtime/contract/failures.ts'
import { type PostgresServer, postgresServer, type TestDatabase } from '../support/postgres.ts'
import { profileFor } from '../support/target-project.ts'
import { tempFolder } from '../support/temp.ts'
import { command, middleOf, seconds, seeknal } from './measure.ts'
import { editSql, generateProject, type ProjectSize } from './projects.ts'
import { type HandStep, isPsqlThere, psqlScript, sendByHand, statementsOf } from './psql-by-hand.ts'

const DURABLE = ['fsync=on', 'full_page_writes=on', 'max_wal_size=2GB', 'shared_buffers=256MB']
const SCHEMA = 'analytics'
const READERS = 4

interface Bench {
  readonly server: PostgresServer
  readonly folder: string
  readonly size: ProjectSize
  readonly runs: number
}

/** `rows`: of each CSV file. */
export async function postgresqlEngine(rows: number, runs: number): Promise<void> {
  const server = await postgresServer(DURABLE)
  const folder = tempFolder('bench')
  const size: ProjectSize = { shape: 'layers', nodes: 204, rows, sources: 4 }
  await generateProject(folder, size)
  writeFileSync(
    join(folder, 'seeknal_project.yml'),
    `name: bench\nversion: "1.0.0"\nengine: {type: postgresql, connection: warehouse, schema: ${SCHEMA}}\n`,
  )
  const bench = { server, folder, size, runs }
  console.log(
    `  ${size.nodes - size.sources} transforms over ${size.sources} CSV files of ${size.rows.toLocaleString('en')} rows; by hand: ${isPsqlThere() ? 'psql' : 'a client that plays psql'}`,
  )
  const last = await runs200(bench)
  await oneChange(bench, last)
  await promotion(bench, last)
  rmSync(folder, { recursive: true, force: true })
}

let made = 0

async function freshDatabase({ server, folder }: Bench): Promise<TestDatabase> {
  made += 1
  const name = `bench_${made}`
  const db = await server.create({ database: name, user: name, password: 'bench' })
  writeFileSync(join(folder, 'profiles.yml'), profileFor(db))
  rmSync(join(folder, 'target'), { recursive: true, force: true })
  seeknal(folder, 'compile', '--out', 'bundle')
  await db.superuser('CHECKPOINT')
  return db
}

interface Side {
  readonly ms: number
  readonly serverMs: number
  readonly ownMs: number
}

async function side({ server }: Bench, body: () => Promise<void> | void): Promise<Side> {
  const before = [endedMs(serverPid(server)), endedMs('self')] as const
  const started = performance.now()
  await body()
  const ms = performance.now() - started
  // Until the server has seen that its sessions are over.
  await sleep(300)
  return { ms, serverMs: endedMs(serverPid(server)) - before[0], ownMs: endedMs('self') - before[1] }
}

const serverPid = ({ socketFolder }: PostgresServer): string =>
  readFileSync(join(socketFolder, 'data/postmaster.pid'), 'utf8').split('\n')[0] ?? ''

/** Processor time of the children of a process that have ended. */
function endedMs(pid: string): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[13]) + Number(fields[14])) * 10
}

/** A run from nothing; gives the last one's database. */
async function runs200(bench: Bench): Promise<TestDatabase> {
  const ways: Readonly<Record<string, (db: TestDatabase) => Promise<void> | void>> = {
    'by hand, autocommit': (db) => byHand(bench, db, false),
    'by hand, one transaction': (db) => byHand(bench, db, true),
    'seeknal run --max-workers 1': () => void seeknal(bench.folder, 'run', '--max-workers', '1'),
    'seeknal run': () => void seeknal(bench.folder, 'run'),
  }
  const sides = new Map(Object.keys(ways).map((name) => [name, [] as Side[]]))
  let last: TestDatabase | undefined
  for (let turn = 0; turn < bench.runs; turn++)
    for (const [name, way] of Object.entries(ways)) {
      last = await freshDatabase(bench)
      const db = last
      sides.get(name)?.push(await side(bench, () => way(db)))
    }
  if (last === undefined) throw new Bug('nothing ran')
  const middles = [...sides].map(([name, list]) => [name, middleOf(list, ({ ms }) => ms)] as const)
  const best = Math.min(...middles.flatMap(([name, { ms }]) => (name.startsWith('by hand') ? [ms] : [])))
  for (const [name, { ms, serverMs, ownMs }] of middles)
    console.log(
      `  ${name.padEnd(28)} ${seconds(ms).padStart(8)}  processor: ${seconds(serverMs)} of the server, ${seconds(ownMs)} of its own; ${(ms / best).toFixed(2)} × the faster by hand`,
    )
  return last
}

async function byHand({ folder }: Bench, db: TestDatabase, isOne: boolean): Promise<void> {
  const steps: readonly HandStep[] = statementsOf(join(folder, 'bundle'), folder)
  if (!isPsqlThere()) return sendByHand(db, steps, isOne)
  writeFileSync(join(folder, 'by-hand.sql'), psqlScript(steps))
  const args = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', ...(isOne ? ['-1'] : []), '-f', 'by-hand.sql', db.url]
  const ran = spawnSync('psql', args, { cwd: folder, encoding: 'utf8' })
  if (ran.status !== 0) throw new Bug(`psql failed: ${ran.stderr.slice(0, 2000)}`)
}

const storedBytes = async (db: TestDatabase): Promise<{ readonly tables: number; readonly bytes: number }> => {
  const [row] = await db.sql(
    "SELECT count(*) AS tables, coalesce(sum(pg_total_relation_size(c.oid)), 0) AS bytes FROM pg_class c WHERE c.relnamespace = 'seeknal_store'::regnamespace AND c.relkind = 'r'",
  )
  return { tables: Number(row?.tables), bytes: Number(row?.bytes) }
}

async function oneChange({ folder, size }: Bench, db: TestDatabase): Promise<void> {
  const before = await storedBytes(db)
  edit(folder, [size.nodes - 1])
  seeknal(folder, 'env', 'plan', 'one')
  const applied = seeknal(folder, 'env', 'apply', 'one')
  const after = await storedBytes(db)
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
  console.log(
    `  an environment for one change   ${seconds(applied.ms)} (env apply), ${after.tables - before.tables} table of ${mb(after.bytes - before.bytes)} made; production: ${before.tables} of ${mb(before.bytes)}`,
  )
  seeknal(folder, 'env', 'delete', 'one', '--yes')
}

function edit(folder: string, numbers: readonly number[]): void {
  for (const n of numbers) {
    const file = join(folder, `seeknal/transforms/t${n}.yml`)
    writeFileSync(file, editSql(readFileSync(file, 'utf8')))
  }
}

async function promotion({ server, folder, size, runs }: Bench, db: TestDatabase): Promise<void> {
  const all = readdirSync(join(folder, 'seeknal/transforms')).map((name) => Number(name.slice(1, -4)))
  const [whole, within, waits]: [number[], number[], number[]] = [[], [], []]
  for (let turn = 0; turn < runs; turn++) {
    edit(folder, all)
    seeknal(folder, 'env', 'plan', 'dev')
    seeknal(folder, 'env', 'apply', 'dev')
    await db.superuser(`ALTER DATABASE ${db.database} SET log_min_duration_statement = 0`)
    const from = readFileSync(join(server.socketFolder, 'server.log'), 'utf8').length
    const views = all.map((n) => `${SCHEMA}.t${n}`)
    const readers = await readersOf(db, views)
    const started = performance.now()
    await finished(folder, ['env', 'promote', 'dev', '--yes'])
    whole.push(performance.now() - started)
    waits.push(await readers.stop())
    await db.superuser(`ALTER DATABASE ${db.database} RESET log_min_duration_statement`)
    within.push(transactionMs(readFileSync(join(server.socketFolder, 'server.log'), 'utf8').slice(from)))
  }
  const middle = (list: readonly number[]): number => middleOf(list, (ms) => ms)
  console.log(
    `  promote of ${size.nodes - size.sources} transforms        ${seconds(middle(whole))} the whole command, ${seconds(middle(within))} inside the transaction; the longest wait of ${READERS} readers: ${seconds(middle(waits))}`,
  )
}

/** Sessions that read one view after the other; stop() gives the longest that one of them waited for an answer. */
async function readersOf(db: TestDatabase, views: readonly string[]): Promise<{ stop(): Promise<number> }> {
  const { Client } = (await import('pg')).default
  const { host, port, database, user, password } = db
  const clients = await Promise.all(
    Array.from({ length: READERS }, async () => {
      const client = new Client({ host, port, database, user, password, ssl: false })
      await client.connect()
      await client.query('SET log_min_duration_statement = -1').catch(() => {})
      return client
    }),
  )
  let [isOver, longest] = [false, 0]
  const loops = clients.map(async (client, i) => {
    for (let at = i; !isOver; at += READERS) {
      const started = performance.now()
      await client.query(`SELECT 1 FROM ${views[at % views.length]} LIMIT 1`)
      longest = Math.max(longest, performance.now() - started)
      await sleep(5)
    }
    await client.end()
  })
  await sleep(500)
  longest = 0
  return {
    stop: async () => {
      isOver = true
      await Promise.all(loops)
      return longest
    },
  }
}

async function finished(folder: string, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [command, ...args], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  const code = await new Promise((resolve) => child.on('exit', resolve))
  if (code !== 0) throw new Bug(`seeknal ${args.join(' ')} ended with ${code}`)
}

/** From BEGIN to COMMIT of the session that made a generation, by the durations that the server logged. */
function transactionMs(log: string): number {
  const durations: number[] = []
  for (const line of log.split('\n')) {
    const found = /duration: ([\d.]+) ms {2}(?:statement|execute [^:]*): (.*)/.exec(line)
    if (found === null) continue
    const [, ms = '', sql = ''] = found
    if (sql.startsWith('BEGIN')) durations.length = 0
    durations.push(Number(ms))
    if (sql.includes('make_generation')) durations.push(Number.NaN)
    if (sql.startsWith('COMMIT') && durations.some(Number.isNaN))
      return durations.filter((one) => !Number.isNaN(one)).reduce((sum, one) => sum + one, 0)
  }
  throw new Bug('the log does not hold the transaction')
}
