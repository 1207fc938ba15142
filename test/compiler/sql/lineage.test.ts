// Queries with what each output column and the row set depend on. That it is true is shown on random queries by
// test/random-queries.test.ts.

import * as assert from 'uvu/assert'
import { analysed, relation } from '../../support/analysis.ts'
import { suite } from '../../support/suite.ts'

const test = suite('lineage')

const RELATIONS = [
  relation(
    'source.t(id INTEGER, name VARCHAR, amount DOUBLE, day DATE, tags VARCHAR[], s STRUCT(x INTEGER, y INTEGER))',
  ),
  relation('source.u(id INTEGER, v VARCHAR, price DECIMAL(10,2))'),
]

/** `rows: t.id | column: t.id u.v | …`, or `unknown`. */
async function lineageOf(sql: string): Promise<string> {
  const found = await analysed(sql, RELATIONS)
  if (found === null) return 'refused'
  if (found.traced === null) return 'unknown'
  const { rows, columns } = found.traced.lineage
  const words = (label: string, refs: readonly string[]): string =>
    [`${label}:`, ...refs.map((ref) => ref.replace('source.', ''))].join(' ')
  return [words('rows', rows), ...Object.entries(columns).map(([name, refs]) => words(name, refs))].join(' | ')
}

type Case = readonly [sql: string, lineage: string]

function cases(sentence: string, list: readonly Case[]): void {
  test(sentence, async () => {
    for (const [sql, lineage] of list) assert.is(await lineageOf(sql), lineage, sql)
  })
}

cases('columns are followed through names in any case, aliases and expressions', [
  [
    'SELECT t.ID AS key, Name || v FROM source.T JOIN source.u ON u.id = t.id',
    'rows: t.id u.id | key: t.id | ("Name" || v): t.name u.v',
  ],
  ['SELECT amount + 1 AS b, b * 2 AS c FROM source.t', 'rows: | b: t.amount | c: t.amount'],
  ["SELECT id AS name FROM source.t WHERE name = 'x'", 'rows: t.id t.name | name: t.id'],
  ['SELECT s.x AS v, t.s.y FROM source.t', 'rows: | v: t.s | y: t.s'],
  ['SELECT u FROM source.u', 'rows: | u: u.id u.price u.v'],
  ['SELECT v FROM source.u AS v', 'rows: | v: u.v'],
  [
    'SELECT v FROM source.t AS v SEMI JOIN source.u ON u.id = v.id',
    'rows: t.id u.id u.v | v: t.amount t.day t.id t.name t.s t.tags',
  ],
  ['SELECT list_transform(tags, x -> x || name) AS z FROM source.t', 'rows: | z: t.name t.tags'],
  ['SELECT 1 AS one, now() AS n, current_date AS d FROM source.t', 'rows: | one: | n: | d:'],
])

cases('stars are expanded, with EXCLUDE, REPLACE and RENAME', [
  ['SELECT * FROM source.u', 'rows: | id: u.id | v: u.v | price: u.price'],
  ['SELECT * EXCLUDE (v) REPLACE (price * id AS price) FROM source.u', 'rows: | id: u.id | price: u.id u.price'],
  ['SELECT u.* EXCLUDE (u.id), t.id AS k FROM source.t, source.u', 'rows: | v: u.v | price: u.price | k: t.id'],
  ['SELECT * RENAME (v AS w) FROM source.u', 'rows: | id: u.id | w: u.v | price: u.price'],
  ['SELECT COLUMNS(* EXCLUDE (v)) FROM source.u', 'rows: | id: u.id | price: u.price'],
  ["SELECT COLUMNS('i.*') FROM source.u", 'rows: | id: u.id u.price u.v | price: u.id u.price u.v'],
])

cases('filters, joins, grouping and order with a limit decide which rows there are', [
  ['SELECT name FROM source.t WHERE amount > 0', 'rows: t.amount | name: t.name'],
  [
    'SELECT day, name, count(*) AS n FROM source.t GROUP BY 1, 2',
    'rows: t.day t.name | day: t.day | name: t.name | n:',
  ],
  ['SELECT name, max(amount) AS m FROM source.t GROUP BY ALL', 'rows: t.name | name: t.name | m: t.amount'],
  ['SELECT (SELECT max(id) FROM source.u) AS x, count(*) AS n FROM source.t GROUP BY ALL', 'rows: u.id | x: u.id | n:'],
  ['SELECT max(amount) AS m FROM source.t HAVING count(id) > 1', 'rows: t.id | m: t.amount'],
  [
    'SELECT id FROM source.t QUALIFY row_number() OVER (PARTITION BY name ORDER BY day) = 1',
    'rows: t.day t.name | id: t.id',
  ],
  ['SELECT name FROM source.t ORDER BY amount LIMIT 3', 'rows: t.amount | name: t.name'],
  ['SELECT name, id FROM source.t ORDER BY 2 LIMIT 3', 'rows: t.id | name: t.name | id: t.id'],
  ['SELECT id, unnest(tags) AS tag FROM source.t', 'rows: t.tags | id: t.id | tag: t.tags'],
  ['SELECT id, tag FROM source.t, unnest(t.tags) AS q(tag)', 'rows: t.tags | id: t.id | tag: t.tags'],
])

cases('DISTINCT and set operations compare whole rows', [
  ['SELECT DISTINCT name, day FROM source.t', 'rows: t.day t.name | name: t.name | day: t.day'],
  ['SELECT count(*) AS n FROM (SELECT DISTINCT name FROM source.t)', 'rows: t.name | n:'],
  ['SELECT DISTINCT ON (name) id FROM source.t ORDER BY day', 'rows: t.day t.name | id: t.id'],
  ['SELECT id FROM source.t UNION ALL SELECT id FROM source.u', 'rows: | id: t.id u.id'],
  [
    'SELECT id, name FROM source.t UNION SELECT id, v FROM source.u',
    'rows: t.id t.name u.id u.v | id: t.id u.id | name: t.name u.v',
  ],
  [
    'SELECT id, name FROM source.t UNION ALL BY NAME SELECT v AS name, id FROM source.u',
    'rows: | id: t.id u.id | name: t.name u.v',
  ],
  ['SELECT id FROM source.t EXCEPT ALL SELECT id FROM source.u', 'rows: t.id u.id | id: t.id u.id'],
])

cases('USING and NATURAL read both sides', [
  ['SELECT id, v FROM source.t LEFT JOIN source.u USING (id)', 'rows: t.id u.id | id: t.id u.id | v: u.v'],
  ['SELECT * FROM source.u NATURAL JOIN source.u AS w', 'rows: u.id u.price u.v | id: u.id | v: u.v | price: u.price'],
  [
    'SELECT * FROM (SELECT id, day FROM source.t) JOIN source.u USING (id)',
    'rows: t.id u.id | id: t.id u.id | day: t.day | v: u.v | price: u.price',
  ],
  ['SELECT id FROM source.t SEMI JOIN source.u USING (id)', 'rows: t.id u.id | id: t.id'],
])

cases('CTEs, subqueries and what they are correlated with are followed', [
  [
    "WITH a(p) AS (SELECT name FROM source.t WHERE day > '2020-01-01'), z AS (SELECT v FROM source.u) SELECT p FROM a",
    'rows: t.day | p: t.name',
  ],
  ['SELECT q FROM (SELECT id, name FROM source.t) AS x(p, q)', 'rows: | q: t.name'],
  ['SELECT id FROM source.t WHERE EXISTS (SELECT v FROM source.u WHERE u.id = t.id)', 'rows: t.id u.id | id: t.id'],
  [
    'SELECT id, (SELECT max(v) FROM source.u WHERE u.id = t.id) AS m FROM source.t',
    'rows: | id: t.id | m: t.id u.id u.v',
  ],
  [
    'SELECT l.p FROM source.t, LATERAL (SELECT price AS p FROM source.u WHERE u.id = t.id) l',
    'rows: t.id u.id | p: u.price',
  ],
  [
    'WITH RECURSIVE r AS (SELECT id, 1 AS n FROM source.t UNION ALL SELECT u.id, n + 1 FROM r JOIN source.u ON r.id = u.id) SELECT n FROM r',
    'rows: t.id u.id | n: t.id u.id',
  ],
  ['SELECT k FROM source.u JOIN (VALUES (1)) AS x(k) ON x.k = u.id', 'rows: u.id | k:'],
])

cases('what makes columns in no simple way depends on everything it reads', [
  [
    "PIVOT source.u ON v IN ('a') USING sum(price) GROUP BY id",
    'rows: u.id u.price u.v | id: u.id u.price u.v | a: u.id u.price u.v',
  ],
  [
    'SELECT unnest(s) FROM source.t',
    'rows: t.s | x: t.amount t.day t.id t.name t.s t.tags | y: t.amount t.day t.id t.name t.s t.tags',
  ],
  ['SELECT rowid FROM source.u', 'unknown'],
])

test.run()
