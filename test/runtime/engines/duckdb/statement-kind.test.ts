import * as assert from 'uvu/assert'
import { leadingKind } from '../../../../runtime/engines/duckdb/statement-kind.ts'
import { suite } from '../../../support/suite.ts'

const test = suite('statement kind')

test('The keyword that says what a statement does is found behind comments, parentheses and WITH', () => {
  const expected = {
    'SELECT 1': 'select',
    "-- INSERT\n/* UPDATE */ (((SELECT 'x')))": 'select',
    'FROM t': 'select',
    'INSERT INTO t SELECT 1': 'insert',
    'WITH a AS (DELETE FROM x) INSERT INTO t FROM a': 'insert',
    'WITH RECURSIVE a(n, m) AS (SELECT 1, 2), b AS MATERIALIZED (SELECT 3) UPDATE t SET n = 1': 'update',
    'WITH a AS (SELECT 1) DELETE FROM t': 'delete',
    'WITH a AS (SELECT 1) MERGE INTO t USING a ON true WHEN MATCHED THEN DELETE': 'merge',
    'MERGE INTO t USING a ON true WHEN MATCHED THEN DELETE': 'merge',
    'COPY t TO x': 'copy',
  }
  for (const [text, kind] of Object.entries(expected)) assert.is(leadingKind(text), kind, text)
})

test('A table of a WITH clause may have the name of a statement', () => {
  for (const name of ['load', 'update', 'start', 'call', 'copy', '"set"'])
    for (const text of [
      `WITH ${name} AS (SELECT 1 AS a) SELECT * FROM ${name}`,
      `WITH RECURSIVE first AS (SELECT 1), ${name}(a, b) AS NOT MATERIALIZED (SELECT 1, 2) FROM ${name}`,
    ])
      assert.is(leadingKind(text), 'select', text)
})

test.run()
