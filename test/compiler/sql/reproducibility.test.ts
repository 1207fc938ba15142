// Queries with what is said about their being a function of their inputs. That it is true is shown on random queries by
// test/random-queries.test.ts.

import * as assert from 'uvu/assert'
import type { Reproducibility } from '../../../runtime/contract/manifest.ts'
import { analysed, relation, untraced } from '../../support/analysis.ts'
import { suite } from '../../support/suite.ts'

const test = suite('reproducibility')

const RELATIONS = [
  relation('source.t(id INTEGER, name VARCHAR, amount DOUBLE, day DATE, rate FLOAT)'),
  relation('source.u(id INTEGER, v VARCHAR, price DECIMAL(10,2), rowid VARCHAR)'),
]

/** `clock`, volatile functions, then what depends on an order; `` when there is nothing to say. */
const words = ({ clock, volatile, order_dependent }: Reproducibility): string =>
  [...(clock ? ['clock'] : []), ...volatile, ...order_dependent].join(' ')

function cases(sentence: string, list: readonly (readonly [sql: string, said: string])[]): void {
  test(sentence, async () => {
    for (const [sql, said] of list) {
      const found = await analysed(sql, RELATIONS)
      assert.ok(found, sql)
      assert.is(found && words(found.reproducibility), said, sql)
    }
  })
}

cases('reading the clock is noted, and keeps nothing from being reproducible', [
  ['SELECT now(), current_timestamp, current_date, today(), localtimestamp FROM source.t', 'clock'],
  ['SELECT age(day), ago(INTERVAL 1 DAY), pg_postmaster_start_time(), pg_conf_load_time() FROM source.t', 'clock'],
  ["SELECT getvariable('run_date') AS d FROM source.t", ''],
])

cases('volatile functions are named by the engine, and what reads the session is one', [
  ['SELECT random(), uuid(), gen_random_uuid() FROM source.t', 'gen_random_uuid random uuid'],
  ['SELECT age(day, day) FROM source.t', ''],
  ["SELECT current_setting('TimeZone'), version() FROM source.t", 'current_setting version'],
  ['SELECT vector_type(id), pg_sleep(0), format_type(1, 2) FROM source.t', 'format_type pg_sleep vector_type'],
  ["SELECT CASE WHEN id > 0 THEN id ELSE error('negative') END AS id FROM source.t", ''],
])

cases('picking and listing rows without a total order is named', [
  ['SELECT id FROM source.t LIMIT 3', 'limit'],
  ['SELECT id FROM source.t ORDER BY id OFFSET 2', 'limit'],
  ['SELECT id FROM source.t ORDER BY ALL LIMIT 3', ''],
  ['SELECT first(name), any_value(id), arg_max(name, id), mode(id) FROM source.t', 'any_value arg_max first mode'],
  ["SELECT list(name), string_agg(name, ','), array_agg(id) FROM source.t", 'array_agg list string_agg'],
  ["SELECT list(name ORDER BY name), string_agg(name, ',' ORDER BY name) FROM source.t", ''],
  ["SELECT string_agg(name, ',' ORDER BY id) FROM source.t", 'string_agg'],
  ['SELECT DISTINCT ON (name) id FROM source.t', 'distinct_on'],
  ['SELECT id FROM source.t TABLESAMPLE 10%', 'sample'],
  ['SELECT t.id FROM source.t POSITIONAL JOIN source.u', 'positional_join'],
  ['SELECT t.id FROM source.t ASOF JOIN source.u ON t.id >= u.id', 'asof_join'],
  ['SUMMARIZE source.t', 'float_sum summarize'],
  ['SELECT id, name FROM source.t ORDER BY id', ''],
])

cases('ranks that may tie are named, ranks of peers are not', [
  ['SELECT row_number() OVER (ORDER BY day) FROM source.t', 'row_number'],
  [
    'SELECT lag(id) OVER (ORDER BY day), first_value(id) OVER (ORDER BY day), ntile(4) OVER (ORDER BY day) FROM source.t',
    'first_value lag ntile',
  ],
  ['SELECT rank() OVER (ORDER BY day), dense_rank() OVER (ORDER BY day) FROM source.t', ''],
  ['SELECT count(*) OVER (ORDER BY day) FROM source.t', ''],
  ['SELECT count(*) OVER (ORDER BY day ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM source.t', 'rows_frame'],
])

cases('sums of floating-point numbers are named, sums of exact numbers are not', [
  ['SELECT sum(amount) FROM source.t', 'float_sum'],
  ['SELECT avg(rate) FROM source.t', 'float_sum'],
  ['SELECT sum(price), avg(id), sum(id * price) FROM source.u', ''],
  ['SELECT sum(CASE WHEN amount > 0 THEN 1 ELSE 0 END) AS n FROM source.t', ''],
  ['SELECT sum(coalesce(amount, 0)) FROM source.t', 'float_sum'],
  ['SELECT sum(x) FROM (SELECT price / 2 AS x FROM source.u)', 'float_sum'],
  ['SELECT sum(x) FROM (SELECT (SELECT max(amount) FROM source.t) AS x FROM source.u)', 'float_sum'],
  ['SELECT stddev(id) FROM source.u', 'float_sum'],
  ['SELECT min(amount), max(amount), count(amount) FROM source.t', ''],
])

cases('a column that is called rowid is a column', [['SELECT rowid FROM source.u', '']])

test('statements that have no tree are searched word by word', async () => {
  const found = await untraced(['PIVOT source.u ON v USING first(price) ORDER BY id LIMIT 3'])
  assert.is(words(found), 'first limit')
  const several = await untraced([
    'CREATE TEMP TABLE x AS SELECT random() AS r, now() AS n -- LIMIT uuid()',
    'SELECT sum(r) FROM x',
  ])
  assert.is(words(several), 'clock random float_sum')
  const changes = {
    'MERGE INTO x USING y ON x.a = y.a WHEN MATCHED THEN UPDATE': 'merge',
    'WITH z AS (FROM y) MERGE INTO x USING z USING (a) WHEN MATCHED THEN DELETE': 'merge',
    'UPDATE x SET b = y.b FROM y WHERE x.a = y.a': 'update_from',
    'UPDATE x SET b = 1 WHERE a IN (SELECT a FROM y)': '',
    'INSERT INTO x FROM y ON CONFLICT DO NOTHING': 'on_conflict',
    'INSERT OR REPLACE INTO x FROM y': 'on_conflict',
    'INSERT INTO x FROM y': '',
  }
  for (const [change, said] of Object.entries(changes))
    assert.is(words(await untraced([change, 'FROM x'])), said, change)
})

test.run()
