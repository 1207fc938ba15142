// Targets in environments, end to end against two databases: one of the profile for production, one of the profile for the
// environment `dev`.

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does, ends } from '../support/cli.ts'
import { keptDatabase } from '../support/kept-database.ts'
import type { TestDatabase } from '../support/postgres.ts'
import { copyOf, once } from '../support/prepared.ts'
import { suite } from '../support/suite.ts'
import {
  newDatabase,
  ordersNode,
  profileFor,
  rowsIn,
  type TargetProject,
  targetProject,
  targetProjectAt,
} from '../support/target-project.ts'

const test = suite('targets: environments')

const COUNT = 'SELECT count(*) FROM'
const DAILY = `kind: transform
name: daily
inputs: [{ref: transform.orders}]
materialization: {type: postgresql, connection: warehouse, table: marts.daily, mode: upsert_by_key, unique_keys: [day]}
transform: SELECT day, sum(amount) AS total FROM ref('transform.orders') GROUP BY day
`
const STEADY = `kind: transform
name: steady
inputs: [{ref: source.raw}]
materialization: {type: postgresql, connection: warehouse, table: marts.steady}
transform: SELECT DISTINCT customer FROM ref('source.raw')
`

interface Journey extends TargetProject {
  readonly dev: TestDatabase
}

const made = once(async () => {
  const dev = await newDatabase('dev')
  const project = await targetProject(
    {},
    { 'profiles-dev.yml': profileFor(dev), 'seeknal/daily.yml': DAILY, 'seeknal/steady.yml': STEADY },
  )
  await does(project.folder, ['run'])
  project.write('seeknal/orders.yml', ordersNode({ sql: 'SELECT * REPLACE (amount * 10 AS amount) FROM' }))
  await does(project.folder, ['env', 'plan', 'dev'])
  const kept = [await keptDatabase(project.database, 'planned'), await keptDatabase(dev, 'planned')]
  return { ...project, dev, kept }
})

/** Production has run; a change of transform.orders is planned for dev. Both databases are as they were then. */
async function planned(): Promise<Journey> {
  const { folder, database, dev, kept } = await made()
  for (const each of kept) await each.restore()
  return { ...targetProjectAt(copyOf(folder), database), dev }
}

/** Schema and name of every table and view that is not the server's own. */
const tables = async (database: TestDatabase): Promise<string[]> =>
  (
    await rowsIn(
      database,
      "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
    )
  ).map(([name]) => name ?? '')

const sum = async (database: TestDatabase, table: string): Promise<string | null> =>
  (await rowsIn(database, `SELECT sum(amount) AS s FROM ${table}`))[0]?.[0] ?? null

test('a change goes from plan to production and production is never touched before (M1, E20, E26)', async () => {
  const { folder, database, dev } = await planned()
  const review = readFileSync(join(folder, 'target/environments/dev/bundle/review.md'), 'utf8')
  assert.match(
    review,
    /\| `transform\.orders` \| \[`dev_analytics\.orders`\]\(apply\/.*\.sql\) \| `analytics\.orders` \| `warehouse` \| overwrite \|/,
  )
  assert.match(
    review,
    /\| `transform\.daily` \| \[`dev_marts\.daily`\].*\| `marts\.daily` \| `warehouse` \| upsert_by_key, by `day` \|/,
  )
  assert.match(
    review,
    /`transform\.orders` replaces all rows of `dev_analytics\.orders`, and at the promotion `analytics\.orders`/,
  )
  assert.not.match(review, /steady/)

  const dry = await does(folder, ['env', 'apply', 'dev', '--dry-run'])
  assert.match(dry, /writes: dev_analytics\.orders \(connection 'warehouse'\)/)
  assert.equal(await tables(dev), [])
  await does(folder, ['env', 'apply', 'dev'])
  assert.equal(await tables(dev), ['dev_analytics.orders', 'dev_marts.daily'])
  assert.is(await sum(dev, 'dev_analytics.orders'), '357.5')
  assert.is(await sum(database, 'analytics.orders'), '35.75')
  assert.equal(await tables(database), ['analytics.orders', 'marts.daily', 'marts.steady'])
  assert.match(await does(folder, ['env', 'apply', 'dev']), /Nothing left to do/)
  await dev.sql('DROP TABLE dev_analytics.orders')
  await does(folder, ['env', 'apply', 'dev'])
  assert.is(await sum(dev, 'dev_analytics.orders'), '357.5', 'a table that somebody dropped is written again')

  assert.match(
    await does(folder, ['env', 'promote', 'dev', '--dry-run', '--rematerialize']),
    /would write:\n +analytics\.orders/,
  )
  const said = await does(folder, ['env', 'promote', 'dev', '--rematerialize'])
  assert.match(said, /2 tables of other databases written:\n +analytics\.orders .*\n +marts\.daily/)
  assert.is(await sum(database, 'analytics.orders'), '357.5')
  assert.equal(await rowsIn(database, 'SELECT total FROM marts.daily ORDER BY day LIMIT 1'), [['105']])
  assert.match(await does(folder, ['run']), /No changes detected/)

  await does(folder, ['env', 'delete', 'dev', '--yes'])
  assert.equal(await tables(dev), [])
  assert.equal(await rowsIn(dev, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'dev%'"), [])
  assert.equal(await tables(database), ['analytics.orders', 'marts.daily', 'marts.steady'])
  assert.not.ok(existsSync(join(folder, 'target/environments/dev')))
})

test('a promotion without the tables says so, and the next run writes them', async () => {
  const { folder, database } = await planned()
  await does(folder, ['env', 'apply', 'dev'])
  const { all } = await ends(0, folder, ['env', 'promote', 'dev'])
  assert.match(all, /Not written yet: the next 'seeknal run' does it/)
  assert.match(all, /analytics\.orders \(connection 'warehouse', overwrite\)/)
  assert.is(await sum(database, 'analytics.orders'), '35.75')
  assert.match(await does(folder, ['run', '--dry-run']), /transform\.orders +write +analytics\.orders does not hold it/)
  assert.match(await does(folder, ['run']), /transform\.orders +3 rows +unchanged +→ analytics\.orders/)
  assert.is(await sum(database, 'analytics.orders'), '357.5')
  assert.match(await does(folder, ['run']), /No changes detected/)
})

test('a table that cannot be written stops the promotion, which goes on from there when it can', async () => {
  const { folder, database } = await planned()
  await does(folder, ['env', 'apply', 'dev'])
  await database.sql('ALTER TABLE marts.daily RENAME TO moved; CREATE VIEW marts.daily AS SELECT * FROM marts.moved')
  const before = readFileSync(join(folder, 'target/current/generation.json'), 'utf8')
  const { err } = await ends(1, folder, ['env', 'promote', 'dev', '--rematerialize'])
  assert.match(err, /marts\.daily is a view, not a table/)
  assert.is(readFileSync(join(folder, 'target/current/generation.json'), 'utf8'), before)
  await database.sql('DROP VIEW marts.daily; ALTER TABLE marts.moved RENAME TO daily')
  const again = await does(folder, ['env', 'promote', 'dev', '--rematerialize'])
  assert.match(again, /1 table of other databases written:\n +marts\.daily/)
  assert.is(await sum(database, 'analytics.orders'), '357.5')
})

test('a promotion that goes on writes a table again that somebody dropped meanwhile', async () => {
  const { folder, database } = await planned()
  await does(folder, ['env', 'apply', 'dev'])
  await database.sql('ALTER TABLE marts.daily RENAME TO moved; CREATE VIEW marts.daily AS SELECT * FROM marts.moved')
  await ends(1, folder, ['env', 'promote', 'dev', '--rematerialize'])
  await database.sql('DROP VIEW marts.daily; ALTER TABLE marts.moved RENAME TO daily; DROP TABLE analytics.orders')
  const said = await does(folder, ['env', 'promote', 'dev', '--rematerialize'])
  assert.match(said, /2 tables of other databases written:\n +analytics\.orders .*\n +marts\.daily/)
  assert.is(await sum(database, 'analytics.orders'), '357.5')
})

test('deleting drops what the environment made and nothing else', async () => {
  const { folder, dev } = await planned()
  await dev.sql('CREATE SCHEMA dev_marts; CREATE TABLE dev_marts.mine (x int); CREATE TABLE public.other (x int)')
  await does(folder, ['env', 'apply', 'dev'])
  await dev.sql('CREATE TABLE dev_analytics.also_mine (x int)')
  const { all } = await ends(0, folder, ['env', 'delete', 'dev', '--yes'])
  assert.match(all, /The schema dev_analytics stays: it holds table dev_analytics\.also_mine/)
  assert.equal(await tables(dev), ['dev_analytics.also_mine', 'dev_marts.mine', 'public.other'])
})

test('deleting stops where something else depends on a table of the environment, or leaves the tables', async () => {
  const { folder, dev } = await planned()
  await does(folder, ['env', 'apply', 'dev'])
  await dev.sql('CREATE VIEW public.mine AS SELECT * FROM dev_analytics.orders')
  const { err } = await ends(1, folder, ['env', 'delete', 'dev', '--yes'])
  assert.match(err, /view mine depends on table dev_analytics\.orders/)
  assert.match(err, /--keep-schemas/)
  assert.ok(existsSync(join(folder, 'target/environments/dev/plan.json')))
  assert.equal(await tables(dev), ['dev_analytics.orders', 'dev_marts.daily', 'public.mine'])
  await does(folder, ['env', 'delete', 'dev', '--yes', '--keep-schemas'])
  assert.equal(await tables(dev), ['dev_analytics.orders', 'dev_marts.daily', 'public.mine'])
})

test('tables are not looked for in another database than the one that they were made in', async () => {
  const { folder, write } = await planned()
  await does(folder, ['env', 'apply', 'dev'])
  const other = await newDatabase('other')
  await other.sql('CREATE SCHEMA dev_analytics; CREATE TABLE dev_analytics.orders (precious int)')
  write('profiles-dev.yml', profileFor(other))
  const { err } = await ends(3, folder, ['env', 'delete', 'dev', '--yes'])
  assert.match(err, /in another database than the connection 'warehouse' leads to now/)
  assert.equal(await tables(other), ['dev_analytics.orders'])
})

test('a profile that leads to another database makes its tables due there', async () => {
  const { folder, write } = await planned()
  const other = await newDatabase('other')
  write('profiles.yml', profileFor(other))
  await does(folder, ['run'])
  assert.equal(await tables(other), ['analytics.orders', 'marts.daily', 'marts.steady'])
})

test('an environment that was promoted to another one writes its own tables when it is applied', async () => {
  const { folder, dev, write } = await planned()
  await does(folder, ['env', 'apply', 'dev'])
  write('profiles-staging.yml', profileFor(dev))
  await does(folder, ['env', 'promote', 'dev', 'staging'])
  assert.equal(await tables(dev), ['dev_analytics.orders', 'dev_marts.daily'])
  await does(folder, ['env', 'apply', 'staging'])
  assert.equal(await tables(dev), [
    'dev_analytics.orders',
    'dev_marts.daily',
    'staging_analytics.orders',
    'staging_marts.daily',
  ])
  await does(folder, ['env', 'delete', 'staging', '--yes'])
  assert.equal(await tables(dev), ['dev_analytics.orders', 'dev_marts.daily'])
})

test('an environment whose prefix begins a schema of production is refused (E22)', async () => {
  const project = await targetProject({ table: 'dev_analytics.orders' })
  const { err } = await ends(2, project.folder, ['env', 'plan', 'dev'])
  assert.match(err, /Production's schema 'dev_analytics' begins with 'dev_'/)
  await does(project.folder, ['env', 'plan', 'de-v'])
  await does(project.folder, ['env', 'apply', 'de-v'])
  assert.equal(await tables(project.database), ['de_v_dev_analytics.orders'])
})

test('a failed target fails the environment, which cannot be promoted until it is written (M1)', async () => {
  const { folder, dev } = await planned()
  await dev.sql('CREATE SCHEMA dev_marts; CREATE VIEW dev_marts.daily AS SELECT 1 AS x')
  assert.match((await ends(1, folder, ['env', 'apply', 'dev'])).err, /dev_marts\.daily is a view/)
  assert.match((await ends(2, folder, ['env', 'promote', 'dev'])).err, /is not applied/)
  await dev.sql('DROP VIEW dev_marts.daily')
  const out = await does(folder, ['env', 'apply', 'dev'])
  assert.not.match(out, /→ dev_analytics/)
  await does(folder, ['env', 'promote', 'dev'])
})

test('an expired environment with tables is not swept away', async () => {
  const { folder, write } = await planned()
  await does(folder, ['env', 'apply', 'dev'])
  const config = JSON.parse(readFileSync(join(folder, 'target/environments/dev/env_config.json'), 'utf8'))
  write(
    'target/environments/dev/env_config.json',
    JSON.stringify({ ...config, last_used_at: '2020-01-01T00:00:00.000Z' }),
  )
  const { all } = await ends(0, folder, ['clean'])
  assert.match(all, /Environment 'dev' is expired and has tables in databases/)
  assert.ok(existsSync(join(folder, 'target/environments/dev/plan.json')))
})

test('rows that were not promoted are never lost: production without target/ writes its tables again', async () => {
  const { folder, database } = await planned()
  rmSync(join(folder, 'target'), { recursive: true })
  await does(folder, ['run'])
  assert.is(await sum(database, 'analytics.orders'), '357.5')
  assert.equal(await rowsIn(database, `${COUNT} marts.steady`), [['3']])
})

test.run()
