// Every type of PostgreSQL that has one in DuckDB arrives as it was, value by value; any other as the server's own text.

import * as assert from 'uvu/assert'
import { cli, does, ends, records, rowsOf } from '../../support/cli.ts'
import { postgresServer, type TestDatabase } from '../../support/postgres.ts'
import { databaseProject, passwordOf, sourceOf } from '../../support/postgres-project.ts'
import { suite } from '../../support/suite.ts'
import { writeFiles } from '../../support/temp.ts'

const test = suite('cli/postgresql/types')

let made: Promise<TestDatabase> | null = null

async function database(): Promise<TestDatabase> {
  const server = await postgresServer()
  made ??= server.create({ database: 'types', user: 'types', password: 'types-secret' })
  return made
}

interface Case {
  /** In PostgreSQL. */
  readonly type: string
  /** Of the output. */
  readonly stored: string
  /** Literal of PostgreSQL → expression of DuckDB that must be the stored value. */
  readonly values: Readonly<Record<string, string>>
}

const same = (type: string, ...texts: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(texts.map((text) => [`'${text}'`, `CAST('${text}' AS ${type})`]))

const CASES: readonly Case[] = [
  { type: 'boolean', stored: 'BOOLEAN', values: { true: 'true', false: 'false' } },
  { type: 'int2', stored: 'SMALLINT', values: same('SMALLINT', '-32768', '32767') },
  { type: 'int4', stored: 'INTEGER', values: same('INTEGER', '-2147483648', '2147483647') },
  { type: 'int8', stored: 'BIGINT', values: same('BIGINT', '-9223372036854775808', '9223372036854775807') },
  { type: 'oid', stored: 'BIGINT', values: same('BIGINT', '4294967295') },
  { type: 'numeric(10,2)', stored: 'DECIMAL(10,2)', values: same('DECIMAL(10,2)', '-99999999.99', '0.10') },
  {
    type: 'numeric(38,10)',
    stored: 'DECIMAL(38,10)',
    values: same('DECIMAL(38,10)', '1234567890123456789012345678.0123456789'),
  },
  { type: 'numeric(5,-2)', stored: 'DECIMAL(7,0)', values: { '12345': "CAST('12300' AS DECIMAL(7,0))" } },
  { type: 'numeric(2,4)', stored: 'DECIMAL(4,4)', values: same('DECIMAL(4,4)', '0.0012') },
  {
    type: 'numeric(40,2)',
    stored: 'VARCHAR',
    values: { '12345678901234567890123456789012345678.01': "'12345678901234567890123456789012345678.01'" },
  },
  {
    type: 'numeric',
    stored: 'VARCHAR',
    values: {
      '1.10': "'1.10'",
      "'NaN'": "'NaN'",
      '0.00000000000000000000000000000000000000000000001': "'0.00000000000000000000000000000000000000000000001'",
    },
  },
  {
    type: 'float4',
    stored: 'FLOAT',
    values: same('FLOAT', '0.1', '3.4028235e+38', '1e-45', 'NaN', 'Infinity', '-Infinity'),
  },
  {
    type: 'float8',
    stored: 'DOUBLE',
    values: same('DOUBLE', '0.1', '0.30000000000000004', '5e-324', 'NaN', 'Infinity', '-Infinity'),
  },
  {
    type: 'text',
    stored: 'VARCHAR',
    values: {
      "''": "''",
      "' x '": "' x '",
      "'\\N'": "'\\N'",
      "'\\.'": "'\\.'",
      "'NULL'": "'NULL'",
      "'a,b\"c''d'": "'a,b\"c''d'",
      "E'line\\nfeed\\r\\nand\\ttab'": "'line' || chr(10) || 'feed' || chr(13) || chr(10) || 'and' || chr(9) || 'tab'",
      "U&'\\+01F600 \\4E2D\\6587 e\\0301'": "'😀 中文 e\u0301'",
      'repeat(\'long """\n\', 300000)': 'repeat(\'long """\' || chr(10), 300000)',
    },
  },
  { type: 'varchar(5)', stored: 'VARCHAR', values: { "'abc'": "'abc'" } },
  { type: 'char(5)', stored: 'VARCHAR', values: { "'abc'": "'abc  '" } },
  { type: 'bytea', stored: 'BLOB', values: { "'\\x00ff5c'": "unhex('00ff5c')", "''": "unhex('')" } },
  {
    type: 'date',
    stored: 'DATE',
    values: {
      ...same('DATE', '2026-01-31', '0001-01-01', '5874897-12-31', 'infinity', '-infinity'),
      "'0044-03-15 BC'": "CAST('0044-03-15 (BC)' AS DATE)",
    },
  },
  { type: 'time', stored: 'TIME', values: same('TIME', '00:00:00', '12:34:56.123456', '24:00:00') },
  { type: 'timetz', stored: 'VARCHAR', values: { "'12:34:56.1+05:30'": "'12:34:56.1+05:30'" } },
  {
    type: 'timestamp',
    stored: 'TIMESTAMP',
    values: {
      ...same('TIMESTAMP', '2026-01-31 12:34:56.123456', '0001-01-01 00:00:00', 'infinity', '-infinity'),
      "'0044-03-15 10:00:00.5 BC'": "CAST('0044-03-15 (BC) 10:00:00.5' AS TIMESTAMP)",
      "'4713-11-24 00:00:00 BC'": "CAST('4713-11-24 (BC) 00:00:00' AS TIMESTAMP)",
    },
  },
  {
    type: 'timestamptz',
    stored: 'TIMESTAMP WITH TIME ZONE',
    values: {
      ...same('TIMESTAMPTZ', '2026-01-31 12:34:56.123456+07', '1900-01-01 00:00:00+00', 'infinity', '-infinity'),
      "'0044-03-15 10:00:00.5+00 BC'": "CAST('0044-03-15 (BC) 10:00:00.5+00' AS TIMESTAMPTZ)",
      "'4713-11-24 00:00:00+00 BC'": "CAST('4713-11-24 (BC) 00:00:00+00' AS TIMESTAMPTZ)",
    },
  },
  {
    type: 'interval',
    stored: 'VARCHAR',
    values: { "'-1 day +02:03:04.000005'": "'-1 days +02:03:04.000005'", "'1 year 2 mons'": "'1 year 2 mons'" },
  },
  { type: 'uuid', stored: 'UUID', values: same('UUID', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11') },
  { type: 'json', stored: 'JSON', values: { '\'{"a": 1.10, "a": null}\'': '\'{"a": 1.10, "a": null}\'' } },
  { type: 'jsonb', stored: 'JSON', values: { '\'{"b": [1, "x\\n"]}\'': '\'{"b": [1, "x\\n"]}\'' } },
  { type: 'mood', stored: 'VARCHAR', values: { "'so, so'": "'so, so'" } },
  { type: 'positive', stored: 'DECIMAL(8,3)', values: { '1.125': "CAST('1.125' AS DECIMAL(8,3))" } },
  { type: 'inet', stored: 'VARCHAR', values: { "'10.0.0.1/8'": "'10.0.0.1/8'" } },
  { type: 'int4range', stored: 'VARCHAR', values: { "'[1,5)'": "'[1,5)'" } },
  { type: 'pair', stored: 'VARCHAR', values: { "ROW(1, 'x,y')": '\'(1,"x,y")\'' } },
  { type: 'bit(3)', stored: 'VARCHAR', values: { "B'101'": "'101'" } },
  { type: 'int4[]', stored: 'INTEGER[]', values: { "'{1,NULL,-3}'": '[1, NULL, -3]', "'{}'": '[]::INTEGER[]' } },
  { type: 'int4[][]', stored: 'INTEGER[][]', values: { "'{{1,2},{3,NULL}}'": '[[1, 2], [3, NULL]]' } },
  {
    type: 'text[]',
    stored: 'VARCHAR[]',
    values: { "ARRAY['a,b', '', NULL, 'NULL', E'q\"\\\\\\n']": "['a,b', '', NULL, 'NULL', 'q\"\\' || chr(10)]" },
  },
  {
    type: 'numeric(30,20)[]',
    stored: 'DECIMAL(30,20)[]',
    values: { "'{1.00000000000000000001}'": "['1.00000000000000000001'::DECIMAL(30,20)]" },
  },
  {
    type: 'float8[]',
    stored: 'DOUBLE[]',
    values: { "'{0.1,NaN,-Infinity}'": "[0.1, 'NaN'::DOUBLE, '-Infinity'::DOUBLE]" },
  },
  {
    type: 'timestamptz[]',
    stored: 'TIMESTAMP WITH TIME ZONE[]',
    values: {
      "'{2026-01-31 12:00:00+07}'": "['2026-01-31 05:00:00+00'::TIMESTAMPTZ]",
      "'{infinity,NULL,0044-03-15 10:00:00+00 BC,2026-01-31 12:00:00+07}'":
        "['infinity'::TIMESTAMPTZ, NULL, '0044-03-15 (BC) 10:00:00+00'::TIMESTAMPTZ, '2026-01-31 05:00:00+00'::TIMESTAMPTZ]",
    },
  },
  {
    type: 'timestamp[]',
    stored: 'TIMESTAMP[]',
    values: {
      "'{0044-03-15 10:00:00 BC,0043-03-15 10:00:00 BC,-infinity}'":
        "['0044-03-15 (BC) 10:00:00'::TIMESTAMP, '0043-03-15 (BC) 10:00:00'::TIMESTAMP, '-infinity'::TIMESTAMP]",
    },
  },
  {
    type: 'jsonb[]',
    stored: 'JSON[]',
    values: {
      'ARRAY[\'{"a": [1, "x"]}\'::jsonb, NULL, \'null\', \'"q\\""\']':
        '[\'{"a": [1, "x"]}\'::JSON, NULL, \'null\'::JSON, \'"q\\""\'::JSON]',
    },
  },
  {
    type: 'json[][]',
    stored: 'JSON[][]',
    values: { "ARRAY[['{\"a\":1.10}'::json], ['2']]": "[['{\"a\":1.10}'::JSON], ['2'::JSON]]" },
  },
  {
    type: 'date[]',
    stored: 'DATE[]',
    values: { "'{2026-01-31,0044-03-15 BC}'": "['2026-01-31'::DATE, '0044-03-15 (BC)'::DATE]" },
  },
  { type: 'bool[]', stored: 'BOOLEAN[]', values: { "'{t,f,NULL}'": '[true, false, NULL]' } },
  {
    type: 'uuid[]',
    stored: 'UUID[]',
    values: { "'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'": "['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID]" },
  },
  { type: 'bytea[]', stored: 'VARCHAR[]', values: { "ARRAY['\\x00ff'::bytea]": "['\\x00ff']" } },
]

test('Every value of every type arrives as it was, and NULL as NULL', async () => {
  const db = await database()
  const columns = CASES.map(({ type }, i) => `c${i} ${type}`)
  const rows = Math.max(...CASES.map(({ values }) => Object.keys(values).length))
  const inserts = Array.from({ length: rows + 1 }, (_, row) => {
    const values = CASES.map(({ values, type }) => {
      const literal = Object.keys(values)[row]
      return literal === undefined ? 'NULL' : `CAST(${literal} AS ${type})`
    })
    return `INSERT INTO every.type VALUES (${row}, ${values.join(', ')})`
  })
  await db.sql(`CREATE SCHEMA every; CREATE TYPE mood AS ENUM ('so, so', 'happy'); CREATE DOMAIN amount AS numeric(8,3);
    CREATE DOMAIN positive AS amount CHECK (VALUE > 0); CREATE TYPE pair AS (n int, t text);
    CREATE TABLE every.type (row int, ${columns.join(', ')}); ${inserts.join('; ')}`)
  const folder = databaseProject(db, {
    'seeknal/types.yml': sourceOf('types', 'connection: warehouse\ntable: every.type\n'),
  })
  await does(folder, ['run'], passwordOf(db))
  const described = await rowsOf(folder, 'SELECT column_name, column_type FROM (DESCRIBE source.types)')
  assert.equal(
    described.slice(1).map(([, ...type]) => type.join(',').replaceAll('"', '')),
    CASES.map(({ stored }) => stored),
  )
  const checks = CASES.flatMap(({ type, values }, i) =>
    Array.from({ length: rows + 1 }, (_, row) => {
      const expected = Object.values(values)[row] ?? 'NULL'
      return `SELECT '${type.replaceAll("'", "''")} ${row}' AS what WHERE (SELECT c${i} FROM source.types WHERE row = ${row}) IS DISTINCT FROM ${expected}`
    }),
  )
  assert.equal(await rowsOf(folder, checks.join('\nUNION ALL ')), [])
})

test('A text that begins with a byte order mark keeps it, also as the first of all', async () => {
  const db = await database()
  await db.sql("CREATE TABLE marked (a text, b int); INSERT INTO marked VALUES (U&'\\FEFFx', 1), (U&'\\FEFF', 2)")
  const folder = databaseProject(db, {
    'seeknal/marked.yml': sourceOf('marked', 'connection: warehouse\ntable: public.marked\n'),
  })
  await does(folder, ['run'], passwordOf(db))
  assert.equal(await rowsOf(folder, 'SELECT length(a), unicode(a) FROM source.marked ORDER BY b'), [
    ['2', '65279'],
    ['1', '65279'],
  ])
})

test('A value that no type here holds fails its source, and never becomes NULL', async () => {
  const db = await database()
  await db.sql(`CREATE TABLE late (a timestamptz); INSERT INTO late VALUES ('294276-12-31 00:00:00+00');
    CREATE TABLE nan (a numeric(10,2)); INSERT INTO nan VALUES (1), ('NaN')`)
  const folder = databaseProject(db, {
    'seeknal/late.yml': sourceOf('late', 'connection: warehouse\ntable: public.late\n'),
    'seeknal/nan.yml': sourceOf('nan', 'connection: warehouse\ntable: public.nan\n'),
  })
  const { err } = await ends(1, folder, ['run', '--continue-on-error'], passwordOf(db))
  assert.match(err, /source\.late: .*294276-12-31/)
  assert.match(
    err,
    /source\.nan: CSV Error on Line: 2\n.*\n.*Could not convert string "NaN" to 'DECIMAL' \[STEP_FAILED\]/,
  )
  assert.match(err, "Declare a type that holds every value of the column below 'columns:'")
  assert.not.match(err, 'nullstr')
  writeFiles(folder, {
    'seeknal/late.yml': sourceOf('late', 'connection: warehouse\ntable: public.late\ncolumns: {a: VARCHAR}\n'),
    'seeknal/nan.yml': sourceOf('nan', 'connection: warehouse\ntable: public.nan\ncolumns: {a: DOUBLE}\n'),
  })
  await does(folder, ['run'], passwordOf(db))
  assert.equal(await rowsOf(folder, 'SELECT (SELECT a FROM source.late), (SELECT max(a) FROM source.nan)'), [
    ['294276-12-31 00:00:00+00', 'nan'],
  ])
})

test('A table without columns is a mistake before anything runs', async () => {
  const db = await database()
  await db.sql('CREATE TABLE bare ()')
  const folder = databaseProject(db, {
    'seeknal/bare.yml': sourceOf('bare', 'connection: warehouse\ntable: public.bare\n'),
  })
  const { err } = await ends(2, folder, ['validate'], passwordOf(db))
  assert.match(err, /bare\.yml:5:8: 'source\.bare' reads a table without any column\. \[BIND_COLUMN_NOT_FOUND\]/)
})

test('A number with more digits than its declared type keeps is an error that names the column', async () => {
  const db = await database()
  await db.sql('CREATE TABLE exact (a numeric, b numeric); INSERT INTO exact VALUES (1.250, 3), (-2.00, 4)')
  const declared = (a: string, b: string) =>
    sourceOf('exact', `connection: warehouse\ntable: public.exact\ncolumns: {a: "${a}", b: "${b}"}\n`)
  const folder = databaseProject(db, { 'seeknal/exact.yml': declared('DECIMAL(10,2)', 'BIGINT') })
  const options = passwordOf(db)
  await does(folder, ['run'], options)
  assert.equal(await rowsOf(folder, 'SELECT a, b FROM source.exact ORDER BY a'), [
    ['-2.00', '4'],
    ['1.25', '3'],
  ])
  writeFiles(folder, { 'seeknal/exact.yml': declared('DECIMAL(10,1)', 'BIGINT') })
  const { err } = await ends(1, folder, ['run'], options)
  assert.match(err, 'a does not fit DECIMAL(10,1): 1.250')
  writeFiles(folder, { 'seeknal/exact.yml': declared('DOUBLE', 'DECIMAL(38,10)') })
  await does(folder, ['run'], options)
})

test('A number without a precision is read as text, and the warning says how to have a number', async () => {
  const db = await database()
  await db.sql('CREATE TABLE loose (a numeric); INSERT INTO loose VALUES (1.5)')
  const folder = databaseProject(db, {
    'seeknal/loose.yml': sourceOf('loose', 'connection: warehouse\ntable: public.loose\n'),
  })
  const { err, code } = await cli(folder, ['run'], passwordOf(db))
  assert.is(code, 0)
  assert.match(err, /BIND_TYPE_INEXACT.*DECIMAL\(38,10\)/s)
})

test('A type that DuckDB spells in another way is read when it is declared, and what does not fit it names the column', async () => {
  const db = await database()
  await db.sql(`CREATE TABLE spelled (i interval, t timetz, r int4range);
    INSERT INTO spelled VALUES ('1 year 2 mons 3 days 04:05:06.789', '12:34:56.1+05:30', '[1,5)'), (NULL, NULL, NULL)`)
  const declared = (r: string) =>
    sourceOf(
      'spelled',
      `connection: warehouse\ntable: public.spelled\ncolumns: {i: INTERVAL, t: TIME WITH TIME ZONE, r: ${r}}\n`,
    )
  const folder = databaseProject(db, { 'seeknal/spelled.yml': declared('VARCHAR') })
  const options = passwordOf(db)
  await does(folder, ['run'], options)
  assert.equal(
    await rowsOf(
      folder,
      "SELECT i = INTERVAL '14 months 3 days 04:05:06.789', t::VARCHAR, r = '[1,5)' FROM source.spelled WHERE r IS NOT NULL",
    ),
    [['true', '07:04:56.1+00', 'true']],
  )
  writeFiles(folder, { 'seeknal/spelled.yml': declared('INTEGER') })
  const { err } = await ends(1, folder, ['run'], options)
  assert.match(err, /r does not fit INTEGER: \[1,5\)/)
})

test('Names of any kind are read: mixed case, keywords, quotes, spaces, other alphabets', async () => {
  const db = await database()
  await db.sql(`CREATE SCHEMA "My Schema"; CREATE TABLE "My Schema"."Order ""x""" ("Select" int, "from" text, "größe" int, "a b" int, "c'd" int, "CamelCase" int);
    INSERT INTO "My Schema"."Order ""x""" VALUES (1, 'f', 2, 3, 4, 5)`)
  const folder = databaseProject(db, {
    'seeknal/names.yml': sourceOf('names', `connection: warehouse\ntable: '"My Schema"."Order ""x"""'\n`),
  })
  await does(folder, ['run'], passwordOf(db))
  const out = await does(folder, ['repl', '--exec', 'FROM source.names', '--format', 'json'])
  assert.equal(JSON.parse(out), [{ Select: 1, from: 'f', größe: 2, 'a b': 3, "c'd": 4, CamelCase: 5 }])
})

test('An empty table, one without rows left, and one column of NULLs are read', async () => {
  const db = await database()
  await db.sql(
    "CREATE TABLE hollow (a int); CREATE TABLE nulls (a text); INSERT INTO nulls VALUES (NULL), (''), (NULL)",
  )
  const folder = databaseProject(db, {
    'seeknal/hollow.yml': sourceOf('hollow', 'connection: warehouse\ntable: public.hollow\n'),
    'seeknal/nulls.yml': sourceOf('nulls', 'connection: warehouse\ntable: public.nulls\n'),
  })
  const lines = records(await does(folder, ['run', '--json'], passwordOf(db)))
  assert.equal(
    // In the order in which they end.
    lines
      .slice(0, 2)
      .map(({ node, rows }) => [node, rows])
      .sort(),
    [
      ['source.hollow', 0],
      ['source.nulls', 3],
    ],
  )
  assert.equal(await rowsOf(folder, 'SELECT count(*), count(a) FROM source.nulls'), [['3', '1']])
})

test.run()
