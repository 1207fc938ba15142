// Tables whose columns only data can tell, from the first run to a change of the data, and what is said when a column is
// not there or cannot be kept.

import { appendFileSync, copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { does, ends, records, rowsOf } from '../support/cli.ts'
import { Session } from '../support/duckdb.ts'
import { suite } from '../support/suite.ts'
import { tempFolder, tempProject, writeFiles } from '../support/temp.ts'

const test = suite('cli/late bound')

const BIG = '12345678901234567890123'

const transform = (name: string, input: string, sql: string): readonly [string, string] => [
  `seeknal/${name}.yml`,
  `kind: transform\nname: ${name}\ninputs:\n  - ref: ${input}\ntransform: |\n  ${sql.replaceAll('\n', '\n  ')}\n`,
]

const files = (...more: readonly (readonly [string, string])[]) => ({
  'seeknal_project.yml': 'name: late\nversion: "1.0.0"\n',
  'data/sales.csv': `shop,month,amount\nnorth,jan,${BIG}\nsouth,feb,3\n`,
  'seeknal/sales.yml':
    'kind: source\nname: sales\nsource: csv\ntable: data/sales.csv\ncolumns:\n  amount: DECIMAL(38,0)\n',
  ...Object.fromEntries([
    transform(
      'by_month',
      'source.sales',
      "PIVOT (SELECT shop, month, amount::HUGEINT AS amount FROM ref('source.sales')) ON month USING max(amount) GROUP BY shop",
    ),
    ...more,
  ]),
})

const all = transform('all_months', 'transform.by_month', "SELECT * FROM ref('transform.by_month')")

const columnsOf = async (folder: string, node: string): Promise<string> =>
  (await rowsOf(folder, `SELECT column_name || ' ' || replace(column_type, ',', ':') FROM (DESCRIBE ${node})`)).join(
    '; ',
  )

const statuses = (out: string) =>
  Object.fromEntries(records(out).flatMap((r) => (typeof r.node === 'string' ? [[r.node, r.status]] : [])))

test('All digits are kept in a table whose columns only data can tell, and in those that read it', async () => {
  const wide = transform(
    'wide',
    'transform.by_month',
    "SELECT shop, jan::HUGEINT AS jan FROM ref('transform.by_month')",
  )
  const folder = tempProject(files(all, wide))
  await does(folder, ['run'])
  for (const node of ['transform.by_month', 'transform.all_months'])
    assert.is(await columnsOf(folder, node), 'shop VARCHAR; feb DECIMAL(38:0); jan DECIMAL(38:0)', node)
  for (const node of ['transform.by_month', 'transform.all_months', 'transform.wide'])
    assert.equal(await rowsOf(folder, `SELECT jan FROM ${node} WHERE shop = 'north'`), [[BIG]], node)
})

test('New data brings new columns, and whoever reads the table is due', async () => {
  const folder = tempProject(files(all))
  await does(folder, ['run'])
  assert.is(await does(folder, ['run']), '✓ DAG built: 3 nodes, 2 edges\n✓ No changes detected.\n')
  appendFileSync(join(folder, 'data/sales.csv'), 'south,mar,4\n')
  const run = await does(folder, ['run', '--json'])
  assert.equal(statuses(run), {
    'source.sales': 'executed',
    'transform.by_month': 'executed',
    'transform.all_months': 'executed',
  })
  assert.equal(await rowsOf(folder, "SELECT mar FROM transform.all_months WHERE shop = 'south'"), [['4']])
  assert.match(await does(folder, ['run']), 'No changes detected')
})

test('Where rows decide, a column more makes a reader due too', async () => {
  const picked = transform(
    'picked',
    'source.sales',
    "PIVOT (SELECT * FROM ref('source.sales')) ON month USING first(shop) GROUP BY shop",
  )
  const reader = transform('reader', 'transform.picked', "SELECT * FROM ref('transform.picked')")
  const folder = tempProject(files(picked, reader))
  await does(folder, ['run'])
  appendFileSync(join(folder, 'data/sales.csv'), 'south,mar,4\n')
  await does(folder, ['run'])
  assert.equal(await rowsOf(folder, "SELECT mar FROM transform.reader WHERE shop = 'south'"), [['south']])
})

test('A column that the table does not have fails its reader at the place in the YAML file', async () => {
  const reader = transform(
    'reader',
    'transform.by_month',
    "SELECT\n  shop,\n  mar AS m\nFROM ref('transform.by_month')",
  )
  const folder = tempProject(files(reader))
  const { all: said } = await ends(1, folder, ['run'])
  assert.match(said, /seeknal\/reader\.yml:8:5: transform\.reader: .*"mar"/)
  assert.match(said, /^\s+8 │ {5}mar AS m$/m)
  assert.is(statuses((await ends(1, folder, ['run', '--json'])).out)['transform.reader'], 'failed')
})

test('After a run, a column that the last output does not have is warned about before the next', async () => {
  const reader = transform(
    'reader',
    'transform.by_month',
    "SELECT\n  shop,\n  mar AS m\nFROM ref('transform.by_month')",
  )
  const folder = tempProject(files())
  await does(folder, ['run'])
  writeFiles(folder, Object.fromEntries([reader]))
  const { all: said } = await ends(0, folder, ['plan'])
  assert.match(said, /seeknal\/reader\.yml:8:5: There is no column 'mar'.*\[BIND_COLUMN_NOT_FOUND\]/)
  assert.match(said, 'the next may have others')
  appendFileSync(join(folder, 'data/sales.csv'), 'south,mar,4\n')
  // Old enough that the next run may know the files by their stamps.
  await setTimeout(80)
  await does(folder, ['run'])
  const after = await ends(0, folder, ['run'])
  assert.is(after.err, '')
  assert.equal(await rowsOf(folder, "SELECT m FROM transform.reader WHERE shop = 'south'"), [['4']])
})

test('What an output cannot hold fails its node with the column, at its query', async () => {
  const union = transform(
    'union_typed',
    'transform.by_month',
    "SELECT shop, union_value(n := jan) AS u FROM ref('transform.by_month')",
  )
  const twice = transform(
    'twice',
    'transform.by_month',
    "SELECT a.*, b.jan AS JAN FROM ref('transform.by_month') a, ref('transform.by_month') b",
  )
  const folder = tempProject(files(union, twice))
  const { all: said, out } = await ends(1, folder, ['run', '--continue-on-error', '--json'])
  assert.match(said, /seeknal\/union_typed\.yml:6:3: transform\.union_typed: its column 'u' has the type UNION\(/)
  assert.match(said, /seeknal\/twice\.yml:6:3: transform\.twice: it gives two columns 'JAN'/)
  const codes = records(out).flatMap((r) => (r.status === 'failed' ? [JSON.stringify(r)] : []))
  assert.ok(codes.length === 2 && codes.every((text) => text.includes('OUTPUT_NOT_STORABLE')), String(codes))
})

test('A bundle is not executed over source files that have other columns than it was compiled for', async () => {
  const session = await Session.open()
  const folder = tempFolder('moved')
  await session.rows(`COPY (SELECT 1 AS id, 2::INTEGER AS n) TO '${folder}/old.parquet' (FORMAT parquet)`)
  await session.rows(`COPY (SELECT 1 AS id, 2.5::DOUBLE AS n) TO '${folder}/new.parquet' (FORMAT parquet)`)
  const project = tempProject({
    'seeknal_project.yml': 'name: moved\nversion: "1.0.0"\n',
    'data/readme.txt': '',
    'seeknal/numbers.yml': 'kind: source\nname: numbers\nsource: parquet\ntable: data/numbers.parquet\n',
    ...Object.fromEntries([transform('sums', 'source.numbers', "SELECT sum(n) AS n FROM ref('source.numbers')")]),
  })
  copyFileSync(join(folder, 'old.parquet'), join(project, 'data/numbers.parquet'))
  await does(project, ['compile', '--out', 'bundle'])
  copyFileSync(join(folder, 'new.parquet'), join(project, 'data/numbers.parquet'))
  const { all: said } = await ends(1, project, ['exec', 'bundle'])
  assert.match(said, /source\.numbers.*other columns than the bundle says: n INTEGER → DOUBLE/)
  assert.match(said, "'seeknal lock --accept'")
  copyFileSync(join(folder, 'old.parquet'), join(project, 'data/numbers.parquet'))
  writeFiles(project, {
    'seeknal/events.yml': 'kind: source\nname: events\nsource: jsonl\ntable: data/*.jsonl\n',
    'data/1.jsonl': '{"id": 1, "none": null}\n',
    'data/2.jsonl': '{"id": 2, "n": 3}\n',
  })
  await does(project, ['compile', '--out', 'bundle'])
  await does(project, ['exec', 'bundle'])
  writeFiles(project, { 'data/2.jsonl': '{"id": 2, "N": 3}\n' })
  const { all: lacking } = await ends(1, project, ['exec', 'bundle'])
  assert.match(lacking, /source\.events.*its files lack 'n', of which the bundle says that it is a key/)
})

test('Declared types of columns that only data can tell are checked when the table is made', async () => {
  const pivot = (columns: string) => ({
    'seeknal/by_month.yml': `kind: transform\nname: by_month\ninputs: [{ref: source.sales}]\n${columns}transform: PIVOT (SELECT * FROM ref('source.sales')) ON month USING sum(amount) GROUP BY shop\n`,
  })
  const folder = tempProject({ ...files(), ...pivot('columns: {SHOP: text, jan: HUGEINT, dec: DATE}\n') })
  await does(folder, ['run'])
  writeFiles(folder, pivot('columns: {shop: VARCHAR, jan: DATE}\n'))
  const { all: said } = await ends(1, folder, ['run'])
  assert.match(said, /'jan' is DECIMAL\(38,0\) and declared as DATE/)
  assert.match(said, 'OUTPUT_DIFFERS')
  await does(folder, ['env', 'plan', 'dev'])
  await ends(1, folder, ['env', 'apply', 'dev'])
  writeFiles(folder, pivot('columns: {shop: VARCHAR, jan: WRONG}\n'))
  assert.match((await ends(2, folder, ['run'])).err, /by_month\.yml:4:\d+: .*'WRONG'.*\[BIND_UNKNOWN_TYPE\]/)
  writeFiles(folder, pivot('columns: {shop: VARCHAR}\n'))
  await does(folder, ['run'])
})

test('A table whose columns only data can tell says of which values it keeps less', async () => {
  const folder = tempProject(
    files(
      transform(
        'spans',
        'source.sales',
        "PIVOT (SELECT shop, month, to_milliseconds(length(month)) AS i FROM ref('source.sales')) ON month USING max(i) GROUP BY shop",
      ),
    ),
  )
  const { err } = await ends(0, folder, ['run'])
  assert.match(
    err,
    /The column 'jan' of transform\.spans has the type INTERVAL: of each INTERVAL it keeps months, days/,
  )
  assert.is((await ends(0, folder, ['run'])).err, '')
})

test.run()
