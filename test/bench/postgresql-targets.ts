// DuckDB → PostgreSQL, from a stored output of 5 million rows, and SQL by hand from a CSV file of the same rows that the
// server itself reads. Both sides write tables of the same columns that are there and, but for one case, full; both in
// alternation in one server with PostgreSQL's own defaults of what makes a commit durable (`fsync`, `wal_level`, …): nobody
// skips the log, and both wait for the disk. Only autovacuum is off.
//
// seeknal's side is the whole command `seeknal run`: its start, its compiler, the transaction, its record. Nothing but the
// target is due, since the profile leads by turns to one of two databases. By hand: connecting and the statements, without
// the start of a program, and without writing the file. Not measured: VACUUM and CHECKPOINT before each turn.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { Bug } from '../../runtime/contract/failures.ts'
import { type PostgresServer, postgresServer, type TestDatabase } from '../support/postgres.ts'
import { owned } from '../support/postgres-files.ts'
import { profileFor } from '../support/target-project.ts'
import { tempProject } from '../support/temp.ts'
import { middleOf, seconds, seeknal } from './measure.ts'

const DURABLE = ['fsync=on', 'full_page_writes=on', 'max_wal_size=1GB', 'shared_buffers=128MB']
const COLUMNS = 'id bigint, customer text, amount numeric(12,2), day date, at timestamp, ok boolean'
const rowsOf = (rows: number, shift: number): string =>
  `SELECT i::BIGINT + ${shift} AS id, 'customer ' || i % 1000 AS customer, (i % 100000 / 100)::DECIMAL(12,2) + ${shift} AS amount, DATE '2026-01-01' + (i % 365)::INTEGER AS day, TIMESTAMP '2026-01-01' + to_seconds(i) AS at, i % 2 = 0 AS ok FROM range(${rows}) t(i)`
const node = (name: string, sql: string, fields = ''): string =>
  `kind: transform\nname: ${name}\nmaterialization:\n  type: postgresql\n  connection: warehouse\n  table: public.${name}\n${fields}transform: ${sql}\n`

interface Side {
  readonly ms: number
  /** Of the server's sessions, and of the command. */
  readonly serverMs: number
  readonly cpuMs: number
  readonly peakMb: number
}

interface Bench {
  readonly server: PostgresServer
  readonly databases: readonly TestDatabase[]
  readonly folder: string
  /** Where the server reads files. */
  readonly files: string
  readonly runs: number
  /** The other database than the one before. */
  readonly next: () => TestDatabase
}

export async function postgresqlTargets(rows: number, runs: number): Promise<void> {
  const server = await postgresServer(DURABLE)
  const databases: readonly [TestDatabase, TestDatabase] = [
    await server.create({ database: 'bench_0', user: 'bench_0', password: 'bench' }),
    await server.create({ database: 'bench_1', user: 'bench_1', password: 'bench' }),
  ]
  const folder = tempProject({ 'seeknal_project.yml': 'name: bench\nversion: "1.0.0"\n' })
  const files = join(server.socketFolder, 'rows')
  mkdirSync(files)
  mkdirSync(join(folder, 'seeknal'))
  owned(files)
  let turn = 0
  const next = (): TestDatabase => databases[turn++ % 2 === 0 ? 0 : 1]
  const bench = { server, databases, folder, files, runs, next }
  await overwrite(bench, rows)
  await upsert(bench, Math.trunc(rows / 5), rows)
}

async function overwrite(bench: Bench, rows: number): Promise<void> {
  const csv = await written(bench, 'orders.csv', rowsOf(rows, 0))
  writeFileSync(join(bench.folder, 'seeknal/orders.yml'), node('orders', rowsOf(rows, 0)))
  const copy = (table: string): string => `COPY ${table} FROM '${csv}' (FORMAT csv)`
  for (const _ of bench.databases) {
    const db = bench.next()
    for (const name of ['truncated', 'deleted']) await db.sql(`CREATE TABLE ${name} (${COLUMNS})`)
    for (const name of ['truncated', 'deleted']) await db.superuser(copy(name))
    run(bench, db)
  }
  await compared(bench, `overwrite of ${count(rows)} rows in a table that holds as many`, {
    'TRUNCATE, COPY FROM a file': (db) => db.superuser(`BEGIN; TRUNCATE truncated; ${copy('truncated')}; COMMIT`),
    'DELETE, COPY FROM a file': (db) => db.superuser(`BEGIN; DELETE FROM deleted; ${copy('deleted')}; COMMIT`),
  })
  await compared(
    bench,
    `overwrite of an empty table by ${count(rows)} rows`,
    { 'COPY FROM a file': (db) => db.superuser(copy('truncated')) },
    (db) => db.sql('TRUNCATE orders').then(() => db.sql('TRUNCATE truncated')),
  )
}

async function upsert(bench: Bench, rows: number, all: number): Promise<void> {
  const sql = rowsOf(rows, Math.trunc(all - rows / 2))
  const csv = await written(bench, 'changes.csv', sql)
  const fields = '  mode: upsert_by_key\n  unique_keys: [id]\n'
  writeFileSync(join(bench.folder, 'seeknal/orders.yml'), node('upserted', sql, fields))
  const set = ['customer', 'amount', 'day', 'at', 'ok'].map((name) => `${name} = excluded.${name}`).join(', ')
  const fresh = (name: string): string =>
    `DROP TABLE IF EXISTS ${name}; CREATE TABLE ${name} (${COLUMNS}, UNIQUE (id)); INSERT INTO ${name} SELECT * FROM deleted`
  // The table of the turn before is of no use; the output is stored.
  for (const _ of bench.databases) run(bench, bench.next())
  await compared(
    bench,
    `upsert of ${count(rows)} rows into ${count(all)}, half of them new`,
    {
      'COPY, INSERT … ON CONFLICT': (db) =>
        db.superuser(`BEGIN; CREATE TEMP TABLE changes (${COLUMNS}) ON COMMIT DROP; COPY changes FROM '${csv}' (FORMAT csv);
          ANALYZE changes; INSERT INTO by_hand SELECT * FROM changes ON CONFLICT (id) DO UPDATE SET ${set}; COMMIT`),
    },
    (db) => db.sql(`${fresh('by_hand')}; ${fresh('upserted')}; ALTER TABLE upserted OWNER TO ${db.user}`),
  )
}

/** One after the other, as often as asked; medians. */
async function compared(
  bench: Bench,
  what: string,
  byHand: Readonly<Record<string, (db: TestDatabase) => Promise<unknown>>>,
  before: (db: TestDatabase) => Promise<unknown> = async () => {},
): Promise<void> {
  const own: Side[] = []
  const others = Object.entries(byHand).map(([name, body]) => ({ name, body, sides: [] as Side[] }))
  for (let i = 0; i < bench.runs; i++) {
    const db = bench.next()
    await before(db)
    for (const { body, sides } of others) sides.push(await side(bench, db, () => body(db)))
    own.push(await side(bench, db, async () => run(bench, db)))
  }
  console.log(`  ${what}, medians of ${bench.runs}`)
  const ours = say('seeknal run', own)
  for (const { name, sides } of others) {
    const theirs = say(name, sides)
    console.log(`    seeknal takes ${(ours / theirs).toFixed(2)} × the time of it`)
  }
}

async function side(
  bench: Bench,
  db: TestDatabase,
  body: () => Promise<{ cpuMs: number; peakMb: number } | unknown>,
): Promise<Side> {
  await db.superuser('VACUUM')
  await db.superuser('CHECKPOINT')
  const before = serverMs(bench.server)
  const started = performance.now()
  const answer = await body()
  const ms = performance.now() - started
  // Until the server has seen that its session is over.
  await sleep(200)
  const used = typeof answer === 'object' && answer !== null && 'cpuMs' in answer ? answer : null
  return {
    ms,
    serverMs: serverMs(bench.server) - before,
    cpuMs: Number(used?.cpuMs ?? 0),
    peakMb: used !== null && 'peakMb' in used ? Number(used.peakMb) : 0,
  }
}

function run(bench: Bench, db: TestDatabase): { cpuMs: number; peakMb: number } {
  writeFileSync(join(bench.folder, 'profiles.yml'), profileFor(db))
  const done = seeknal(bench.folder, 'run')
  if (!done.out.includes('→ public.')) throw new Bug(`nothing was written: ${done.out}`)
  return done
}

/** Of all sessions that have ended. */
function serverMs({ socketFolder }: PostgresServer): number {
  const pid = readFileSync(join(socketFolder, 'data/postmaster.pid'), 'utf8').split('\n')[0]
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[13]) + Number(fields[14])) * 10
}

function say(name: string, sides: readonly Side[]): number {
  const middle = middleOf(sides, ({ ms }) => ms)
  const least = seconds(Math.min(...sides.map(({ ms }) => ms)))
  const own = middle.cpuMs === 0 ? '' : `, ${seconds(middle.cpuMs)} of its own, ${middle.peakMb.toFixed(0)} MB`
  console.log(
    `  ${name.padEnd(28)} ${seconds(middle.ms).padStart(8)} (least ${least})  processor: ${seconds(middle.serverMs)} of the server${own}`,
  )
  return middle.ms
}

const count = (rows: number): string => rows.toLocaleString('en')

/** The rows as a file that the server reads. */
async function written({ files }: Bench, name: string, sql: string): Promise<string> {
  const path = join(files, name)
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  await connection.run(`COPY (${sql}) TO '${path}' (FORMAT csv, HEADER false)`)
  connection.closeSync()
  owned(path)
  return path
}
