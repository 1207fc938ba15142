import * as assert from 'uvu/assert'
import {
  CAPABILITIES,
  keepsName,
  postgresqlType,
  quoteName,
  quotePath,
  textLiteral,
  typedText,
  writtenType,
} from '../../compiler/dialect/postgresql.ts'
import { letters } from '../../compiler/sql/translate/functions.ts'
import { Session } from '../support/duckdb.ts'
import { postgresServer, type TestDatabase } from '../support/postgres.ts'
import { suite } from '../support/suite.ts'

const test = suite('database engine: dialect')

let database: Promise<TestDatabase> | undefined
const server = (): Promise<TestDatabase> => {
  database ??= postgresServer().then((found) =>
    found.create({ database: 'dialect', user: 'dialect', password: 'dialect' }),
  )
  return database
}

test('names come back from the server as they were written', async () => {
  const names = ['plain', 'Mixed', 'select', 'two words', 'a"b', 'ünï', '1st', "it's", 'a.b', 'left', '']
  const list = names.filter((name) => name !== '').map((name) => `1 AS ${quoteName(name)}`)
  const [row] = await (await server()).sql(`SELECT ${list.join(', ')}`)
  assert.equal(Object.keys(row ?? {}).sort(), names.filter((name) => name !== '').sort())
  assert.is(quotePath('transform', 'Order'), 'transform."Order"')
})

test('texts come back from the server as they were written', async () => {
  for (const text of ["it's", 'back\\slash', '\\x41', '$$', 'é😀', "''", '']) {
    const [row] = await (await server()).sql(`SELECT ${textLiteral(text)} AS a, ${typedText(text)} AS b`)
    assert.equal(row, { a: text, b: text })
  }
})

test('a name of more than 63 bytes is not kept', () => {
  assert.ok(keepsName('n'.repeat(63)))
  assert.not(keepsName('n'.repeat(64)))
  assert.not(keepsName('é'.repeat(32)))
})

test('every type of DuckDB has one of PostgreSQL that the server spells so, or none', async () => {
  const types = (
    'BOOLEAN TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT FLOAT DOUBLE DECIMAL(18,3) VARCHAR ' +
    'BLOB UUID DATE TIME TIMESTAMP TIMESTAMP_S TIMESTAMP_MS INTERVAL JSON INTEGER[] VARCHAR[] INTEGER[][] STRUCT(a_INTEGER)'
  )
    .split(' ')
    .map((type) => type.replace('_INTEGER', ' INTEGER'))
    .concat('TIMESTAMP WITH TIME ZONE', 'MAP(VARCHAR, INTEGER)', 'DECIMAL(10,2)[]')
  for (const type of types) {
    const found = postgresqlType(type)
    assert.ok(found !== null, type)
    const columns = `format_type(a.atttypid, a.atttypmod) AS full`
    const [row] = await (await server()).sql(
      `DROP VIEW IF EXISTS typed; CREATE VIEW typed AS SELECT CAST(NULL AS ${writtenType(type)}) AS c; SELECT ${columns} FROM pg_attribute a WHERE a.attrelid = 'typed'::regclass`,
    )
    assert.is(row?.full, found, type)
  }
  for (const type of ['UHUGEINT', 'BIT', 'TIMESTAMP_NS', 'UNION(a INTEGER)'])
    assert.is(postgresqlType(type), null, type)
})

test('the server knows the collations that translated SQL needs', async () => {
  const { sql } = await server()
  await sql(`SELECT 'a' COLLATE ${CAPABILITIES.caseCollation}, 'a' COLLATE ${CAPABILITIES.orderCollation}`)
})

/** Letters whose other case came with Unicode 16, of the basic plane. */
const NEW = [0x19b, 0x264, 0x1c89, 0x1c8a, 0xa7cb, 0xa7cc, 0xa7cd, 0xa7da, 0xa7db, 0xa7dc]

test('upper and lower change every letter as DuckDB does, but the newest', async () => {
  const letter = 'chr(CAST(n AS INTEGER))'
  // One text for all: to read a row for each takes longer than to make it.
  const query = (upper: string, lower: string): string =>
    `SELECT string_agg(concat(n, ' ', ${upper}, ' ', ${lower}), '😀' ORDER BY n) AS all_letters FROM generate_series(1, 65278) AS g(n) WHERE n NOT BETWEEN 55296 AND 57343 AND n NOT IN (${NEW.join()})`
  const [[ours = null] = []] = await (await Session.open()).rows(query(`upper(${letter})`, `lower(${letter})`))
  const [row] = await (await server()).sql(query(letters('upper', letter), letters('lower', letter)))
  const theirs = String(row?.all_letters).split('😀')
  assert.equal(
    ours?.split('😀').filter((line, i) => theirs[i] !== line),
    [],
  )
  assert.ok(theirs.length > 60_000)
})

test.run()
