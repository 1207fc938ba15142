// The data difference of two stored outputs, on real Parquet files.

import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type DataDiff, type DataDiffRequest, dataDiff } from '../../runtime/data-diff.ts'
import { openDatabase } from '../../runtime/engines/duckdb/driver.ts'
import { QuerySession } from '../../runtime/engines/duckdb/query-session.ts'
import { suite } from '../support/suite.ts'
import { tempFolder } from '../support/temp.ts'

const test = suite('data-diff')

async function diffOf(
  before: string,
  after: string,
  options: Partial<Pick<DataDiffRequest, 'declaredKeys' | 'edited' | 'samples'>> = {},
): Promise<DataDiff> {
  const folder = tempFolder('data-diff')
  const database = await openDatabase()
  const connection = await database.connect()
  for (const [name, query] of [
    ['before', before],
    ['after', after],
  ] as const)
    await connection.run(`COPY (${query}) TO '${join(folder, `${name}.parquet`)}' (FORMAT parquet)`)
  connection.closeSync()
  database.closeSync()
  const tables = ['before', 'after'].map((schema) => ({
    schema,
    name: 'output',
    file: join(folder, `${schema}.parquet`),
  }))
  const session = await QuerySession.open({ tables, scratchDirectory: join(folder, 'scratch') })
  try {
    const { declaredKeys = [], edited = [], samples = 0 } = options
    const output = async (relation: string) => {
      const columns = (await session.run(`DESCRIBE ${relation}`, 1000)).rows
      const [[rows] = []] = (await session.run(`SELECT count(*) FROM ${relation}`, 1)).rows
      return {
        relation,
        columns: columns.map(([name, type]) => ({ name: String(name), type: String(type), engineType: String(type) })),
        rows: Number(rows),
      }
    }
    const [b, a] = [await output('before.output'), await output('after.output')]
    return await dataDiff(session, { before: b, after: a, declaredKeys, edited, samples })
  } finally {
    await session.close()
  }
}

const ROWS = "FROM (VALUES (1, 'a', 1.5), (2, 'b', NULL), (3, NULL, 2.5)) t(id, name, price)"

test('An output compared with itself has no difference', async () => {
  const diff = await diffOf(ROWS, ROWS)
  assert.equal(diff, {
    columns: { added: [], removed: [], retyped: [] },
    rows: { before: 3, after: 3 },
    key: { columns: ['id'], origin: 'unique', common: 3, edited: false },
    other_candidates: [],
    only_before: 0,
    only_after: 0,
    changed_rows: 0,
    differing: [],
  })
})

test('Rows that only one side has and values that differ are counted by key', async () => {
  const diff = await diffOf(ROWS, "FROM (VALUES (2, 'b', 7.5), (3, 'c', 2.5), (4, 'd', 1.0)) t(id, name, price)")
  assert.equal([diff.only_before, diff.only_after, diff.changed_rows], [1, 1, 2])
  assert.equal(diff.differing, [
    { column: 'name', rows: 1, examples: [] },
    { column: 'price', rows: 1, examples: [] },
  ])
})

test('Examples of values are given only when they are asked for', async () => {
  const after =
    "SELECT * REPLACE (upper(name) AS name) FROM (VALUES (1, 'a', 1.5), (2, 'b', NULL), (3, NULL, 2.5)) t(id, name, price)"
  const diff = await diffOf(ROWS, after, { samples: 1 })
  assert.equal(diff.differing, [{ column: 'name', rows: 2, examples: [{ key: '1', before: 'a', after: 'A' }] }])
})

test('Columns that were added, removed and retyped are named; retyped ones are compared as text', async () => {
  const diff = await diffOf(
    ROWS,
    "SELECT id, CAST(price AS VARCHAR) AS price, 1 AS extra FROM (VALUES (1, 'a', 1.5), (2, 'b', NULL), (3, NULL, 2.5)) t(id, name, price)",
  )
  assert.equal(diff.columns, {
    added: [{ name: 'extra', type: 'INTEGER' }],
    removed: [{ name: 'name', type: 'VARCHAR' }],
    retyped: [{ name: 'price', before: 'DECIMAL(2,1)', after: 'VARCHAR' }],
  })
  assert.is(diff.changed_rows, 0)
})

test('Without a unique column rows are compared as a multiset: a duplicate more is a difference', async () => {
  const diff = await diffOf('FROM (VALUES (1), (1), (2)) t(a)', 'FROM (VALUES (1), (2), (2)) t(a)')
  assert.is(diff.key, null)
  assert.equal([diff.only_before, diff.only_after, diff.changed_rows], [1, 1, null])
})

test('The first declared key that is unique in both is used, in any case; one that is not is not', async () => {
  const before = "FROM (VALUES (1, 'x', 5), (1, 'y', 5)) t(a, b, c)"
  const used = await diffOf(before, "FROM (VALUES (1, 'x', 6), (1, 'y', 5)) t(a, b, c)", {
    declaredKeys: [['a'], ['B', 'A']],
  })
  assert.equal(
    [used.key, used.changed_rows],
    [{ columns: ['b', 'a'], origin: 'declared', common: 2, edited: false }, 1],
  )
  const refused = await diffOf(before, before, { declaredKeys: [['a'], ['nope']] })
  assert.equal(refused.key, { columns: ['b'], origin: 'unique', common: 2, edited: false })
})

const numbered = (sql: string) => `SELECT ${sql} FROM range(1, 6) t(n)`

test('Of columns that are unique in both, the one whose values both sides have most in common is the key', async () => {
  const diff = await diffOf(
    numbered("n + 100 AS place, 'c' || n AS code, n AS id"),
    numbered("n + 102 AS place, 'd' || n AS code, n AS id"),
  )
  assert.equal(diff.key, { columns: ['id'], origin: 'unique', common: 5, edited: false })
  assert.equal(diff.other_candidates, [
    { column: 'place', common: 3, edited: false },
    { column: 'code', common: 0, edited: false },
  ])
  assert.equal([diff.only_before, diff.only_after, diff.changed_rows], [0, 0, 5])
})

test('Later columns are not searched when a key matches every row', async () => {
  const diff = await diffOf(numbered('n AS id, n AS other'), numbered('n AS id, n + 1 AS other'))
  assert.equal([diff.key?.columns, diff.other_candidates], [['id'], []])
})

test('A column that the edit changed is the key only where no other one has values in common', async () => {
  const [before, after] = [numbered('n * 2 AS double, n AS id'), numbered('n * 2 + 2 AS double, n + 3 AS id')]
  assert.equal((await diffOf(before, after)).key, { columns: ['double'], origin: 'unique', common: 4, edited: false })
  const diff = await diffOf(before, after, { edited: ['DOUBLE'] })
  assert.equal(diff.key, { columns: ['id'], origin: 'unique', common: 2, edited: false })
  assert.equal(diff.other_candidates, [{ column: 'double', common: 4, edited: true }])
  const alone = await diffOf(numbered('n AS id, 1 AS one'), numbered('n + 1 AS id, 1 AS one'), { edited: ['id'] })
  assert.equal(alone.key, { columns: ['id'], origin: 'unique', common: 4, edited: true })
})

test('A declared key is used whatever the edit changed: it says what a row is', async () => {
  const options = { declaredKeys: [['id']], edited: ['id'] }
  const diff = await diffOf(numbered('n AS id, n AS other'), numbered('n + 10 AS id, n AS other'), options)
  assert.equal(diff.key, { columns: ['id'], origin: 'declared', common: 0, edited: false })
  assert.equal([diff.only_before, diff.only_after], [5, 5])
})

test('Where no unique column has a value in common, rows are compared as multisets', async () => {
  const diff = await diffOf(numbered("'a' || n AS code, 7 AS amount"), numbered("'b' || n AS code, 7 AS amount"))
  assert.is(diff.key, null)
  assert.equal(diff.other_candidates, [{ column: 'code', common: 0, edited: false }])
  assert.equal([diff.only_before, diff.only_after, diff.changed_rows], [5, 5, null])
})

test('Names that need quotes, empty outputs and NULL keys are no obstacle', async () => {
  const diff = await diffOf(
    'SELECT 1 AS "a ""b""", 2 AS "select" WHERE false',
    'SELECT NULL::INTEGER AS "a ""b""", 2 AS "select"',
  )
  assert.equal([diff.rows.before, diff.rows.after, diff.only_after], [0, 1, 1])
})

test.run()
