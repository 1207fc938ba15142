// Which texts in PostgreSQL's dialect DuckDB reads alike, so that its plans may say what an edit touches.

import * as assert from 'uvu/assert'
import { relation } from '../support/analysis.ts'
import { PostgresqlReadings } from '../support/postgresql-readings.ts'
import { suite } from '../support/suite.ts'

const test = suite('readings')

const RELATIONS = [
  relation(
    'source.t(id INTEGER, a INTEGER, b BIGINT, d DECIMAL(10,2), x DOUBLE, s VARCHAR, day DATE, ts TIMESTAMP, ok BOOLEAN)',
  ),
  relation('source.u(id INTEGER, n VARCHAR)'),
]
const readings = new PostgresqlReadings(RELATIONS)

const ALIKE = `
SELECT ID, a + 1 AS next, s FROM source.t WHERE a > 0 AND (b < 5 AND s = 'x')
SELECT t.id, sum(t.d) AS total, sum(a) AS units, count(*) AS n, max(d) AS most FROM source.t AS t JOIN source.u USING (id) GROUP BY t.id ORDER BY 1
SELECT x.*, u.n FROM source.t x LEFT JOIN source.u ON x.id = u.id WHERE x.day >= '2020-01-01' AND x.s LIKE 'a%' OR x.ok
SELECT source.t.id FROM source.t, source.u WHERE t.id = u.id
WITH c (k, v) AS (SELECT id, a FROM source.t), e AS (SELECT 1 AS one) SELECT c.k, CASE c.v WHEN 1 THEN 'one' ELSE 'many' END AS w FROM c
SELECT length(s) AS l, replace(s, 'a', 'b') AS r, s::text AS same FROM source.t ORDER BY s
SELECT s, id FROM source.t ORDER BY id DESC NULLS LAST LIMIT 3
SELECT DISTINCT a, d FROM source.t ORDER BY d DESC
SELECT id FROM source.t UNION ALL SELECT id FROM source.u
SELECT row_number() OVER (PARTITION BY a ORDER BY id) AS r, lag(d) OVER (ORDER BY id) AS p FROM source.t
SELECT a AS k, count(*) FILTER (WHERE ok) AS n FROM source.t GROUP BY k HAVING sum(d) > 10
SELECT id, (SELECT max(u.id) FROM source.u) AS m FROM source.t WHERE id IN (SELECT id FROM source.u) AND NOT EXISTS (SELECT 1 FROM source.u u WHERE u.id = t.a)
SELECT q.n FROM (SELECT a, sum(d) AS n FROM source.t GROUP BY a) q WHERE q.n > 100
SELECT x / 2 AS half, x * 1.5 AS more, coalesce(d, 0.00) AS z, coalesce(b, 0) AS y FROM source.t WHERE x > 3
SELECT extract(year FROM day) AS y, date_trunc('month', ts) AS m, day + 1 AS next FROM source.t
SELECT d * 1.5 AS m, round(d, 1) AS r, d::numeric(8,1) AS c, a::bigint AS w, id::text AS i FROM source.t
`
const OTHERWISE = `
SELECT 1/2 AS h FROM source.t
SELECT a / 2 AS h FROM source.t
SELECT 2 / 2 AS h FROM source.t
SELECT d / 2 AS h FROM source.t
SELECT avg(d) AS v FROM source.t
SELECT s, id FROM source.t ORDER BY id DESC LIMIT 3
SELECT s FROM source.t ORDER BY s LIMIT 3
SELECT id FROM source.t WHERE s < 'b'
SELECT max(s) AS m FROM source.t
SELECT upper(s) AS m FROM source.t
SELECT trim(s) AS m FROM source.t
SELECT id FROM source.t WHERE s ILIKE 'b%'
SELECT id FROM source.t WHERE s LIKE 'b\\_%'
SELECT id FROM source.t WHERE s ~ 'b'
SELECT a || s AS m FROM source.t
SELECT s::integer AS m FROM source.t
SELECT s::varchar(2) AS m FROM source.t
SELECT s::varchar AS m FROM source.t
SELECT x::numeric AS m FROM source.t
SELECT coalesce(d, 0) AS z FROM source.t
SELECT coalesce(sum(d), 0) AS z FROM source.t
SELECT CASE WHEN ok THEN d ELSE 0 END AS z FROM source.t
SELECT d AS z FROM source.t UNION ALL SELECT id FROM source.u
SELECT a ^ 2 AS p FROM source.t
SELECT extract(second FROM ts) AS z FROM source.t
SELECT now() AS n FROM source.t
SELECT random() AS n FROM source.t
SELECT t AS whole FROM source.t
SELECT ctid FROM source.t
SELECT "ID" FROM source.t
SELECT id FROM source.t NATURAL JOIN source.u
SELECT * FROM source.t JOIN source.u USING (id)
SELECT DISTINCT ON (a) a, d FROM source.t ORDER BY a, d
SELECT id FROM ONLY source.t
SELECT id FROM source.t ORDER BY generate_series(1, a)
SELECT unnest(ARRAY[1, 2]) AS u FROM source.t
SELECT id FROM source.t t, LATERAL (SELECT n FROM source.u WHERE u.id = t.id) q
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r
SELECT s AS "a b", id AS a FROM source.t GROUP BY 1, a, s
`
const isRead = async (sql: string): Promise<boolean> => (await readings.query(sql)) !== null
const lines = (text: string): readonly string[] => text.trim().split('\n')

test('A text that means on DuckDB what it means on PostgreSQL is read as it stands', async () => {
  for (const sql of lines(ALIKE)) assert.is(await isRead(sql), true, sql)
})

test('A text that one engine computes, orders or names in another way than the other is not', async () => {
  for (const sql of lines(OTHERWISE)) assert.is(await isRead(sql), false, sql)
})

test('Columns of a type that DuckDB has no counterpart of are not taken for one', async () => {
  const sql = "SELECT a FROM source.t WHERE s = 'x'"
  for (const type of ['citext', 'character(5)', 'character varying(5)', 'shop.mood'])
    assert.is(await new PostgresqlReadings(RELATIONS, { 'source.t': { s: type } }).query(sql), null, type)
  assert.is(
    await new PostgresqlReadings(RELATIONS, { 'source.t': { d: 'numeric' } }).query('SELECT d FROM source.t'),
    null,
  )
  assert.ok((await new PostgresqlReadings(RELATIONS, { 'source.t': { d: 'numeric' } }).query(sql)) !== null)
})

test('A text whose columns are other ones on the server is not read as DuckDB does', async () => {
  const sql = 'SELECT a AS x FROM source.t'
  assert.ok((await readings.query(sql, [{ name: 'x', type: 'INTEGER' }])) !== null)
  assert.is(await readings.query(sql, [{ name: 'X', type: 'INTEGER' }]), null)
  assert.is(await readings.query(sql, [{ name: 'x', type: 'VARCHAR' }]), null)
  assert.is(await readings.query('SELECT count(*) FROM source.t', [{ name: 'count', type: 'BIGINT' }]), null)
})

test('Of texts that are read alike the plans say whether an edit is a change', async () => {
  const isSame = async (a: string, b: string) => readings.isSame(a, b, ['id'])
  const of = (rest: string): string => `SELECT id, a FROM source.t AS t ${rest}`
  assert.is(await isSame(of('WHERE a > 1'), of('WHERE 1 < a')), true)
  assert.is(
    await isSame(of('WHERE a > 1'), 'WITH c AS (SELECT * FROM source.t) SELECT c.id, c.a FROM c WHERE c.a > 1'),
    true,
  )
  assert.is(await isSame(of('WHERE a > 1'), of('WHERE a > 2')), false)
  assert.is(await isSame(of("WHERE s = 'A'"), of("WHERE s = 'a'")), false)
  assert.is(await isSame(of('WHERE b > 1/2'), of('WHERE b > 0.5')), null)
})

test.run()
