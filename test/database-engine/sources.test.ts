// Sources whose rows PostgreSQL keeps as the engine: tables and queries of another database, and queries with values of the run.

import * as assert from 'uvu/assert'
import { openRows } from '../../runtime/engines/postgresql/extract.ts'
import { applies, does, ends } from '../support/cli.ts'
import {
  type EngineProject,
  engineProject,
  ORDERS,
  querySource,
  tableSource,
  transform,
} from '../support/engine-project.ts'
import type { TestDatabase } from '../support/postgres.ts'
import { connectionTo } from '../support/postgres-connection.ts'
import { suite } from '../support/suite.ts'
import { newDatabase, profileFor, rowsIn } from '../support/target-project.ts'

const test = suite('database engine: sources elsewhere')

const ODD = `CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE DOMAIN price AS numeric CHECK (VALUE > 0);
CREATE TABLE people (id int PRIMARY KEY, "Weird ""Name" text, born date, paid numeric, cost price, feels mood, feelings mood[],
  tags text[], raw bytea, meta jsonb, seen timestamptz, code varchar(5), span interval, ok bool, d float8);
INSERT INTO people VALUES
  (1, E'a,"b"\\n\\\\N', '2020-02-29', 12345678901234567890.123456789, 1.5, 'glad', '{glad,sad}', '{x,NULL,"y z"}', '\\xdeadbeef', '{"a": [1, null]}', '2026-03-01 10:00:00.123456+02', 'ab', '1 mon 2 days -3:00', true, 0.1),
  (2, '', '0044-03-15 BC', NULL, 2, 'sad', '{}', '{}', '', 'null', 'infinity', '', '-1 days', false, 'NaN'),
  (3, NULL, NULL, 'NaN', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (4, '\\N', 'infinity', 0, 1e-9, 'sad', '{NULL}', '{"\\\\N"}', '\\x00', '[]', '0001-01-01 00:00:00+00 BC', 'ü', '0', true, '-Infinity')`

const people = tableSource('people', 'public.people', 'crm')

async function elsewhere(
  files: Readonly<Record<string, string>>,
  tables = ODD,
): Promise<EngineProject & { crm: TestDatabase }> {
  const crm = await newDatabase('crm')
  await crm.sql(tables)
  const project = await engineProject({ 'seeknal/orders.yml': ORDERS, ...files })
  const own = profileFor(crm).replace('connections:\n  warehouse:', '  crm:')
  project.write('profiles.yml', `${profileFor(project.database)}${own}`)
  return { ...project, crm }
}

const SHOWN =
  'id, "Weird ""Name" AS name, born, paid, cost, feels::text, feelings::text, tags, raw, meta, seen, code, span, ok, d::text'

test('A table of another database is copied as it is, and read again only by what its changes reach', async () => {
  const project = await elsewhere({
    'seeknal/people.yml': people,
    'seeknal/glad.yml': transform(
      'glad',
      ['source.people', 'source.orders'],
      "SELECT p.id, p.paid, o.customer, feels FROM ref('source.people') p LEFT JOIN ref('source.orders') o ON o.id = p.id WHERE p.paid <> 'NaN'",
    ),
    'seeknal/codes.yml': transform(
      'codes',
      ['source.people'],
      "SELECT code, count(*) AS n FROM ref('source.people') GROUP BY code",
      'dialect: duckdb\n',
    ),
  })
  await does(project.folder, ['run'])
  assert.equal(
    await project.rows(`SELECT ${SHOWN} FROM analytics_source.people ORDER BY id`),
    await rowsIn(project.crm, `SELECT ${SHOWN} FROM people ORDER BY id`),
  )
  assert.equal(await project.rows('SELECT id, paid::text, customer FROM analytics.glad ORDER BY id'), [
    ['1', '12345678901234567890.123456789', 'ann'],
    ['4', '0', 'bob'],
  ])
  const tables = () =>
    project.rows(
      "SELECT count(*) FROM pg_tables WHERE schemaname = 'seeknal_store' AND tablename LIKE 'source.people%'",
    )
  assert.match(await does(project.folder, ['run']), /nothing|No changes/i)
  assert.equal(await tables(), [['1']])
  assert.match(await does(project.folder, ['history', '--verify']), /1/)
  assert.match(await does(project.folder, ['repl', '--exec', 'SELECT count(*) AS n FROM source.people']), /4/)
  await project.crm.sql("UPDATE people SET code = 'zz' WHERE id = 3")
  const out = await does(project.folder, ['run'])
  assert.match(out, /✓ source\.people +4 rows/)
  assert.match(out, /✓ transform\.codes/)
  assert.equal(await project.rows("SELECT n FROM analytics.codes WHERE code = 'zz'"), [['1']])
  assert.equal(await project.rows('SELECT code FROM analytics_source.people WHERE id = 3'), [['zz']])
  await does(project.folder, ['rollback', '--yes'])
  assert.equal(await project.rows('SELECT code FROM analytics_source.people WHERE id = 3'), [[null]])
  await project.crm.sql('ALTER TABLE people ALTER COLUMN code TYPE int USING 1')
  assert.match(
    (await ends(1, project.folder, ['run'])).all,
    /people are no longer [^\n]*code character varying\(5\) → integer/,
  )
})

test('A query of another database, and one of its own, take values of the run', async () => {
  const project = await elsewhere({
    'seeknal/recent.yml': querySource(
      'recent',
      "-- since then\nSELECT id, born FROM people WHERE born <= '{{ run_date }}' AND born > DATE '1000-01-01';",
      'crm',
    ),
    'seeknal/day.yml': querySource(
      'day',
      "SELECT id, amount, '{{ run_date }}'::text AS asked FROM shop.orders WHERE day = date '{{ run_date }}'",
      'warehouse',
    ),
    'seeknal/both.yml': transform(
      'both',
      ['source.recent', 'source.day'],
      "SELECT count(r.id) AS r, count(d.id) AS d, max(d.asked) AS asked FROM ref('source.day') d FULL JOIN ref('source.recent') r ON r.id = d.id",
    ),
  })
  const at = async (date: string) => {
    await does(project.folder, ['run', '--date', date])
    return (await project.rows('SELECT r, d, asked FROM analytics.both'))[0]
  }
  assert.equal(await at('2026-03-01'), ['1', '2', '2026-03-01'])
  assert.equal(await at('2026-03-02'), ['1', '2', '2026-03-02'])
  assert.equal(await at('2019-01-01'), ['0', '0', null])
  await does(project.folder, ['env', 'plan', 'dev'])
  await does(project.folder, ['compile', '--out', 'bundle'])
  const again = async () => {
    await does(project.folder, ['exec', 'bundle', '--date', '2026-03-01', '--run-id', 'nightly'])
    return (await project.rows('SELECT r, d, asked FROM analytics.both'))[0]
  }
  assert.equal(await again(), ['1', '2', '2026-03-01'])
  await project.database.sql("INSERT INTO shop.orders VALUES (9, 'cyd', 1, '2026-03-01')")
  assert.equal(await again(), ['1', '3', '2026-03-01'])
  for (let i = 0; i < 2; i += 1)
    await does(project.folder, ['run', '--full', '--date', '2026-03-01', '--run-id', 'nightly'])
  assert.equal(await project.rows('SELECT r, d, asked FROM analytics.both'), [['1', '3', '2026-03-01']])
  await does(project.folder, ['rollback', '--yes'])
  await does(project.folder, ['history', '--verify'])
})

test('An environment reads its own database, and production keeps its rows', async () => {
  const project = await elsewhere({
    'seeknal/people.yml': people,
    'seeknal/n.yml': transform('n', ['source.people'], "SELECT count(*) AS n FROM ref('source.people')"),
  })
  await does(project.folder, ['run'])
  project.write('seeknal/people.yml', people.replace('public.people', 'people'))
  project.write(
    'seeknal/n.yml',
    transform('n', ['source.people'], "SELECT count(*) + 100 AS n FROM ref('source.people')"),
  )
  await applies(project.folder, 'dev')
  assert.equal(await project.rows('SELECT n FROM dev_analytics.n'), [['104']])
  assert.equal(await project.rows('SELECT n FROM analytics.n'), [['4']])
  await does(project.folder, ['env', 'promote', 'dev', '--yes'])
  assert.equal(await project.rows('SELECT n FROM analytics.n'), [['104']])
  assert.match(await does(project.folder, ['run']), /nothing|No changes/i)
})

test('What cannot be read says so, and nothing is left behind', async () => {
  const project = await elsewhere({ 'seeknal/people.yml': people })
  await does(project.folder, ['run'])
  await project.crm.sql(
    "CREATE FUNCTION broken() RETURNS int LANGUAGE sql AS 'SELECT 1/0'; DROP TABLE people; CREATE VIEW people AS SELECT broken() AS id",
  )
  const failed = await ends(1, project.folder, ['run'])
  assert.match(failed.all, /Reading source\.people failed: division by zero/)
  assert.equal(await project.rows('SELECT count(*) FROM analytics_source.people'), [['4']])
  assert.equal(await project.rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'seeknal_store'"), [['1']])
})

test('Memory stays the same however many rows another database sends', async () => {
  const crm = await newDatabase('many')
  const asked = {
    node: 'source.many',
    connection: connectionTo(crm),
    query: "SELECT i, repeat('x', 200) AS t FROM generate_series(1, 600000) i",
    options: 'several',
    from: '(SELECT 1 AS i) AS q',
    types: {},
  } as const
  const rows = await openRows(asked)
  const before = process.memoryUsage().rss
  let [bytes, most] = [0, 0]
  for await (const chunk of rows.stream) {
    bytes += (chunk as Buffer).length
    most = Math.max(most, process.memoryUsage().rss)
  }
  await rows.close()
  assert.ok(bytes > 120_000_000, String(bytes))
  assert.ok(most - before < 90_000_000, `${most - before} bytes more`)
})

test.run()
