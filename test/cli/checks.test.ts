// `tests:` of a project from the YAML to the exit code: what is said, what goes on, what stays as it was.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { cli, does, ends, records, rowsOf } from '../support/cli.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/checks')

const ORDERS = 'id,status,amount\n1,open,10\n2,closed,20\n3,open,5\n'

const clean = (tests = '', sql = 'SELECT id, status, amount FROM input_0') =>
  `kind: transform\nname: clean\ninputs: [{ref: source.orders}]\ntags: [core]\ntransform: ${sql}\n${tests}`

const FILES = {
  'seeknal_project.yml': 'name: shop\nversion: "1.0.0"\n',
  'data/orders.csv': ORDERS,
  'seeknal/orders.yml': 'kind: source\nname: orders\nsource: csv\ntable: data/orders.csv\n',
  'seeknal/clean.yml': clean(),
  'seeknal/total.yml':
    'kind: transform\nname: total\ninputs: [{ref: transform.clean}]\ntransform: SELECT sum(amount) AS total FROM input_0\n',
}

const UNIQUE = 'tests:\n  - {type: unique, columns: [id]}\n'
const CLOSED = 'tests:\n  - {type: accepted_values, columns: [status], values: [closed]}\n'

const project = (files: Readonly<Record<string, string>> = {}) => tempProject({ ...FILES, ...files })
const put = (folder: string, path: string, text: string) => writeFileSync(join(folder, path), text)

interface NodeRecord {
  readonly node: string
  readonly status: string
  readonly checks?: readonly { readonly id: string; readonly failing_rows: number; readonly status: string }[]
  readonly error?: { readonly code: string }
}

const nodesOf = (out: string) => records(out).filter((record) => 'node' in record) as unknown as readonly NodeRecord[]

/** How many checks ended how, by the summary. */
const countsOf = (out: string): unknown =>
  records(out).flatMap((record) => (record.summary as { checks?: unknown } | undefined)?.checks ?? [])[0]

test('A failed test is said at its line, with the number of rows; exit code 1, and production stays', async () => {
  const folder = project({ 'seeknal/clean.yml': clean(UNIQUE) })
  await does(folder, ['run'])
  put(folder, 'data/orders.csv', `${ORDERS}3,open,6\n`)
  for (const again of [1, 2]) {
    const failed = await ends(1, folder, ['run'])
    assert.match(failed.err, /seeknal\/clean\.yml:7:12: .*unique\(id\) for 2 rows.*\[CHECK_FAILED\]/, `run ${again}`)
    assert.match(failed.err, 'skipped:   transform.total')
    assert.equal(await rowsOf(folder, 'SELECT total FROM transform.total'), [['35']])
  }
  put(folder, 'data/orders.csv', `${ORDERS}4,open,6\n`)
  await does(folder, ['run'])
  assert.equal(await rowsOf(folder, 'SELECT total FROM transform.total'), [['41']])
})

test('With --json a node says what came out of its checks, and the summary counts them', async () => {
  const warns = `${UNIQUE}${CLOSED.replace('tests:\n', '').replace('}', ', severity: warn}')}`
  const folder = project({ 'seeknal/clean.yml': clean(warns) })
  const out = await does(folder, ['run', '--json'])
  assert.equal(
    nodesOf(out)
      .find((node) => node.node === 'transform.clean')
      ?.checks?.map(({ id, failing_rows, status }) => [id, failing_rows, status]),
    [
      ['accepted_values(status)', 2, 'warned'],
      ['unique(id)', 0, 'passed'],
    ],
  )
  assert.equal(countsOf(out), { passed: 1, warned: 1, failed: 0 })
  put(folder, 'seeknal/clean.yml', clean(CLOSED))
  const failed = await ends(1, folder, ['run', '--json'])
  const node = nodesOf(failed.out).find(({ node }) => node === 'transform.clean')
  assert.equal([node?.status, node?.error?.code], ['failed', 'CHECK_FAILED'])
})

test('A test that only warns is said at each run, also at one with nothing to do', async () => {
  const folder = project({ 'seeknal/clean.yml': clean(CLOSED.replace('}', ', severity: warn}')) })
  for (const again of [1, 2, 3]) {
    const run = await ends(0, folder, ['run'])
    assert.match(run.err, 'transform.clean: accepted_values(status) fails for 2 rows', `run ${again}`)
  }
})

test('inspect shows what came out of the tests of an output', async () => {
  const folder = project({ 'seeknal/clean.yml': clean(`${UNIQUE}${CLOSED.slice(7, -2)}, severity: warn}\n`) })
  await does(folder, ['run'])
  const said = await does(folder, ['inspect', 'transform.clean', '--schema'])
  assert.match(said, / accepted_values\(status\) +warn +warned +2\n +unique\(id\) +error +passed +0\n/)
  const { checks } = JSON.parse(await does(folder, ['inspect', 'transform.clean', '--json']))
  assert.equal(
    checks.map(({ type, columns, severity, failing_rows, status }: Record<string, unknown>) => [
      ...[type, columns, severity, failing_rows, status],
    ]),
    [
      ['accepted_values', ['status'], 'warn', 2, 'warned'],
      ['unique', ['id'], 'error', 0, 'passed'],
    ],
  )
  assert.not('checks' in JSON.parse(await does(folder, ['inspect', 'transform.total', '--json'])))
})

test('An added test is planned as a check, and executes nothing', async () => {
  const folder = project()
  await does(folder, ['run'])
  put(folder, 'seeknal/clean.yml', clean(UNIQUE))
  const plan = await does(folder, ['plan'])
  assert.match(plan, /~ transform\.clean {2}non-breaking {2}\+ check unique\(id\) {2}affects: nothing downstream/)
  assert.match(plan, /transform\.clean +check +/)
  assert.match(plan, 'Total nodes to execute: 0')
  assert.match(plan, 'To check only: 1 node')
  const document = JSON.parse(await does(folder, ['plan', '--json']))
  assert.equal([document.execute, document.check], [[], ['transform.clean']])
  const out = await does(folder, ['run', '--json'])
  assert.ok(nodesOf(out).every((node) => node.status === 'cached'))
  assert.match(await does(folder, ['run']), 'No changes detected')
})

test('A plan of a run that would fail by a check that failed before says so', async () => {
  const folder = project()
  await does(folder, ['run'])
  put(folder, 'seeknal/clean.yml', clean(CLOSED))
  await does(folder, ['plan'])
  await ends(1, folder, ['run'])
  const { all } = await ends(1, folder, ['plan'])
  assert.match(all, /accepted_values\(status\) for 2 rows/)
  assert.match(all, '1 output failed a check (transform.clean): executing')
  put(folder, 'seeknal/clean.yml', clean())
  await does(folder, ['plan'])
})

test('A dry run lists the checks beside what executes', async () => {
  const folder = project({ 'seeknal/clean.yml': clean(UNIQUE) })
  assert.match(await does(folder, ['run', '--dry-run']), /transform\.clean +execute[^\n]*\n +checks +unique\(id\)\n/)
})

test('A selection runs the tests of the nodes that it selects', async () => {
  const folder = project()
  await does(folder, ['run'])
  put(folder, 'seeknal/clean.yml', clean(CLOSED))
  const other = await ends(0, folder, ['run', '--nodes', 'transform.total'])
  assert.match(other.err, 'Left out by the selection and still due: transform.clean')
  await ends(1, folder, ['run', '--tags', 'core'])
})

test('Rows with NULL: not_null finds them, unique passes over them, accepted_values takes them where null is listed', async () => {
  const folder = project({
    'data/orders.csv': 'id,status,amount\n1,open,10\n,open,20\n,,5\n',
    'seeknal/clean.yml': clean(`tests:
  - {type: not_null, columns: [id], severity: warn}
  - {type: not_null, columns: [id, status], severity: warn}
  - {type: unique, columns: [id]}
  - {type: unique, columns: [id, status]}
  - {type: unique, columns: [status], severity: warn}
  - {type: accepted_values, columns: [status], values: [open], severity: warn}
  - {type: accepted_values, columns: [status], values: [open, null]}
  - {type: accepted_values, columns: [id], values: [1, null]}
  - {type: accepted_values, columns: [status], values: [null], severity: warn}
`),
  })
  const out = await does(folder, ['run', '--json'])
  const checks = nodesOf(out).find((node) => node.node === 'transform.clean')?.checks ?? []
  assert.equal(
    checks.map(({ id, failing_rows }) => `${id} ${failing_rows}`),
    [
      'accepted_values(id) 0',
      'accepted_values(status) 0',
      'accepted_values(status) #2 1',
      'accepted_values(status) #3 2',
      'not_null(id) 2',
      'not_null(id, status) 2',
      'unique(id) 0',
      'unique(id, status) 0',
      'unique(status) 2',
    ],
  )
})

test('Names of columns and values that are words, quotes and spaces of SQL are names and values', async () => {
  const names = [
    'output',
    'checks',
    'n',
    'repeated',
    'id',
    'failing_rows',
    'group',
    'a "b"',
    "it's",
    'x; --',
    'count',
    'a,b',
  ]
  const columns = names.map((name) => `1 AS "${name.replaceAll('"', '""')}"`).join(', ')
  const tests = names.flatMap((name) => [
    { type: 'not_null', columns: [name] },
    { type: 'unique', columns: [name] },
    { type: 'accepted_values', columns: [name], values: [1] },
  ])
  const texts = ["it's", 'a "b"', 'x; DROP TABLE y', '$$', '\\', '\u{e000}', 'é😀', '\n']
  const folder = project({
    'seeknal/odd.yml': JSON.stringify({
      kind: 'transform',
      name: 'odd',
      transform: `SELECT ${columns}`,
      tests: [...tests, { type: 'unique', columns: names }, { type: 'not_null', columns: names }],
    }),
    'seeknal/texts.yml': JSON.stringify({
      kind: 'transform',
      name: 'texts',
      transform: `SELECT unnest(${`[${texts.map((text) => `'${text.replaceAll("'", "''")}'`).join(', ')}]`}) AS t`,
      tests: [{ type: 'accepted_values', columns: ['t'], values: texts }],
    }),
  })
  const out = await does(folder, ['run', '--json'])
  for (const id of ['transform.odd', 'transform.texts'])
    for (const check of nodesOf(out).find((node) => node.node === id)?.checks ?? [])
      assert.is(check.status, 'passed', `${id}: ${check.id}`)
  assert.is(nodesOf(out).find((node) => node.node === 'transform.odd')?.checks?.length, 3 * names.length + 2)
})

test('Values are of the type of their column', async () => {
  const folder = project({
    'seeknal/typed.yml': `kind: transform
name: typed
transform: |
  SELECT DATE '2026-01-01' AS d, 1.5::DOUBLE AS f, 0.1::FLOAT AS g, 1.10::DECIMAL(10,2) AS m, '1.10' AS t, true AS b,
    12345678901234567890::HUGEINT AS h, TIMESTAMP '2026-01-01 10:00:00' AS s, [1, 2] AS l
tests:
  - {type: accepted_values, columns: [d], values: [2026-01-01]}
  - {type: accepted_values, columns: [f], values: [1.5]}
  - {type: accepted_values, columns: [g], values: [0.1]}
  - {type: accepted_values, columns: [m], values: [1.1]}
  - {type: accepted_values, columns: [t], values: [1.10]}
  - {type: accepted_values, columns: [b], values: [true]}
  - {type: accepted_values, columns: [h], values: [12345678901234567890]}
  - {type: accepted_values, columns: [s], values: ["2026-01-01 10:00:00"]}
  - {type: accepted_values, columns: [l], values: ["[1, 2]"]}
`,
  })
  await does(folder, ['run'])
})

test('A test of a column that only data can tell is found wrong when it runs, at its line', async () => {
  const folder = project({
    'seeknal/late.yml': `kind: transform
name: late
inputs: [{ref: source.orders}]
transform: PIVOT input_0 ON status USING sum(amount)
tests:
  - {type: not_null, columns: [id]}
  - {type: accepted_values, columns: [id], values: [1, 2, 3]}
  - {type: not_null, columns: [nowhere]}
`,
  })
  const failed = await ends(1, folder, ['run'])
  assert.match(failed.err, /seeknal\/late\.yml:\d+:\d+: .*nowhere/)
})

test('The order in which tests are written, and a test beside its column, change nothing', async () => {
  const folder = project({ 'seeknal/clean.yml': clean(`${UNIQUE}  - {type: not_null, columns: [id, status]}\n`) })
  await does(folder, ['run'])
  const turned = 'audits:\n  - {type: not_null, columns: [STATUS, id]}\ncolumns:\n  id: {tests: [unique]}\n'
  put(folder, 'seeknal/clean.yml', clean(turned))
  assert.match(await does(folder, ['run']), 'No changes detected')
})

test('A bundle with checks runs where the project is not, and stops there too', async () => {
  const folder = project({ 'seeknal/clean.yml': clean(CLOSED) })
  await does(folder, ['compile', '--out', 'bundle'])
  const elsewhere = tempProject({ 'data/orders.csv': ORDERS })
  const failed = await ends(1, elsewhere, ['exec', 'bundle', join(folder, 'bundle')])
  assert.match(failed.err, 'accepted_values(status) for 2 rows')
  put(elsewhere, 'data/orders.csv', ORDERS.replaceAll('open', 'closed'))
  await does(elsewhere, ['exec', 'bundle', join(folder, 'bundle')])
  assert.match(readFileSync(join(elsewhere, 'target/run_state.json'), 'utf8'), /"status": "passed"/)
})

test('Nothing is lost when a run is asked for in full', async () => {
  const folder = project({ 'seeknal/clean.yml': clean(UNIQUE) })
  await does(folder, ['run'])
  const out = await does(folder, ['run', '--full', '--json'])
  assert.equal(countsOf(out), { passed: 1, warned: 0, failed: 0 })
  assert.is((await cli(folder, ['run'])).code, 0)
})

test.run()
