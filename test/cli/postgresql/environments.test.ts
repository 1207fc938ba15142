// Development and production read different databases: the same project, the profile of each.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { environmentName } from '../../../runtime/contract/ids.ts'
import { resolveProfile } from '../../../runtime/profile.ts'
import { promote } from '../../../runtime/promote.ts'
import { cli, does, ends, rowsOf } from '../../support/cli.ts'
import { postgresServer } from '../../support/postgres.ts'
import { databaseProject, profileOf, sourceOf, transformOf } from '../../support/postgres-project.ts'
import { rejects } from '../../support/rejects.ts'
import { suite } from '../../support/suite.ts'
import { writeFiles } from '../../support/temp.ts'

const test = suite('cli/postgresql/environments')

test('An environment reads its own database where a source changed, and production’s rows where none did', async () => {
  const server = await postgresServer()
  const production = await server.create({ database: 'prod', user: 'prod', password: 'prod-secret' })
  const dev = await server.create({ database: 'devl', user: 'devl', password: 'dev-secret' })
  for (const [db, rows] of [
    [production, "(1, 'p1'), (2, 'p2')"],
    [dev, "(1, 'd1')"],
  ] as const)
    await db.sql(
      `CREATE TABLE orders (id int, name text); INSERT INTO orders VALUES ${rows}; CREATE TABLE people (id int); INSERT INTO people VALUES (7)`,
    )
  const env = { env: { PROD: 'prod-secret', DEV: 'dev-secret', WAREHOUSE_PASSWORD: '' } }
  const named = (text: string, variable: string) => text.replace(/password: .*/, `password: $${variable}`)
  const folder = databaseProject(production, {
    'profiles.yml': named(profileOf(production), 'PROD'),
    'profiles-dev.yml': named(profileOf(dev), 'DEV'),
    'seeknal/orders.yml': sourceOf('orders', 'connection: warehouse\ntable: public.orders\n'),
    'seeknal/people.yml': sourceOf('people', 'connection: warehouse\ntable: public.people\n'),
    'seeknal/mart.yml': transformOf(
      'mart',
      ['source.orders', 'source.people'],
      "SELECT name FROM ref('source.orders')",
    ),
  })
  await does(folder, ['run'], env)
  await dev.sql('INSERT INTO people VALUES (8)')
  writeFiles(folder, {
    'seeknal/orders.yml': sourceOf(
      'orders',
      'connection: warehouse\nquery: SELECT id, upper(name) AS name FROM orders\n',
    ),
  })
  const planned = await does(folder, ['env', 'plan', 'dev'], env)
  assert.match(planned, 'Profile: profiles-dev.yml')
  assert.match(planned, /source\.orders.*non-breaking/)
  const shown = await does(folder, ['env', 'apply', 'dev', '--dry-run'], env)
  assert.match(shown, "reads:  rows of the connection 'warehouse'")
  await does(folder, ['env', 'apply', 'dev'], env)
  assert.equal(await rowsOf(folder, 'SELECT name FROM transform.mart ORDER BY 1', 'dev'), [['D1']])
  assert.equal(await rowsOf(folder, 'SELECT id FROM source.people', 'dev'), [['7']])
  assert.equal(await rowsOf(folder, 'SELECT name FROM transform.mart ORDER BY 1'), [['p1'], ['p2']])
  const plan = JSON.parse(readFileSync(join(folder, 'target/environments/dev/plan.json'), 'utf8'))
  assert.is(plan.profile_path, 'profiles-dev.yml')
  // The plan's own profile is used, and another one is another plan.
  writeFiles(folder, { 'other.yml': named(profileOf(production), 'PROD') })
  assert.match(
    (await ends(2, folder, ['env', 'apply', 'dev', '--profile', 'other.yml'], env)).err,
    /is another or changed/,
  )
  const { err } = await cli(folder, ['env', 'promote', 'dev', '--yes'], env)
  assert.match(
    err,
    "Read from another database than production's: source.orders. The next 'seeknal run' reads production's.",
  )
  // Production's next run reads production's database again.
  await does(folder, ['run'], env)
  assert.equal(await rowsOf(folder, 'SELECT name FROM transform.mart ORDER BY 1'), [['P1'], ['P2']])
})

test('Of a source that grows no row of another database stays, and none is written to production', async () => {
  const server = await postgresServer()
  const production = await server.create({ database: 'grow_p', user: 'grow_p', password: 'prod-secret' })
  const dev = await server.create({ database: 'grow_d', user: 'grow_d', password: 'dev-secret' })
  await production.sql(
    "CREATE TABLE log (id int, at date); INSERT INTO log VALUES (1, '2026-01-01'), (2, '2026-01-02')",
  )
  await dev.sql("CREATE TABLE log (id int, at date); INSERT INTO log VALUES (71, '2025-01-01'), (72, '2026-06-01')")
  const env = { env: { PROD: 'prod-secret', DEV: 'dev-secret', WAREHOUSE_PASSWORD: '' } }
  const named = (text: string, variable: string) => text.replace(/password: .*/, `password: $${variable}`)
  const source = (type: string) =>
    sourceOf('log', `connection: warehouse\ntable: public.log\nfreshness: {time_column: at}\ncolumns: {id: ${type}}\n`)
  const folder = databaseProject(production, {
    'profiles.yml': named(profileOf(production), 'PROD'),
    'profiles-dev.yml': named(profileOf(dev), 'DEV'),
    'seeknal/log.yml': source('INTEGER'),
    'seeknal/ids.yml': `${transformOf('ids', ['source.log'], "SELECT CAST(id AS BIGINT) AS id FROM ref('source.log')")}materialization: {type: postgresql, connection: warehouse, table: marts.ids}\n`,
  })
  await does(folder, ['run'], env)
  writeFiles(folder, { 'seeknal/log.yml': source('BIGINT') })
  await does(folder, ['env', 'plan', 'dev'], env)
  await does(folder, ['env', 'apply', 'dev'], env)
  const written = () => production.sql('SELECT id FROM marts.ids ORDER BY id')
  const rematerialize = ['env', 'promote', 'dev', '--rematerialize']
  const why = /would write rows to marts\.ids that the environment read from another database .*: source\.log\./
  const planned = await ends(0, folder, [...rematerialize, '--dry-run'], env)
  assert.match(planned.err + planned.out, why)
  assert.match(planned.out, /source\.log +execute/)
  assert.equal(
    (await written()).map(({ id }) => Number(id)),
    [1, 2],
  )
  // Without the compiler nothing can be made of production's own rows.
  const variables = { PROD: 'prod-secret', DEV: 'dev-secret' }
  const profile = resolveProfile({ explicit: undefined, environment: null, root: folder, cwd: folder, variables })
  const environment = environmentName('dev')
  assert.ok(profile !== null && environment !== undefined)
  const connection = (name: string) => profile.connection(name)
  const options = { projectDir: folder, environment, rematerialize: true, connection }
  await rejects(() => promote(options), 'ENVIRONMENT_READ_ELSEWHERE')
  writeFiles(folder, { 'seeknal/log.yml': source('HUGEINT') })
  assert.match(
    (await ends(2, folder, [...rematerialize, '--yes'], env)).err,
    /is stale: source\.log(, transform\.ids)? changed/,
  )
  writeFiles(folder, { 'seeknal/log.yml': source('BIGINT') })
  const promoted = await does(folder, [...rematerialize, '--yes'], env)
  assert.match(promoted, /'dev' is production now: generation 2/)
  assert.match(await does(folder, ['env', 'list'], env), /promoted/)
  assert.match(await does(folder, ['env', 'plan', 'dev'], env), /No changes detected/)
  assert.equal(await rowsOf(folder, 'SELECT id FROM transform.ids ORDER BY 1'), [['1'], ['2']])
  assert.equal(
    (await written()).map(({ id }) => Number(id)),
    [1, 2],
  )
  // Another database behind the same connection is read whole, too.
  writeFiles(folder, { 'profiles.yml': named(profileOf(dev), 'DEV') })
  await does(folder, ['run'], env)
  assert.equal(await rowsOf(folder, 'SELECT id FROM source.log ORDER BY 1'), [['71'], ['72']])
})

test('A draft of a source in PostgreSQL passes as it is, and shows its rows where the table is', async () => {
  const server = await postgresServer()
  const db = await server.create({ database: 'drafts', user: 'drafts', password: 'drafts-secret' })
  await db.sql(
    "CREATE TABLE people (id int, name text); INSERT INTO people SELECT i, 'p' || i FROM generate_series(1, 50) i",
  )
  const folder = databaseProject(db, {
    'seeknal/x.yml': 'kind: transform\nname: x\ntransform: SELECT 1 AS a\n',
  })
  const env = { env: { WAREHOUSE_PASSWORD: 'drafts-secret' } }
  await does(folder, ['draft', 'source', 'people', '--source', 'postgresql'])
  await does(folder, ['dry-run', 'draft_source_people.yml', '--schema-only'])
  const out = await does(folder, ['dry-run', 'draft_source_people.yml', '--limit', '3'], env)
  assert.match(out, /p1/)
  assert.not.match(out, /p4/)
  await does(folder, ['apply', 'draft_source_people.yml'])
  await does(folder, ['run'], env)
  assert.equal(await rowsOf(folder, 'SELECT count(*), typeof(any_value(id)) FROM source.people'), [['50', 'BIGINT']])
})

test.run()
