import * as assert from 'uvu/assert'
import { KEYWORDS, literal, quoteName, quotePath, readerCall, textLiteral } from '../../../compiler/dialect/duckdb.ts'
import { rowsOf, Session } from '../../support/duckdb.ts'
import { suite } from '../../support/suite.ts'

const test = suite('dialect of DuckDB')

test('The words that need quotes are those of the engine', async () => {
  const rows = await rowsOf(
    "SELECT DISTINCT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved' ORDER BY 1",
  )
  assert.equal(
    [...KEYWORDS].sort(),
    rows.map(([word]) => word),
  )
})

test('A quoted name names the same column, whatever it is made of', async () => {
  const session = await Session.open()
  const names = [
    'plain',
    'Mixed',
    'order',
    'SELECT',
    'a b',
    'a"b',
    "a'b",
    '1st',
    'überall',
    'a.b',
    'select * from x; --',
    '日本',
    ...KEYWORDS,
  ]
  for (const name of names)
    assert.equal(await session.rows(`SELECT ${quoteName(name)} FROM (SELECT 1 AS ${quoteName(name)})`), [['1']], name)
  assert.is(quoteName('order_id'), 'order_id')
  assert.is(quotePath('transform', 'order'), 'transform."order"')
})

test('A literal is the value that it was made of', async () => {
  const session = await Session.open()
  const texts = ["it's", 'a\\b', 'line\nbreak', '$$', "''", '--', '{{ x }}', '日本', '']
  for (const text of texts) assert.equal(await session.rows(`SELECT ${textLiteral(text)}`), [[text]])
  const value = { "it's": ['a', 'b'], n: 1.5, t: true, none: null }
  const [row] = await session.rows(`SELECT ${literal(value)}::JSON::VARCHAR`)
  assert.equal(JSON.parse(row?.[0] ?? ''), value)
})

test('A reader is called with one argument a line, or on one line when there is only the path', () => {
  assert.is(readerCall({ format: 'parquet', path: "'x'", options: {} }), "read_parquet('x')")
  assert.is(
    readerCall({ format: 'csv', path: "'x'", options: { delim: ';', header: true } }),
    "read_csv(\n  'x',\n  delim = ';',\n  header = true\n)",
  )
})

test.run()
