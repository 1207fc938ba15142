// SQL in which schemas are prefixed, each text executed on a server where production's tables and the environment's hold
// different rows: what was read of production before is read of the environment after, and nothing else changes.

import * as assert from 'uvu/assert'
import { namespacesIn, withNamespaces } from '../compiler/sql/postgresql-namespaces.ts'
import { schemaUses } from '../runtime/engines/postgresql/relations.ts'
import type { TestDatabase } from './support/postgres.ts'
import { suite } from './support/suite.ts'
import { newDatabase } from './support/target-project.ts'

const test = suite('postgresql namespaces')

const OWN: Readonly<Record<string, string>> = {
  'analytics.orders': 'transform.orders',
  'Odd "Schema.Order': 'transform.odd',
  'public.daily': 'transform.daily',
}
const own = (schema: string, name: string): string | undefined => OWN[`${schema}.${name}`]
const OPTIONS = { schemas: new Set(['analytics', 'Odd "Schema']), fallback: 'public' }

const namespaces = async (text: string) => {
  const { loadModule, parseSync } = await import('libpg-query')
  await loadModule()
  const uses = schemaUses(text, parseSync(text))
  return namespacesIn(text, uses, own, OPTIONS)
}
const rewritten = async (text: string): Promise<string> => withNamespaces(text, (await namespaces(text)).places, 'dev_')

/** `origin` is 'production' or 'dev'; of tables that the environment does not have, 'shared'. */
const SETUP = `
CREATE SCHEMA analytics; CREATE SCHEMA dev_analytics; CREATE SCHEMA "Odd ""Schema"; CREATE SCHEMA "dev_Odd ""Schema";
CREATE SCHEMA dev_public; CREATE SCHEMA other;
CREATE TYPE pair AS (a int, b text);
CREATE TABLE analytics.orders (id int, origin text, amount int, tags text[], nested pair);
CREATE TABLE dev_analytics.orders (LIKE analytics.orders);
INSERT INTO analytics.orders VALUES (1, 'production', 10, '{a}', (1, 'x')), (2, 'production', 20, '{b}', (2, 'y'));
INSERT INTO dev_analytics.orders VALUES (1, 'dev', 10, '{a}', (1, 'x')), (2, 'dev', 20, '{b}', (2, 'y'));
CREATE TABLE analytics.steady (id int, origin text); INSERT INTO analytics.steady VALUES (1, 'shared');
CREATE TABLE other.orders (id int, origin text); INSERT INTO other.orders VALUES (1, 'shared');
CREATE TABLE public.orders (id int, origin text); INSERT INTO public.orders VALUES (1, 'shared');
CREATE TABLE public.daily (id int, origin text); INSERT INTO public.daily VALUES (1, 'production');
CREATE TABLE dev_public.daily (id int, origin text); INSERT INTO dev_public.daily VALUES (1, 'dev');
CREATE TABLE "Odd ""Schema"."Order" (id int, origin text); INSERT INTO "Odd ""Schema"."Order" VALUES (1, 'production');
CREATE TABLE "dev_Odd ""Schema"."Order" (id int, origin text); INSERT INTO "dev_Odd ""Schema"."Order" VALUES (1, 'dev');
CREATE FUNCTION other.orders() RETURNS text LANGUAGE sql AS $$ SELECT 'shared' $$;
`

const DATABASE = '{database}'
/** Texts that are executed as they are and rewritten. `{database}` is the database's name. */
const READS: readonly string[] = [
  'SELECT * FROM analytics.orders',
  'TABLE analytics.orders',
  'SELECT origin FROM ANALYTICS.ORDERS',
  'select origin from Analytics.Orders',
  'SELECT origin FROM "analytics".orders',
  'SELECT origin FROM analytics."orders"',
  'SELECT origin FROM "analytics"."orders"',
  'SELECT origin FROM analytics . orders',
  'SELECT origin FROM analytics/* the schema */./* the table */orders',
  'SELECT origin FROM analytics -- the schema\n . -- the table\n orders',
  'SELECT origin FROM ONLY analytics.orders',
  'SELECT origin FROM analytics.orders *',
  'SELECT origin FROM "Odd ""Schema"."Order"',
  'SELECT o.origin FROM "Odd ""Schema"."Order" AS o',
  'SELECT "Odd ""Schema"."Order".origin FROM "Odd ""Schema"."Order"',
  'SELECT origin FROM public.daily',
  'SELECT origin FROM public.orders',
  'SELECT origin FROM orders',
  'SELECT origin FROM other.orders',
  'SELECT origin FROM analytics.steady',
  'SELECT * FROM analytics.steady s JOIN analytics.orders o USING (id)',
  'SELECT * FROM other.orders JOIN analytics.orders USING (id)',
  `SELECT origin FROM ${DATABASE}.analytics.orders`,
  `SELECT ${DATABASE}.analytics.orders.origin FROM ${DATABASE}.analytics.orders`,
  'SELECT analytics.orders.origin FROM analytics.orders',
  'SELECT analytics.orders.* FROM analytics.orders',
  'SELECT "analytics"."orders"."origin" FROM "analytics"."orders"',
  'SELECT orders.origin FROM analytics.orders',
  'SELECT analytics.origin FROM analytics.orders AS analytics',
  'SELECT analytics FROM analytics.orders AS analytics',
  'SELECT orders FROM analytics.orders AS orders',
  'SELECT (o.nested).b, o.origin FROM analytics.orders o',
  'SELECT (analytics.nested).b, analytics.origin FROM analytics.orders analytics',
  "SELECT 'analytics.orders' AS t, origin FROM analytics.orders",
  "SELECT origin FROM analytics.orders WHERE 'analytics.orders' <> origin",
  "SELECT E'\\'analytics.orders\\'', origin FROM analytics.orders",
  'SELECT $$ FROM analytics.orders $$, origin FROM analytics.orders',
  'SELECT $q$ FROM analytics.orders $q$ AS "analytics.orders" FROM analytics.orders',
  'SELECT origin AS "analytics.orders" FROM analytics.orders',
  '-- FROM analytics.orders\nSELECT origin FROM analytics.orders -- analytics.orders',
  'SELECT /* analytics.orders /* nested */ */ origin FROM analytics.orders',
  "SELECT 'ä€𝄞' AS t, origin FROM analytics.orders",
  "SELECT 'ä€𝄞', analytics.orders.origin /* 𝄞 */ FROM analytics.orders",
  'WITH orders AS (SELECT 1 AS id) SELECT * FROM orders',
  'WITH orders AS (SELECT * FROM analytics.orders) SELECT origin FROM orders',
  'WITH daily AS (SELECT * FROM analytics.orders) SELECT origin FROM daily',
  'WITH analytics AS (SELECT * FROM analytics.orders) SELECT analytics.origin FROM analytics',
  'WITH a AS (SELECT * FROM analytics.orders), b AS (SELECT * FROM a JOIN public.daily USING (id)) SELECT * FROM b',
  'WITH RECURSIVE daily AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM daily WHERE n < 3) SELECT n, origin FROM daily, analytics.orders',
  'WITH a AS MATERIALIZED (SELECT * FROM analytics.orders) SELECT * FROM (WITH a AS (SELECT 1 AS x) SELECT * FROM a) y, a',
  'SELECT * FROM (SELECT origin FROM analytics.orders) AS orders',
  'SELECT (SELECT max(origin) FROM analytics.orders)',
  "SELECT 1 WHERE EXISTS (SELECT FROM analytics.orders WHERE origin = 'production') OR true",
  'SELECT id, origin FROM analytics.orders WHERE id IN (SELECT id FROM analytics.orders)',
  'SELECT o.origin FROM public.orders p, LATERAL (SELECT origin FROM analytics.orders a WHERE a.id = p.id) o',
  'SELECT ARRAY(SELECT origin FROM analytics.orders)',
  'SELECT origin FROM analytics.orders UNION ALL SELECT origin FROM analytics.steady',
  'SELECT origin FROM analytics.orders EXCEPT SELECT origin FROM other.orders',
  '(SELECT origin FROM analytics.orders) INTERSECT (SELECT origin FROM analytics.orders ORDER BY 1 LIMIT 0) UNION SELECT origin FROM public.daily',
  'SELECT origin, count(*) FROM analytics.orders GROUP BY ROLLUP (origin) HAVING count(*) > 0 ORDER BY 1',
  'SELECT origin, sum(amount) OVER (PARTITION BY origin ORDER BY id) FROM analytics.orders',
  'SELECT origin, sum(amount) OVER w FROM analytics.orders WINDOW w AS (ORDER BY id)',
  'SELECT sum(amount) FILTER (WHERE origin = origin), max(origin) FROM analytics.orders',
  "SELECT string_agg(origin, ',' ORDER BY analytics.orders.id) FROM analytics.orders",
  'SELECT a.origin, b.origin FROM analytics.orders a JOIN analytics.orders b ON a.id = b.id',
  'SELECT * FROM analytics.orders NATURAL JOIN analytics.steady',
  'SELECT o.* FROM analytics.orders o CROSS JOIN generate_series(1, 2)',
  'SELECT * FROM analytics.orders LEFT JOIN public.daily ON analytics.orders.id = public.daily.id',
  'SELECT t.tag, o.origin FROM analytics.orders o, unnest(o.tags) AS t(tag)',
  'SELECT other.orders(), origin FROM analytics.orders',
  'SELECT pg_catalog.upper(origin) = upper(origin), origin FROM analytics.orders',
  'SELECT origin FROM analytics.orders TABLESAMPLE BERNOULLI (100)',
  'SELECT DISTINCT ON (analytics.orders.origin) origin FROM analytics.orders ORDER BY analytics.orders.origin',
  'SELECT CASE WHEN analytics.orders.id = 1 THEN analytics.orders.origin END FROM analytics.orders',
  'SELECT analytics.orders.tags[1], analytics.orders.origin FROM analytics.orders',
  'SELECT coalesce(analytics.orders.origin, $$analytics.orders$$)::text FROM analytics.orders',
  'SELECT row_to_json(orders) FROM analytics.orders',
  'SELECT o FROM (VALUES (1)) v(id) JOIN analytics.orders o USING (id)',
  'SELECT (SELECT origin FROM analytics.orders WHERE id = p.id) FROM public.orders p ORDER BY (SELECT min(origin) FROM analytics.orders)',
  'SELECT origin FROM analytics.orders FETCH FIRST 1 ROW ONLY',
  'VALUES ((SELECT min(origin) FROM analytics.orders))',
  "SELECT x.origin FROM XMLTABLE('/r' PASSING (SELECT xmlelement(name r, origin) FROM analytics.orders LIMIT 1) COLUMNS origin text PATH '.') x",
  "SELECT j.origin FROM analytics.orders o, jsonb_to_record(jsonb_build_object('origin', o.origin)) AS j(origin text)",
  'WITH a AS (SELECT 1) SELECT origin FROM analytics.orders, a WHERE origin IS NOT NULL',
]

/** What a statement writes is the environment's, always; a table is read back by `then`. */
const WRITES: readonly (readonly [sql: string, then: string])[] = [
  ['CREATE TABLE analytics.made AS SELECT * FROM analytics.orders', 'SELECT origin FROM dev_analytics.made'],
  ['SELECT * INTO analytics.made2 FROM analytics.orders', 'SELECT origin FROM dev_analytics.made2'],
  [
    'INSERT INTO analytics.orders SELECT 9, o.origin FROM analytics.orders o WHERE id = 1',
    'SELECT origin FROM dev_analytics.orders WHERE id = 9',
  ],
  ['INSERT INTO analytics.steady2 SELECT id, origin FROM analytics.orders', 'SELECT origin FROM dev_analytics.steady2'],
  [
    'UPDATE analytics.orders SET amount = 99 FROM public.daily d WHERE d.origin = analytics.orders.origin AND analytics.orders.id = 2',
    'SELECT origin FROM dev_analytics.orders WHERE amount = 99',
  ],
  [
    'WITH a AS (SELECT max(id) AS id FROM analytics.orders) INSERT INTO analytics.steady2 SELECT a.id, d.origin FROM a, public.daily d',
    'SELECT DISTINCT origin FROM dev_analytics.steady2',
  ],
  [
    'MERGE INTO analytics.steady2 t USING analytics.orders o ON false WHEN NOT MATCHED THEN INSERT VALUES (o.id, o.origin)',
    'SELECT DISTINCT origin FROM dev_analytics.steady2',
  ],
  [
    'DELETE FROM analytics.orders USING public.daily WHERE analytics.orders.origin = public.daily.origin AND analytics.orders.id = 9',
    'SELECT DISTINCT origin FROM dev_analytics.orders',
  ],
  ['CREATE VIEW analytics.seen AS SELECT * FROM analytics.orders', 'SELECT DISTINCT origin FROM dev_analytics.seen'],
]

const REFUSED: Readonly<Record<string, RegExp>> = {
  'SELECT * FROM daily': /'daily' is found by the search path/,
  'WITH a AS (SELECT * FROM daily), daily AS (SELECT 1) SELECT * FROM a': /'daily' is found by the search path/,
  'INSERT INTO somewhere SELECT 1': /'somewhere' is found by the search path/,
  "SELECT 'analytics.orders'::regclass": /The text names the table analytics\.orders/,
  "SELECT CAST('ANALYTICS.Orders' AS regclass)": /The text names the table analytics\.orders/,
  "SELECT regclass 'daily'": /The text names the table public\.daily/,
  'SELECT to_regclass(\'"Odd ""Schema"."Order"\')': /The text names the table Odd "Schema\.Order/,
  "SELECT pg_total_relation_size('analytics.orders')": /The text names the table/,
  'SELECT analytics.total()': /The function analytics\.total is in a schema/,
  'SELECT * FROM analytics.rows(1)': /The function analytics\.rows is in a schema/,
  'SELECT NULL::analytics.state': /The type analytics\.state is in a schema/,
  'SELECT 1 OPERATOR(analytics.+) 2': /The operator analytics\.\+ is in a schema/,
}

let made: Promise<TestDatabase> | undefined
const database = (): Promise<TestDatabase> => {
  made ??= newDatabase('names').then(async (database) => {
    await database.sql(SETUP)
    await database.sql('CREATE TABLE dev_analytics.steady2 (id int, origin text)')
    return database
  })
  return made
}

const answer = async (sql: string): Promise<string> => JSON.stringify(await (await database()).sql(sql))

test('there are at least 80 texts', () => {
  assert.ok(READS.length + WRITES.length + Object.keys(REFUSED).length >= 100)
})

for (const template of READS)
  test(`reads the environment's rows: ${template}`, async () => {
    const sql = template.replaceAll(DATABASE, (await database()).database)
    const changed = await rewritten(sql)
    assert.equal((await namespaces(sql)).problems, [])
    assert.is(await answer(changed), (await answer(sql)).replaceAll('production', 'dev'), changed)
    // Laws: twice is once, since what is prefixed is no table of the environment's any more; and back again.
    assert.is(await rewritten(changed), changed)
    const { places } = await namespaces(sql)
    let [back, moved] = [changed, 0]
    for (const { at } of places) {
      back = back.slice(0, at) + back.slice(at + 'dev_'.length)
      moved += 1
    }
    assert.is(back, sql)
    assert.is(moved, places.length)
  })

for (const [sql, then] of WRITES)
  test(`writes the environment's table: ${sql}`, async () => {
    const changed = await rewritten(sql)
    await (await database()).sql(changed)
    const rows = await (await database()).sql(then)
    assert.ok(rows.length > 0, changed)
    assert.equal([...new Set(rows.map(({ origin }) => origin))], ['dev'], changed)
    assert.equal(await (await database()).sql('SELECT DISTINCT origin FROM analytics.orders'), [
      { origin: 'production' },
    ])
  })

for (const [sql, message] of Object.entries(REFUSED))
  test(`is refused: ${sql}`, async () => {
    const { problems } = await namespaces(sql)
    assert.is(problems.length, 1, JSON.stringify(problems))
    assert.match(problems[0]?.message ?? '', message)
  })

test.run()
