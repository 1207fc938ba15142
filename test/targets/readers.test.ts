// Sources that read a table which another node of the project writes: after it is written, and in an environment where the
// environment writes it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does, ends, rowsOf } from '../support/cli.ts'
import { suite } from '../support/suite.ts'
import { newDatabase, ordersNode, profileFor, targetProject } from '../support/target-project.ts'

const test = suite('targets: readers')

const back = (asked: string): string =>
  `kind: source\nname: back\nsource: postgresql\nconnection: warehouse\n${asked}\ncolumns: {id: BIGINT, amount: "DECIMAL(10,2)"}\n`
const TOTAL = `kind: transform
name: total
inputs: [{ref: source.back}]
transform: SELECT sum(amount) AS total FROM ref('source.back')
`
const QUERY = `query: |
  -- What analytics.orders holds.
  SELECT o.id, analytics_of.amount, 'analytics.orders' AS named
  FROM "analytics".orders AS o
  JOIN (SELECT id, amount FROM ANALYTICS.ORDERS) AS analytics_of USING (id)`

for (const [what, asked] of [
  ['a table', 'table: analytics.orders'],
  ['a query', QUERY.replace(", 'analytics.orders' AS named", '')],
] as const)
  test(`a source that reads ${what} of a target reads what was written in this run, and the environment's own`, async () => {
    const dev = await newDatabase('dev')
    const project = await targetProject({}, { 'profiles-dev.yml': profileFor(dev) })
    const { folder } = project
    await does(folder, ['run'])
    project.write('seeknal/back.yml', back(asked))
    project.write('seeknal/total.yml', TOTAL)
    project.write('data/orders.csv', 'id,customer,amount,day\n1,a,30.75,2026-03-01\n2,b,5.00,2026-03-02\n')
    await does(folder, ['run'])
    assert.equal(await rowsOf(folder, 'SELECT total FROM transform.total'), [['35.75']])
    project.write('seeknal/orders.yml', ordersNode({ sql: 'SELECT * REPLACE (amount * 2 AS amount) FROM' }))
    await does(folder, ['env', 'plan', 'dev'])
    const bundle = join(folder, 'target/environments/dev/bundle')
    const sql = readFileSync(join(bundle, 'extract/source.back.sql'), 'utf8')
    const production = sql.replaceAll('dev_', '')
    assert.match(sql, what === 'a table' ? /FROM dev_analytics\.orders/ : /FROM "dev_analytics"\.orders AS o/)
    if (what === 'a query') {
      assert.match(sql, /FROM dev_ANALYTICS\.ORDERS/)
      assert.match(sql, /-- What analytics\.orders holds\./)
    }
    const contract = JSON.parse(readFileSync(join(bundle, 'bundle.json'), 'utf8'))
    const spans = contract.namespaces.filter(({ file }: { file: string }) => file === 'extract/source.back.sql')
    assert.equal(
      [...new Set(spans.map(({ role, reason }: { role: string; reason: string }) => `${role}: ${reason}`))],
      ['read: transform.orders is a step of this bundle'],
    )
    await does(folder, ['env', 'apply', 'dev'])
    assert.equal(await rowsOf(folder, 'SELECT total FROM transform.total', 'dev'), [['71.50']])
    assert.equal(await rowsOf(folder, 'SELECT total FROM transform.total'), [['35.75']])
    assert.match(production, /analytics/)
    await does(folder, ['env', 'promote', 'dev', '--rematerialize'])
    await does(folder, ['run'])
    assert.equal(await rowsOf(folder, 'SELECT total FROM transform.total'), [['71.50']])
  })

test('a query that cannot be followed to the table of the environment is refused there, at the name that leads to it', async () => {
  const query = `query: |
  -- By a view, a text, a function and the search path.
  SELECT id, analytics.twice(amount) AS amount
  FROM orders_view, to_regclass('analytics.orders') t(x)`
  const project = await targetProject({}, { 'seeknal/back.yml': back(query), 'seeknal/total.yml': TOTAL })
  await project.database.sql(`CREATE VIEW orders_view AS SELECT 1::bigint AS id, 1.5::numeric(10,2) AS amount; CREATE SCHEMA analytics;
    CREATE FUNCTION analytics.twice(n numeric) RETURNS numeric(10,2) LANGUAGE sql AS 'SELECT n * 2'`)
  await does(project.folder, ['run'])
  project.write('seeknal/orders.yml', ordersNode({ sql: 'SELECT * REPLACE (amount * 2 AS amount) FROM' }))
  const { err } = await ends(2, project.folder, ['env', 'plan', 'dev'])
  assert.match(
    err,
    /seeknal\/back\.yml:8:33: The text names the table analytics\.orders, which an environment has of its own.*REWRITE_NAME_NOT_FOLLOWED/,
  )
  assert.match(err, /seeknal\/back\.yml:7:14: The function analytics\.twice is in a schema.*REWRITE_NAME_NOT_FOLLOWED/)
  assert.match(err, /Keep functions and types in a schema of their own/)
})

test('a source that reads what depends on it is a circle', async () => {
  const project = await targetProject(
    { table: 'analytics.other' },
    {
      'seeknal/back.yml': back('table: analytics.total'),
      'seeknal/total.yml': TOTAL.replace(
        'transform: ',
        'materialization: {type: postgresql, connection: warehouse, table: analytics.total}\ntransform: ',
      ),
    },
  )
  const { err } = await ends(2, project.folder, ['run'])
  assert.match(err, /Nodes read each other in a circle: source\.back → transform\.total → source\.back/)
})

test('a source of a table that only its node makes is known by its declared columns before the first run', async () => {
  const project = await targetProject(
    {},
    { 'seeknal/back.yml': back(QUERY.replace(", 'analytics.orders' AS named", '')) },
  )
  project.write('seeknal/total.yml', TOTAL)
  await does(project.folder, ['run'])
  assert.equal(await rowsOf(project.folder, 'SELECT total FROM transform.total'), [['35.75']])
  const open = await targetProject(
    {},
    { 'seeknal/back.yml': back('table: analytics.orders').replace(/columns: .*/, ''), 'seeknal/total.yml': TOTAL },
  )
  const { err } = await ends(2, open.folder, ['run'])
  assert.match(err, /relation "analytics\.orders" does not exist \[BIND_SQL\]/)
  assert.match(err, 'transform.orders makes it; declare all `columns:` with types to read it before it is there.')
})

for (const [schema, field] of [
  ['public', ''],
  ['analytics', '    schema: analytics\n'],
] as const)
  test(`a table that is named without a schema is found in ${schema}, where its connection looks`, async () => {
    const dev = await newDatabase('dev')
    const project = await targetProject({ table: `${schema}.orders` })
    const { database, folder } = project
    for (const db of [database, dev]) await db.superuser(`GRANT CREATE ON SCHEMA public TO ${db.user}`)
    project.write('profiles.yml', profileFor(database, field))
    project.write('profiles-dev.yml', profileFor(dev, field))
    project.write('seeknal/back.yml', back('table: orders'))
    project.write('seeknal/total.yml', TOTAL)
    await does(folder, ['run'])
    assert.equal(await rowsOf(folder, 'SELECT total FROM transform.total'), [['35.75']])
    project.write(
      'seeknal/orders.yml',
      ordersNode({ table: `${schema}.orders`, sql: 'SELECT * REPLACE (amount * 2 AS amount) FROM' }),
    )
    await does(folder, ['env', 'plan', 'dev'])
    await does(folder, ['env', 'apply', 'dev'])
    assert.equal(await rowsOf(folder, 'SELECT total FROM transform.total', 'dev'), [['71.50']])
    project.write('seeknal/back.yml', back('query: SELECT id, amount FROM orders'))
    const { err } = await ends(2, folder, ['env', 'plan', 'dev'])
    assert.match(err, `Write ${schema}.orders.`)
  })

test('a source whose table was not written is not read', async () => {
  const project = await targetProject(
    {},
    { 'seeknal/back.yml': back('table: analytics.orders'), 'seeknal/total.yml': TOTAL },
  )
  await project.database.sql(
    'CREATE SCHEMA analytics; CREATE VIEW analytics.orders AS SELECT 1::bigint AS id, 2.5::numeric(10,2) AS amount',
  )
  const { err } = await ends(1, project.folder, ['run', '--continue-on-error'])
  assert.match(err, /source\.back \(transform\.orders did not write the table that it reads\)/)
})

test.run()
