import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type ExtractRequest, extractRows } from '../../../../runtime/engines/postgresql/extract.ts'
import { checkQueries } from '../../../../runtime/engines/postgresql/read-only.ts'
import { postgresServer, type TestDatabase } from '../../../support/postgres.ts'
import { connectionTo } from '../../../support/postgres-connection.ts'
import { rejects } from '../../../support/rejects.ts'
import { suite } from '../../../support/suite.ts'
import { tempFolder } from '../../../support/temp.ts'
import { until } from '../../../support/until.ts'

const test = suite('postgresql extract')

let made: Promise<TestDatabase> | null = null

/** With the table `big`: 100,000 rows in 70 MB and more, so that several sessions read it. */
async function database(): Promise<TestDatabase> {
  const server = await postgresServer()
  made ??= server.create({ database: 'extracts', user: 'extracts', password: 'extracts' }).then(async (db) => {
    await db.sql(`CREATE TABLE big (id int, pad text);
      INSERT INTO big SELECT i, repeat(chr(65 + i % 26), 700) FROM generate_series(1, 100000) i`)
    return db
  })
  return made
}

const request = (db: TestDatabase, query: string, more: Partial<ExtractRequest> = {}): ExtractRequest => ({
  node: 'source.t',
  connection: connectionTo(db),
  query,
  options: 'several',
  from: 'big',
  types: {},
  folder: tempFolder('extract'),
  growth: null,
  ...more,
})

const textOf = (folder: string): string =>
  readdirSync(folder)
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('')

test('A large table is read by several sessions, each row once, in files that end with a row', async () => {
  const db = await database()
  const asked = request(db, 'SELECT id, pad FROM big')
  const { rows, sessions, bytes } = await extractRows(asked)
  assert.is(rows, 100_000)
  assert.ok(sessions > 1, `${sessions} session`)
  const files = readdirSync(asked.folder).map((name) => join(asked.folder, name))
  assert.is(
    files.reduce((sum, file) => sum + statSync(file).size, 0),
    bytes,
  )
  for (const file of files) assert.ok(statSync(file).size <= 17_000_000 && readFileSync(file).at(-1) === 10, file)
  const ids = textOf(asked.folder)
    .split('\n')
    .slice(0, -1)
    .map((line) => Number(line.split(',')[0]))
  assert.is(new Set(ids).size, 100_000)
})

test('What several sessions read is the table at one moment, whatever others write meanwhile', async () => {
  const db = await database()
  await db.sql('CREATE TABLE moving (id int, pad text); INSERT INTO moving SELECT id, pad FROM big')
  let stop = false
  const writer = (async () => {
    for (let i = 1; !stop; i++)
      await db.sql(`BEGIN; DELETE FROM moving WHERE id = ${i}; INSERT INTO moving VALUES (${i}, 'moved'); COMMIT`)
  })()
  for (let turn = 0; turn < 2; turn++) {
    const asked = request(db, 'SELECT id, pad FROM moving', { from: 'moving' })
    const { rows, sessions } = await extractRows(asked)
    assert.ok(sessions > 1)
    assert.is(rows, 100_000)
    const ids = textOf(asked.folder)
      .split('\n')
      .slice(0, -1)
      .map((line) => Number(line.split(',')[0]))
    assert.is(new Set(ids).size, 100_000)
  }
  stop = true
  await writer
})

test('A server without room for more sessions is read by those that there is room for', async () => {
  const db = await database()
  await db.superuser('ALTER ROLE extracts CONNECTION LIMIT 1')
  try {
    const { rows, sessions } = await extractRows(request(db, 'SELECT id, pad FROM big'))
    assert.equal([rows, sessions], [100_000, 1])
  } finally {
    await db.superuser('ALTER ROLE extracts CONNECTION LIMIT -1')
  }
})

test('Rows that are longer than a message, a buffer and a file come whole', async () => {
  const db = await database()
  await db.sql(`CREATE TABLE long (id int, t text);
    INSERT INTO long SELECT i, repeat('line "quoted"' || chr(10), CASE WHEN i % 3 = 0 THEN 1500000 ELSE 1 END) FROM generate_series(1, 7) i`)
  const asked = request(db, 'SELECT id, t FROM long', { from: 'long' })
  const { rows } = await extractRows(asked)
  assert.is(rows, 7)
  const expected = Array.from({ length: 7 }, (_, k) => {
    const i = k + 1
    return `${i},"${'line ""quoted""\n'.repeat(i % 3 === 0 ? 1_500_000 : 1)}"\n`
  }).join('')
  assert.ok(textOf(asked.folder) === expected)
})

test('Ctrl-C stops what the server is doing for it', async () => {
  const db = await database()
  const stop = new AbortController()
  const query = 'SELECT id, pg_sleep(0.01)::text FROM big'
  const asked = extractRows(request(db, query, { signal: stop.signal, options: 'several' }))
  const failure = rejects(() => asked, 'QUERY_FAILED')
  const copies = () =>
    db.superuser(
      "SELECT FROM pg_stat_activity WHERE query LIKE 'COPY%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()",
    )
  await until(async () => (await copies()).length > 0, 'a COPY')
  stop.abort()
  await failure
  await until(async () => (await copies()).length === 0, 'the end of the COPY')
  await rejects(() => extractRows(request(db, query, { signal: stop.signal })), 'INTERRUPTED')
})

test('A column that has another type, or is gone, is said before anything is read', async () => {
  const db = await database()
  const types = { id: 'bigint', pad: 'text', gone: 'date' }
  const failure = await rejects(() => extractRows(request(db, 'SELECT id, pad FROM big', { types })), 'SOURCE_DIFFERS')
  assert.equal(failure.facts.difference, ['id bigint → integer', '- gone date'])
})

test('Memory stays the same however large a table is', async () => {
  const db = await database()
  const used = async (): Promise<number> => {
    const before = process.memoryUsage().rss
    let most = before
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss)
    }, 5)
    await extractRows(request(db, 'SELECT b.id, b.pad FROM big b, generate_series(1, 3)'))
    clearInterval(timer)
    return most - before
  }
  await used()
  const mb = (await used()) / 1e6
  assert.ok(mb < 100, `${mb} MB more for 210 MB of rows`)
})

test('PostgreSQL’s own parser knows a table from a query, and equal queries from others', async () => {
  const tables = async (sql: string) => {
    const [check] = await checkQueries([sql])
    return check?.kind === 'query' ? check.table : check
  }
  assert.equal(await tables('SELECT a, "B" FROM s."T"'), { schema: 's', name: 'T' })
  assert.equal(await tables("SELECT to_json(a::text[]) AS a, encode(b, 'hex') AS b FROM t"), {
    schema: null,
    name: 't',
  })
  for (const sql of [
    'SELECT a FROM t WHERE a > 1',
    'SELECT count(*) FROM t',
    'SELECT DISTINCT a FROM t',
    'SELECT a FROM t LIMIT 1',
    'SELECT a FROM t x',
    'SELECT a FROM ONLY t',
    'SELECT a FROM t, u',
    'SELECT a FROM (SELECT 1 AS a) t',
    'WITH t AS (SELECT 1 AS a) SELECT a FROM t',
    'TABLE t',
    '(SELECT a FROM t)',
    'VALUES (1)',
    'SELECT a FROM t TABLESAMPLE SYSTEM (1)',
    'SELECT a FROM t UNION SELECT a FROM u',
    'SELECT a FROM t ORDER BY a',
    'SELECT row_number() OVER () FROM t',
  ])
    assert.is(await tables(sql), null, sql)
  const canonical = async (sql: string) => {
    const [check] = await checkQueries([sql])
    return check?.kind === 'query' ? check.canonical : ''
  }
  assert.is(await canonical('SELECT a -- c\n FROM t'), await canonical('select A from T;'))
  assert.is.not(await canonical('SELECT a FROM t'), await canonical('SELECT a FROM "T"'))
})

test.run()
