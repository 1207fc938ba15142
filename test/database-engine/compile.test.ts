// What a project compiles to whose engine is PostgreSQL: with a server and without one.

import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { BundleFile } from '../../runtime/contract/bundle.ts'
import { does, ends } from '../support/cli.ts'
import { ENGINE, engineProject, SHOP, transform } from '../support/engine-project.ts'
import { suite } from '../support/suite.ts'

const test = suite('database engine: compile')

const textIn = (folder: string, file: string, out = 'bundle'): string => readFileSync(join(folder, out, file), 'utf8')
const contractIn = (folder: string, out = 'bundle'): BundleFile => JSON.parse(textIn(folder, 'bundle.json', out))

test('Each output is a table of the store with a view in the schema of the engine', async () => {
  const { folder } = await engineProject()
  await does(folder, ['compile'])
  assert.is(
    textIn(folder, 'apply/transform.paid.sql'),
    `CREATE TABLE seeknal_store.:"output" AS
SELECT id, customer, amount, day -- only what was paid
FROM analytics_source.orders
WHERE amount > 0
;

CREATE OR REPLACE VIEW analytics.paid AS
TABLE seeknal_store.:"output"
;
`,
  )
  assert.match(textIn(folder, 'apply/source.orders.sql'), /^CREATE OR REPLACE VIEW analytics_source\.orders AS\nSELECT/)
  const { engine, requires } = contractIn(folder)
  assert.equal([engine.name, engine.connection, engine.schema], ['postgresql', 'warehouse', 'analytics'])
  assert.equal(requires.connections, [{ name: 'warehouse', type: 'postgresql' }])
  await does(folder, ['bundle', 'verify', 'bundle'])
})

test('Without the prefixes that are listed, a step of an environment is that of production', async () => {
  const { folder } = await engineProject()
  await does(folder, ['compile'])
  await does(folder, ['compile', '--env', 'dev', '--out', 'dev'])
  const { steps, namespaces } = contractIn(folder, 'dev')
  for (const { file } of steps) {
    let text = Buffer.from(textIn(folder, file, 'dev'))
    for (const span of namespaces.filter((one) => one.file === file).reverse())
      text = Buffer.concat([text.subarray(0, span.start), text.subarray(span.start + span.text.length)])
    assert.is(text.toString(), textIn(folder, file))
  }
  assert.match(textIn(folder, 'apply/transform.daily.sql', 'dev'), /FROM dev_analytics\.paid/)
})

test('Without a server the lock file knows the columns, and what was not asked is said', async () => {
  const project = await engineProject()
  await does(project.folder, ['compile'])
  rmSync(join(project.folder, 'target'), { recursive: true })
  const lock = readFileSync(join(project.folder, 'seeknal.lock.json'), 'utf8')
  assert.match(lock, /"transform\.daily"/)
  project.write('seeknal.lock.json', lock)
  const elsewhere = project.copy()
  elsewhere.remove('profiles.yml')
  await does(elsewhere.folder, ['compile'])
  assert.is(contractIn(elsewhere.folder).digest, contractIn(project.folder).digest)
  elsewhere.write(
    'seeknal/more.yml',
    transform('more', ['transform.daily'], "SELECT n + 1 AS m FROM ref('transform.daily')"),
  )
  const ended = await ends(0, elsewhere.folder, ['compile'])
  assert.match(ended.all, /was not asked whether it takes the SQL of transform\.more/)
})

test('The server says what it does not take, at the line of the author', async () => {
  const project = await engineProject()
  project.write(
    'seeknal/wrong.yml',
    transform('wrong', ['transform.paid'], "SELECT id,\n  amont\nFROM ref('transform.paid')"),
  )
  const ended = await ends(2, project.folder, ['compile'])
  assert.match(ended.all, /seeknal\/wrong\.yml:6:5/)
  assert.match(ended.all, /column "amont" does not exist/)
  assert.equal(await project.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'seeknal%'"), [])
})

test('Only inputs are read, by statements that change nothing', async () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['SELECT * FROM shop.orders', /'shop\.orders' is no input of this node/],
    ["SELECT 'shop.orders'::regclass AS r FROM ref('transform.paid')", /names a table/],
    ["SELECT shop.secret(id) AS s FROM ref('transform.paid')", /'shop\.secret' may see more/],
    ["WITH x AS (DELETE FROM ref('transform.paid') RETURNING *) SELECT * FROM x", /syntax|DELETE/],
    ["SELECT 1 AS a; SELECT 2 AS b FROM ref('transform.paid')", /may only make, fill, change and drop TEMP/],
    ["SELECT * FROM ref('transform.none')", /'transform\.none' is not among the 'inputs'/],
    [`SELECT ${'id + '.repeat(3000)}id AS d FROM ref('transform.paid')`, /wrong\.yml:5:3: .* too deeply/],
    [
      `SELECT ${'(SELECT '.repeat(3000)}id${')'.repeat(3000)} AS d FROM ref('transform.paid')`,
      /wrong\.yml:5:3: .* too deeply/,
    ],
  ]
  const project = await engineProject()
  for (const [sql, message] of wrong) {
    project.write('seeknal/wrong.yml', transform('wrong', ['transform.paid'], sql))
    assert.match((await ends(2, project.folder, ['validate'])).all, message)
  }
})

test('What is not built for it yet is refused by name', async () => {
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    [
      'seeknal/daily.yml',
      transform('daily', ['transform.paid'], "SELECT 1 AS a FROM ref('transform.paid') LIMIT 1", 'dialect: duckdb\n'),
      /daily\.yml:\d+:\d+: .*order.*BIND_NOT_TRANSLATED/,
    ],
    [
      'seeknal/daily.yml',
      transform(
        'daily',
        ['transform.paid'],
        `SELECT ${'id + '.repeat(900)}id AS a FROM ref('transform.paid')`,
        'dialect: duckdb\n',
      ),
      /daily\.yml:\d+:\d+: .* too deeply.*BIND_NOT_TRANSLATED/,
    ],
    ['seeknal_project.yml', ENGINE.replace('connection: warehouse, ', ''), /needs a connection/],
    ['seeknal_project.yml', `name: shop\ndialect: postgresql\n`, /which the engine DuckDB does not execute/],
    ['seeknal_project.yml', `${ENGINE}settings: {TimeZone: UTC}\n`, /takes no 'settings'/],
  ]
  for (const [file, text, message] of wrong) {
    const project = await engineProject({ ...SHOP, [file]: text })
    assert.match((await ends(2, project.folder, ['compile'])).all, message)
  }
})

test('The profile has the last word on the engine', async () => {
  const project = await engineProject({
    ...SHOP,
    'seeknal_project.yml': 'name: shop\nversion: "1.0.0"\ndialect: postgresql\n',
  })
  const profile = readFileSync(join(project.folder, 'profiles.yml'), 'utf8')
  project.write('profiles.yml', `${profile}engine: {type: postgresql, connection: warehouse}\n`)
  await does(project.folder, ['compile'])
  assert.is(contractIn(project.folder).engine.schema, 'public')
  project.write('profiles.yml', `${profile}engine: oracle\n`)
  assert.match((await ends(2, project.folder, ['compile'])).all, /'engine' is 'oracle'/)
})

test.run()
