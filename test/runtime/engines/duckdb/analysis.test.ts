// The engine as parser and type checker: what it answers to SQL that is right, wrong, large, or more than one statement.

import * as assert from 'uvu/assert'
import type { DescribeRequest, DescribeResult, Relation } from '../../../../compiler/ports.ts'
import { analysisEngine, relation } from '../../../support/analysis.ts'
import { suite } from '../../../support/suite.ts'

const test = suite('duckdb analysis')

const T = relation('source.t(id INTEGER, name VARCHAR, amount DOUBLE)')

async function described(...statements: readonly string[]) {
  const [answer] = await (await analysisEngine()).describe([{ statements, relations: [T] }])
  return answer
}

/** `name TYPE, …`, or the kind of the answer. */
async function columns(...statements: readonly string[]): Promise<string> {
  const answer = await described(...statements)
  if (answer?.kind !== 'columns') return answer?.kind ?? 'nothing'
  return answer.columns.map((column) => `${column.name} ${column.type}`).join(', ')
}

test('columns have the types in which an output stores them', async () => {
  assert.is(
    await columns("SELECT NULL AS a, 'x'::ENUM('x') AS b, [1, 2]::INTEGER[2] AS c FROM source.t"),
    'a INTEGER, b VARCHAR, c INTEGER[]',
  )
  assert.is(
    await columns("SELECT {'x y': 1, 'z': [1.5]} AS s, MAP {'a': 1} AS m"),
    's STRUCT("x y" INTEGER, z DECIMAL(2,1)[]), m MAP(VARCHAR, INTEGER)',
  )
  const answer = await described('SELECT sum(id) AS total FROM source.t')
  assert.equal(answer?.kind === 'columns' && answer.casts, { total: 'DECIMAL(38,0)' })
})

test('a mistake has the place in UTF-16 code units, the name and the nearest names', async () => {
  const sql = "SELECT 'é😀' AS e, nam FROM source.t"
  const answer = await described(sql)
  assert.ok(answer?.kind === 'error')
  assert.is(answer.offset, sql.indexOf('nam FROM'))
  assert.is(answer.name, 'nam')
  assert.ok(answer.candidates.includes('name'))
})

test('a mistake in one of several statements names the statement', async () => {
  const answer = await described('SET VARIABLE a = 1', 'CREATE TEMP TABLE x AS SELECT nope FROM source.t', 'SELECT 1')
  assert.ok(answer?.kind === 'error')
  assert.equal([answer.statement, answer.offset], [1, 30])
})

test('temporary objects of one node are gone for the next', async () => {
  assert.is(await columns('CREATE TEMP TABLE x AS SELECT id FROM source.t', 'SELECT id FROM x'), 'id INTEGER')
  assert.is(await columns('SELECT id FROM x'), 'error')
})

test('columns that depend on data are late', async () => {
  assert.is(await columns('PIVOT source.t ON name USING sum(id)'), 'late')
  assert.is(await columns("PIVOT source.t ON name IN ('a') USING max(id)"), 'amount DOUBLE, a INTEGER')
})

test('the clock and run parameters have types', async () => {
  assert.is(
    await columns("SELECT now() AS n, current_date AS d, getvariable('run_date')::DATE AS r, localtimestamp AS l"),
    'n TIMESTAMP WITH TIME ZONE, d DATE, r DATE, l TIMESTAMP',
  )
})

test('no query can reach a file', async () => {
  assert.is(await columns("SELECT * FROM read_csv('/etc/passwd')"), 'error')
  assert.is(await columns("SELECT * FROM '/etc/passwd'"), 'error')
})

test('a relation that changes its columns is bound anew, also side by side with others', async () => {
  const engine = await analysisEngine()
  const request = (columnName: string): DescribeRequest => ({
    statements: ['SELECT * FROM source.moving'],
    relations: [{ schema: 'source', name: 'moving', columns: [{ name: columnName, type: 'DATE' }] }],
  })
  const names = Array.from({ length: 40 }, (_, i) => `c${i % 3}`)
  const answers = await engine.describe(names.map(request))
  assert.equal(
    answers.map((answer) => (answer.kind === 'columns' ? answer.columns[0]?.name : answer.kind)),
    names,
  )
})

test('many queries are answered in their order', async () => {
  const engine = await analysisEngine()
  const relations: readonly Relation[] = [T]
  const requests = Array.from({ length: 60 }, (_, i) => ({
    statements: [`SELECT ${i % 7 === 0 ? 'nope' : `id AS c${i}`} FROM source.t`],
    relations,
  }))
  const answers = await engine.describe(requests)
  const said = answers.map((answer) => (answer.kind === 'columns' ? answer.columns[0]?.name : answer.kind))
  assert.equal(
    said,
    requests.map((_, i) => (i % 7 === 0 ? 'error' : `c${i}`)),
  )
})

/** Each reads the one before; true: the chain tells its columns. */
const LINKS: readonly (readonly [sql: (before: string) => string, isTold: boolean])[] = [
  [(t) => `SELECT id, name, amount, id + 1 AS next, 'x' AS text, 1 AS one FROM ${t}`, true],
  [(t) => `SELECT *, coalesce(one, 2::TINYINT) AS small, [1.5] AS list, {'k': DATE '2000-01-01'} AS s FROM ${t}`, true],
  [(t) => `SELECT id, s.k AS day, list[1] AS first, JSON '{}' AS json, t.name FROM ${t} AS t -- all`, true],
  [(t) => `WITH other AS (SELECT * FROM ${t}) SELECT json, count(*) AS n, min(day) AS day FROM other GROUP BY 1`, true],
  [(t) => `SELECT json, day, avg(n) AS mean, NULL AS nothing FROM ${t} GROUP BY ALL`, true],
  // An output holds an INTEGER in place of what is NULL in every row.
  [(t) => `SELECT [nothing, 'x'] AS list, day FROM ${t}`, false],
]

test('what is told of queries that read each other is what each alone gives', async () => {
  const engine = await analysisEngine()
  const alone: DescribeResult[] = []
  for (const [i, [sql]] of LINKS.entries()) {
    const before = alone[i - 1]
    const columns = before?.kind === 'columns' ? before.columns : []
    const relations = i === 0 ? [T] : [{ schema: 'link', name: `l${i - 1}`, columns }]
    const statements = [sql(i === 0 ? 'source.t' : `link.l${i - 1}`)]
    alone.push(...(await engine.describe([{ statements, relations }])))
  }
  const queries = LINKS.map(([sql], i) => ({
    name: `l${i}`,
    sql: sql(i === 0 ? 't' : `l${i - 1}`),
    reads: i === 0 ? [] : [i - 1],
  }))
  const told = await engine.describeChain({ queries, named: [T], relations: [] })
  assert.equal(
    told,
    LINKS.map(([, isTold], i) => (isTold ? alone[i] : null)),
  )
})

test('nothing is told of a reader where an output holds another type or name, nor of a chain with a mistake', async () => {
  const told = async (sql: string): Promise<readonly boolean[]> => {
    const reader = { name: 'b', sql: 'SELECT * FROM a', reads: [0] }
    const queries = [{ name: 'a', sql, reads: [] }, reader]
    const answers = await (await analysisEngine()).describeChain({ queries, named: [], relations: [T] })
    return answers.map((answer) => answer !== null)
  }
  assert.equal(await told('SELECT id, amount FROM source.t'), [true, true])
  assert.equal(await told('SELECT sum(id) AS total FROM source.t'), [true, false])
  assert.equal(await told("SELECT 'x'::ENUM('x') AS label FROM source.t"), [true, false])
  assert.equal(await told('SELECT [] AS none FROM source.t'), [true, false])
  assert.equal(await told('SELECT id AS a, name AS A FROM source.t'), [false, false])
  assert.equal(await told('SELECT nope FROM source.t'), [false, false])
  assert.equal(await told('SELECT $1 AS value FROM source.t'), [false, false])
})

test('trees keep every digit and every grouping set', async () => {
  const [big, sets, cube] = await (await analysisEngine()).parse([
    'SELECT 9007199254740993, 1.5',
    'SELECT id FROM source.t GROUP BY id',
    'SELECT id FROM source.t GROUP BY CUBE (id)',
  ])
  assert.ok(JSON.stringify(big).includes('9007199254740993'))
  assert.is.not(JSON.stringify(sets), JSON.stringify(cube).replaceAll(',[]', ''))
  assert.ok(JSON.stringify(cube).includes('[[],[0]]'))
})

test('a text is parsed to one tree a statement, refused with a place, or opaque', async () => {
  const engine = await analysisEngine()
  const [two, none, wrong, opaque] = await engine.parse([
    'SELECT 1; SELECT 2',
    '-- nothing',
    "SELECT 'é😀' FROM WHERE",
    'PIVOT t ON a',
  ])
  assert.is(two?.kind === 'trees' && two.trees.length, 2)
  assert.is(none?.kind === 'trees' && none.trees.length, 0)
  assert.ok(wrong?.kind === 'syntax_error' && wrong.offset !== null && wrong.offset === 18)
  assert.is(opaque?.kind, 'opaque')
})

test('volatile functions come from the catalogue', async () => {
  const names = await (await analysisEngine()).volatileFunctions()
  assert.ok(['random', 'uuid', 'nextval'].every((name) => names.has(name)))
  assert.not.ok(['now', 'sum', 'upper'].some((name) => names.has(name)))
})

test.run()
