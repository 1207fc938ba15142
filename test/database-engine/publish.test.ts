// Outputs that people read as tables of their own instead of views.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { applies, does, ends } from '../support/cli.ts'
import { cutOff } from '../support/disturbed-command.ts'
import { type EngineProject, engineProject, ORDERS, transform } from '../support/engine-project.ts'
import { psql } from '../support/psql.ts'
import { suite } from '../support/suite.ts'

const test = suite('database engine: publish')

const paid = (columns: string, publish = 'table'): string =>
  transform('paid', ['source.orders'], `SELECT ${columns} FROM ref('source.orders')`, `publish: ${publish}\n`)

const project = (columns: string, publish?: string): Promise<EngineProject> =>
  engineProject({
    'seeknal/orders.yml': ORDERS,
    'seeknal/paid.yml': paid(columns, publish),
    'seeknal/total.yml': transform('total', ['transform.paid'], "SELECT count(*) AS n FROM ref('transform.paid')"),
  })

const ids = async ({ rows }: EngineProject, table = 'analytics.paid'): Promise<string> =>
  (await rows(`SELECT id FROM ${table} ORDER BY 1`)).flat().join(' ')
const kindOf = async ({ rows }: EngineProject, table: string): Promise<string | null> =>
  (await rows(`SELECT relkind FROM pg_class WHERE oid = to_regclass('${table}')`))[0]?.[0] ?? null

test('An output is a table, whose rows are replaced and which stays the same one', async () => {
  const shop = await project('id, customer')
  await does(shop.folder, ['run'])
  assert.is(await kindOf(shop, 'analytics.paid'), 'r')
  assert.is(await kindOf(shop, 'analytics.total'), 'v')
  await shop.database.sql(`CREATE VIEW public.reads AS SELECT id FROM analytics.paid; CREATE INDEX ON analytics.paid (id);
    ALTER TABLE analytics.paid ADD PRIMARY KEY (id), ADD noted timestamptz DEFAULT now(); GRANT SELECT ON analytics.paid TO PUBLIC;
    COMMENT ON TABLE analytics.paid IS 'kept'`)
  const identity = () =>
    shop.rows(`SELECT c.oid, c.relacl::text, obj_description(c.oid) AS said, (SELECT count(*) FROM pg_index WHERE indrelid = c.oid) AS indexes
      FROM pg_class c WHERE c.oid = 'analytics.paid'::regclass`)
  const before = await identity()
  await shop.database.sql('UPDATE shop.orders SET id = 9 WHERE id = 1')
  await does(shop.folder, ['run'])
  assert.is(await ids(shop), '2 3 4 9')
  assert.is(await ids(shop, 'public.reads'), '2 3 4 9')
  shop.write('seeknal/paid.yml', paid('id::text AS id, customer, day'))
  const refused = await ends(1, shop.folder, ['run'])
  assert.match(refused.err, /cannot alter type of a column used by a view or rule.*view reads depends on column "id"/)
  assert.is(await ids(shop), '2 3 4 9')
  await shop.database.sql('DROP VIEW public.reads')
  await does(shop.folder, ['run'])
  assert.equal(
    await shop.rows('SELECT id, customer, day, noted IS NOT NULL AS noted FROM analytics.paid ORDER BY 1 LIMIT 1'),
    [['2', 'bob', '2026-03-01', 'true']],
  )
  assert.equal(await identity(), before)
  shop.write('seeknal/paid.yml', paid('id::text AS id, customer'))
  await does(shop.folder, ['run'])
  assert.equal(
    await shop.rows(
      "SELECT string_agg(attname, ' ' ORDER BY attnum) AS names FROM pg_attribute WHERE attrelid = 'analytics.paid'::regclass AND attnum > 0 AND NOT attisdropped",
    ),
    [['id customer noted']],
  )
})

test('An environment has a table of its own; promoting and going back fill the table of production', async () => {
  const shop = await project('id')
  await does(shop.folder, ['run'])
  await shop.database.sql('CREATE VIEW public.reads AS SELECT id FROM analytics.paid')
  shop.write('seeknal/paid.yml', paid('id + 10 AS id'))
  await applies(shop.folder, 'dev')
  assert.is(await kindOf(shop, 'dev_analytics.paid'), 'r')
  assert.is(await ids(shop, 'dev_analytics.paid'), '11 12 13 14')
  assert.is(await ids(shop), '1 2 3 4')
  await does(shop.folder, ['promote', 'dev'])
  assert.is(await ids(shop, 'public.reads'), '11 12 13 14')
  await does(shop.folder, ['rollback', '--yes'])
  assert.is(await ids(shop, 'public.reads'), '1 2 3 4')
  shop.write('seeknal/paid.yml', paid('id + 20 AS id'))
  await applies(shop.folder, 'dev')
  const byHand = (file: string) =>
    psql(shop.database, readFileSync(join(shop.folder, 'target/environments/dev/bundle', file), 'utf8'))
  await byHand('promote.sql')
  assert.is(await ids(shop, 'public.reads'), '21 22 23 24')
  assert.match(await does(shop.folder, ['run']), /No changes detected/)
  await byHand('rollback.sql')
  assert.is(await ids(shop, 'public.reads'), '1 2 3 4')
  await does(shop.folder, ['env', 'delete', 'dev', '--yes'])
  assert.equal(await shop.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'dev%'"), [])
  assert.equal(await shop.rows('SELECT schema_name, table_name FROM seeknal.published'), [['analytics', 'paid']])
})

test('Without production, an environment shows sources and tables of its own, and an apply that is killed leaves nothing that stays', async () => {
  const shop = await project('id')
  shop.write(
    'seeknal/total.yml',
    transform('total', ['transform.paid'], "SELECT 1 / (count(*) - 4) AS n FROM ref('transform.paid')"),
  )
  await does(shop.folder, ['env', 'plan', 'dev'])
  assert.match((await ends(1, shop.folder, ['env', 'apply', 'dev'])).err, /division by zero/)
  assert.ok(await cutOff(shop.folder, ['env', 'apply', 'dev'], 6))
  await shop.database.sql('INSERT INTO shop.orders (id) VALUES (5)')
  await does(shop.folder, ['env', 'apply', 'dev', '--lock-timeout', '30s'])
  assert.is(await ids(shop, 'dev_analytics.paid'), '1 2 3 4 5')
  assert.is(await ids(shop, 'dev_analytics_source.orders'), '1 2 3 4 5')
  await does(shop.folder, ['env', 'plan', 'other'])
  await shop.database.sql('DELETE FROM shop.orders WHERE id = 5')
  await ends(1, shop.folder, ['env', 'apply', 'other'])
  for (const name of ['dev', 'other']) await does(shop.folder, ['env', 'delete', name, '--yes'])
  assert.equal(await shop.rows("SELECT nspname FROM pg_namespace WHERE nspname ~ '^(dev|other)_'"), [])
  assert.equal(await shop.rows('SELECT environment FROM seeknal.shown'), [])
})

test('A view becomes a table and a table a view without executing anything, with what depends on it', async () => {
  const shop = await project('id', 'view')
  await does(shop.folder, ['run'])
  await shop.database.sql(
    'CREATE VIEW public.reads AS SELECT id FROM analytics.paid; GRANT SELECT ON analytics.paid TO PUBLIC',
  )
  for (const [publish, kind] of [
    ['table', 'r'],
    ['view', 'v'],
  ] as const) {
    shop.write('seeknal/paid.yml', paid('id', publish))
    assert.match(await does(shop.folder, ['plan']), /metadata|published as/)
    assert.not.match(await does(shop.folder, ['run']), /✓ transform/)
    assert.is(await kindOf(shop, 'analytics.paid'), kind)
    assert.is(await ids(shop, 'public.reads'), '1 2 3 4')
    assert.match(
      (await shop.rows("SELECT relacl::text FROM pg_class WHERE oid = 'analytics.paid'::regclass"))[0]?.[0] ?? '',
      /[{,]=r\//,
    )
  }
})

test('A table of somebody else is not written over, and one that is ours goes with its node', async () => {
  const shop = await project('id')
  await shop.database.sql('CREATE SCHEMA analytics; CREATE TABLE analytics.paid (id bigint)')
  assert.match(
    (await ends(1, shop.folder, ['run'])).err,
    /analytics\.paid is there already, and seeknal did not make it/,
  )
  await shop.database.sql('DROP TABLE analytics.paid')
  await does(shop.folder, ['run'])
  await shop.database.sql('CREATE VIEW public.reads AS SELECT id FROM analytics.paid')
  shop.remove('seeknal/paid.yml')
  shop.remove('seeknal/total.yml')
  assert.match(
    (await ends(1, shop.folder, ['run'])).err,
    /analytics\.paid cannot be removed: other things depend on it/,
  )
  await shop.database.sql('DROP VIEW public.reads')
  await does(shop.folder, ['run'])
  assert.is(await kindOf(shop, 'analytics.paid'), null)
  assert.equal(await shop.rows('SELECT count(*) FROM seeknal.published'), [['0']])
})

test.run()
