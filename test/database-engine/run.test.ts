// Runs of production in PostgreSQL.

import * as assert from 'uvu/assert'
import { does, ends } from '../support/cli.ts'
import { engineProject, ORDERS, tableSource, transform } from '../support/engine-project.ts'
import { suite } from '../support/suite.ts'

const test = suite('database engine: run')

const DAILY = 'SELECT * FROM analytics.daily ORDER BY day'
const FIRST = [
  ['2026-03-01', '30.5', '2'],
  ['2026-03-02', '5.25', '1'],
]

test('A run makes every output, and the next finds nothing to do', async () => {
  const project = await engineProject()
  assert.match(await does(project.folder, ['run']), /transform\.daily +2 rows/)
  assert.equal(await project.rows(DAILY), FIRST)
  assert.equal(await project.rows('SELECT * FROM analytics.by_region ORDER BY 1'), [
    ['north', '15.75'],
    ['south', '20'],
  ])
  assert.match(await does(project.folder, ['run']), /No changes detected/)
  assert.match(await does(project.folder, ['plan', '--detailed-exitcode'].slice(0, 1)), /source\.orders/)
})

test('A change executes what reads it, and nothing else', async () => {
  const project = await engineProject()
  await does(project.folder, ['run'])
  project.write(
    'seeknal/daily.yml',
    transform('daily', ['transform.paid'], "SELECT day, max(amount) AS most FROM ref('transform.paid') GROUP BY day"),
  )
  const out = await does(project.folder, ['run'])
  assert.match(out, /✓ transform\.daily +2 rows/)
  assert.not.match(out, /✓ transform\.(paid|by_region)/)
  assert.equal(await project.rows(DAILY), [
    ['2026-03-01', '20'],
    ['2026-03-02', '5.25'],
  ])
})

test('Rows that change in a table of the database reach what reads them', async () => {
  const project = await engineProject()
  await does(project.folder, ['run'])
  await project.database.sql("INSERT INTO shop.orders VALUES (5, 'bob', 1, '2026-03-02')")
  assert.equal(await project.rows(DAILY), FIRST)
  await does(project.folder, ['run'])
  assert.equal(await project.rows(DAILY), [
    ['2026-03-01', '30.5', '2'],
    ['2026-03-02', '6.25', '2'],
  ])
  project.write('data/regions.csv', 'customer,region\nann,east\nbob,east\n')
  const out = await does(project.folder, ['run'])
  assert.match(out, /✓ transform\.by_region +1 row/)
  assert.not.match(out, /✓ transform\.daily/)
  assert.equal(await project.rows('SELECT * FROM analytics.by_region'), [['east', '36.75']])
})

test('A run that fails leaves production as it was, and goes on from what succeeded', async () => {
  const project = await engineProject()
  await does(project.folder, ['run'])
  const paid = (more: string) =>
    transform(
      'paid',
      ['source.orders'],
      `SELECT id, customer, amount, day FROM ref('source.orders') WHERE amount > ${more}`,
    )
  project.write('seeknal/paid.yml', paid('6'))
  project.write(
    'seeknal/daily.yml',
    transform(
      'daily',
      ['transform.paid'],
      "SELECT day, sum(amount) AS revenue, 1 / (count(*) - 2) AS n FROM ref('transform.paid') GROUP BY day",
    ),
  )
  const failed = await ends(1, project.folder, ['run'])
  assert.match(failed.all, /division by zero/)
  assert.equal(await project.rows(DAILY), FIRST)
  assert.equal(await project.rows('SELECT count(*) FROM analytics.paid'), [['3']])
  project.write(
    'seeknal/daily.yml',
    transform(
      'daily',
      ['transform.paid'],
      "SELECT day, sum(amount) AS revenue FROM ref('transform.paid') GROUP BY day",
    ),
  )
  assert.match(
    await does(project.folder, ['run']),
    /transform\.paid +2 rows +taken from the store|transform\.paid.*reused/,
  )
  assert.equal(await project.rows('SELECT count(*) FROM analytics.paid'), [['2']])
})

test('What somebody else dropped is shown again by the next run, and a table with other columns is refused until they are accepted', async () => {
  const project = await engineProject()
  await does(project.folder, ['run'])
  const { database, folder } = project
  for (const dropped of ['VIEW analytics.daily', 'VIEW analytics_source.orders', 'SCHEMA analytics']) {
    await database.sql(`DROP ${dropped} CASCADE`)
    assert.match(await does(folder, ['run']), /reused/)
    assert.equal(await project.rows('SELECT count(*) FROM analytics.daily, analytics_source.orders'), [['8']])
  }
  assert.match(await does(folder, ['run']), /No changes detected/)
  await database.sql(`DROP TABLE shop.orders CASCADE;
    CREATE TABLE shop.orders (id int, customer varchar(9), amount float8, day date); INSERT INTO shop.orders VALUES (7, 'cy', 0.5, '2026-04-01')`)
  const refused = await ends(1, folder, ['run'])
  assert.match(
    refused.err,
    /no longer those that it was compiled with: id bigint → integer, customer text → character varying\(9\), amount numeric\(10,2\) → double precision/,
  )
  assert.match(refused.err, /hint: Accept them with `seeknal lock --accept`/)
  assert.equal(await project.rows('SELECT count(*) FROM analytics.daily'), [['2']])
  await does(folder, ['lock', '--accept'])
  const accepted = await does(folder, ['run'])
  assert.match(accepted, /customer on the server: text → character varying\(9\)/)
  assert.equal(await project.rows('SELECT revenue FROM analytics.daily'), [['0.5']])
})

test('What is refused says what to do: a name that is near, a right that is missing, a relation of somebody else', async () => {
  const project = await engineProject()
  const { database, folder } = project
  for (const table of ['shop.Orders', 'orders', 'shop.oders']) {
    project.write('seeknal/orders.yml', tableSource('orders', table))
    assert.match((await ends(2, folder, ['plan'])).err, /hint: Did you mean 'shop\.orders'\?/)
  }
  project.write('seeknal/orders.yml', ORDERS.replace('shop.orders', '"shop".orders'))
  assert.match((await ends(2, folder, ['plan'])).err, /hint: A value that begins with a quote is quoted as a whole/)
  project.write('seeknal/orders.yml', ORDERS)
  await database.superuser('REVOKE ALL ON shop.orders FROM PUBLIC; ALTER TABLE shop.orders OWNER TO postgres')
  assert.match(
    (await ends(2, folder, ['plan'])).err,
    /hint: The role '\w+' of the connection 'warehouse' lacks the right/,
  )
  await database.superuser('GRANT SELECT ON shop.orders TO PUBLIC')
  await database.sql('CREATE SCHEMA analytics; CREATE TABLE analytics.daily (x int)')
  assert.match(
    (await ends(1, folder, ['run'])).err,
    /seeknal did not make it\.\n {2}hint: Give it or the node another name/,
  )
})

test('Two folders work on one production', async () => {
  const project = await engineProject()
  await does(project.folder, ['run'])
  const other = project.copy()
  assert.match(await does(other.folder, ['run']), /No changes detected/)
  other.write(
    'seeknal/daily.yml',
    transform('daily', ['transform.paid'], "SELECT day, count(*) AS n FROM ref('transform.paid') GROUP BY day"),
  )
  await does(other.folder, ['run'])
  assert.match(await does(project.folder, ['history']), /\* 2 /)
})

test('Values of the run and its clock are in the rows', async () => {
  const project = await engineProject({
    'seeknal/days.yml': transform(
      'days',
      [],
      "SELECT '{{ run_date }}' AS run_date, DATE '{{ today(-1) }}' AS before, current_date AS today, now() AS at",
    ),
  })
  await does(project.folder, ['run', '--run-timestamp', '2026-03-05T06:00:00Z'])
  assert.equal(await project.rows('SELECT * FROM analytics.days'), [
    ['2026-03-05', '2026-03-04', '2026-03-05', '2026-03-05T06:00:00+00:00'],
  ])
})

test('Checks gate what reads an output', async () => {
  const project = await engineProject()
  project.write(
    'seeknal/paid.yml',
    transform(
      'paid',
      ['source.orders'],
      "SELECT id, customer, amount, day FROM ref('source.orders')",
      'tests:\n  - {type: unique, columns: [id]}\n  - {type: not_null, columns: [customer]}\n',
    ),
  )
  await does(project.folder, ['run'])
  await project.database.sql("INSERT INTO shop.orders VALUES (1, NULL, 7, '2026-03-03')")
  const ended = await ends(1, project.folder, ['run'])
  assert.match(ended.all, /unique\(id\)|unique/)
  assert.equal(await project.rows('SELECT count(*) FROM analytics.daily'), [['2']])
})

test('A parameter of the run without a default must be given, and one with a default need not', async () => {
  const project = await engineProject({
    'seeknal/one.yml': transform(
      'one',
      [],
      "SELECT '{{ env.SEEKNAL_REGION }}' AS region, '{{ env.SEEKNAL_OTHER|north }}' AS other",
    ),
  })
  assert.match((await ends(2, project.folder, ['run'])).all, /needs a value for 'env\.SEEKNAL_REGION'/)
  await does(project.folder, ['run'], { env: { SEEKNAL_REGION: "it's" } })
  assert.equal(await project.rows('SELECT * FROM analytics.one'), [["it's", 'north']])
})

test('A node that is removed takes its view along, unless something depends on it', async () => {
  const project = await engineProject()
  await does(project.folder, ['run'])
  project.remove('seeknal/by_region.yml')
  await project.database.sql('CREATE VIEW shop.regions AS SELECT region FROM analytics.by_region')
  assert.match(
    (await ends(1, project.folder, ['run'])).all,
    /analytics\.by_region cannot be removed.* \(view shop\.regions depends on view analytics\.by_region\)\.\n +hint: Drop what depends on it/,
  )
  assert.equal(await project.rows('SELECT count(*) FROM analytics.by_region'), [['2']])
  await project.database.sql('DROP VIEW shop.regions')
  await does(project.folder, ['run'])
  assert.equal(await project.rows("SELECT to_regclass('analytics.by_region')"), [[null]])
})

test('A selection leaves the rest as it is, and due', async () => {
  const project = await engineProject()
  await does(project.folder, ['run'])
  await project.database.sql("INSERT INTO shop.orders VALUES (5, 'bob', 1, '2026-03-02')")
  await does(project.folder, ['run', '--nodes', 'source.orders,transform.paid'])
  assert.equal(await project.rows('SELECT count(*) FROM analytics.paid'), [['4']])
  assert.equal(await project.rows(DAILY), FIRST)
  assert.match(await does(project.folder, ['run', '--parallel', '--max-workers', '2']), /✓ transform\.daily +2 rows/)
  assert.equal((await project.rows(DAILY))[1], ['2026-03-02', '6.25', '2'])
})

test('Columns keep the types that the server gives them', async () => {
  const project = await engineProject(
    {
      'seeknal/things.yml': tableSource('things', 'shop.things'),
      'seeknal/sums.yml': transform(
        'sums',
        ['source.things'],
        "SELECT code, sum(amount) AS total, max(tags) AS tags FROM ref('source.things') GROUP BY code",
      ),
      'seeknal/more.yml': transform(
        'more',
        ['transform.sums'],
        "SELECT code, total / 2 AS half, tags[1] AS first FROM ref('transform.sums')",
      ),
    },
    "CREATE SCHEMA shop; CREATE TABLE shop.things (code varchar(5), amount numeric, tags text[]); INSERT INTO shop.things VALUES ('a', 1.5, '{x}'), ('a', 2, '{y}')",
  )
  assert.not.match((await ends(0, project.folder, ['run'])).err, /BIND_TYPE_INEXACT/)
  assert.equal(await project.rows('SELECT code, half, first, pg_typeof(half)::text AS type FROM analytics.more'), [
    ['a', '1.75', 'y', 'numeric'],
  ])
  project.write(
    'seeknal/texts.yml',
    transform('texts', ['source.things'], "SELECT amount FROM ref('source.things')", 'dialect: duckdb\n'),
  )
  assert.match(
    (await ends(0, project.folder, ['plan'])).err,
    /'amount' of 'source\.things' is a numeric.*BIND_TYPE_INEXACT/,
  )
})

test.run()
