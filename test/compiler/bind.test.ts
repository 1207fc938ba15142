// Columns of sources as declared, locked or observed; columns of transforms as the engine gives them; what only data
// can tell; and mistakes, each reported once and where it is.

import * as assert from 'uvu/assert'
import type { CompileCache, SqlEngine } from '../../compiler/ports.ts'
import { boundOf, columnsOf, lockOf, mistakesOf, type Texts } from '../support/bound.ts'
import { suite } from '../support/suite.ts'

const test = suite('bind')

const ORDERS = 'kind: source\nname: orders\nsource: csv\ntable: data/orders.csv\n'
const CSV = 'id,customer,amount,day\n1,a,2.50,2026-03-01\n2,b,3.25,2026-03-02\n'
const OBSERVED = 'id BIGINT, customer VARCHAR, amount DOUBLE, day DATE'

/** A project of the source and transforms by name: `[SQL, inputs…]`. */
function project(
  transforms: Readonly<Record<string, readonly [sql: string, ...inputs: string[]]>>,
  files: Texts = {},
): Texts {
  const nodes = Object.entries(transforms).map(([name, [sql, ...inputs]]) => {
    const list = inputs.map((input) => `{ref: ${input}}`).join(', ')
    return [
      `seeknal/${name}.yml`,
      `kind: transform\nname: ${name}\ninputs: [${list}]\ntransform: |\n  ${sql.replaceAll('\n', '\n  ')}\n`,
    ]
  })
  return { 'seeknal/orders.yml': ORDERS, 'data/orders.csv': CSV, ...Object.fromEntries(nodes), ...files }
}

const without = (files: Texts, ...paths: readonly string[]): Texts =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !paths.includes(path)))

test('source columns are observed, and the lock says what was seen', async () => {
  const bound = await boundOf(project({}))
  assert.is(columnsOf(bound, 'source.orders'), OBSERVED)
  assert.equal(
    bound.lock['source.orders']?.columns.map((column) => column.type),
    ['BIGINT', 'VARCHAR', 'DOUBLE', 'DATE'],
  )
})

test('where the data is not, the lock answers, or a complete declaration', async () => {
  const lock = lockOf(await boundOf(project({})))
  const locked = await boundOf(without({ ...project({}), ...lock }, 'data/orders.csv'))
  assert.is(columnsOf(locked, 'source.orders'), OBSERVED)
  assert.equal(lockOf(locked), lock)
  const declared = { 'seeknal/orders.yml': `${ORDERS}columns: {id: int, amount: "decimal(10, 2)"}\n` }
  assert.is(columnsOf(await boundOf(declared), 'source.orders'), 'id INTEGER, amount DECIMAL(10,2)')
  assert.equal(mistakesOf(await boundOf({ 'seeknal/orders.yml': ORDERS })), ['orders.yml:4:8 BIND_SOURCE_NOT_FOUND'])
})

test('a lock that names no type of the engine is refused, and nothing of it reaches the engine', async () => {
  const lock = lockOf(await boundOf(project({})))['seeknal.lock.json'] ?? ''
  for (const type of ['NOTYPE', 'BIGINT) AS x, (SELECT 1', 'BIGINT); DROP TABLE x; --']) {
    const files = { 'seeknal/orders.yml': ORDERS, 'seeknal.lock.json': lock.replace('BIGINT', type) }
    assert.equal(mistakesOf(await boundOf(files)), ['orders.yml:4:8 BIND_UNKNOWN_TYPE'], type)
  }
})

test('a source that no longer matches the lock is an error that shows every column, until it is accepted', async () => {
  const lock = lockOf(await boundOf(project({})))
  const changed = { ...project({}), ...lock, 'data/orders.csv': 'id,client,amount,day\nx1,a,2.5,2026-03-01\n' }
  const refused = await boundOf(changed)
  assert.equal(mistakesOf(refused), ['orders.yml:4:8 BIND_SOURCE_CHANGED'])
  assert.equal(refused.diagnostics[0]?.facts.difference, [
    '+ client VARCHAR',
    '- customer VARCHAR',
    'id BIGINT → VARCHAR',
  ])
  assert.match(refused.diagnostics[0]?.hints[0] ?? '', 'seeknal lock --accept')
  assert.equal(lockOf(refused), lock)
  const accepted = await boundOf(changed, { acceptSources: true })
  assert.is(columnsOf(accepted, 'source.orders'), 'id VARCHAR, client VARCHAR, amount DOUBLE, day DATE')
  assert.is.not(lockOf(accepted)['seeknal.lock.json'], lock['seeknal.lock.json'])
})

test('text that can be read with the locked types is no change', async () => {
  const lock = lockOf(await boundOf(project({})))
  for (const csv of [
    'id,customer,amount,day\n1,7,2,2026-03-01\n',
    'id,customer,amount,day\n1,,,\n',
    'id,customer,amount,day\n',
  ]) {
    const bound = await boundOf({ ...project({}), ...lock, 'data/orders.csv': csv })
    assert.equal(mistakesOf(bound), [], csv)
    assert.is(columnsOf(bound, 'source.orders'), OBSERVED, csv)
  }
})

test('declared types win over the lock and the data, unless values would be lost', async () => {
  const declared = (columns: string): Texts => ({
    ...project({}),
    'seeknal/orders.yml': `${ORDERS}columns: {${columns}}\n`,
  })
  const good = await boundOf(declared('id: VARCHAR, AMOUNT: "DECIMAL(18,2)"'))
  assert.is(columnsOf(good, 'source.orders'), 'id VARCHAR, customer VARCHAR, amount DECIMAL(18,2), day DATE')
  assert.equal(mistakesOf(await boundOf(declared('amount: BIGINT'))), ['orders.yml:5:11 BIND_COLUMN_TYPE'])
})

test('a file whose name holds a run parameter is looked for by its pattern', async () => {
  const files = {
    'seeknal/orders.yml': ORDERS.replace('orders.csv', 'orders_{{ run_date }}.csv'),
    'data/orders_2026-03-01.csv': CSV,
  }
  assert.is(columnsOf(await boundOf(files), 'source.orders'), OBSERVED)
})

test('columns of transforms are those of their outputs as stored', async () => {
  const bound = await boundOf(
    project({
      first: [
        "SELECT id, sum(id) AS total, [amount] AS list, 'x'::ENUM('x') AS e FROM ref('source.orders') GROUP BY ALL",
        'source.orders',
      ],
      second: ["SELECT *, total + 1 AS more FROM ref('transform.first')", 'transform.first'],
    }),
  )
  assert.is(columnsOf(bound, 'transform.first'), 'id BIGINT, total DECIMAL(38,0), list DOUBLE[], e VARCHAR')
  assert.is(
    columnsOf(bound, 'transform.second'),
    'id BIGINT, total DECIMAL(38,0), list DOUBLE[], e VARCHAR, more DECIMAL(38,0)',
  )
  assert.equal([...bound.bound.values()].find((node) => node.id === 'transform.first')?.casts, {
    total: 'DECIMAL(38,0)',
  })
})

test('several statements are executed on empty inputs', async () => {
  const sql = `CREATE TEMP MACRO twice(x) AS x * 2;
CREATE TEMP TABLE big AS SELECT id, twice(amount) AS amount FROM ref('source.orders') WHERE amount > 1;
DELETE FROM big WHERE id = 1;
SELECT id, amount FROM big`
  const bound = await boundOf(project({ several: [sql, 'source.orders'] }))
  assert.equal(mistakesOf(bound), [])
  assert.is(columnsOf(bound, 'transform.several'), 'id BIGINT, amount DOUBLE')
})

test('columns that only data can tell are bound late, and so are those who read them', async () => {
  const bound = await boundOf(
    project({
      late: ["PIVOT ref('source.orders') ON customer USING sum(amount)", 'source.orders'],
      hidden: [
        "CREATE TEMP TABLE p AS PIVOT ref('source.orders') ON customer USING sum(amount);\nSELECT * FROM p",
        'source.orders',
      ],
      reader: ["SELECT a FROM ref('transform.late')", 'transform.late'],
      known: [
        "SELECT * FROM (PIVOT ref('source.orders') ON customer IN ('a') USING max(day) GROUP BY id)",
        'source.orders',
      ],
    }),
  )
  assert.equal(mistakesOf(bound), [])
  const names = ['late', 'hidden', 'reader', 'known']
  assert.equal(
    names.map((name) => columnsOf(bound, `transform.${name}`)),
    ['late', 'late', 'late', 'id BIGINT, a DATE'],
  )
})

test('readers of columns that only data can tell are warned about by those of the last output', async () => {
  const pivot = "PIVOT ref('source.orders') ON customer USING sum(amount) GROUP BY id"
  const files = project({
    late: [pivot, 'source.orders'],
    typo: ["SELECT id,\n  annna FROM ref('transform.late')", 'transform.late'],
    right: ["SELECT id, anna FROM ref('transform.late')", 'transform.late'],
    second: ["SELECT anna FROM ref('transform.right')", 'transform.right'],
    third: ["SELECT bert FROM ref('transform.right')", 'transform.right'],
  })
  const columns = (...names: readonly string[]) => names.map((name) => ({ name, type: 'BIGINT' }))
  const right = { sql: 'SELECT id, anna FROM transform.late\n', columns: columns('id', 'anna') }
  const late = {
    sql: `${pivot.replace("ref('source.orders')", 'source.orders')}\n`,
    columns: columns('id', 'anna', 'bert'),
  }
  const lastOutputs = { 'transform.late': late, 'transform.right': right }
  const cache = new CountedCache()
  for (const options of [{}, { cache }, { cache, engine: noEngine }]) {
    const bound = await boundOf(files, { ...options, lastOutputs })
    assert.equal([...mistakesOf(bound)].sort(), [
      'third.yml:5:10 BIND_COLUMN_NOT_FOUND',
      'typo.yml:6:5 BIND_COLUMN_NOT_FOUND',
    ])
    assert.ok(bound.diagnostics.every((d) => d.severity === 'warning'))
    const hints = bound.diagnostics.find((d) => d.place.file.includes('typo'))?.hints
    assert.match(hints?.join() ?? '', /'anna'.*'transform\.late'/)
    assert.is(columnsOf(bound, 'transform.typo'), 'late')
  }
  // Made by other SQL, the last output says nothing, and neither does what was made from it.
  const other = { ...late, sql: `${late.sql}, name` }
  assert.equal(mistakesOf(await boundOf(files, { lastOutputs: { ...lastOutputs, 'transform.late': other } })), [])
})

test('a mistake is reported at its line with the nearest name, and once: its readers are not blamed', async () => {
  const bound = await boundOf(
    project({
      wrong: ["-- é😀\nSELECT\n  sum(amout) AS total\nFROM ref('source.orders')", 'source.orders'],
      reader: ["SELECT nothing FROM ref('transform.wrong')", 'transform.wrong'],
      alias: ["SELECT o.dya FROM ref('source.orders') AS o", 'source.orders'],
      number: ["SELECT rowid FROM ref('source.orders')", 'source.orders'],
    }),
  )
  assert.equal([...mistakesOf(bound)].sort(), [
    'alias.yml:5:10 BIND_COLUMN_NOT_FOUND',
    'number.yml:5:10 BIND_COLUMN_NOT_FOUND',
    'wrong.yml:7:9 BIND_COLUMN_NOT_FOUND',
  ])
  const hints = bound.diagnostics.flatMap((d) => d.hints)
  assert.ok(hints.includes("Did you mean 'amount'?") && hints.includes("Did you mean 'day'?"), hints.join('\n'))
  assert.is(columnsOf(bound, 'transform.reader'), 'none')
})

test('queries that read each other are bound as each of them alone, whatever their names hide', async () => {
  const bound = await boundOf(
    project(
      {
        orders: ["SELECT id, orders.day, 'a' AS kind FROM source.orders", 'source.orders'],
        hidden: [
          'WITH orders AS (SELECT 1 AS one) SELECT orders.one AS first, o.* FROM orders, transform.orders o',
          'transform.orders',
        ],
        recursive: [
          'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9)\nSELECT i, hidden.first FROM n, transform.hidden',
          'transform.hidden',
        ],
        totals: ['SELECT sum(i) AS total, NULL AS nothing FROM transform.recursive -- all', 'transform.recursive'],
        digits: ['SELECT total / 2 AS half, total, [nothing, 1] AS list FROM transform.totals', 'transform.totals'],
        twice: [
          'SELECT a.total FROM transform.digits a JOIN transform.totals USING (total)',
          'transform.digits',
          'transform.totals',
        ],
      },
      { 'seeknal/source.yml': ORDERS },
    ),
  )
  assert.equal(mistakesOf(bound), [])
  assert.is(columnsOf(bound, 'transform.orders'), 'id BIGINT, day DATE, kind VARCHAR')
  assert.is(columnsOf(bound, 'transform.hidden'), 'first INTEGER, id BIGINT, day DATE, kind VARCHAR')
  assert.is(columnsOf(bound, 'transform.recursive'), 'i INTEGER, first INTEGER')
  assert.is(columnsOf(bound, 'transform.totals'), 'total DECIMAL(38,0), nothing INTEGER')
  assert.is(columnsOf(bound, 'transform.digits'), 'half DOUBLE, total DECIMAL(38,0), list INTEGER[]')
  assert.is(columnsOf(bound, 'transform.twice'), 'total DECIMAL(38,0)')
})

test('declaring the type that the engine gives says nothing new', async () => {
  const files = project({
    total: ["SELECT count(*) AS n, max(day) AS last FROM ref('source.orders')", 'source.orders'],
  })
  const path = 'seeknal/total.yml'
  const declared = (columns: string) => boundOf({ ...files, [path]: `${files[path]}columns: {${columns}}\n` })
  assert.equal(mistakesOf(await declared('n: bigint, LAST: date')), [])
  assert.equal(mistakesOf(await declared('n: INTEGER')), ['total.yml:6:11 BIND_COLUMN_TYPE'])
  assert.equal(mistakesOf(await declared('m: BIGINT')), ['total.yml:6:11 BIND_DECLARED_COLUMN_MISSING'])
})

class CountedCache implements CompileCache {
  readonly #values = new Map<string, string>()

  get(key: string): unknown {
    const value = this.#values.get(key)
    return value === undefined ? undefined : JSON.parse(value)
  }

  set(key: string, value: unknown): void {
    this.#values.set(key, JSON.stringify(value))
  }
}

const noEngine = (): Promise<SqlEngine> => Promise.reject(new Error('the engine was started'))

test('what was bound before is bound again without the engine', async () => {
  const files = project({
    day: ["SELECT day, sum(amount) AS total FROM ref('source.orders') GROUP BY day", 'source.orders'],
    late: ["PIVOT ref('source.orders') ON customer USING sum(amount)", 'source.orders'],
  })
  const cache = new CountedCache()
  const first = await boundOf(files, { cache })
  const second = await boundOf(files, { cache, engine: noEngine })
  assert.equal([...second.bound], [...first.bound])
  assert.is(second.engine, first.engine)
})

test('other input columns bind the same SQL again', async () => {
  const files = project({ all: ["SELECT * FROM ref('source.orders')", 'source.orders'] })
  const cache = new CountedCache()
  await boundOf(files, { cache })
  const changed = await boundOf({ ...files, 'data/orders.csv': 'id\n1\n' }, { cache })
  assert.is(columnsOf(changed, 'transform.all'), 'id BIGINT')
})

test.run()
