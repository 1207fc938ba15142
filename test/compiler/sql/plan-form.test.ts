import * as assert from 'uvu/assert'
import { Plans } from '../../../compiler/diff/queries.ts'
import { noCache, type Relation } from '../../../compiler/ports.ts'
import { type PlanForm, planForm } from '../../../compiler/sql/plan-form.ts'
import { analysisEngine } from '../../support/analysis.ts'
import { suite } from '../../support/suite.ts'

const test = suite('plan-form')

const table = (schema: string, name: string, columns: string): Relation => ({
  schema,
  name,
  columns: columns.split('; ').map((column) => {
    const [columnName = '', ...type] = column.split(' ')
    return { name: columnName, type: type.join(' ') }
  }),
})
const RELATIONS = [
  table(
    'source',
    'o',
    'id BIGINT; cid BIGINT; ts TIMESTAMP; ds DATE; status VARCHAR; amt DECIMAL(18,2); qty INTEGER; tags VARCHAR[]; f DOUBLE; j JSON; b BLOB; tz TIMESTAMP WITH TIME ZONE; l INTEGER[]; st STRUCT(a INTEGER, b VARCHAR); m MAP(VARCHAR, INTEGER)',
  ),
  table('source', 'c', 'id BIGINT; name VARCHAR; country VARCHAR; since DATE; ref BIGINT'),
]

async function forms(
  sqls: readonly string[],
  relations: readonly Relation[] = RELATIONS,
): Promise<readonly (PlanForm | null)[]> {
  const plans = await (await analysisEngine()).plans(sqls.map((sql) => ({ sql, relations })))
  return plans.map((plan) => planForm(plan))
}

/** Two queries on a line, of which each tells another story. */
const DIFFERENT = String.raw`
id FROM source.o WHERE status IN ('a','b','c','d','e','f') | id FROM source.o WHERE status IN ('a','b','c','d','e','g')
id FROM source.o WHERE id = 9007199254740993 | id FROM source.o WHERE id = 9007199254740992
f = 0.1::DOUBLE FROM source.o | f = 0.1000000000000001::DOUBLE FROM source.o
amt = 12345678901234567.89 FROM source.o | amt = 12345678901234567.88 FROM source.o
id + 170141183460469231731687303715884105726::HUGEINT FROM source.o | id + 170141183460469231731687303715884105725::HUGEINT FROM source.o
b = '\xAA\x00\xAA'::BLOB FROM source.o | b = '\xAA\x00\xAB'::BLOB FROM source.o
INTERVAL 1 MONTH FROM source.o | INTERVAL 30 DAY FROM source.o
st.a::VARCHAR FROM source.o | st.b FROM source.o
struct_pack(a := id) FROM source.o | struct_pack(b := id) FROM source.o
CAST(status AS JSON) FROM source.o | CAST(status AS VARCHAR) FROM source.o
CAST(status AS INT) FROM source.o | TRY_CAST(status AS INT) FROM source.o
status COLLATE NOCASE = 'a' FROM source.o | status = 'a' FROM source.o
DISTINCT status COLLATE NOCASE FROM source.o | DISTINCT status FROM source.o
string_agg(status, ',') FROM source.o | string_agg(status, ';') FROM source.o
string_agg(status, ',' ORDER BY ts) FROM source.o | string_agg(status, ',' ORDER BY ts DESC) FROM source.o
list(id ORDER BY ts NULLS FIRST) FROM source.o | list(id ORDER BY ts NULLS LAST) FROM source.o
sum(DISTINCT id) FROM source.o | sum(id) FROM source.o
sum(id) FILTER (WHERE qty > 1) FROM source.o | sum(id) FILTER (WHERE qty > 2) FROM source.o
quantile_cont(f, 0.5) FROM source.o | quantile_cont(f, 0.25) FROM source.o
arg_min(id, ts, 2) FROM source.o | arg_min(id, ts, 3) FROM source.o
sum(id) OVER (ORDER BY ts ROWS 6 PRECEDING) FROM source.o | sum(id) OVER (ORDER BY ts ROWS 5 PRECEDING) FROM source.o
sum(id) OVER (ORDER BY qty ROWS 2 PRECEDING EXCLUDE TIES) FROM source.o | sum(id) OVER (ORDER BY qty ROWS 2 PRECEDING) FROM source.o
lag(id, 1, 0) OVER (ORDER BY qty) FROM source.o | lag(id, 1, 1) OVER (ORDER BY qty) FROM source.o
first_value(id IGNORE NULLS) OVER (ORDER BY qty) FROM source.o | first_value(id) OVER (ORDER BY qty) FROM source.o
list(id ORDER BY ts) OVER (PARTITION BY cid) FROM source.o | list(id ORDER BY ds) OVER (PARTITION BY cid) FROM source.o
id FROM source.o QUALIFY row_number() OVER (PARTITION BY cid ORDER BY ts) = 1 | id FROM source.o QUALIFY row_number() OVER (PARTITION BY cid ORDER BY ds) = 1
strftime(ts, '%Y') FROM source.o | strftime(ts, '%m') FROM source.o
regexp_replace(status, 'a', 'b', 'g') FROM source.o | regexp_replace(status, 'a', 'b') FROM source.o
status LIKE 'a%' FROM source.o | status ILIKE 'a%' FROM source.o
list_transform(tags, lambda x: x || 'a') FROM source.o | list_transform(tags, lambda x: x || 'b') FROM source.o
list_filter(l, lambda x: x > 1) FROM source.o | list_filter(l, lambda x: x > 2) FROM source.o
a, b, list_transform(l::BIGINT[], lambda x, i: x) FROM (SELECT qty + 1 AS a, qty + 1 AS b, l FROM source.o ORDER BY a LIMIT 5) | a, b, list_transform(l::BIGINT[], lambda x, i: i) FROM (SELECT qty + 1 AS a, qty + 1 AS b, l FROM source.o ORDER BY a LIMIT 5)
list_aggregate(l, 'sum') FROM source.o | list_aggregate(l, 'min') FROM source.o
j->'$.a' FROM source.o | j->'$.b' FROM source.o
tz AT TIME ZONE 'Asia/Jakarta' FROM source.o | tz AT TIME ZONE 'Asia/Tokyo' FROM source.o
id FROM source.o LIMIT 10 | id FROM source.o LIMIT 11
id FROM source.o ORDER BY ts LIMIT 3 | id FROM source.o ORDER BY ts DESC LIMIT 3
id FROM source.o LIMIT 3 OFFSET 1 | id FROM source.o LIMIT 3 OFFSET 2
id FROM source.o USING SAMPLE 10% | id FROM source.o USING SAMPLE 20%
id FROM source.o UNION SELECT id FROM source.c | id FROM source.o UNION ALL SELECT id FROM source.c
id FROM source.o EXCEPT SELECT id FROM source.c | id FROM source.o EXCEPT ALL SELECT id FROM source.c
o.id FROM source.o o LEFT JOIN source.c c ON o.cid = c.id | o.id FROM source.o o JOIN source.c c ON o.cid = c.id
o.id FROM source.o o SEMI JOIN source.c c ON o.cid = c.id | o.id FROM source.o o ANTI JOIN source.c c ON o.cid = c.id
o.id FROM source.o o JOIN source.c c ON o.cid = c.id AND o.qty + c.ref > 3 | o.id FROM source.o o JOIN source.c c ON o.cid = c.id AND o.qty + c.ref > 4
o.id FROM source.o o LEFT JOIN source.c c ON o.cid = c.id AND (o.qty > 3 OR c.ref > 1) | o.id FROM source.o o LEFT JOIN source.c c ON o.cid = c.id AND (o.qty > 4 OR c.ref > 1)
o.id FROM source.o o ASOF JOIN source.c c ON o.cid = c.id AND o.ds >= c.since | o.id FROM source.o o ASOF JOIN source.c c ON o.cid = c.id AND o.ds > c.since
o.id, c.name FROM source.o o POSITIONAL JOIN source.c c | o.id, c.name FROM source.o o, source.c c
id FROM source.o WHERE cid NOT IN (SELECT id FROM source.c) | id FROM source.o WHERE cid NOT IN (SELECT ref FROM source.c)
id FROM source.o WHERE cid > ALL (SELECT id FROM source.c) | id FROM source.o WHERE cid > ANY (SELECT id FROM source.c)
count(*), cid, qty FROM source.o GROUP BY ROLLUP (cid, qty) | count(*), cid, qty FROM source.o GROUP BY CUBE (cid, qty)
grouping(cid), count(*) FROM source.o GROUP BY ROLLUP (cid, qty) | grouping(qty), count(*) FROM source.o GROUP BY ROLLUP (cid, qty)
DISTINCT ON (cid) id FROM source.o ORDER BY cid, ts | DISTINCT ON (cid) id FROM source.o ORDER BY cid, ds
* FROM range(10) | * FROM range(11)
* FROM source.o, unnest(l) t(x) | * FROM source.o, unnest(l) WITH ORDINALITY t(x)
unnest([[[1]]], max_depth := 2) FROM source.o | unnest([[[1]]], max_depth := 3) FROM source.o
(SELECT name FROM source.c WHERE c.id = o.cid) FROM source.o o | (SELECT country FROM source.c WHERE c.id = o.cid) FROM source.o o
(SELECT max(name) FROM source.c) FROM source.o | (SELECT min(name) FROM source.c) FROM source.o
x FROM source.o o, LATERAL (SELECT c.name x FROM source.c WHERE c.id = o.cid ORDER BY since LIMIT 1) | x FROM source.o o, LATERAL (SELECT c.name x FROM source.c WHERE c.id = o.cid ORDER BY ref LIMIT 1)
CASE WHEN getvariable('a') = 'x' THEN 1 ELSE 2 END FROM source.o | CASE WHEN getvariable('a') = 'x' THEN 1 ELSE 3 END FROM source.o
getvariable('a') FROM source.o | getvariable('b') FROM source.o
CASE WHEN now() > TIMESTAMPTZ '2020-01-01' THEN 1 ELSE 2 END FROM source.o | CASE WHEN now() > TIMESTAMPTZ '2020-01-01' THEN 1 ELSE 3 END FROM source.o
CASE WHEN getvariable('run_timestamp') > TIMESTAMPTZ '2020-01-01' THEN 1 ELSE 2 END FROM source.o | CASE WHEN getvariable('run_timestamp') > TIMESTAMPTZ '2020-01-01' THEN 1 ELSE 3 END FROM source.o
a.m FROM (SELECT * FROM source.c) x JOIN (SELECT cid, max(qty) AS m FROM source.o GROUP BY cid) a ON a.cid = x.id JOIN (SELECT cid, max(qty) AS m FROM source.o GROUP BY cid) b ON b.cid = x.ref | b.m FROM (SELECT * FROM source.c) x JOIN (SELECT cid, max(qty) AS m FROM source.o GROUP BY cid) a ON a.cid = x.id JOIN (SELECT cid, max(qty) AS m FROM source.o GROUP BY cid) b ON b.cid = x.ref
c.ref FROM source.o, source.c | c.id FROM source.o, source.c
o1.id FROM source.o o1 JOIN source.o o2 ON o1.id = o2.cid | o1.id FROM source.o o1 JOIN source.o o2 ON o1.cid = o2.id
x FROM source.o o LEFT JOIN (SELECT 1 AS x, id FROM source.c) c ON o.cid = c.id | 1 AS x FROM source.o o LEFT JOIN (SELECT 1 AS x, id FROM source.c) c ON o.cid = c.id
`

/** Two spellings of one thing on a line. */
const EQUAL = `
id, name FROM source.c | "id" , name /* the name */ from source.c -- all
c.id FROM source.c AS c | x.id FROM source.c AS x
id FROM source.c WHERE id <> 1 | id FROM source.c WHERE (id != 1)
c.id FROM source.c c JOIN source.o o ON c.id = o.cid | c.id FROM source.c c INNER JOIN source.o o ON (c.id = o.cid)
* FROM source.c | id, name, country, since, ref FROM source.c
* EXCLUDE (ref, since) FROM source.c | id, name, country FROM source.c
id FROM (SELECT id, name FROM source.c) | id FROM source.c
id + 1 AS a, a * 2 AS b FROM source.c | id + 1 AS a, (id + 1) * 2 AS b FROM source.c
count(*), country FROM source.c GROUP BY 2 | count(*), country FROM source.c GROUP BY country
CAST(id AS BIGINT) FROM source.c | id FROM source.c
`

const sides = (list: string): readonly (readonly [string, string])[] =>
  list
    .trim()
    .split('\n')
    .map((line) => {
      const [left = '', right = ''] = line.split(' | ')
      return [`SELECT ${left}`, `SELECT ${right}`] as const
    })

test('Queries that differ in one value, word or column have different forms', async () => {
  for (const [left, right] of sides(DIFFERENT)) {
    const [a, b] = await forms([left, right])
    assert.ok(a && b, `${a ? right : left} has no form`)
    assert.is.not(a.form, b.form, `${left}  ≠  ${right}`)
  }
})

test('Two spellings of one query have one form', async () => {
  for (const [left, right] of sides(EQUAL)) {
    const [a, b] = await forms([left, right])
    assert.ok(a && b, left)
    assert.is(a.form, b.form, `${left}  =  ${right}`)
  }
})

test('A form says which columns are scanned, after stars, aliases, USING and subqueries', async () => {
  const scans = async (sql: string) => Object.fromEntries((await forms([sql]))[0]?.scans ?? [['no form', []]])
  assert.equal(await scans('SELECT count(*) FROM source.c'), { 'source.c': [] })
  assert.equal(await scans('SELECT n FROM (SELECT name AS n, since FROM source.c WHERE ref > 1)'), {
    'source.c': ['name', 'ref'],
  })
  assert.equal(await scans('SELECT o.status FROM source.o o JOIN source.c c USING (id)'), {
    'source.c': ['id'],
    'source.o': ['id', 'status'],
  })
  assert.equal(await scans('SELECT id FROM source.o WHERE cid IN (SELECT ref FROM source.c WHERE country = $$x$$)'), {
    'source.c': ['country', 'ref'],
    'source.o': ['cid', 'id'],
  })
  assert.equal(await scans('SELECT c FROM source.c'), { 'source.c': ['country', 'id', 'name', 'ref', 'since'] })
  assert.equal(await scans('SELECT st.b FROM source.o'), { 'source.o': ['st'] })
})

test('A column that the relation has besides, or has elsewhere, makes no difference', async () => {
  const wider = table('source', 'c', 'extra VARCHAR; name VARCHAR; id BIGINT; country VARCHAR; since DATE; ref BIGINT')
  const [a] = await forms(['SELECT id, name FROM source.c WHERE ref > 1'])
  const [b] = await forms(['SELECT id, name FROM source.c WHERE ref > 1'], [wider])
  assert.is(a?.form, b?.form)
})

test('The type of a scanned column is part of the form', async () => {
  const [a] = await forms(['SELECT count(name) FROM source.c'])
  const [b] = await forms(['SELECT count(name) FROM source.c'], [table('source', 'c', 'name INTEGER')])
  assert.is.not(a?.form, b?.form)
})

test('A relation that was renamed is the same relation', async () => {
  const engine = await analysisEngine()
  const relations = [table('source', 'c', 'id BIGINT'), table('source', 'd', 'id BIGINT')]
  const [c = null, d = null] = await engine.plans(
    ['c', 'd'].map((name) => ({ sql: `SELECT id FROM source.${name}`, relations })),
  )
  assert.is.not(planForm(c)?.form, planForm(d)?.form)
  assert.is(planForm(c, new Map([['source.c', 'source.d']]))?.form, planForm(d)?.form)
})

const UNANSWERABLE: readonly string[] = [
  'SELECT id FROM source.c WHERE 1 = 0',
  "SELECT 'nan'::DOUBLE FROM source.c",
  'SELECT rowid FROM source.c',
  'SELECT nosuch FROM source.c',
  "SELECT current_setting('TimeZone') FROM source.c",
  'SELECT current_database() FROM source.c',
  'SELECT system.main.now() FROM source.c',
  'SELECT system.main.age(since::TIMESTAMP) FROM source.c',
  'SELECT version() FROM source.c',
  "SELECT nextval('s') FROM source.c",
  'SELECT id FROM source.c; SELECT ref FROM source.c',
]

test('What depends on the session, has no rows for certain or cannot be read has no form', async () => {
  for (const sql of UNANSWERABLE) assert.is((await forms([sql]))[0], null, sql)
})

test('Queries that are planned together have the plans that each has alone, and one without a plan spoils none', async () => {
  const sqls = [...sides(EQUAL).flat(), ...UNANSWERABLE, ...sides(DIFFERENT).flat().slice(0, 40)]
  const together = await forms(sqls)
  for (const [i, sql] of sqls.entries()) assert.is(together[i]?.form, (await forms([sql]))[0]?.form, sql)
})

test('Columns called like functions of the clock are columns, and age() counts to the day of the run', async () => {
  const relations = [table('source', 'p', 'age INTEGER; version VARCHAR; today DATE')]
  const [a] = await forms(["SELECT age, version, today, age(today, DATE '2020-01-01') FROM source.p"], relations)
  assert.ok(a)
  const [since, id] = await forms(['SELECT age(since::TIMESTAMP) FROM source.c', 'SELECT id FROM source.c'])
  assert.ok(since)
  assert.is.not(since?.form, id?.form)
})

test('The same text has another form under another setting', async () => {
  const engine = await analysisEngine()
  const sql =
    "SELECT CASE WHEN TIMESTAMPTZ '2020-01-01 23:30:00+00'::DATE = DATE '2020-01-01' THEN id END FROM source.c"
  const ask = async (settings: Readonly<Record<string, string>>) =>
    planForm((await engine.plans([{ sql, relations: RELATIONS, settings }]))[0] ?? null)?.form
  const utc = await ask({})
  assert.is.not(utc, await ask({ TimeZone: 'Asia/Jakarta' }))
  assert.is(utc, await ask({}))
})

/** A query, another one, and the tuples of their columns that are the same, of all that there are; `1`: which rows there are. */
const SAME_TUPLES = `
id, name, country FROM source.c | id, upper(name) AS name, country FROM source.c | 1; id; country; id,country
id, name FROM source.c | id, name FROM source.c WHERE ref > 1 |
id, name AS n FROM source.c | ref AS id, name AS n FROM source.c | 1; n
country, sum(id) AS s, max(ref) AS m FROM source.c GROUP BY 1 | country, sum(id) AS s, min(ref) AS m FROM source.c GROUP BY 1 | 1; country; s; country,s
country, sum(id) AS s FROM source.c GROUP BY 1 | name AS country, sum(id) AS s FROM source.c GROUP BY 1 |
id, row_number() OVER (ORDER BY ref, id) AS r FROM source.c | id, row_number() OVER (ORDER BY since, id) AS r FROM source.c | 1; id
r, n FROM (SELECT name AS n, row_number() OVER (ORDER BY ref, id) AS r FROM source.c) WHERE r < 3 | r, n FROM (SELECT name AS n, row_number() OVER (ORDER BY since, id) AS r FROM source.c) WHERE r < 3 |
id, name FROM source.c UNION ALL SELECT cid, status FROM source.o | id, name FROM source.c UNION ALL SELECT cid, upper(status) FROM source.o | 1; id
id, name FROM source.c UNION SELECT cid, status FROM source.o | id, name FROM source.c UNION SELECT cid, upper(status) FROM source.o |
id, name FROM source.c EXCEPT ALL SELECT cid, status FROM source.o | id, name FROM source.c EXCEPT ALL SELECT cid, upper(status) FROM source.o |
DISTINCT id, name FROM source.c | DISTINCT id, upper(name) AS name FROM source.c |
DISTINCT ON (id) id, name, country FROM source.c ORDER BY id, ref | DISTINCT ON (id) id, name, upper(country) AS country FROM source.c ORDER BY id, ref | 1; id; name; id,name
x.id, y.name FROM source.c x JOIN source.c y ON x.ref = y.id | x.id, x.name FROM source.c x JOIN source.c y ON x.ref = y.id | 1; id
o.id, c.name FROM source.o o LEFT JOIN source.c c ON o.cid > c.id OR c.ref = 1 | o.id, c.country AS name FROM source.o o LEFT JOIN source.c c ON o.cid > c.id OR c.ref = 1 | 1; id
o.id, c.name FROM source.o o LEFT JOIN source.c c ON o.cid > c.id OR c.ref = 1 | o.id, c.name FROM source.o o LEFT JOIN source.c c ON o.cid > c.id OR c.ref = 2 |
(SELECT min(ref) FROM source.c) AS m, qty AS q FROM source.o | (SELECT min(ref) FROM source.c) AS m, status AS q FROM source.o | 1; m
o.id, c.name FROM source.o o FULL JOIN source.c c ON o.cid = c.id | coalesce(o.id, 0) AS id, c.name FROM source.o o FULL JOIN source.c c ON o.cid = c.id | 1; name
id, getvariable('a') AS a FROM source.c WHERE name > getvariable('b') | id + 1 AS id, getvariable('a') AS a FROM source.c WHERE name > getvariable('b') | 1; a
id, random() AS a FROM source.c | id + 1 AS id, random() AS a FROM source.c | 1; a
id, unnest(l) AS x, qty FROM source.o | id, unnest(l) AS x, qty + 1 AS qty FROM source.o | 1; id; x; id,x
id, qty FROM source.o ORDER BY ts, id LIMIT 3 | id, qty + 1 AS qty FROM source.o ORDER BY ts, id LIMIT 3 | 1; id
id, st.a AS a, st.b AS b FROM source.o | id, st.a AS a, upper(st.b) AS b FROM source.o | 1; id; a; id,a
* FROM (WITH w AS MATERIALIZED (SELECT cid, max(qty) AS m, min(qty) AS n FROM source.o GROUP BY cid) SELECT x.cid AS a, x.m AS b, y.n AS c FROM w x JOIN w y ON x.m = y.cid) | * FROM (WITH w AS MATERIALIZED (SELECT cid, max(qty) AS m, min(id) AS n FROM source.o GROUP BY cid) SELECT x.cid AS a, y.m AS b, y.n AS c FROM w x JOIN w y ON x.m = y.cid) | 1; a
`

/** Every set of some columns. */
function tuplesOf([first, ...rest]: readonly string[]): readonly (readonly string[])[] {
  return first === undefined ? [[]] : tuplesOf(rest).flatMap((others) => [others, [first, ...others]])
}

test('The plan of all columns says of each tuple whether it is the same, and what it reads', async () => {
  const engine = await analysisEngine()
  for (const line of SAME_TUPLES.trim().split('\n')) {
    const [before = '', now = '', same = ''] = line.split(' | ').map((part) => part.replace(/ \|$/, ''))
    const [a, b] = [`SELECT ${before}`, `SELECT ${now}`]
    const [described] = await engine.describe([{ statements: [a], relations: RELATIONS }])
    if (described?.kind !== 'columns') throw new Error(a)
    const columns = described.columns.map((c) => c.name)
    const plans = new Plans(analysisEngine, noCache, new Map())
    const tuple = (sql: string, names: readonly string[]) => ({
      query: { sql, columns, relations: RELATIONS, settings: {} },
      columns: names,
    })
    const found: string[] = []
    for (const names of tuplesOf(columns)) {
      if ((await plans.equal('', tuple(a, names), tuple(b, names))) === true) found.push(names.join() || '1')
      const [own] = await forms([`SELECT ${names.join() || '1'} FROM (${b}) q`])
      const scans = await plans.scans('', tuple(b, names))
      for (const [relation, scanned] of scans ?? [])
        for (const name of scanned)
          assert.ok(own?.scans.get(relation)?.includes(name), `${b}: ${names.join()}: ${name}`)
    }
    assert.equal(found.sort(), same.split('; ').filter(Boolean).sort(), line)
  }
})

test('Text that is no plan is no answer', () => {
  for (const text of [
    '',
    '{',
    '[]',
    '{"error":true}',
    '{"error":false,"plans":[{"type":"LOGICAL_GET","name":"seq_scan"}]}',
  ])
    assert.is(planForm(text), null, text)
  assert.is(planForm(null), null)
})

test.run()
