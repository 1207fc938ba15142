// A source in a database of which something is wrong: production is as it was, and a run afterwards finishes.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { cli, does, ends, rowsOf } from '../support/cli.ts'
import { type PostgresServer, postgresServer, type TestDatabase } from '../support/postgres.ts'
import { databaseProject, passwordOf, sourceOf, transformOf } from '../support/postgres-project.ts'
import { command } from '../support/seeknal.ts'
import { suite } from '../support/suite.ts'
import { until } from '../support/until.ts'

const test = suite('faults/postgresql')

let made: Promise<TestDatabase> | null = null

async function database(): Promise<readonly [TestDatabase, PostgresServer]> {
  const server = await postgresServer()
  made ??= server.create({ database: 'faults', user: 'faults', password: 'faults-secret' })
  return [await made, server]
}

/** A project whose source answers a row every 5 ms once `slow` has a row, with a first production. */
async function slowProject(db: TestDatabase, name: string): Promise<string> {
  await db.sql(
    `CREATE TABLE ${name} (id int); INSERT INTO ${name} SELECT i FROM generate_series(1, 2000) i; CREATE TABLE ${name}_slow (s int)`,
  )
  const folder = databaseProject(db, {
    'seeknal/slow.yml': sourceOf(
      'slow',
      `connection: warehouse\nquery: |\n  SELECT id, repeat('x', 1000) AS pad\n  FROM ${name}\n  WHERE NOT EXISTS (SELECT FROM ${name}_slow) OR pg_sleep(0.005) IS NOT NULL\n`,
    ),
    'seeknal/mart.yml': transformOf('mart', ['source.slow'], "SELECT count(*) AS n FROM ref('source.slow')"),
  })
  await does(folder, ['run'], passwordOf(db))
  await db.sql(`INSERT INTO ${name}_slow VALUES (1); INSERT INTO ${name} VALUES (2001)`)
  return folder
}

const productionOf = (folder: string): string =>
  readFileSync(join(folder, 'target/current/generation.json'), 'utf8') +
  readFileSync(join(folder, 'target/current/run_state.json'), 'utf8')

/** Waits until the server runs a COPY of the source. */
const copying = (db: TestDatabase): Promise<void> =>
  until(async () => (await db.superuser(COPIES)).length > 0, 'a COPY')

const COPIES =
  "SELECT query FROM pg_stat_activity WHERE query LIKE 'COPY%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()"

const scratchOf = (folder: string): string[] =>
  readdirSync(join(folder, 'target/tmp')).filter((name) => name.startsWith('run-'))

test('A server that is killed in the middle of a COPY: production is as it was, and a rerun finishes', async () => {
  const [db, server] = await database()
  const folder = await slowProject(db, 'killed')
  const before = productionOf(folder)
  const running = cli(folder, ['run'], passwordOf(db))
  await copying(db)
  await sleep(200)
  await server.stop('SIGKILL')
  const { code, err } = await running
  assert.is(code, 1)
  assert.match(err, /Reading source.slow failed: the connection 'warehouse' to faults on .* was lost/)
  assert.is(productionOf(folder), before)
  assert.equal(scratchOf(folder), [])
  const refused = await ends(1, folder, ['run'], passwordOf(db))
  assert.match(refused.err, /ECONNREFUSED/)
  assert.is(productionOf(folder), before)
  await server.start()
  await db.sql('DELETE FROM killed_slow')
  await does(folder, ['run'], passwordOf(db))
  assert.equal(await rowsOf(folder, 'SELECT n FROM transform.mart'), [['2001']])
})

test('A session that is ended by an administrator is tried again with --retry', async () => {
  const [db] = await database()
  const folder = await slowProject(db, 'ended')
  const running = cli(folder, ['run', '--retry', '1'], passwordOf(db))
  await copying(db)
  await db.sql('DELETE FROM ended_slow')
  await db.superuser(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND pid <> pg_backend_pid()",
  )
  const { code, all } = await running
  assert.is(code, 0, all)
  assert.equal(await rowsOf(folder, 'SELECT n FROM transform.mart'), [['2001']])
})

test('Ctrl-C ends the run and what the server does for it; the next run is free to go on', async () => {
  const [db] = await database()
  const folder = await slowProject(db, 'stopped')
  const before = productionOf(folder)
  const child = spawn(process.execPath, [command, 'run'], {
    cwd: folder,
    env: { ...process.env, ...passwordOf(db).env, HOME: folder },
    stdio: 'ignore',
  })
  await copying(db)
  child.kill('SIGINT')
  const [code] = await once(child, 'exit')
  assert.is(code, 130)
  await until(async () => (await db.superuser(COPIES)).length === 0, 'the end of the COPY')
  assert.is(productionOf(folder), before)
  await db.sql('DELETE FROM stopped_slow')
  await does(folder, ['run'], passwordOf(db))
  assert.equal(await rowsOf(folder, 'SELECT n FROM transform.mart'), [['2001']])
})

test('A wrong password, a table that is gone and a right that is missing are said; production is as it was', async () => {
  const [db] = await database()
  await db.sql('CREATE TABLE sold (id int); INSERT INTO sold VALUES (1)')
  const folder = databaseProject(db, {
    'seeknal/sold.yml': sourceOf('sold', 'connection: warehouse\ntable: public.sold\n'),
  })
  await does(folder, ['run'], passwordOf(db))
  const before = productionOf(folder)
  const fails = async (message: RegExp, env = passwordOf(db)) => {
    const { err } = await ends(1, folder, ['run'], env)
    assert.match(err, message)
    assert.is(productionOf(folder), before)
    assert.not.ok(existsSync(join(folder, 'target/locks/production.lock')))
  }
  await fails(/password authentication failed for user "faults"/, { env: { WAREHOUSE_PASSWORD: 'no' } })
  await db.superuser('ALTER TABLE sold OWNER TO postgres')
  await fails(/permission denied for table sold/)
  await db.superuser('DROP TABLE sold')
  await fails(/relation "public.sold" does not exist/)
  await db.sql('CREATE TABLE sold (id int); INSERT INTO sold VALUES (2)')
  await does(folder, ['run'], passwordOf(db))
})

test.run()
