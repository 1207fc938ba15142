// Outputs that are written to tables of the database that executes: the rows stay in the server.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { applies, does, ends } from '../support/cli.ts'
import { cutOff } from '../support/disturbed-command.ts'
import { type EngineProject, engineProject, ORDERS, transform } from '../support/engine-project.ts'
import { psql } from '../support/psql.ts'
import { suite } from '../support/suite.ts'

const test = suite('database engine: targets')

const target = (fields: string, table = 'marts.orders'): string =>
  `materialization: {type: postgresql, connection: warehouse, table: ${table}, ${fields}}\n`
const written = (fields: string, sql = 'SELECT id, customer, amount, day FROM', table?: string): string =>
  transform('paid', ['source.orders'], `${sql} ref('source.orders') WHERE amount > 0`, target(fields, table))

const project = (fields: string, sql?: string): Promise<EngineProject> =>
  engineProject({ 'seeknal/orders.yml': ORDERS, 'seeknal/paid.yml': written(fields, sql) })

const ids = async ({ rows }: EngineProject, table = 'marts.orders'): Promise<string> =>
  (await rows(`SELECT id FROM ${table} ORDER BY 1`)).flat().join(' ')

test('overwrite makes the table, replaces its rows and keeps its identity', async () => {
  const shop = await project('mode: overwrite')
  assert.match(await does(shop.folder, ['run']), /transform\.paid +3 rows .*→ marts\.orders/)
  assert.is(await ids(shop), '1 2 3')
  assert.match(await does(shop.folder, ['run']), /No changes detected/)
  await shop.database.sql(`CREATE VIEW public.reads AS SELECT id FROM marts.orders; CREATE INDEX ON marts.orders (day);
    COMMENT ON COLUMN marts.orders.id IS 'kept'; GRANT SELECT ON marts.orders TO PUBLIC`)
  const identity = () =>
    shop.rows(`SELECT c.oid, c.relacl::text, col_description(c.oid, 1) AS said, (SELECT count(*) FROM pg_index WHERE indrelid = c.oid) AS indexes
      FROM pg_class c WHERE c.oid = 'marts.orders'::regclass`)
  const before = await identity()
  await shop.database.sql('UPDATE shop.orders SET id = 7 WHERE id = 1')
  await does(shop.folder, ['run'])
  assert.is(await ids(shop), '2 3 7')
  assert.is(await ids(shop, 'public.reads'), '2 3 7')
  assert.equal(await identity(), before)
  await shop.database.sql('DELETE FROM shop.orders')
  await does(shop.folder, ['run'])
  assert.is(await ids(shop), '')
})

test('A table that somebody dropped is missed by the next run, and written again', async () => {
  for (const mode of ['overwrite', 'append']) {
    const shop = await project(`mode: ${mode}`)
    await does(shop.folder, ['run'])
    await shop.database.sql('DROP TABLE marts.orders')
    assert.match(await does(shop.folder, ['run']), /transform\.paid .*→ marts\.orders/)
    assert.is(await ids(shop), '1 2 3', mode)
    assert.match(await does(shop.folder, ['run']), /No changes detected/)
  }
})

test('append adds each new output once, whatever becomes of target/ and of the name of the node', async () => {
  const shop = await project('mode: append')
  await does(shop.folder, ['run'])
  await does(shop.folder, ['run', '--full'])
  assert.is(await ids(shop), '1 2 3')
  await shop.database.sql('UPDATE shop.orders SET id = 7 WHERE id = 1')
  await does(shop.folder, ['run'])
  assert.is(await ids(shop), '1 2 2 3 3 7')
  const other = shop.copy()
  await does(other.folder, ['run', '--full'])
  assert.is(await ids(shop), '1 2 2 3 3 7')
  const renamed = written('mode: append').replace('name: paid', 'name: sales\nrenamed_from: paid')
  other.remove('seeknal/paid.yml')
  other.write('seeknal/sales.yml', renamed)
  await does(other.folder, ['run'])
  assert.is(await ids(shop), '1 2 2 3 3 7')
})

test('upsert_by_key changes rows that are there, adds the others, and comes to the same with and without an index', async () => {
  const shop = await engineProject({
    'seeknal/orders.yml': ORDERS,
    'seeknal/paid.yml': transform(
      'paid',
      ['source.orders'],
      "SELECT * FROM ref('source.orders')",
      `materializations:\n${['own', '"Weird Name"', 'heard'].map((table) => `  - {type: postgresql, connection: warehouse, table: 'marts.${table}', mode: upsert_by_key, unique_keys: [ID, day]}\n`).join('')}`,
    ),
  })
  await shop.database.sql(`CREATE SCHEMA marts; CREATE TABLE marts."Weird Name" (day date, amount numeric, customer varchar(20), id bigint);
    CREATE TABLE marts.heard (LIKE shop.orders, UNIQUE (id, day)); CREATE TABLE marts.inserts (id bigint);
    CREATE FUNCTION marts.hear() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO marts.inserts VALUES (NEW.id); RETURN NEW; END $$;
    CREATE TRIGGER hear BEFORE INSERT ON marts.heard FOR EACH ROW EXECUTE FUNCTION marts.hear()`)
  await does(shop.folder, ['run'])
  const place = () => shop.rows('SELECT ctid FROM marts.own WHERE id = 2')
  const before = await place()
  await shop.database.sql('UPDATE shop.orders SET amount = 1 WHERE id = 1; UPDATE shop.orders SET id = 9 WHERE id = 3')
  await does(shop.folder, ['run'])
  for (const table of ['own', '"Weird Name"', 'heard'])
    assert.equal(
      await shop.rows(`SELECT id, amount FROM marts.${table} ORDER BY 1`),
      [
        ['1', '1'],
        ['2', '20'],
        ['3', '5.25'],
        ['4', '-1'],
        ['9', '5.25'],
      ],
      table,
    )
  assert.equal(await place(), before)
  assert.equal(await shop.rows('SELECT count(*) FROM marts.inserts'), [['5']])
})

test('keys and times that do not tell rows apart are an error, with its place, and nothing is changed', async () => {
  const shop = await project('mode: upsert_by_key, unique_keys: [customer]')
  const twice = await ends(1, shop.folder, ['run'])
  assert.match(twice.err, /marts\.orders: one key 'customer' of the output has more than one row/)
  assert.match(twice.err, /seeknal\/paid\.yml:4/)
  await shop.database.sql('UPDATE shop.orders SET customer = NULL WHERE id = 1')
  assert.match((await ends(1, shop.folder, ['run'])).err, /1 row of the output with a NULL in the key 'customer'/)
  shop.write('seeknal/paid.yml', written('mode: upsert_by_key, unique_keys: [customer], null_keys: match'))
  await does(shop.folder, ['run'])
  await shop.database.sql('UPDATE shop.orders SET amount = 7 WHERE id = 1')
  await does(shop.folder, ['run'])
  assert.equal(await shop.rows('SELECT customer, amount FROM marts.orders ORDER BY 2'), [
    ['ann', '5.25'],
    [null, '7'],
    ['bob', '20'],
  ])
  shop.write(
    'seeknal/paid.yml',
    written(
      'mode: incremental_by_time, time_column: t',
      "SELECT id, CASE WHEN id = 1 THEN timestamp 'infinity' ELSE day END AS t FROM",
      'marts.times',
    ),
  )
  assert.match((await ends(1, shop.folder, ['run'])).err, /1 row of the output with an infinite 't'/)
  assert.equal(await shop.rows("SELECT to_regclass('marts.times')"), [[null]])
})

test('incremental_by_time replaces exactly the range of the output, and an empty one nothing', async () => {
  const shop = await project('mode: incremental_by_time, time_column: day, lookback: 7d')
  await does(shop.folder, ['run'])
  await shop.database.sql(
    "INSERT INTO marts.orders VALUES (100, 'late', 1, '2026-02-28'), (101, 'newer', 1, '2026-03-04'); UPDATE shop.orders SET id = 50 WHERE id = 1",
  )
  await does(shop.folder, ['run'])
  assert.equal(await shop.rows('SELECT id FROM marts.orders ORDER BY day, id'), [
    ['100'],
    ['2'],
    ['50'],
    ['3'],
    ['101'],
  ])
  await shop.database.sql('DELETE FROM shop.orders')
  await does(shop.folder, ['run'])
  assert.is(await ids(shop), '2 3 50 100 101')
})

test('A table whose columns are others is refused, widened, or made anew where that is asked for', async () => {
  const shop = await project('mode: overwrite')
  await shop.database.sql(
    'CREATE SCHEMA marts; CREATE TABLE marts.orders (id integer, customer text, amount numeric(8,1))',
  )
  const refused = await ends(1, shop.folder, ['run'])
  assert.match(
    refused.err,
    /the columns of marts\.orders are others: id is integer there and bigint here; amount is numeric\(8,1\) there and numeric\(10,2\) here/,
  )
  await shop.database.sql('ALTER TABLE marts.orders ALTER id TYPE bigint, ALTER amount TYPE numeric(12,2)')
  await does(shop.folder, ['run'])
  assert.is(await ids(shop), '1 2 3')
  await shop.database.sql(
    'ALTER TABLE marts.orders ADD gone text; CREATE VIEW public.reads AS SELECT id FROM marts.orders',
  )
  shop.write('seeknal/paid.yml', written('recreate: true', 'SELECT id, customer, amount, day, 1 AS one FROM'))
  assert.match((await ends(1, shop.folder, ['run'])).err, /view reads depends on table marts\.orders/)
  await shop.database.sql('DROP VIEW public.reads')
  await does(shop.folder, ['run'])
  assert.equal(await shop.rows('SELECT * FROM marts.orders WHERE id = 3'), [['3', 'ann', '5.25', '2026-03-02', '1']])
})

test('Columns keep the types that the server gives them, also those that no other engine has', async () => {
  const shop = await project(
    'mode: upsert_by_key, unique_keys: [id]',
    "SELECT id, amount / 3 AS third, customer::varchar(5) AS short, point(1, 2) AS place, '<a/>'::xml AS doc, ARRAY[id] AS list FROM",
  )
  await does(shop.folder, ['run'])
  await shop.database.sql('UPDATE shop.orders SET amount = 100 WHERE id = 1')
  await does(shop.folder, ['run'])
  assert.equal(
    await shop.rows(`SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type FROM pg_attribute a
      WHERE a.attrelid = 'marts.orders'::regclass AND a.attnum > 0 ORDER BY a.attnum`),
    [
      ['id', 'bigint'],
      ['third', 'numeric'],
      ['short', 'character varying(5)'],
      ['place', 'point'],
      ['doc', 'xml'],
      ['list', 'bigint[]'],
    ],
  )
  assert.equal(await shop.rows('SELECT third::text FROM marts.orders WHERE id = 1'), [['33.3333333333333333']])
})

test('What cannot be written so is refused by name', async () => {
  const shop = await project('mode: overwrite', undefined)
  const refuses = async (text: string, said: RegExp): Promise<void> => {
    shop.write('seeknal/paid.yml', text)
    assert.match((await ends(2, shop.folder, ['plan'])).err, said)
  }
  await refuses(
    written('mode: overwrite').replace('connection: warehouse', 'connection: other'),
    /paid\.yml:4:\d+: A table of another database than the engine is not supported yet/,
  )
  await refuses(
    written('mode: append', undefined, 'seeknal_store.orders'),
    /The schema 'seeknal_store' is Seeknal's own/,
  )
  await refuses(
    written('mode: append', undefined, 'analytics.paid'),
    /analytics\.paid is where the output of 'transform\.paid' is read already/,
  )
  shop.write('seeknal/paid.yml', written('mode: overwrite'))
  shop.write('seeknal/back.yml', ORDERS.replace('name: orders', 'name: back').replace('shop.orders', 'marts.orders'))
  await shop.database.sql('CREATE SCHEMA marts; CREATE TABLE marts.orders (id bigint)')
  assert.match((await ends(2, shop.folder, ['plan'])).err, /'source\.back' reads a table that 'transform\.paid' writes/)
})

test('An environment writes tables of its own, which go with it', async () => {
  const shop = await project('mode: append')
  await does(shop.folder, ['run'])
  shop.write('seeknal/paid.yml', written('mode: append', 'SELECT id + 10 AS id, customer, amount, day FROM'))
  await does(shop.folder, ['env', 'plan', 'dev'])
  const dry = await does(shop.folder, ['env', 'apply', 'dev', '--dry-run'])
  assert.match(dry, /writes: dev_marts\.orders \(connection 'warehouse'\)/)
  await does(shop.folder, ['env', 'apply', 'dev'])
  assert.match(await does(shop.folder, ['env', 'apply', 'dev']), /Nothing left to do/)
  assert.is(await ids(shop, 'dev_marts.orders'), '11 12 13')
  assert.is(await ids(shop), '1 2 3')
  await shop.database.sql('CREATE VIEW public.reads AS SELECT id FROM dev_marts.orders')
  assert.match(
    (await ends(1, shop.folder, ['env', 'delete', 'dev', '--yes'])).err,
    /view reads depends on table dev_marts\.orders/,
  )
  await shop.database.sql('DROP VIEW public.reads')
  assert.match(
    await does(shop.folder, ['env', 'delete', 'dev', '--yes']),
    /dev_marts\.orders, schema dev_analytics.*schema dev_marts|dev_marts\.orders/,
  )
  assert.equal(await shop.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'dev%'"), [])
  assert.equal(await shop.rows('SELECT environment, step FROM seeknal.targets'), [
    ['', 'transform.paid.to.warehouse.marts.orders'],
  ])
})

test('Nodes that run at the same time may make the same schema, and the same table', async () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const files = names.map((name) => [
    `seeknal/${name}.yml`,
    transform(name, ['source.orders'], "SELECT id FROM ref('source.orders')", target('mode: append', 'marts.all_ids')),
  ])
  const shop = await engineProject({ 'seeknal/orders.yml': ORDERS, ...Object.fromEntries(files) })
  await does(shop.folder, ['run', '--max-workers', '6'])
  assert.equal(await shop.rows('SELECT count(*) AS n, count(DISTINCT id) AS ids FROM marts.all_ids'), [['20', '4']])
})

const MODES: readonly string[] = [
  'mode: overwrite',
  'mode: append',
  'mode: upsert_by_key, unique_keys: [id]',
  'mode: incremental_by_time, time_column: day',
]
/** transform.paid, written to marts.t0 … t3, one for each mode. */
const inAllModes = (sql: string): string => {
  const targets = MODES.map((mode, i) => `  - {type: postgresql, connection: warehouse, table: marts.t${i}, ${mode}}\n`)
  return transform('paid', ['source.orders'], sql, `materializations:\n${targets.join('')}`)
}
const held = (shop: EngineProject): Promise<string[]> => Promise.all(MODES.map((_, i) => ids(shop, `marts.t${i}`)))

const byHand = ({ folder, database }: EngineProject, file: string): Promise<unknown> =>
  psql(database, readFileSync(join(folder, 'target/environments/dev/bundle', file), 'utf8'))

test('A promotion merges what it brings into production as each mode says, and going back says what stays', async () => {
  const shop = await engineProject({
    'seeknal/orders.yml': ORDERS,
    'seeknal/paid.yml': inAllModes("SELECT id, day, customer FROM ref('source.orders') WHERE id < 3"),
  })
  await does(shop.folder, ['run'])
  const plans = async (sql: string): Promise<void> => {
    shop.write('seeknal/paid.yml', inAllModes(sql))
    await applies(shop.folder, 'dev')
  }
  await plans("SELECT id, day, upper(customer) AS customer FROM ref('source.orders') WHERE id > 1")
  assert.match(
    await does(shop.folder, ['promote', 'dev', '--dry-run']),
    /With the switch it would write:\n +marts\.t0 .*overwrite\)\n +marts\.t1 .*append\)/,
  )
  assert.equal(
    await held(shop),
    MODES.map(() => '1 2'),
  )
  await shop.database.sql('ALTER TABLE marts.t3 RENAME TO moved; CREATE VIEW marts.t3 AS SELECT * FROM marts.moved')
  assert.match((await ends(1, shop.folder, ['promote', 'dev'])).err, /marts\.t3 is a view, not a table/)
  assert.equal(
    await held(shop),
    MODES.map(() => '1 2'),
  )
  assert.equal(await shop.rows('SELECT generation FROM seeknal.projects'), [['1']])
  await shop.database.sql('DROP VIEW marts.t3; ALTER TABLE marts.moved RENAME TO t3')
  assert.match(await does(shop.folder, ['promote', 'dev']), /4 tables written:\n +marts\.t0/)
  const merged = ['2 3 4', '1 2 2 3 4', '1 2 3 4', '2 3 4']
  assert.equal(await held(shop), merged)
  assert.equal(await shop.rows('SELECT customer FROM marts.t2 ORDER BY id'), [['ann'], ['BOB'], ['ANN'], ['BOB']])
  assert.match(await does(shop.folder, ['run']), /No changes detected/)
  assert.equal(await held(shop), merged)

  const { all } = await ends(0, shop.folder, ['rollback', '--yes'])
  assert.match(all, /marts\.t0 \(overwrite\) holds its newer rows until it is written again/)
  assert.match(all, /marts\.t1 \(append\) keeps the rows that were added since; those of this generation are there/)
  assert.equal(await held(shop), merged)
  const [, bundle = ''] = /'seeknal exec bundle (\S+)'/.exec(all) ?? []
  await does(shop.folder, ['exec', 'bundle', bundle])
  assert.equal(await held(shop), ['1 2', '1 2 2 3 4', '1 2 3 4', '1 2 3 4'])
  shop.write('seeknal/paid.yml', inAllModes("SELECT id, day, customer FROM ref('source.orders') WHERE id < 3"))
  await does(shop.folder, ['run'])
  assert.equal(await held(shop), ['1 2', '1 2 2 3 4', '1 2 3 4', '1 2 3 4'])

  await plans("SELECT id, day, customer FROM ref('source.orders') WHERE id = 3")
  await byHand(shop, 'promote.sql')
  assert.equal(await held(shop), ['3', '1 2 2 3 3 4', '1 2 3 4', '1 2 3'])
  assert.match(await does(shop.folder, ['run']), /No changes detected/)
  await byHand(shop, 'rollback.sql')
  assert.equal(await held(shop), ['3', '1 2 2 3 3 4', '1 2 3 4', '1 2 3'])
})

test('A run that is killed after any second change writes each output exactly once, whatever the mode', async () => {
  const shop = await engineProject({
    'seeknal/orders.yml': ORDERS,
    'seeknal/paid.yml': inAllModes("SELECT id, day FROM ref('source.orders')"),
  })
  let { folder } = shop
  await does(folder, ['run'])
  const added = ['1', '2', '3', '4']
  assert.equal(
    await held(shop),
    MODES.map(() => '1 2 3 4'),
  )
  for (let at = 1; ; at += 2) {
    await shop.database.sql('UPDATE shop.orders SET id = id + 10')
    const left = await cutOff(folder, ['run'], at)
    if (left !== undefined) folder = left
    await does(folder, ['run', '--lock-timeout', '30s'])
    const now = added.slice(-4).map((id) => String(Number(id) + 10))
    added.push(...now)
    const all = added.join(' ')
    assert.equal(await held(shop), [now.join(' '), all, all, now.join(' ')], `killed after change ${at}`)
    if (left !== undefined) continue
    assert.ok(at > 10, String(at))
    return
  }
})

test.run()
