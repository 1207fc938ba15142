// What is left of a target when a run, a connection or the server ends in the middle of writing it, and what others see
// while it is written: the old rows or the new ones.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { does, ends } from '../support/cli.ts'
import { cutOffIn } from '../support/disturbed-command.ts'
import { keptDatabase } from '../support/kept-database.ts'
import { postgresServer, type TestDatabase } from '../support/postgres.ts'
import { copyOf } from '../support/prepared.ts'
import { runTarget } from '../support/run-target.ts'
import { suite } from '../support/suite.ts'
import { ordersNode, type TargetProject, type TargetText, targetProject } from '../support/target-project.ts'
import { until } from '../support/until.ts'

const test = suite('targets: faults')

const HEAD = 'id,customer,amount,day\n'
const OLD = `${HEAD}1,old,1.00,2026-03-01\n2,old,2.00,2026-03-02\n`
const NEW = `${HEAD}2,new,2.00,2026-03-02\n3,new,3.00,2026-03-03\n`
const ROWS = 'SELECT id, customer FROM analytics.orders ORDER BY 1, 2'
const BEFORE = [
  ['1', 'old'],
  ['2', 'old'],
]
const MODES: Readonly<Record<string, { readonly fields: string; readonly after: readonly (readonly string[])[] }>> = {
  overwrite: {
    fields: 'mode: overwrite',
    after: [
      ['2', 'new'],
      ['3', 'new'],
    ],
  },
  append: { fields: 'mode: append', after: [...BEFORE, ['2', 'new'], ['3', 'new']].sort() },
  upsert_by_key: {
    fields: 'mode: upsert_by_key\nunique_keys: [id]',
    after: [
      ['1', 'old'],
      ['2', 'new'],
      ['3', 'new'],
    ],
  },
  incremental_by_time: {
    fields: 'mode: incremental_by_time\ntime_column: day',
    after: [
      ['1', 'old'],
      ['2', 'new'],
      ['3', 'new'],
    ],
  },
}
const program = fileURLToPath(new URL('../programs/target-run.js', import.meta.url))

/** Production has the old rows; the new ones are there to be read. */
async function twoVersions(target: TargetText): Promise<TargetProject> {
  const project = await targetProject(target)
  project.write('data/orders.csv', OLD)
  await does(project.folder, ['run'])
  project.write('data/orders.csv', NEW)
  return project
}

/** Temporary tables of any session, and staging tables wherever they are. */
const leftOver = (database: TestDatabase) =>
  database.sql("SELECT relname FROM pg_class WHERE relname LIKE '%staging%' OR relpersistence = 't'")

/** Until nobody but the asker is connected to the database. */
const alone = (database: TestDatabase): Promise<void> =>
  until(
    async () => (await others(database, "backend_type = 'client backend'")).length === 0,
    'the end of a session of a run that is gone',
  )

const others = (database: TestDatabase, that: string) =>
  database.superuser(
    `SELECT 1 FROM pg_stat_activity WHERE datname = '${database.database}' AND pid <> pg_backend_pid() AND ${that}`,
  )

const POINTS = ['target_begun', 'target_copied', 'target_changed', 'target_committed']

/** What a run that is killed at the point leaves. A process is killed as well as what is cut off, and costs much more. */
async function killedAt(point: string, folder: string, isProcess: boolean): Promise<string | undefined> {
  if (!isProcess) return cutOffIn(folder, (cut) => runTarget(folder, (passed) => passed === point && cut()))
  const run = spawnSync(process.execPath, [program, folder, point], { encoding: 'utf8' })
  assert.is(run.signal, 'SIGKILL', run.stdout + run.stderr)
  return folder
}

for (const [mode, { fields, after }] of Object.entries(MODES))
  test(`a run with mode ${mode} that is killed leaves the old rows or the new ones, and the next brings the new`, async () => {
    const project = await twoVersions({ fields })
    const kept = await keptDatabase(project.database, 'kept')
    for (const point of POINTS) {
      const left = await killedAt(point, copyOf(project.folder), mode === 'append' && point === 'target_changed')
      assert.ok(left, point)
      await alone(project.database)
      assert.equal(await project.rows(ROWS), point === 'target_committed' ? after : BEFORE, point)
      assert.equal(await leftOver(project.database), [], point)
      await does(left, ['run'])
      assert.equal(await project.rows(ROWS), after, point)
      assert.equal(readdirSync(join(left, 'target/tmp')), [], point)
      assert.match(await does(left, ['run']), /No changes detected/, point)
      await kept.restore()
    }
  })

const MANY = {
  sql: "SELECT i::BIGINT AS id, repeat('x', 1500) AS customer FROM range(20000) t(i) WHERE (SELECT count(*) > 0 FROM",
}
const many = ordersNode(MANY).replace(/ ref\('source\.raw'\)\n$/, " ref('source.raw'))\n")

/** A table that takes its time over one of the rows: until its session is ended. */
const SLOW = `CREATE SCHEMA analytics;
  CREATE TABLE analytics.orders (id bigint CONSTRAINT slow CHECK (id <> 5000 OR pg_sleep(300) IS NOT NULL), customer text);
  INSERT INTO analytics.orders VALUES (7, 'there')`
const FAST = 'ALTER TABLE analytics.orders DROP CONSTRAINT slow'

/** Calls `act` while rows stream to the database. */
async function duringCopy(database: TestDatabase, act: (pid: string) => Promise<unknown>): Promise<void> {
  let pid: unknown
  await until(async () => {
    const [found] = await database.superuser(
      `SELECT a.pid::text FROM pg_stat_progress_copy p JOIN pg_stat_activity a USING (pid) WHERE a.datname = '${database.database}' AND p.tuples_processed > 1000`,
    )
    pid = found?.pid
    return pid !== undefined
  }, 'sending rows')
  await act(String(pid))
}

test('a connection that is lost while rows are sent leaves the table as it was, and says so', async () => {
  const project = await targetProject()
  const { database } = project
  await database.sql(SLOW)
  project.write('seeknal/orders.yml', many)
  const [ended] = await Promise.all([
    ends(1, project.folder, ['run']),
    duringCopy(database, (pid) => database.superuser(`SELECT pg_terminate_backend(${pid})`)),
  ])
  assert.match(
    ended.err,
    /writing transform\.orders to analytics\.orders failed: the connection 'warehouse' to .* was lost/,
  )
  assert.not.match(ended.all, /pass word/)
  assert.equal(await project.rows(ROWS), [['7', 'there']])
  assert.equal(await leftOver(database), [])
  await database.sql(FAST)
  await does(project.folder, ['run'])
  assert.equal(await project.rows('SELECT count(*) FROM analytics.orders'), [['20000']])
})

test('a server that crashes while rows are sent has the old rows when it is back', async () => {
  const project = await targetProject()
  const { database } = project
  await database.sql(SLOW)
  project.write('seeknal/orders.yml', many)
  const server = await postgresServer()
  const [ended] = await Promise.all([
    ends(1, project.folder, ['run']),
    duringCopy(database, () => server.stop('SIGKILL')),
  ])
  assert.match(ended.err, /connection 'warehouse' to .* was lost|failed/)
  await server.start()
  assert.equal(await project.rows(ROWS), [['7', 'there']])
  assert.equal(await leftOver(database), [])
  await database.sql(FAST)
  await does(project.folder, ['run'])
  assert.equal(await project.rows('SELECT count(*) FROM analytics.orders'), [['20000']])
})

test('a table that others have locked is waited for, tried again, and then named', async () => {
  const project = await twoVersions({ fields: 'mode: overwrite' })
  const { database } = project
  const profile = readFileSync(join(project.folder, 'profiles.yml'), 'utf8')
  project.write('profiles.yml', `${profile.trimEnd()}\n    lock_timeout: 50ms\n`)
  const other = new pg.Client({ ...database, ssl: false })
  await other.connect()
  await other.query('BEGIN; LOCK TABLE analytics.orders IN ROW EXCLUSIVE MODE')
  const { err } = await ends(1, project.folder, ['run'])
  assert.match(err, /other sessions hold locks on the table, and did not give them up in 4 attempts/)
  assert.equal(await project.rows(ROWS), BEFORE)
  const running = does(project.folder, ['run'])
  const pauses = "state = 'idle in transaction' AND query LIKE 'ROLLBACK TO SAVEPOINT%'"
  await until(async () => (await others(database, pauses)).length > 0, 'an attempt that was in vain')
  await other.query('ROLLBACK')
  await running
  assert.equal(await project.rows(ROWS), MODES.overwrite?.after)
  await other.end()
})

test('a trigger that is made while a run waits for the table sees the rows as if it had been there', async () => {
  const project = await twoVersions({ fields: 'mode: overwrite' })
  const { database } = project
  await database.sql(`CREATE TABLE analytics.seen (rows bigint);
    CREATE FUNCTION analytics.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO analytics.seen SELECT count(*) FROM analytics.orders; RETURN NULL; END $$`)
  const other = new pg.Client({ ...database, ssl: false })
  await other.connect()
  await other.query(
    'BEGIN; CREATE TRIGGER look AFTER DELETE ON analytics.orders FOR EACH STATEMENT EXECUTE FUNCTION analytics.look()',
  )
  const running = does(project.folder, ['run'])
  await until(async () => (await others(database, "wait_event_type = 'Lock'")).length > 0, 'waiting for the table')
  await other.query('COMMIT')
  await running
  assert.equal(await project.rows(ROWS), MODES.overwrite?.after)
  // In one statement the old rows are gone when the new ones are there.
  assert.equal(await project.rows('SELECT rows FROM analytics.seen'), [['2']])
  await other.end()
})

test('readers of an overwritten table never wait, and see all old rows or all new ones, also in an older snapshot', async () => {
  const project = await twoVersions({ fields: 'mode: overwrite' })
  const other = new pg.Client({ ...project.database, ssl: false })
  await other.connect()
  await other.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1')
  await other.query('SELECT count(*) FROM pg_class')
  const reading = new pg.Client({ ...project.database, ssl: false })
  await reading.connect()
  const seen = new Set<string>()
  let over = false
  const watching = (async () => {
    while (!over) {
      const { rows } = await reading.query(
        "SELECT string_agg(id || customer, ' ' ORDER BY id) AS all FROM analytics.orders",
      )
      seen.add(rows[0].all)
    }
  })()
  await does(project.folder, ['run'])
  const { rows } = await reading.query(
    "SELECT string_agg(id || customer, ' ' ORDER BY id) AS all FROM analytics.orders",
  )
  over = true
  await watching
  assert.is(rows[0].all, '2new 3new')
  assert.equal(
    [...seen].filter((all) => all !== '1old 2old' && all !== '2new 3new'),
    [],
  )
  const before = await other.query("SELECT string_agg(id || customer, ' ' ORDER BY id) AS all FROM analytics.orders")
  assert.is(before.rows[0].all, '1old 2old')
  await other.end()
  await reading.end()
})

/** Who writes the table waits in the middle of its rows, as long as somebody else holds this lock. */
const GATE = 20_000

test('many readers of a large table see, while its rows are replaced, all old rows or all new ones, and wait for no lock', async () => {
  const project = await targetProject()
  const { database } = project
  await database.sql(
    `CREATE SCHEMA analytics;
     CREATE FUNCTION analytics.gate() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(${GATE}); RETURN true; END $$;
     CREATE TABLE analytics.orders (id bigint PRIMARY KEY CHECK (id <> 20000 OR analytics.gate()), customer text);
     CREATE VIEW analytics.customers AS SELECT customer FROM analytics.orders;
     INSERT INTO analytics.orders SELECT i, 'old' FROM generate_series(0, 14999) i`,
  )
  const select = "SELECT i::BIGINT AS id, 'new' AS customer FROM range(30000) t(i) WHERE (SELECT count(*) > 0 FROM"
  project.write(
    'seeknal/orders.yml',
    ordersNode({ sql: select }).replace(/ ref\('source\.raw'\)\n$/, " ref('source.raw'))\n"),
  )
  const reads = [
    'SELECT count(*) || min(customer) || max(customer) AS all FROM analytics.orders',
    'SELECT count(*) || min(customer) || max(customer) AS all FROM analytics.customers',
    'SELECT count(*) || min(customer) || max(customer) AS all FROM analytics.orders WHERE id IN (5, 14999)',
  ]
  const [seen, during] = [new Set<string>(), new Set<string>()]
  let isOver = false
  const reading = reads.map(async (sql, i) => {
    const reader = new pg.Client({ ...database, ssl: false })
    await reader.connect()
    await reader.query(`SET lock_timeout = '1ms'; SET enable_seqscan = ${i === 2 ? 'off' : 'on'}`)
    while (!isOver) seen.add((await reader.query(sql)).rows[0].all)
    await reader.end()
  })
  const gate = new pg.Client({ ...database, ssl: false })
  gate.on('error', () => {})
  await gate.connect()
  await gate.query(`SELECT pg_advisory_lock(${GATE})`)
  const copying = duringCopy(database, async () => {
    for (const sql of reads) during.add(String((await database.sql(sql))[0]?.all))
  }).finally(() => gate.end())
  await Promise.all([does(project.folder, ['run']), copying]).finally(() => {
    isOver = true
  })
  await Promise.all(reading)
  assert.equal([...during].sort(), ['15000oldold', '2oldold'])
  const whole = ['15000oldold', '2oldold', '30000newnew', '2newnew']
  assert.equal(
    [...seen].filter((all) => !whole.includes(all)),
    [],
  )
  assert.equal(await project.rows('SELECT count(*), min(customer) FROM analytics.customers'), [['30000', 'new']])
})

test('a value that cannot be sent is the failure, and the run ends', async () => {
  const project = await targetProject({ sql: "SELECT id, chr(0) || 'x' AS customer FROM" })
  assert.match((await ends(1, project.folder, ['run'])).err, /invalid byte sequence for encoding "UTF8": 0x00/)
  project.write('seeknal/orders.yml', ordersNode({ sql: "SELECT id, {'a': 'nan'::DOUBLE} AS s FROM" }))
  assert.match((await ends(1, project.folder, ['run'])).err, /invalid input syntax for type json/)
  assert.equal(await project.rows("SELECT 1 FROM pg_namespace WHERE nspname = 'analytics'"), [])
})

test.run()
