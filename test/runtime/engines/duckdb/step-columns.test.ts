// What a step writes has the columns that the bundle says; where only data can tell them, they are stored by the rules
// by which the compiler stores the others.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Engine, OutputColumn } from '../../../../runtime/engine.ts'
import { startDuckDB } from '../../../../runtime/engines/duckdb/engine.ts'
import { analysisEngine } from '../../../support/analysis.ts'
import { Session } from '../../../support/duckdb.ts'
import { rejects } from '../../../support/rejects.ts'
import { suite } from '../../../support/suite.ts'
import { tempFolder } from '../../../support/temp.ts'

const test = suite('step columns')

const outputs = tempFolder('step-columns')
const file = join(outputs, 'out.parquet')
let engine: Engine
let session: Session

test.before(async () => {
  mkdirSync(join(outputs, 'spill'))
  engine = await startDuckDB({
    allowedDirectories: [outputs],
    allowedPaths: [],
    spillDirectory: join(outputs, 'spill'),
    settings: {},
  })
  session = await Session.open()
})

test.after(async () => {
  await engine.close()
})

const request = (query: string, columns: readonly OutputColumn[] | null = null, leading = '') => ({
  prelude: '',
  sql: `${leading}COPY (\n${query}\n) TO (getvariable('outputs') || '/out.parquet') (FORMAT parquet, PARQUET_VERSION v2);\n`,
  variables: { values: { outputs }, runTimestamp: '2026-01-02T03:04:05Z' },
  output: { variable: 'outputs', file: 'out.parquet' },
  columns,
})

/** `name TYPE value` of each column of the one row that a late-bound step stores. */
async function stored(query: string, leading = ''): Promise<string[]> {
  assert.is((await engine.runStep(request(query, null, leading))).rows, 1)
  const { columns } = await engine.inspectOutput(file)
  const [values = []] = await session.rows(`SELECT COLUMNS(*)::VARCHAR FROM '${file}'`)
  return columns.map(({ name, type }, i) => `${name} ${type} ${values[i]}`)
}

const KEYS = "CREATE TEMP TABLE t AS SELECT * FROM (VALUES (1, 'jan', 2), (1, 'feb', 3)) v(shop, month, n);\n"
const BIG = '12345678901234567890123'

test('A PIVOT keeps all digits of its sums', async () => {
  const big = `CREATE TEMP TABLE t AS SELECT * FROM (VALUES (1, 'jan', ${BIG}::HUGEINT), (1, 'feb', 3)) v(shop, month, n);\n`
  const expected = ['shop INTEGER 1', 'feb DECIMAL(38,0) 3', `jan DECIMAL(38,0) ${BIG}`]
  for (const query of [
    'PIVOT t ON month USING sum(n) GROUP BY shop',
    'WITH p AS (PIVOT t ON month USING sum(n) GROUP BY shop) SELECT * FROM p -- the end',
    '-- first\n(PIVOT t ON month USING max(n) GROUP BY shop)',
  ])
    assert.equal(await stored(query, big), expected, query)
})

test('A query whose columns only data can tell stores every type as the compiler says it of others', async () => {
  const expressions = [
    `${BIG}::HUGEINT`,
    `${BIG}::UHUGEINT`,
    `{'a b': ${BIG}::HUGEINT, 'HUGEINT': 1, 'NULL': 'HUGEINT'}`,
    `[${BIG}::HUGEINT]`,
    `MAP {1::HUGEINT: ${BIG}::HUGEINT}`,
    `[1, ${BIG}]::HUGEINT[2]`,
    "'HUGEINT'::ENUM('HUGEINT', 'it''s \"', 'UNION(a')",
    "[{'BIT': '101'::BIT}]",
    "'12345678901234567890123456789012345678901'::BIGNUM",
    "TIMESTAMP_S '2026-01-02 03:04:05'",
    "TIMESTAMP_MS '2026-01-02 03:04:05.678'",
    "TIMESTAMP_NS '2026-01-02 03:04:05.123456789'",
    "TIMETZ '03:04:05+00'",
    'INTERVAL 14 MONTH',
    'NULL',
    '[]',
    `'{"a": 1}'::JSON`,
    `{'j': ['{"a": 1}'::JSON]}`,
    `MAP {'j': '1'::JSON}`,
    "{'timestamp': 1, 'A': DATE '2026-01-02'}",
    "'\\x00'::BLOB",
    "'00000000-0000-0000-0000-000000000001'::UUID",
    '1.5::DECIMAL(38, 10)',
    '42::VARIANT',
    "{'a': [1, 2]}::VARIANT",
    "TIME_NS '03:04:05.123456789'",
    "'infinity'::TIMESTAMP",
    "'x' COLLATE NOCASE",
    '1::UTINYINT',
    '1.5::FLOAT',
  ]
  const compiler = await analysisEngine()
  for (const expression of expressions) {
    const query = `SELECT ${expression} AS c`
    const [answer] = await compiler.describe([{ statements: [query], relations: [] }])
    assert.ok(answer?.kind === 'columns', expression)
    const [[value] = []] = await session.rows(`SELECT (${expression})::VARCHAR`)
    assert.equal(await stored(query), [`c ${answer.columns[0]?.type} ${value}`], expression)
    // The same query with its columns known is accepted with the very same columns.
    if (Object.keys(answer.casts).length === 0) await engine.runStep(request(query, answer.columns))
  }
})

test('A type that an output cannot hold fails the step with the column, also inside another', async () => {
  for (const [type, expression] of [
    ['UNION(a INTEGER)', 'union_value(a := 1)'],
    ['STRUCT(x UNION(a INTEGER)[])', "{'x': [union_value(a := 1)]}"],
    ['STRUCT(INTEGER, DECIMAL(2,1))', 'row(1, 1.5)'],
    ['STRUCT(TIME WITH TIME ZONE)[]', "[row(TIMETZ '03:04:05+00')]"],
  ] as const) {
    const step = request(`SELECT 1 AS ok, ${expression} AS odd`, null, KEYS)
    const failure = await rejects(() => engine.runStep(step), 'OUTPUT_NOT_STORABLE')
    assert.match(failure.message, `'odd' has the type ${type}`)
    assert.is(failure.facts.offset, step.sql.indexOf('SELECT 1 AS ok'))
    assert.is(failure.facts.statement, 1)
  }
})

test('Two columns of one name, ignoring case, fail the step', async () => {
  const query = 'SELECT p.*, t.n AS JAN FROM (PIVOT t ON month USING sum(n) GROUP BY shop) AS p, t'
  const failure = await rejects(() => engine.runStep(request(query, null, KEYS)), 'OUTPUT_NOT_STORABLE')
  assert.match(failure.message, "two columns 'JAN'")
})

test('A column that the data does not have is reported where it is read', async () => {
  const query = "-- é😀\nSELECT 'é' AS e, march FROM (PIVOT t ON month USING sum(n) GROUP BY shop)"
  const step = request(query, null, KEYS)
  const failure = await rejects(() => engine.runStep(step), 'STEP_FAILED')
  assert.match(failure.message, 'march')
  assert.is(failure.facts.offset, step.sql.indexOf('march'))
})

test('What fails inside of casts is reported where the author wrote it', async () => {
  const step = request(`SELECT ${BIG}::HUGEINT AS big, 'x' + shop FROM t`, null, KEYS)
  const failure = await rejects(() => engine.runStep(step), 'STEP_FAILED')
  const offset = Number(failure.facts.offset)
  assert.ok(offset >= step.sql.indexOf('SELECT') && offset < step.sql.indexOf(' FROM t'), String(offset))
})

test('An output that has other columns than the bundle says fails the step with the difference', async () => {
  const query = 'SELECT 1 AS a, 2::BIGINT AS b'
  const [a, b] = [
    { name: 'a', type: 'INTEGER' },
    { name: 'b', type: 'BIGINT' },
  ]
  await engine.runStep(request(query, [a, b]))
  const cases: readonly (readonly [readonly OutputColumn[], string])[] = [
    [[a], '+ b BIGINT'],
    [[a, b, { name: 'c', type: 'DATE' }], '- c DATE'],
    [[a, { name: 'b', type: 'INTEGER' }], 'b INTEGER → BIGINT'],
    [[b, a], 'a, b instead of b, a'],
  ]
  for (const [columns, difference] of cases) {
    const failure = await rejects(() => engine.runStep(request(query, columns)), 'OUTPUT_DIFFERS')
    assert.match(failure.message, difference)
  }
  // What the engine gives with loss is no less another type: the file holds a DOUBLE.
  const huge = request('SELECT 1::HUGEINT AS h', [{ name: 'h', type: 'DECIMAL(38,0)' }])
  assert.match((await rejects(() => engine.runStep(huge), 'OUTPUT_DIFFERS')).message, 'h DECIMAL(38,0) → DOUBLE')
})

test('A PIVOT that finds other keys at the second look is no output', async () => {
  const query =
    'PIVOT (SELECT 1 AS x, (random() * 1000000000)::BIGINT AS k FROM range(3)) ON k USING count(*) GROUP BY x'
  await rejects(() => engine.runStep(request(query)), 'OUTPUT_DIFFERS')
})

test.run()
