// apply.sql through DuckDB's plain client, statement by statement, without anything of ours: it gives the tables that
// the runtime gives, in the columns that the manifest says.

import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { preludeText } from '../compiler/emit/prelude.ts'
import { opened } from '../runtime/bundle/verify.ts'
import { type Bundle, buildSteps, fileOf } from '../runtime/contract/bundle.ts'
import { startDuckDB } from '../runtime/engines/duckdb/engine.ts'
import { bundleOf } from './support/compile.ts'
import { Session } from './support/duckdb.ts'
import { baseProject, goldenBundle, goldenCase, goldenCases, projectOf } from './support/golden.ts'
import { suite } from './support/suite.ts'
import { tempFolder, tempProject } from './support/temp.ts'

const test = suite('apply.sql')
/** Cases whose sources are not there. */
const withoutData = ['databases', 'formats', 'parameters']
const timestamp = '2026-03-01T00:00:00Z'

/** Runs a bundle's apply.sql in a session of its own with the roots given. */
async function runRaw(bundle: Bundle, roots: Readonly<Record<string, string>>): Promise<void> {
  const session = await Session.open()
  for (const [name, value] of Object.entries({ ...roots, run_timestamp: timestamp }))
    await session.rows(`SET VARIABLE ${name} = '${value}'`)
  await session.script(bundle.files.get('apply.sql') ?? '')
}

const columnsIn = (session: Session, file: string): Promise<(string | null)[][]> =>
  session.rows(`SELECT column_name, column_type FROM (DESCRIBE FROM '${file}')`)

const parquetIn = (folder: string): string[] => readdirSync(folder).sort()

/** Runs the same steps as the runtime's engine does. */
async function runSteps(bundle: Bundle, project: string, outputs: string): Promise<void> {
  const engine = await startDuckDB({
    allowedDirectories: [project, outputs],
    allowedPaths: [],
    spillDirectory: join(outputs, 'spill'),
    settings: bundle.contract.settings,
  })
  const { nodes } = opened(bundle).manifest
  for (const step of buildSteps(bundle.contract)) {
    const variables = { values: { data: project, outputs }, runTimestamp: timestamp }
    await engine.runStep({
      prelude: preludeText(),
      sql: bundle.files.get(step.file) ?? '',
      variables,
      output: { variable: 'outputs', file: fileOf(step) ?? '' },
      columns: nodes.find((node) => node.id === step.node)?.columns ?? null,
    })
  }
  await engine.close()
}

for (const golden of goldenCases().filter(({ name }) => !withoutData.includes(name))) {
  test(`${golden.name}: run raw, it gives the tables of the runtime`, async () => {
    const project = projectOf(golden)
    const [raw, ours] = [tempFolder('raw'), tempFolder('ours')]
    const bundle = await bundleOf(project)
    await runRaw(bundle, { data: project, outputs: raw })
    await runSteps(bundle, project, ours)
    const outputs = (folder: string) => parquetIn(folder).filter((name) => name.endsWith('.parquet'))
    assert.equal(outputs(raw), outputs(ours))
    const session = await Session.open()
    for (const node of opened(bundle).manifest.nodes) {
      const file = `${node.id.replace('.', '_')}.parquet`
      const columns = await columnsIn(session, `${raw}/${file}`)
      assert.equal(columns, await columnsIn(session, `${ours}/${file}`), node.id)
      if (node.columns !== null)
        assert.equal(
          columns,
          node.columns.map((c) => [c.name, c.type]),
          node.id,
        )
      if (node.reproducibility.volatile.length > 0) continue
      const differing = `(FROM '${raw}/${file}' EXCEPT ALL FROM '${ours}/${file}') UNION ALL (FROM '${ours}/${file}' EXCEPT ALL FROM '${raw}/${file}')`
      assert.equal(await session.rows(differing), [], node.id)
    }
  })
}

test('An environment reads production and writes beside it', async () => {
  const golden = goldenCase('added-column')
  const base = baseProject(golden) ?? ''
  const [outputs, dev_outputs] = [tempFolder('production'), tempFolder('dev')]
  await runRaw(await bundleOf(base), { data: base, outputs })
  const before = parquetIn(outputs)
  await runRaw(await goldenBundle(golden), { data: '/nowhere', outputs, dev_outputs })
  assert.equal(parquetIn(outputs), before)
  assert.equal(parquetIn(dev_outputs), ['transform_daily_revenue.parquet'])
  const rows = await (await Session.open()).rows(
    `SELECT order_date, unique_customers FROM '${dev_outputs}/transform_daily_revenue.parquet' ORDER BY 1`,
  )
  assert.equal(rows, [
    ['2026-03-01', '1'],
    ['2026-03-02', '2'],
    ['2026-03-03', '2'],
    ['2026-03-04', '1'],
  ])
})

const lateProject = (query: string): string =>
  tempProject({
    'seeknal_project.yml': 'name: late\nversion: "1.0.0"\n',
    'data/sales.csv': 'shop,month,amount\nnorth,jan,12345678901234567890123\nsouth,Feb,3\n',
    'seeknal/sales.yml':
      'kind: source\nname: sales\nsource: csv\ntable: data/sales.csv\ncolumns:\n  amount: DECIMAL(38,0)\n',
    'seeknal/late.yml': `kind: transform\nname: late\ninputs:\n  - ref: source.sales\ntransform: |\n  ${query}\n`,
  })

const PIVOT =
  "PIVOT (SELECT * REPLACE (amount::HUGEINT AS amount) FROM ref('source.sales')) ON month USING max(amount) GROUP BY shop"

test('Where only data can tell the columns it keeps all digits as the runtime does', async () => {
  const item = `{'HUGEINT': 1::HUGEINT, 'a "b': [jan::UHUGEINT]} AS s, MAP {1::HUGEINT: jan} AS "m""", 'HUGEINT'::ENUM('HUGEINT') AS e`
  const project = lateProject(`SELECT *, ${item} FROM (${PIVOT}) ORDER BY shop DESC -- the end`)
  const [raw, ours] = [tempFolder('raw'), tempFolder('ours')]
  const bundle = await bundleOf(project)
  await runRaw(bundle, { data: project, outputs: raw })
  await runSteps(bundle, project, ours)
  const session = await Session.open()
  const columns = await columnsIn(session, `${raw}/transform_late.parquet`)
  assert.equal(columns, await columnsIn(session, `${ours}/transform_late.parquet`))
  assert.equal(columns[2], ['jan', 'DECIMAL(38,0)'])
  const rows = await session.rows(`FROM '${raw}/transform_late.parquet'`)
  assert.equal(rows, await session.rows(`FROM '${ours}/transform_late.parquet'`))
  assert.equal(rows[1]?.slice(0, 3), ['north', null, '12345678901234567890123'])
})

test('Where only data can tell the columns it stops at what an output cannot hold', async () => {
  for (const [query, message] of [
    [`SELECT p.*, 1 AS JAN FROM (${PIVOT}) AS p`, 'Two columns have one name: shop, Feb, jan, JAN'],
    [`SELECT shop, [union_value(a := jan)] AS u FROM (${PIVOT})`, 'u UNION(a HUGEINT)[]'],
  ] as const) {
    const project = lateProject(query)
    const outputs = tempFolder('raw')
    let said = ''
    await runRaw(await bundleOf(project), { data: project, outputs }).catch((error: Error) => {
      said = error.message
    })
    assert.match(said, message)
    assert.equal(parquetIn(outputs), ['source_sales.parquet'])
  }
})

test('Of a glob of CSV files it leaves out those that are empty, as a run does, and stops where all are', async () => {
  const parts = 'data/parts/region=[a]'
  const project = tempProject({
    'seeknal_project.yml': 'name: parts\n',
    [`${parts}/0.csv`]: '',
    [`${parts}/1.csv`]: 'id,v\n1,x\n',
    "data/parts/region=b's/2.csv": 'id,v\n2,y\n',
    'seeknal/parts.yml':
      'kind: source\nname: parts\nsource: csv\ntable: data/parts/*/*.csv\nparams: {filename: true, hive_partitioning: true}\n',
  })
  const outputs = tempFolder('raw')
  const bundle = await bundleOf(project)
  await runRaw(bundle, { data: project, outputs })
  const session = await Session.open()
  assert.equal(
    await session.rows(`SELECT id, v, region, filename FROM '${outputs}/source_parts.parquet' ORDER BY id`),
    [
      ['1', 'x', '[a]', `${parts}/1.csv`],
      ['2', 'y', "b's", "data/parts/region=b's/2.csv"],
    ],
  )
  for (const file of [`${parts}/1.csv`, "data/parts/region=b's/2.csv"]) writeFileSync(join(project, file), '')
  const said = await runRaw(bundle, { data: project, outputs: tempFolder('none') }).then(
    () => '',
    (error: Error) => error.message,
  )
  assert.match(said, 'every file of data/parts/*/*.csv is empty')
})

test('From the project it runs with nothing set but the folder that its header names', async () => {
  const golden = goldenCase('shop')
  const project = projectOf(golden)
  const bundle = await bundleOf(project)
  const folder = /mkdir -p (\S+)/.exec(bundle.files.get('apply.sql') ?? '')?.[1] ?? ''
  mkdirSync(join(project, folder))
  const home = process.cwd()
  process.chdir(project)
  try {
    await (await Session.open()).script(bundle.files.get('apply.sql') ?? '')
  } finally {
    process.chdir(home)
  }
  assert.is(parquetIn(join(project, folder)).length, bundle.contract.steps.length)
})

test('A failed check of severity error stops it before anything reads the output; a warning does not', async () => {
  const golden = goldenCase('checks')
  const project = projectOf(golden)
  const bundle = await bundleOf(project)
  const stopsAt = async (row: string): Promise<readonly [string, readonly string[]]> => {
    appendFileSync(join(project, 'data/orders.csv'), row)
    const outputs = tempFolder('stopped')
    const message = await runRaw(bundle, { data: project, outputs }).then(
      () => '',
      (error: Error) => error.message,
    )
    return [message, parquetIn(outputs)]
  }
  assert.equal((await stopsAt('4,strange,2026-01-01,true,c,9.00\n'))[0], '')
  const [message, written] = await stopsAt('4,open,2026-01-02,true,d,1.00\n')
  assert.match(message, 'source.orders fails the check unique(id): 2 rows')
  assert.equal(written, ['source_orders.parquet'])
})

test('A parameter that only a person knows stops it with its name', async () => {
  const golden = goldenCase('parameters')
  const session = await Session.open()
  const text = (await goldenBundle(golden)).files.get('apply.sql') ?? ''
  let message = ''
  await session.script(text).catch((error: Error) => {
    message = error.message
  })
  assert.match(message, 'env.REGION')
})

test.run()
