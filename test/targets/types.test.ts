// Values of every type arrive as they are: each is written, read back from the server, and compared as text with what the
// server makes of the same value written out by hand.

import * as assert from 'uvu/assert'
import { RESERVED } from '../../runtime/contract/postgresql-names.ts'
import { targetType } from '../../runtime/contract/target-types.ts'
import { holds } from '../../runtime/engines/postgresql/target-table.ts'
import { does, ends } from '../support/cli.ts'
import { suite } from '../support/suite.ts'
import { newDatabase, ordersNode, targetProject } from '../support/target-project.ts'

const test = suite('targets: types')

/** Expression for DuckDB, type there, and the value as PostgreSQL writes it. */
const VALUES: readonly (readonly [sql: string, type: string, literal: string | null])[] = [
  ['true', 'boolean', 'true'],
  ['(-128)::TINYINT', 'smallint', '-128'],
  ['255::UTINYINT', 'smallint', '255'],
  ['(-32768)::SMALLINT', 'smallint', '-32768'],
  ['65535::USMALLINT', 'integer', '65535'],
  ['2147483647::INTEGER', 'integer', '2147483647'],
  ['4294967295::UINTEGER', 'bigint', '4294967295'],
  ['(-9223372036854775808)::BIGINT', 'bigint', '-9223372036854775808'],
  ['18446744073709551615::UBIGINT', 'numeric(20,0)', '18446744073709551615'],
  ['99999999999999999999999999999999999999::HUGEINT', 'numeric(38,0)', '99999999999999999999999999999999999999'],
  [
    '(-12345678901234567890.123456789012345678)::DECIMAL(38,18)',
    'numeric(38,18)',
    '-12345678901234567890.123456789012345678',
  ],
  ['0.00::DECIMAL(4,2)', 'numeric(4,2)', '0.00'],
  ['0.1::DOUBLE', 'double precision', '0.1'],
  ['1e300::DOUBLE', 'double precision', '1e+300'],
  ['5e-324::DOUBLE', 'double precision', '5e-324'],
  ["'nan'::DOUBLE", 'double precision', 'NaN'],
  ["'-inf'::DOUBLE", 'double precision', '-Infinity'],
  ['0.1::FLOAT', 'real', '0.1'],
  ['(-0.0::DOUBLE)', 'double precision', '-0'],
  ["''", 'text', ''],
  ["'NULL'", 'text', 'NULL'],
  ["'\\N'", 'text', '\\N'],
  ["'\\.'", 'text', '\\.'],
  ["'a,b\"c''d\\e'", 'text', 'a,b"c\'d\\e'],
  ["'line' || chr(10) || 'two' || chr(13) || chr(10) || chr(9) || ' '", 'text', 'line\ntwo\r\n\t '],
  ["'ä€𝄞 ' || chr(65279) || chr(1)", 'text', 'ä€𝄞 \ufeff\u0001'],
  ["'\\x00\\xFF\\x5C'::BLOB", 'bytea', '\\x00ff5c'],
  ["''::BLOB", 'bytea', '\\x'],
  ["DATE '2026-02-28'", 'date', '2026-02-28'],
  ["DATE '0044-03-15 (BC)'", 'date', '0044-03-15 BC'],
  ["'infinity'::DATE", 'date', 'infinity'],
  ["DATE '9999-12-31'", 'date', '9999-12-31'],
  ["TIME '23:59:59.999999'", 'time without time zone', '23:59:59.999999'],
  ["TIMESTAMP '2026-03-01 10:00:00.000001'", 'timestamp without time zone', '2026-03-01 10:00:00.000001'],
  ["TIMESTAMP '0044-03-15 (BC) 10:00:00'", 'timestamp without time zone', '0044-03-15 10:00:00 BC'],
  ["'-infinity'::TIMESTAMP", 'timestamp without time zone', '-infinity'],
  ["TIMESTAMP_S '2026-03-01 10:00:00'", 'timestamp without time zone', '2026-03-01 10:00:00'],
  ["TIMESTAMPTZ '2026-03-01 10:00:00.5+07'", 'timestamp with time zone', '2026-03-01 03:00:00.5+00'],
  ["TIMESTAMPTZ '0044-03-15 (BC) 10:00:00+00'", 'timestamp with time zone', '0044-03-15 10:00:00+00 BC'],
  ["UUID '00112233-4455-6677-8899-AABBCCDDEEFF'", 'uuid', '00112233-4455-6677-8899-aabbccddeeff'],
  ['\'{"b": 1.50, "a": [null, "x"]}\'::JSON', 'json', '{"b": 1.50, "a": [null, "x"]}'],
  ['[1, NULL, 3]', 'integer[]', '{1,NULL,3}'],
  ['[]::INTEGER[]', 'integer[]', '{}'],
  ["['a,b', 'c\"d', 'e\\f', '', 'NULL', NULL, '{g}']", 'text[]', '{"a,b","c\\"d","e\\\\f","","NULL",NULL,"{g}"}'],
  ["[DATE '2026-03-01', DATE '0044-03-15 (BC)']", 'date[]', '{2026-03-01,"0044-03-15 BC"}'],
  ["['\\xFF'::BLOB]", 'bytea[]', '{"\\\\xff"}'],
  ['[1.50::DECIMAL(5,2)]', 'numeric(5,2)[]', '{1.50}'],
  ["{'a': 1, 'b c': ['x', NULL], 'd': DATE '2026-03-01'}", 'jsonb', '{"a": 1, "d": "2026-03-01", "b c": ["x", null]}'],
  ["MAP {'k': 1, 'l': NULL}", 'jsonb', '{"k": 1, "l": null}'],
  ['[[1], [2, 3]]', 'jsonb', '[[1], [2, 3]]'],
  [
    '[\'{"a": 1.10, "b": 123456789012345678901234567890.123}\'::JSON, NULL, \'null\'::JSON, \'"x"\'::JSON]',
    'jsonb',
    '[{"a": 1.10, "b": 123456789012345678901234567890.123}, null, null, "x"]',
  ],
  ["[['1.10'::JSON], NULL, []]", 'jsonb', '[[1.10], null, []]'],
  ["{'d': 12345678901234567890.12::DECIMAL(38,2)}", 'jsonb', null],
]

/** Types whose rows reach the server in its binary format, unless a column of another type is among them. */
const BINARY = VALUES.filter(([, type]) => !type.endsWith('[]'))

for (const [how, values] of [
  ['as text', VALUES],
  ['in binary', BINARY],
] as const)
  test(`every value of every type arrives as it is, and NULL as NULL, ${how}`, () => arrives(values))

async function arrives(values: typeof VALUES): Promise<void> {
  const columns = values.map(([sql], i) => `CASE WHEN id = 1 THEN ${sql} END AS c${i}`).join(', ')
  const project = await targetProject({ sql: `SELECT id, ${columns} FROM` })
  // No type that a run gives a new table stands in the way of filling it without a staging table.
  const { database, superuser, user } = project.database
  await superuser(`REVOKE TEMPORARY ON DATABASE ${database} FROM PUBLIC, ${user}`)
  await does(project.folder, ['run'])
  const types = await project.rows(
    "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'analytics.orders'::regclass AND attnum > 1 ORDER BY attnum",
  )
  const made = await project.database.sql(
    `SET TimeZone = 'UTC'; SELECT ${values.map((_, i) => `c${i}::text`).join(', ')} FROM analytics.orders WHERE id = 1`,
  )
  values.forEach(([sql, type, literal], i) => {
    assert.is(types[i]?.[1], type, sql)
    if (literal !== null) assert.is(made[0]?.[`c${i}`], literal, sql)
  })
  assert.match(String(made[0]?.[`c${values.length - 1}`]), /12345678901234567890/)
  const isNull = values.map((_, i) => `c${i} IS NULL`).join(' AND ')
  assert.equal(await project.rows(`SELECT count(*) FROM analytics.orders WHERE id <> 1 AND ${isNull}`), [['2']])
}

/** A node whose rows are those of a SELECT without inputs. */
const ownRows = (select: string): string =>
  ordersNode({ sql: `${select} WHERE (SELECT count(*) FROM` }).replace(
    / ref\('source\.raw'\)\n$/,
    " ref('source.raw')) > 0\n",
  )

test('numbers at the edges of what a format holds arrive digit by digit', async () => {
  const whole = ['0', '1', '4294967295', '4294967296', '999999999999999', '1000000000000000', '9007199254740993']
  const all = [...whole, '1234567890123456789', '9223372036854775807'].flatMap((n) => [n, `-${n}`])
  const digits = ['0.0001', '0.1000', '9999.9999', '10000.0001', '100000000.0000', '99999999999999.9999']
  const decimals = digits.flatMap((n) => [n, `-${n}`])
  const list = (texts: readonly string[], type: string): string =>
    `unnest([${texts.map((text) => `'${text}'`).join(', ')}]::${type}[])`
  const project = await targetProject()
  const select = `SELECT ${list(all, 'BIGINT')} AS n, ${list(decimals, 'DECIMAL(18,4)')} AS d FROM range(1)`
  project.write('seeknal/orders.yml', ownRows(select))
  await does(project.folder, ['run'])
  const found = await project.database.sql('SELECT n::text, d::text FROM analytics.orders')
  const texts = (column: string) => found.flatMap((row) => (row[column] === null ? [] : [String(row[column])])).sort()
  assert.equal(texts('n'), all.map((n) => (n === '-0' ? '0' : n)).sort())
  assert.equal(texts('d'), [...decimals].sort())
})

test('many rows of any length arrive whole, whatever the pieces in which they are sent', async () => {
  const project = await targetProject()
  const values = `CASE WHEN id % 7 = 0 THEN NULL ELSE repeat('ä,', (id % 97)::INTEGER) END AS t,
    (id * 7919 % 1000003) / 1::DECIMAL(10,0) AS f, CASE WHEN id % 5 > 0 THEN id * 1234567 END AS n,
    DATE '2000-01-01' + (id % 20000 - 10000)::INTEGER AS day`
  project.write(
    'seeknal/orders.yml',
    ownRows(
      `SELECT id, ${values.replace(/\s+/g, ' ')}, repeat('ß', CASE WHEN id % 10000 = 0 THEN 300000 ELSE 0 END) AS wide FROM range(40000) t(id)`,
    ),
  )
  await does(project.folder, ['run'])
  const rows = await project.database.sql(
    `SELECT count(*)::int AS count, count(DISTINCT o.id)::int AS ids, count(*) FILTER (WHERE o.t IS NOT DISTINCT FROM v.t AND o.f = v.f
       AND o.n IS NOT DISTINCT FROM v.n AND o.day = v.day AND length(o.wide) = CASE WHEN o.id % 10000 = 0 THEN 300000 ELSE 0 END)::int AS same
     FROM analytics.orders o, LATERAL (SELECT ${values.replace('/ 1::DECIMAL(10,0)', '')} FROM (SELECT o.id) AS i) AS v`,
  )
  assert.equal(rows, [{ count: 40_000, ids: 40_000, same: 40_000 }])
})

test('days that PostgreSQL does not have are refused, never another day', async () => {
  for (const value of ["DATE '5877642-06-25 (BC)'", "TIMESTAMP '290308-01-01 (BC) 00:00:00'", "DATE '5880000-01-01'"]) {
    const project = await targetProject({ sql: `SELECT id, ${value} AS day FROM` })
    assert.match((await ends(1, project.folder, ['run'])).err, /out of range/, value)
    assert.equal(await project.rows("SELECT 1 FROM pg_tables WHERE schemaname = 'analytics'"), [])
  }
})

test('a table of one column keeps every text apart from NULL and from the end of the rows', async () => {
  const project = await targetProject()
  project.write(
    'seeknal/orders.yml',
    ownRows("SELECT unnest(['', '\\.', 'NULL', NULL, ' ', '\\N', '\"']) AS t FROM range(1)"),
  )
  await does(project.folder, ['run'])
  const rows = await project.rows('SELECT t FROM analytics.orders ORDER BY t NULLS FIRST')
  assert.equal(
    rows.map(([t]) => t),
    [null, '', ' ', '"', 'NULL', '\\.', '\\N'],
  )
})

test('types that no table can hold have none', () => {
  for (const type of ['TIMESTAMP_NS', 'TIMESTAMP_NS[]', 'STRUCT(a TIMESTAMP_NS)', 'GEOMETRY', 'VARIANT'])
    assert.is(targetType(type), null, type)
})

test('a column holds what it takes without rounding or cutting', () => {
  const fits = [
    'integer<smallint',
    'bigint<integer',
    'numeric<bigint',
    'numeric(10,2)<numeric(5,2)',
    'numeric<numeric(38,18)',
    'character varying(9)<text',
    'jsonb<json',
    'double precision<real',
  ]
  const not = [
    'smallint<integer',
    'numeric(10,0)<numeric(5,2)',
    'character(9)<text',
    'real<double precision',
    'timestamp without time zone<timestamp with time zone',
    'text<bigint',
    'date<timestamp without time zone',
    'bigint<numeric(10,2)',
  ]
  const holdsIt = (pair: string): boolean => {
    const [column = '', type = ''] = pair.split('<')
    return holds(column, type)
  }
  assert.equal(
    fits.filter((pair) => !holdsIt(pair)),
    [],
  )
  assert.equal(not.filter(holdsIt), [])
})

test("words that need quotes are the server's", async () => {
  const database = await newDatabase()
  const words = await database.sql("SELECT word FROM pg_get_keywords() WHERE catcode <> 'U'")
  assert.equal(
    words.map(({ word }) => String(word)).filter((word) => !RESERVED.has(word)),
    [],
  )
})

test.run()
