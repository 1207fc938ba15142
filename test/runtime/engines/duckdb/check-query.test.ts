// What a check may run: one SELECT that only reads, below the same confinement as a step.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Engine } from '../../../../runtime/engine.ts'
import { startDuckDB } from '../../../../runtime/engines/duckdb/engine.ts'
import { rejects } from '../../../support/rejects.ts'
import { suite } from '../../../support/suite.ts'
import { tempFolder } from '../../../support/temp.ts'

const test = suite('check query')

async function withEngine(body: (engine: Engine, outputs: string) => Promise<void>): Promise<void> {
  const folder = tempFolder('check')
  const outputs = join(folder, 'outputs')
  mkdirSync(outputs)
  mkdirSync(join(folder, 'spill'))
  writeFileSync(join(folder, 'secret.csv'), 'a\n1\n')
  const engine = await startDuckDB({
    allowedDirectories: [outputs, join(folder, 'spill')],
    allowedPaths: [],
    spillDirectory: join(folder, 'spill'),
    settings: {},
  })
  try {
    await body(engine, outputs)
  } finally {
    await engine.close()
  }
}

const check = (outputs: string, sql: string, prelude = '') => ({
  prelude,
  sql,
  variables: { values: { outputs }, runTimestamp: '2026-01-02T03:04:05Z' },
  mostRows: 2,
})

test('The rows of a check are its ids and how many rows fail', async () => {
  await withEngine(async (engine, outputs) => {
    const sql = "-- two\nSELECT 'a', 'error', count(*) FROM range(3)\nUNION ALL SELECT 'b', 'warn', 0;\n"
    assert.equal(await engine.runCheck(check(outputs, sql)), [
      { id: 'a', failingRows: 3 },
      { id: 'b', failingRows: 0 },
    ])
  })
})

test('A check is one SELECT, whatever its text pretends, and calls nothing that does more than to give a value', async () => {
  await withEngine(async (engine, outputs) => {
    const forbidden = [
      '',
      '-- nothing',
      "COPY (SELECT 1) TO 'x.csv'",
      `COPY (SELECT 1) TO '${outputs}/x.parquet'`,
      'CREATE TABLE t (a INTEGER)',
      "SET VARIABLE outputs = '/'",
      "ATTACH ':memory:' AS other",
      "SELECT 'a', 'error', 0; SELECT 1",
      `SELECT 'a', 'error', 0; COPY (SELECT 1) TO '${outputs}/x.parquet'`,
      `WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x`,
      "EXPLAIN ANALYZE SELECT 'a', 'error', 0",
      "SELECT 'a', 'error', count(*) FROM query('SELECT 1')",
    ]
    for (const sql of forbidden) await rejects(() => engine.runCheck(check(outputs, sql)), 'STATEMENT_REFUSED')
    await rejects(
      () =>
        engine.runCheck(check(outputs, "SELECT 'a', 'error', count(1)", 'CREATE OR REPLACE TEMP MACRO count(x) AS 0;')),
      'STATEMENT_REFUSED',
    )
    assert.equal(readdirSync(outputs), [])
  })
})

test('A check reads nothing but what steps may read', async () => {
  await withEngine(async (engine, outputs) => {
    for (const file of [`${outputs}/../secret.csv`, '/etc/hostname'])
      await rejects(
        () => engine.runCheck(check(outputs, `SELECT 'a', 'error', count(*) FROM read_csv('${file}')`)),
        'STEP_FAILED',
      )
  })
})

test('Rows that are none of a check, and more of them than were asked for, are seen', async () => {
  await withEngine(async (engine, outputs) => {
    for (const row of [
      "'a', 'error', -1",
      "'a', 'error', NULL",
      "1, 'error', 0",
      "'a', 'error', 'x'",
      "'a', 'error'",
      "'a', 'error', 0.5",
    ])
      await rejects(() => engine.runCheck(check(outputs, `SELECT ${row}`)), 'STEP_FAILED')
    const many = await engine.runCheck(check(outputs, "SELECT 'a' || i, 'error', 0 FROM range(10000000) AS r(i)"))
    assert.ok(many.length > 2 && many.length < 10_000)
  })
})

test.run()
