// Transforms of several statements in PostgreSQL: in its own dialect, and translated from DuckDB's.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does, ends } from '../support/cli.ts'
import { ENGINE, engineProject, ORDERS, TABLES, transform } from '../support/engine-project.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('database engine: several statements')

const source = {
  'seeknal/orders.yml': ORDERS,
}

const STEPS = `-- what was paid
CREATE TEMP TABLE paid AS SELECT id, customer, amount, day FROM ref('source.orders') WHERE amount > 0;
CREATE INDEX ON paid (customer);
ANALYZE paid;
CREATE TEMP VIEW large AS SELECT * FROM paid WHERE amount >= 10; -- don't; stop here
INSERT INTO paid SELECT id + 100, customer, 50, day FROM input_0 WHERE amount < 0;
UPDATE paid SET customer = upper(customer) WHERE id > 100;
DELETE FROM pg_temp.paid WHERE id = 2;
SELECT customer, sum(amount) AS total, '{{ run_date }}'::date AS asked FROM large GROUP BY customer`

test('Statements in its own dialect make temporary objects that the query reads', async () => {
  const project = await engineProject({
    ...source,
    'seeknal/totals.yml': transform('totals', ['source.orders'], STEPS),
  })
  await does(project.folder, ['run', '--date', '2026-03-05'])
  assert.equal(await project.rows('SELECT customer, total, asked FROM analytics.totals ORDER BY total DESC'), [
    ['BOB', '50', '2026-03-05'],
    ['ann', '10.5', '2026-03-05'],
  ])
  assert.match(await does(project.folder, ['run', '--date', '2026-03-05']), /No changes detected/)
})

test('Nodes that run at once may use one name for their temporary tables', async () => {
  const nodes = Array.from({ length: 8 }, (_, i) => [
    `seeknal/n${i}.yml`,
    transform(
      `n${i}`,
      ['source.orders'],
      `CREATE TEMP TABLE tmp AS SELECT ${i} AS n FROM __THIS__;\nSELECT max(n) AS n FROM tmp`,
    ),
  ])
  const project = await engineProject({ ...source, ...Object.fromEntries(nodes) })
  await does(project.folder, ['run', '--parallel', '--max-workers', '4'])
  for (let i = 0; i < 8; i++) assert.equal(await project.rows(`SELECT n FROM analytics.n${i}`), [[String(i)]])
  assert.equal(await project.rows("SELECT count(*) FROM pg_class WHERE relname = 'tmp'"), [['0']])
  await does(project.folder, ['env', 'plan', 'dev'])
})

const DUCKDB = `CREATE TEMP TABLE paid AS FROM ref('source.orders') SELECT id, customer, amount, day, sum(id) OVER () AS ids WHERE amount > 0;
CREATE OR REPLACE TEMP TABLE paid AS SELECT * EXCLUDE (ids), ids // 2 AS half FROM paid;
CREATE TEMP TABLE names (name VARCHAR, "Rank" INTEGER);
INSERT INTO names VALUES ('ann', 1), ('bob', '2');
INSERT INTO names BY NAME SELECT 3 AS "rank", 'eve' AS name;
INSERT INTO names (name) SELECT 'max';
UPDATE names SET name = upper(name), "Rank" = "Rank" + 10 WHERE "Rank" >= 2;
DELETE FROM names WHERE "Rank" IS NULL;
CREATE TEMP VIEW ranked AS SELECT p.*, n."Rank" FROM paid p LEFT JOIN names n ON lower(n.name) = p.customer;
DROP TABLE IF EXISTS nothing;
SELECT customer, "Rank", count(*) AS n, sum(amount) AS total, max(half) AS half FROM ranked GROUP BY ALL ORDER BY ALL`

test('Statements of DuckDB make the same rows in PostgreSQL', async () => {
  const files = { ...source, 'seeknal/totals.yml': transform('totals', ['source.orders'], DUCKDB) }
  const project = await engineProject({ ...files, 'seeknal_project.yml': ENGINE.replace(/^dialect.*\n/m, '') })
  await does(project.folder, ['run'])
  const rows = [
    ['ann', '1', '2', '15.75', '3'],
    ['bob', '12', '1', '20', '3'],
  ]
  assert.equal(await project.rows('SELECT customer, "Rank", n, total, half FROM analytics.totals ORDER BY 1'), rows)
  const duckdb = tempProject({
    ...files,
    'seeknal/orders.yml':
      'kind: source\nname: orders\nsource: csv\ntable: orders.csv\ncolumns: {id: BIGINT, customer: VARCHAR, amount: "DECIMAL(10,2)", day: DATE}\n',
    'orders.csv':
      'id,customer,amount,day\n1,ann,10.50,2026-03-01\n2,bob,20,2026-03-01\n3,ann,5.25,2026-03-02\n4,bob,-1,2026-03-02\n',
    'seeknal_project.yml': 'name: shop\nversion: "1.0.0"\n',
  })
  await does(duckdb, ['run'])
  const ours = JSON.parse(await does(duckdb, ['repl', '--exec', 'FROM transform.totals', '--format', 'json']))
  assert.equal(
    ours.map((row: Record<string, unknown>) => [
      row.customer,
      String(row.Rank),
      String(row.n),
      String(Number(row.total)),
      String(row.half),
    ]),
    rows,
  )
})

test('What is no temporary object is not written, and the place of it is named', async () => {
  const wrong = async (sql: string, dialect: string): Promise<string> => {
    const project = await engineProject({
      ...source,
      'seeknal/bad.yml': transform('bad', ['source.orders'], sql, `dialect: ${dialect}\n`),
    })
    const { all } = await ends(2, project.folder, ['compile'])
    return all
  }
  const own = (sql: string) => wrong(sql, 'postgresql')
  assert.match(
    await own('CREATE TABLE t AS SELECT 1;\nSELECT 1 AS a'),
    /bad\.yml:6:\d+: [^\n]*'t' would not be temporary/,
  )
  assert.match(
    await own('CREATE TEMP TABLE t AS SELECT 1;\n\nDELETE FROM shop.orders;\nSELECT 1 AS a'),
    /bad\.yml:8:\d+: [^\n]*'shop\.orders' is no temporary table/,
  )
  assert.match(
    await own("CREATE TEMP VIEW v AS SELECT * FROM ref('source.orders');\nDELETE FROM v;\nSELECT 1 AS a"),
    /'v' is no temporary table/,
  )
  assert.match(await own('DROP TABLE IF EXISTS t;\nSELECT 1 AS a'), /'t' is no temporary object[^\n]*pg_temp\.t/)
  assert.match(await own("SET work_mem = '1GB';\nSELECT 1 AS a"), /may only make, fill, change and drop TEMP/)
  assert.match(
    await own('CREATE TEMP TABLE t AS SELECT 1 AS a;\nSELECT b FROM t'),
    /bad\.yml:7:\d+: [^\n]*column "b" does not exist/,
  )
  assert.match(
    await own('CREATE TEMP TABLE t AS SELECT 1 AS a;\nUPDATE t SET c = 1;\nSELECT a FROM t'),
    /bad\.yml:7:\d+: [^\n]*"c" of relation "t" does not exist/,
  )
  assert.match(
    await own('CREATE TEMP TABLE t AS SELECT * FROM shop.orders;\nSELECT 1 AS a'),
    /'shop\.orders' is no input/,
  )
  assert.match(
    await wrong(
      'CREATE TEMP TABLE t AS SELECT 1 AS a;\nCREATE TEMP MACRO f(x) AS x + 1;\nSELECT f(a) AS a FROM t',
      'duckdb',
    ),
    /bad\.yml:7:\d+: [^\n]*CREATE MACRO is not translated/,
  )
  assert.match(
    await wrong(
      'CREATE TEMP TABLE t AS SELECT 1 AS a;\nCREATE TEMP TABLE u AS\n  SELECT a, hash(a) AS h FROM t;\nSELECT a FROM u',
      'duckdb',
    ),
    /bad\.yml:8:\d+: [^\n]*'hash'/,
  )
})

test('The text of a step is what psql runs: it leaves no temporary object to the next', async () => {
  const { folder } = await engineProject({
    ...source,
    'seeknal/totals.yml': transform(
      'totals',
      ['source.orders'],
      'CREATE TEMP TABLE t AS SELECT 1 AS a;\nSELECT a FROM t',
    ),
  })
  await does(folder, ['compile'])
  assert.is(
    readFileSync(join(folder, 'bundle/apply/transform.totals.sql'), 'utf8'),
    `CREATE TEMP TABLE t AS SELECT 1 AS a
;
CREATE TABLE seeknal_store.:"output" AS
SELECT a FROM t
;

CREATE OR REPLACE VIEW analytics.totals AS
TABLE seeknal_store.:"output"
;

DISCARD TEMP
;
`,
  )
})

test('What the server refuses in a run is said at the line of the author', async () => {
  const rows = "SELECT id, upper(customer) AS c,\n  'x'::public.mark AS m\nFROM ref('source.orders')"
  const project = await engineProject(
    {
      ...source,
      'seeknal/plain.yml': transform('plain', ['source.orders'], rows),
      'seeknal/steps.yml': transform(
        'steps',
        ['source.orders'],
        `CREATE TEMP TABLE t AS SELECT 1 AS "ü";\nCREATE TEMP TABLE u AS\n${rows};\nSELECT id FROM u`,
      ),
      'seeknal/zero.yml': transform(
        'zero',
        ['source.orders'],
        "CREATE TEMP TABLE t AS SELECT id FROM ref('source.orders');\n\nINSERT INTO t SELECT 1 / (id - 9) FROM t;\nSELECT id FROM t",
      ),
      'seeknal/translated.yml': transform(
        'translated',
        ['source.orders'],
        "SELECT CAST(customer || id AS INTEGER) AS n FROM ref('source.orders') WHERE id > 8",
        'dialect: duckdb\n',
      ),
    },
    `${TABLES} CREATE DOMAIN public.mark AS text`,
  )
  await does(project.folder, ['run'])
  await project.database.sql(
    "ALTER DOMAIN public.mark RENAME TO other; INSERT INTO shop.orders VALUES (9, 'eve', 1, '2026-03-03')",
  )
  const { all } = await ends(1, project.folder, ['run', '--continue-on-error'])
  assert.match(all, /plain\.yml:6:10: transform\.plain: type "public\.mark" does not exist/)
  assert.match(all, /steps\.yml:8:10: transform\.steps: type "public\.mark" does not exist/)
  assert.match(all, /zero\.yml:7:3: transform\.zero: division by zero/)
  assert.match(all, /translated\.yml:2:7: transform\.translated: /)
})

test.run()
