// DuckDB → PostgreSQL: a run that overwrites a table with 5 million rows, against the server's own COPY of the same rows from a
// CSV file into an empty table; and an upsert of a fifth of them, against SQL written by hand. One after the other.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { postgresServer, type TestDatabase } from '../support/postgres.ts'
import { owned } from '../support/postgres-files.ts'
import { profileFor } from '../support/target-project.ts'
import { tempProject } from '../support/temp.ts'
import { type Measured, middleOf, seconds, seeknal } from './measure.ts'

const COLUMNS = 'id bigint, customer text, amount numeric(12,2), day date, at timestamp, ok boolean'
const rowsOf = (rows: number, shift: number): string =>
  `SELECT i::BIGINT + ${shift} AS id, 'customer ' || i % 1000 AS customer, (i % 100000 / 100)::DECIMAL(12,2) + ${shift} AS amount, DATE '2026-01-01' + (i % 365)::INTEGER AS day, TIMESTAMP '2026-01-01' + to_seconds(i) AS at, i % 2 = 0 AS ok FROM range(${rows}) t(i)`
const node = (name: string, sql: string, target: string): string =>
  `kind: transform\nname: ${name}\nvolatile: always\nmaterialization:\n  type: postgresql\n  connection: warehouse\n  table: public.${target}\n`.concat(
    `transform: ${sql}\n`,
  )

export async function postgresqlTargets(rows: number, runs: number): Promise<void> {
  const server = await postgresServer()
  const db = await server.create({ database: 'bench_to', user: 'bench_to', password: 'bench' })
  const folder = tempProject({
    'seeknal_project.yml': 'name: bench\nversion: "1.0.0"\n',
    'profiles.yml': profileFor(db),
    'seeknal/orders.yml': node('orders', rowsOf(rows, 0), 'orders'),
  })
  const files = join(server.socketFolder, 'rows')
  mkdirSync(files)
  owned(files)
  const csv = join(files, 'orders.csv')
  await written(csv, rowsOf(rows, 0))
  await db.sql(`CREATE TABLE baseline (${COLUMNS})`)
  seeknal(folder, 'run')
  const [own, raw]: [Measured[], number[]] = [[], []]
  for (let i = 0; i < runs; i++) {
    raw.push(await timed(() => db.superuser(`TRUNCATE baseline; COPY baseline FROM '${csv}' (FORMAT csv)`)))
    own.push(seeknal(folder, 'run', '--full'))
    await db.superuser('VACUUM orders')
  }
  say(`overwrite of ${rows.toLocaleString('en')} rows, against COPY FROM into an empty table`, own, raw)
  await upsert(db, folder, files, Math.trunc(rows / 5), rows, runs)
}

async function upsert(
  db: TestDatabase,
  folder: string,
  files: string,
  rows: number,
  all: number,
  runs: number,
): Promise<void> {
  const sql = rowsOf(rows, Math.trunc(all - rows / 2))
  const csv = join(files, 'changes.csv')
  await written(csv, sql)
  const target = node('orders', sql, 'upserted').replace(
    'transform:',
    '  mode: upsert_by_key\n  unique_keys: [id]\ntransform:',
  )
  writeFileSync(join(folder, 'seeknal/orders.yml'), target)
  const fresh = (name: string): string =>
    `DROP TABLE IF EXISTS ${name}; CREATE TABLE ${name} (${COLUMNS}, UNIQUE (id)); INSERT INTO ${name} SELECT * FROM baseline`
  const byHand = `BEGIN; CREATE TEMP TABLE changes (${COLUMNS}) ON COMMIT DROP; COPY changes FROM '${csv}' (FORMAT csv); ANALYZE changes;
    INSERT INTO by_hand SELECT * FROM changes ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, amount = excluded.amount,
    day = excluded.day, at = excluded.at, ok = excluded.ok; COMMIT`
  const [own, raw]: [Measured[], number[]] = [[], []]
  for (let i = 0; i < runs; i++) {
    await db.sql(`${fresh('by_hand')}; ${fresh('upserted')}`)
    raw.push(await timed(() => db.superuser(byHand)))
    own.push(seeknal(folder, 'run', '--full'))
  }
  say(
    `upsert of ${rows.toLocaleString('en')} into ${all.toLocaleString('en')} rows, against COPY and INSERT … ON CONFLICT`,
    own,
    raw,
  )
}

function say(what: string, own: readonly Measured[], raw: readonly number[]): void {
  const [ours, theirs] = [middleOf(own, ({ ms }) => ms), middleOf(raw, (ms) => ms)]
  console.log(`  ${what}, medians of ${own.length}`)
  console.log(`  by hand      ${seconds(theirs).padStart(8)}`)
  console.log(`  seeknal run  ${seconds(ours.ms).padStart(8)}  ${ours.peakMb.toFixed(0)} MB`)
  console.log(`  ${(ours.ms / theirs).toFixed(2)} × the time`)
}

async function timed(body: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await body()
  return performance.now() - started
}

/** The rows as a file that the server reads. */
async function written(path: string, sql: string): Promise<void> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  await connection.run(`COPY (${sql}) TO '${path}' (FORMAT csv, HEADER false)`)
  connection.closeSync()
  owned(path)
}
