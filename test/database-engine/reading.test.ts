// Outputs that PostgreSQL holds are read by the commands, and by the names, that read those in files.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { applies, does, ends, rowsOf } from '../support/cli.ts'
import { rowsOf as duckdbRows } from '../support/duckdb.ts'
import { type EngineProject, engineProject, tableSource, transform } from '../support/engine-project.ts'
import { started } from '../support/held-command.ts'
import { closeTerminals, KEYS, onTerminal } from '../support/pseudo-terminal.ts'
import { suite } from '../support/suite.ts'
import { profileFor } from '../support/target-project.ts'
import { until } from '../support/until.ts'

const test = suite('database engine: reading outputs')
test.after(closeTerminals)

let shared: EngineProject | null = null

/** Production of the shop, and environment dev, in which one node is another and one is new. */
async function shop(): Promise<EngineProject> {
  if (shared !== null) return shared
  const project = await engineProject()
  await does(project.folder, ['run'])
  project.write(
    'seeknal/daily.yml',
    transform(
      'daily',
      ['transform.paid'],
      "SELECT day, sum(amount) * 2 AS revenue, max(amount) AS most FROM ref('transform.paid') GROUP BY day",
    ),
  )
  project.write(
    'seeknal/Odd.yml',
    transform('Odd', ['transform.daily'], `SELECT day, 'ü'::text AS "Weird ""Name"" ü" FROM ref('transform.daily')`),
  )
  await applies(project.folder, 'dev')
  shared = project
  return project
}

/** What the command says on stderr. */
async function fails(code: number, folder: string, args: readonly string[], pattern: RegExp): Promise<void> {
  const { err } = await ends(code, folder, args)
  assert.match(err, pattern, `${args.join(' ')}: ${err}`)
}

test('An output has the same two names as in files, wherever a query names it', async () => {
  const { folder } = await shop()
  for (const sql of [
    'SELECT count(*) FROM transform_daily',
    'SELECT count(*) FROM transform.daily',
    '  -- note\nSELECT count(transform.daily.day) FROM "transform"."daily" ;',
    'WITH x AS (TABLE transform_daily) SELECT count(*) FROM x',
    'SELECT count(transform_daily.day) FROM transform_daily WHERE day IN (SELECT d.day FROM transform . daily AS d)',
    'WITH transform_paid AS (SELECT 1) SELECT count(*) + 1 FROM transform_paid',
    "SELECT count(*) FROM transform_daily -- transform.paid 'ü'",
    "SELECT 'ü', 2 AS n",
  ])
    assert.is((await rowsOf(folder, sql))[0]?.at(-1), '2', sql)
  assert.equal(await rowsOf(folder, 'SELECT count(*) FROM source.orders'), [['4']])
  assert.equal(await rowsOf(folder, 'SELECT count(*) FROM source_regions'), [['2']])
  assert.match(await does(folder, ['repl', '-e', 'EXPLAIN SELECT * FROM transform.daily']), /QUERY PLAN[\s\S]*Scan/)
  assert.match(await does(folder, ['repl', '-e', 'SHOW transaction_read_only']), /on/)
})

test('With --env the environment goes before production, and .env changes to it', async () => {
  const { folder } = await shop()
  const revenue = 'SELECT revenue FROM transform.daily ORDER BY day'
  assert.equal(await rowsOf(folder, revenue), [['30.50'], ['5.25']])
  assert.is(await does(folder, ['repl', '-e', revenue, '--env', 'dev', '-f', 'csv']), 'revenue\n61.00\n10.50\n')
  assert.match(
    await does(folder, ['repl', '-e', 'SELECT * FROM transform.Odd', '--env', 'dev', '--limit', '1']),
    /Weird "Name" ü[\s\S]*\(1 row, there are more\)/,
  )
  await fails(1, folder, ['repl', '-e', 'SELECT * FROM transform.odd'], /Relation "transform\.odd" does not exist/)
  await fails(1, folder, ['repl', '-e', 'SELECT * FROM transform.dayly'], /Did you mean 'transform\.daily'/)
  await fails(2, folder, ['repl', '-e', 'SELECT 1', '--env', 'nope'], /no environment 'nope'/)
})

test('Values are exact in every format', async () => {
  const { folder } = await shop()
  const sql = `SELECT 9007199254740993::bigint AS big, 12.340::numeric(10,3) AS dec, DATE '2026-03-01' AS d, 1.5::float8 AS f, true AS t,
    ARRAY['a,"b\\', NULL, '']::text[] AS l, ARRAY[[1,2],[3,4]] AS m, NULL::int AS n, '' AS e, 'a,"b"' AS q, '{"a": 1}'::jsonb AS j, 'NaN'::float8 AS nan`
  assert.is(
    await does(folder, ['repl', '-e', sql, '--format', 'csv']),
    'big,dec,d,f,t,l,m,n,e,q,j,nan\n9007199254740993,12.340,2026-03-01,1.5,true,"{""a,\\""b\\\\"",NULL,""""}","{{1,2},{3,4}}",,"","a,""b""","{""a"": 1}",NaN\n',
  )
  assert.equal(JSON.parse(await does(folder, ['repl', '-e', sql, '--json'])), [
    {
      ...{ big: '9007199254740993', dec: '12.340', d: '2026-03-01', f: 1.5, t: true, l: ['a,"b\\', null, ''] },
      ...{
        m: [
          [1, 2],
          [3, 4],
        ],
        n: null,
        e: '',
        q: 'a,"b"',
        j: '{"a": 1}',
        nan: 'NaN',
      },
    },
  ])
  const many = await does(folder, ['repl', '-e', 'SELECT i FROM generate_series(1, 20000) AS i', '-f', 'csv'])
  assert.is(many.split('\n').length, 20_002)
})

test('Parquet holds the same values, with their types', async () => {
  const { folder } = await shop()
  const sql = `SELECT 9007199254740993::bigint AS big, 12.340::numeric(10,3) AS dec, DATE '2026-03-01' AS d, TIMESTAMPTZ '2026-03-01 10:00+02' AS at, 'NaN'::float8 AS f,
    true AS t, '\\xdead00'::bytea AS b, NULL::int AS n, '' AS e, 'a,"b"
' AS "Weird ""ü", '{"a": 1}'::json AS j, ARRAY[1, 2] AS l FROM generate_series(1, 2)`
  await does(folder, ['repl', '-e', sql, '--output', 'out/o.parquet', '--limit', '1'])
  const values = await duckdbRows(`SELECT * FROM '${join(folder, 'out/o.parquet')}'`)
  assert.equal(values, [
    [
      '9007199254740993',
      '12.340',
      '2026-03-01',
      '2026-03-01 08:00:00+00',
      'NaN',
      'true',
      '\\xDE\\xAD\\x00',
      null,
      '',
      'a,"b"\n',
      '{"a": 1}',
      '{1,2}',
    ],
  ])
  const types = await duckdbRows(
    `SELECT column_name, column_type FROM (DESCRIBE FROM '${join(folder, 'out/o.parquet')}')`,
  )
  assert.is(
    types.map(([, type]) => type).join(' '),
    'BIGINT DECIMAL(10,3) DATE TIMESTAMP WITH TIME ZONE DOUBLE BOOLEAN BLOB INTEGER VARCHAR VARCHAR JSON VARCHAR',
  )
  assert.is(types[9]?.[0], 'Weird "ü')
})

test('Everything that is not reading is refused, by us or by the server', async () => {
  const { folder } = await shop()
  for (const sql of [
    'INSERT INTO shop.orders VALUES (9)',
    'WITH x AS (DELETE FROM shop.orders RETURNING id) SELECT * FROM x',
    'EXPLAIN ANALYZE DELETE FROM shop.orders',
    'SELECT 1 AS a INTO shop.made',
    'SELECT * FROM shop.orders FOR UPDATE',
    'CREATE TABLE shop.made (a int)',
    'CREATE TEMP TABLE made (a int)',
    'DROP VIEW analytics.daily',
    'SET default_transaction_read_only = off',
    'COMMIT',
    "COPY shop.orders TO '/tmp/x'",
    'DO $$ BEGIN DELETE FROM shop.orders; END $$',
    "SELECT set_config('transaction_read_only', 'off', false)",
    'SELECT pg_catalog.pg_terminate_backend(1)',
    'LOCK TABLE shop.orders',
  ])
    for (const text of [sql, `SELECT 1; ${sql}`]) await fails(2, folder, ['repl', '-e', text], /only reads/)
  const { database, rows } = await shop()
  await database.sql(
    'CREATE OR REPLACE FUNCTION shop.sly() RETURNS int LANGUAGE sql AS $$ DELETE FROM shop.orders; SELECT 1 $$; CREATE SEQUENCE IF NOT EXISTS shop.s',
  )
  for (const sql of ['SELECT shop.sly()', "SELECT nextval('shop.s')"])
    await fails(1, folder, ['repl', '-e', sql], /in a read-only transaction/)
  assert.equal(await rows('SELECT count(*) FROM shop.orders'), [['4']])
  await fails(1, folder, ['repl', '-e', 'FROM transform.daily'], /line 1, column 1[\s\S]*The engine is PostgreSQL/)
})

test('Ctrl-C ends the query on the server', async () => {
  const { folder, rows } = await shop()
  const { pid, ended } = started(folder, ['repl', '-e', 'SELECT count(*), pg_sleep(60) FROM transform.daily'])
  const running =
    "SELECT query FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid() AND state = 'active'"
  await until(async () => (await rows(running)).length > 0, 'the query')
  assert.match(
    String((await rows(running))[0]?.[0]),
    /^\/\* seeknal project=shop environment=production command=repl \*\/ SELECT/,
  )
  process.kill(pid ?? 0, 'SIGINT')
  assert.is((await ended).code, 130)
  assert.equal(await rows(running), [])
})

test('A session changes its environment, survives Ctrl-C and a lost connection, and completes names', async () => {
  const { folder, database } = await shop()
  const [production, dev] = [/seeknal> $/, /seeknal\[dev\]> $/]
  const repl = await onTerminal(folder, ['repl'], production)
  assert.match(repl.start, /Seeknal REPL \(postgresql \d+.*\) — project 'shop', 5 tables registered/)
  await repl.types(`SELECT sum(revenue) FROM transform_da${KEYS.tab}`, /transform_daily$/)
  assert.match(await repl.types(`;${KEYS.enter}`, production), /35\.75/)
  const query = `SELECT sum(revenue)\nFROM transform.daily;${KEYS.enter}`
  await repl.types(`.env dev${KEYS.enter}`, dev)
  assert.match(await repl.types(query, /\(1 row\)[\s\S]*seeknal\[dev\]> $/), /71\.50/)
  assert.match(await repl.types(`.schema transform_daily${KEYS.enter}`, dev), /most +│ DECIMAL/)
  await repl.types(`SELECT pg_sleep(60);${KEYS.enter}`, /pg_sleep\(60\);\s+$/)
  await until(async () => {
    const asleep = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    return (await database.sql(asleep)).length > 0
  }, 'the query')
  await repl.types(KEYS.ctrlC, /Canceling statement due to user request[\s\S]*seeknal\[dev\]> $/)
  await database.sql(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'ROLLBACK%' AND datname = current_database()",
  )
  await repl.types(`SELECT 1;${KEYS.enter}`, /was lost|terminat[\s\S]*seeknal\[dev\]> $/)
  assert.match(await repl.types(query, /\(1 row\)[\s\S]*seeknal\[dev\]> $/), /71\.50/)
  assert.is(await repl.ends(KEYS.ctrlD), 0)
})

test('inspect shows columns, checks and first rows of an output', async () => {
  const { folder } = await shop()
  const out = await does(folder, ['inspect', 'transform.daily'])
  assert.match(
    out,
    /^transform\.daily: 2 rows, 3 columns\n {2}column +type\n {2}day +DATE\n[\s\S]*2026-03-01 │ +30\.50/,
  )
  const own = JSON.parse(await does(folder, ['inspect', 'daily', '--env', 'dev', '--limit', '1', '--json']))
  assert.equal([own.node, own.from, own.rows, own.first_rows.length], ['transform.daily', 'environment', 2, 1])
  assert.match(await does(folder, ['inspect', '--env', 'dev']), /transform\.Odd +2 +2 +environment/)
  await fails(2, folder, ['inspect', 'transform.dayly'], /Did you mean 'transform\.daily'/)
})

test('env diff compares in the server, by key; report.md says so on every machine', async () => {
  const project = await shop()
  const { folder } = project
  const out = await does(folder, ['env', 'diff', 'dev', '--samples'])
  assert.match(out, /transform\.Odd: new, 2 rows/)
  assert.match(out, /transform\.daily: 2 rows/)
  assert.match(out, /rows matched by day/)
  assert.match(out, /revenue[\s\S]*30\.50[\s\S]*61\.00/)
  const [odd, daily] = JSON.parse(await does(folder, ['env', 'diff', 'dev', '--json']))
  assert.is(odd.diff, null)
  assert.equal(daily.diff.columns.added, [{ name: 'most', type: 'DECIMAL(38,10)' }])
  assert.equal([daily.diff.rows, daily.diff.changed_rows, daily.diff.differing.length], [{ before: 2, after: 2 }, 2, 1])
  const other = project.copy()
  await does(other.folder, ['env', 'list'])
  for (const one of [project, other]) {
    const report = readFileSync(join(one.folder, 'target/environments/dev/report.md'), 'utf8')
    assert.match(
      report,
      /\| `transform\.daily` \| executed \| 2 \|[\s\S]*- transform\.daily: 2 rows[\s\S]*rows matched by day/,
    )
  }
})

test('dry-run shows the first rows of a draft, with all that it needs, and writes nothing', async () => {
  const { folder, rows, database, copy } = await shop()
  const objects = 'SELECT count(*), max(oid::bigint) FROM pg_class'
  const drafts = {
    'draft_transform_late.yml': transform(
      'late',
      ['transform.daily', 'source.regions'],
      "SELECT d.day, d.most, r.region FROM ref('transform.daily') d CROSS JOIN ref('source.regions') r ORDER BY 1, 3",
    ),
    'draft_source_others.yml': tableSource('others', 'shop.orders'),
    'draft_source_places.yml': 'kind: source\nname: places\nsource: csv\ntable: data/regions.csv\n',
    'draft_transform_broken.yml': transform(
      'broken',
      ['source.orders'],
      "SELECT 1 / (id - 1) AS x FROM ref('source.orders')",
    ),
  }
  for (const [path, text] of Object.entries(drafts)) writeFileSync(join(folder, path), text)
  const before = await rows(objects)
  const late = await does(folder, ['dry-run', 'draft_transform_late.yml', '--limit', '3'])
  assert.match(
    late,
    /most[\s\S]*2026-03-01 │ +20\.00 │ north\n[\s\S]*\(3 rows\)\n4 rows in all\. Nothing was written\./,
  )
  const others = JSON.parse(await does(folder, ['dry-run', 'draft_source_others.yml', '--limit', '2', '--json']))
  assert.equal([others.rows, others.first_rows[0]], [2, { id: 1, customer: 'ann', amount: '10.50', day: '2026-03-01' }])
  assert.match(await does(folder, ['dry-run', 'draft_source_places.yml']), /ann +│ north[\s\S]*2 rows in all/)
  await fails(1, folder, ['dry-run', 'draft_transform_broken.yml'], /Division by zero/)
  assert.equal(await rows(objects), before)
  const profile = join(folder, 'profiles.yml')
  const usual = readFileSync(profile, 'utf8')
  writeFileSync(profile, profileFor(database, '    without: temp_tables\n'))
  assert.match(await does(folder, ['dry-run', 'draft_transform_late.yml']), /4 rows in all/)
  writeFileSync(profile, usual)
  assert.equal(await rows('SELECT count(*) FROM pg_class'), [[before[0]?.[0] ?? '']])
  // Where nothing was executed yet, files are loaded as well.
  const fresh = copy()
  fresh.write(
    'seeknal_project.yml',
    readFileSync(join(folder, 'seeknal_project.yml'), 'utf8').replace('name: shop', 'name: other'),
  )
  fresh.write('draft_transform_late.yml', drafts['draft_transform_late.yml'])
  assert.match(await does(fresh.folder, ['dry-run', 'draft_transform_late.yml']), /4 rows in all/)
})

test.run()
