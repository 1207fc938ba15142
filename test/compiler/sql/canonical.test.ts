// Pairs of statements: noise that gives one canonical form, and changes that give another.

import * as assert from 'uvu/assert'
import { canonicalSql } from '../../../compiler/sql/canonical.ts'
import { parsedStatement } from '../../support/analysis.ts'
import { suite } from '../../support/suite.ts'

const test = suite('canonical')

const hashOf = async (...texts: readonly string[]): Promise<string> =>
  canonicalSql(await Promise.all(texts.map(parsedStatement)))

type Pair = readonly [one: string, other: string]

function same(sentence: string, pairs: readonly Pair[]): void {
  test(sentence, async () => {
    for (const [one, other] of pairs) assert.is(await hashOf(one), await hashOf(other), `${one}\n${other}`)
  })
}

function different(sentence: string, pairs: readonly Pair[]): void {
  test(sentence, async () => {
    for (const [one, other] of pairs) assert.is.not(await hashOf(one), await hashOf(other), `${one}\n${other}`)
  })
}

same('formatting, comments and letter case of keywords are noise', [
  ['SELECT a, b FROM s.t WHERE a > 1', 'select a,\n  b -- the second\nfrom s.t /* here */\nwhere a>1'],
  ['PIVOT s.t ON a USING sum(b)', 'pivot s.t -- by a\n  on a using sum(b)'],
  ['CREATE TEMP TABLE x AS SELECT 1 AS a', 'create temp table x as\nselect 1 as a'],
])

same('letter case of identifiers is noise where no output column is named after it', [
  ['SELECT a AS x FROM s.t AS q WHERE q.a > 1', 'SELECT A AS x FROM S.T AS Q WHERE q.A > 1'],
  ['SELECT a FROM s.t ORDER BY b', 'SELECT A FROM s.t ORDER BY B'],
  ['WITH c AS (SELECT a AS y FROM s.t) SELECT y FROM c', 'WITH C AS (SELECT A AS y FROM s.t) SELECT Y FROM c'],
  [
    'SELECT sum(a) AS n FROM s.t JOIN s.u USING (id) GROUP BY ALL',
    'SELECT SUM(A) AS n FROM s.t JOIN s.u USING (ID) GROUP BY ALL',
  ],
  ['SELECT * EXCLUDE (a) FROM s.t', 'SELECT * EXCLUDE ("A") FROM s.t'],
])

same('spellings that mean the same are noise', [
  ['SELECT a FROM s.t WHERE a <> 1', 'SELECT a FROM s.t WHERE a != 1'],
  ['SELECT t.a FROM s.t INNER JOIN s.u ON t.a = u.a', 'SELECT t.a FROM s.t JOIN s.u ON t.a = u.a'],
  ['SELECT a AS b FROM s.t AS x', 'SELECT a b FROM s.t x'],
  ['SELECT a FROM s.t WHERE ((a) = (1))', 'SELECT a FROM s.t WHERE a = 1'],
  ['SELECT * FROM s.t', 'FROM s.t'],
  ['SELECT CAST(a AS INT) AS b FROM s.t', 'SELECT a::integer AS b FROM s.t'],
])

different('letter case that may show in the name of an output column is a change', [
  ['SELECT a AS x FROM s.t', 'SELECT a AS X FROM s.t'],
  ['SELECT sum(a) FROM s.t', 'SELECT sum(A) FROM s.t'],
  ['SELECT s.fld FROM s.t', 'SELECT s.FLD FROM s.t'],
  ['SELECT x FROM s.t AS x', 'SELECT X FROM s.t AS x'],
  ['SELECT 1 AS b, b FROM s.t', 'SELECT 1 AS b, B FROM s.t'],
  ['SELECT current_date FROM s.t', 'SELECT CURRENT_DATE FROM s.t'],
  ["SELECT {'a': 1} AS x", "SELECT {'A': 1} AS x"],
  ['SELECT * RENAME (a AS b) FROM s.t', 'SELECT * RENAME (a AS B) FROM s.t'],
  ['SELECT y FROM (SELECT a FROM s.t) AS q(y)', 'SELECT y FROM (SELECT a FROM s.t) AS q(Y)'],
  ['PIVOT s.t ON a USING sum(b) AS total', 'PIVOT s.t ON a USING sum(b) AS Total'],
])

different('identifiers that are not ASCII are compared as the engine does', [
  ['SELECT a FROM s."é"', 'SELECT a FROM s."É"'],
])

different('numbers and texts are kept digit by digit', [
  ['SELECT 9007199254740993 AS n', 'SELECT 9007199254740992 AS n'],
  ['SELECT 170141183460469231731687303715884105727 AS n', 'SELECT 170141183460469231731687303715884105726 AS n'],
  ['SELECT 1.10 AS n', 'SELECT 1.1 AS n'],
  ['SELECT 1e300 AS n', 'SELECT 1.0000000000000002e300 AS n'],
  ["SELECT 'a' AS n", "SELECT 'A' AS n"],
  ["SELECT 'a  b' AS n", "SELECT 'a b' AS n"],
])

different('what changes the result is a change', [
  ['SELECT a FROM s.t GROUP BY a', 'SELECT a FROM s.t GROUP BY CUBE (a)'],
  ['SELECT a FROM s.t UNION SELECT a FROM s.u', 'SELECT a FROM s.t UNION ALL SELECT a FROM s.u'],
  ['SELECT CAST(a AS INT) AS b FROM s.t', 'SELECT TRY_CAST(a AS INT) AS b FROM s.t'],
  ['SELECT sum(a) AS x FROM s.t', 'SELECT sum(DISTINCT a) AS x FROM s.t'],
  ['SELECT a FROM s.t LIMIT 1', 'SELECT a FROM s.t LIMIT 2'],
  [
    'WITH r AS MATERIALIZED (SELECT random() AS x) SELECT * FROM r, r AS q',
    'WITH r AS NOT MATERIALIZED (SELECT random() AS x) SELECT * FROM r, r AS q',
  ],
  ['SELECT a FROM s.t ORDER BY a', 'SELECT a FROM s.t ORDER BY a DESC'],
])

test('several statements are taken in order', async () => {
  const [one, other, query] = ['SET VARIABLE a = 1', 'SET VARIABLE b = 2', 'SELECT 1 AS x']
  assert.is(await hashOf(one, other, query), await hashOf('set variable a = 1', other, query))
  assert.is.not(await hashOf(one, other, query), await hashOf(other, one, query))
})

test.run()
