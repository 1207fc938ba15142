// The whole way of a user whose engine is PostgreSQL: a new project, a run, a change in an environment that is looked at,
// promoted and taken back, history, and cleaning up. What changes production is done with the built command.

import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import * as cli from '../support/cli.ts'
import { succeeds } from '../support/seeknal.ts'
import { suite } from '../support/suite.ts'
import { newDatabase, profileFor, rowsIn } from '../support/target-project.ts'
import { tempFolder } from '../support/temp.ts'

const test = suite('database engine: journey')

const FILES: Readonly<Record<string, string>> = {
  'data/orders.csv': `order_id,customer_id,ordered_at,status,revenue
A-1,C-7,2026-03-01 09:00:00,completed,40.00
A-2,C-8,2026-03-01 10:30:00, Completed ,60.50
A-3,,2026-03-02 08:15:00,completed,10.00
A-4,C-7,2026-03-02 11:00:00,pending,0.00
A-5,C-9,2026-03-03 12:00:00,completed,-5.00
A-1,C-7,2026-03-03 09:00:00,completed,40.00
`,
  'seeknal/sources/raw_orders.yml': `kind: source
name: raw_orders
source: csv
table: data/orders.csv
columns: {order_id: VARCHAR, customer_id: VARCHAR, ordered_at: TIMESTAMP, status: VARCHAR, revenue: "DECIMAL(10,2)"}
`,
  'seeknal/sources/customers.yml':
    'kind: source\nname: customers\nsource: postgresql\nconnection: warehouse\ntable: crm.customers\n',
  'seeknal/transforms/orders.yml': `kind: transform
name: orders
description: "One row an order, the last that came"
inputs: [{ref: source.raw_orders}]
columns:
  - {name: order_id, tests: [not_null, unique]}
transform: |
  SELECT
    order_id,
    COALESCE(customer_id, 'UNKNOWN') AS customer_id,
    CAST(ordered_at AS DATE) AS ordered_on,
    UPPER(TRIM(status)) AS status,       -- normalised
    CASE WHEN revenue >= 0 THEN revenue END AS revenue
  FROM ref('source.raw_orders')
  QUALIFY ROW_NUMBER() OVER (PARTITION BY order_id ORDER BY ordered_at DESC) = 1
`,
  'seeknal/transforms/daily_revenue.yml': `kind: transform
name: daily_revenue
owner: finance
inputs: [{ref: transform.orders}]
transform: |
  SELECT ordered_on, COUNT(*) AS orders, COALESCE(SUM(revenue), 0) AS revenue
  FROM ref('transform.orders')
  WHERE status <> 'CANCELLED'
  GROUP BY ordered_on
`,
  'seeknal/transforms/by_country.yml': `kind: transform
name: by_country
inputs: [{ref: transform.orders}, {ref: source.customers}]
transform: |
  SELECT c.country, SUM(o.revenue) AS revenue
  FROM ref('transform.orders') AS o JOIN ref('source.customers') AS c USING (customer_id)
  GROUP BY c.country
`,
}

const CRM = `CREATE SCHEMA crm;
CREATE TABLE crm.customers (customer_id text PRIMARY KEY, country text);
INSERT INTO crm.customers VALUES ('C-7', 'NL'), ('C-8', 'ID'), ('C-9', 'NL')`

const statuses = (lines: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    lines
      .split('\n')
      .filter((line) => line.startsWith('{"node"'))
      .map((line) => JSON.parse(line))
      .map(({ node, status }) => [node, status]),
  )

test('From a new project to production, a change, and back', async () => {
  const database = await newDatabase('journey')
  await database.sql(CRM)
  const rows = (sql: string) => rowsIn(database, sql)
  const folder = tempFolder('journey')
  const built = (...args: string[]): string => succeeds(folder, args)
  const does = (...args: string[]): Promise<string> => cli.does(folder, args)
  const ends = async (code: number, ...args: string[]): Promise<string> => (await cli.ends(code, folder, args)).all
  const edit = (path: string, from: string, to: string): void =>
    writeFileSync(join(folder, path), readFileSync(join(folder, path), 'utf8').replace(from, to))

  await does('init', '--name', 'shop')
  appendFileSync(
    join(folder, 'seeknal_project.yml'),
    'engine: {type: postgresql, connection: warehouse, schema: analytics}\n',
  )
  for (const [path, text] of Object.entries({ ...FILES, 'profiles.yml': profileFor(database) })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  await does('connection', 'test', 'warehouse')
  assert.match(await does('plan'), /5 nodes/)

  // Production.
  assert.equal(
    Object.values(statuses(built('run', '--json'))),
    Array.from({ length: 5 }, () => 'executed'),
  )
  const first = [
    ['2026-03-01', '1', '60.5'],
    ['2026-03-02', '2', '10'],
    ['2026-03-03', '2', '40'],
  ]
  const seen = () => rows('SELECT ordered_on, orders, trim_scale(revenue) FROM analytics.daily_revenue ORDER BY 1')
  const customers = () => rows('SELECT max(customers) FROM analytics.daily_revenue')
  assert.equal(await seen(), first)
  assert.equal(await rows('SELECT country, trim_scale(revenue) FROM analytics.by_country ORDER BY 1'), [
    ['ID', '60.5'],
    ['NL', '40'],
  ])
  assert.match(await does('run'), /No changes detected/)
  await database.sql("INSERT INTO crm.customers VALUES ('UNKNOWN', 'XX')")
  const again = statuses(await does('run', '--json'))
  assert.equal([again['transform.by_country'], again['transform.daily_revenue']], ['executed', 'cached'])

  // A change, beside production.
  assert.match(await does('env', 'plan', 'dev'), /No changes detected/)
  edit(
    'seeknal/transforms/daily_revenue.yml',
    'AS revenue\n',
    'AS revenue,\n    COUNT(DISTINCT customer_id) AS customers\n',
  )
  const planned = await does('env', 'plan', 'dev')
  assert.match(planned, /Non-breaking changes: 1/)
  assert.match(planned, /Total nodes to execute: 1/)
  await ends(2, 'env', 'plan', 'dev', '--detailed-exitcode')
  assert.match(await ends(2, 'promote', 'dev'), /not applied/)
  await does('env', 'apply', 'dev', '--dry-run')
  assert.equal(await rows("SELECT count(*) FROM pg_namespace WHERE nspname = 'dev_analytics'"), [['0']])
  edit('seeknal/transforms/daily_revenue.yml', "<> 'CANCELLED'", "<> 'VOID'")
  assert.match(await ends(2, 'env', 'apply', 'dev'), /changed|stale/i)
  edit('seeknal/transforms/daily_revenue.yml', "<> 'VOID'", "<> 'CANCELLED'")
  built('env', 'apply', 'dev')
  assert.equal(await rows('SELECT ordered_on, customers FROM dev_analytics.daily_revenue ORDER BY 1'), [
    ['2026-03-01', '1'],
    ['2026-03-02', '2'],
    ['2026-03-03', '2'],
  ])
  assert.equal(await rows("SELECT table_name FROM information_schema.views WHERE table_schema = 'dev_analytics'"), [
    ['daily_revenue'],
  ])
  assert.equal(await seen(), first)
  assert.match(
    await does(
      'repl',
      '--env',
      'dev',
      '-e',
      'SELECT max(customers) AS most FROM transform.daily_revenue',
      '--format',
      'csv',
    ),
    /most\n2\n/,
  )
  assert.match(await does('env', 'diff', 'dev'), /customers/)
  assert.match(await does('env', 'list'), /dev +applied/)

  // It becomes production, and what it was before.
  await does('promote', 'dev', '--dry-run')
  assert.equal(await seen(), first)
  assert.match(built('promote', 'dev', '--yes'), /generation 3 \(was 2\)/)
  assert.match(await does('run'), /No changes detected/)
  assert.equal(await customers(), [['2']])
  assert.match(built('rollback', '--yes'), /generation 2 again/)
  assert.equal(await seen(), first)
  assert.match(await does('history'), /promote dev/)
  await does('history', '--verify')

  // Another machine, and cleaning up.
  const elsewhere = tempFolder('elsewhere')
  for (const path of ['seeknal_project.yml', 'profiles.yml', ...Object.keys(FILES)]) {
    mkdirSync(dirname(join(elsewhere, path)), { recursive: true })
    writeFileSync(join(elsewhere, path), readFileSync(join(folder, path)))
  }
  assert.match(await cli.does(elsewhere, ['env', 'list']), /dev/)
  assert.match(await cli.does(elsewhere, ['promote', 'dev', '--yes']), /generation/)
  assert.match(await does('run'), /No changes detected/)
  built('env', 'delete', 'dev', '--yes')
  assert.equal(await rows("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'dev%'"), [['0']])
  assert.not.ok(existsSync(join(folder, 'target/environments/dev')))
  assert.match(built('clean', '--keep', '1'), /Removed/)
  assert.equal(await customers(), [['2']])
  await does('history', '--verify')
})

test.run()
