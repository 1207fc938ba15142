// PostgreSQL → DuckDB: a run that reads 5 million rows, against the server's own COPY into a file plus the engine reading that
// file. Both on this machine, one after the other; memory against the engine's own process.

import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { postgresServer, type TestDatabase } from '../support/postgres.ts'
import { owned } from '../support/postgres-files.ts'
import { databaseProject, passwordOf, sourceOf } from '../support/postgres-project.ts'
import { type Measured, measure, middleOf, seconds, seeknal } from './measure.ts'

const raw = resolve('dist-test/bench/raw-sql.js')
const COLUMNS = `{'id': 'BIGINT', 'customer': 'VARCHAR', 'amount': 'DECIMAL(12,2)', 'at': 'TIMESTAMPTZ', 'note': 'VARCHAR', 'ok': 'BOOLEAN'}`

export async function postgresqlSources(rows: number, runs: number): Promise<void> {
  const server = await postgresServer()
  const db = await server.create({ database: 'bench', user: 'bench', password: 'bench' })
  await db.sql(`CREATE TABLE orders AS SELECT i::int8 AS id, 'customer ' || i % 1000 AS customer, (i % 100000 / 100.0)::numeric(12,2) AS amount,
    timestamptz '2026-01-01' + i * interval '1 second' AS at, CASE WHEN i % 3 = 0 THEN NULL ELSE 'a, b "c" ' || i END AS note, i % 2 = 0 AS ok
    FROM generate_series(1, ${Math.trunc(rows)}) i; ANALYZE orders`)
  const folder = databaseProject(db, {
    'seeknal/orders.yml': sourceOf('orders', 'connection: warehouse\ntable: public.orders\n'),
  })
  Object.assign(process.env, passwordOf(db).env)
  const files = join(server.socketFolder, 'copied')
  mkdirSync(files)
  owned(files)
  // Once before: the table is in the server's memory for both.
  await copied(db, join(files, 'warm.csv'))
  seeknal(folder, 'lock', '--accept')
  const ours: Measured[] = []
  const theirs: (Measured & { readonly copyMs: number })[] = []
  for (let i = 0; i < runs; i++) {
    const file = join(files, `${i}.csv`)
    const copyMs = await copied(db, file)
    const parquet = join(folder, `raw-${i}.parquet`)
    const read = measure(folder, [
      raw,
      `COPY (FROM read_csv('${file}', header = false, columns = ${COLUMNS})) TO '${parquet}' (FORMAT parquet)`,
    ])
    theirs.push({ ...read, ms: read.ms + copyMs, copyMs })
    for (const made of [file, parquet, join(folder, 'target')]) rmSync(made, { recursive: true, force: true })
    ours.push(seeknal(folder, 'run'))
  }
  const [own, other] = [middleOf(ours, ({ ms }) => ms), middleOf(theirs, ({ ms }) => ms)]
  console.log(`  ${rows.toLocaleString('en')} rows, medians of ${runs}`)
  console.log(
    `  COPY TO a file, DuckDB reads it  ${seconds(other.ms).padStart(8)} (${seconds(other.copyMs)} + ${seconds(other.ms - other.copyMs)})  ${other.peakMb.toFixed(0)} MB`,
  )
  console.log(`  seeknal run                      ${seconds(own.ms).padStart(8)}  ${own.peakMb.toFixed(0)} MB`)
  console.log(
    `  ${(own.ms / other.ms).toFixed(2)} × the time, ${(own.peakMb - other.peakMb).toFixed(0)} MB above the engine's own`,
  )
}

async function copied(db: TestDatabase, file: string): Promise<number> {
  const started = performance.now()
  await db.superuser(`COPY orders TO '${file}' (FORMAT csv)`)
  return performance.now() - started
}
