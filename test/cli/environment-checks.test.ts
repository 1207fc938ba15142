// `tests:` in environments: what fails there is not promoted, by whatever way; what passes is carried over with the data.

import { spawnSync } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does, ends, records, rowsOf } from '../support/cli.ts'
import { prepared } from '../support/prepared.ts'
import { production } from '../support/runtime-project.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/environment checks')

const ORDERS = 'id,status,amount\n1,open,10\n2,closed,20\n3,open,5\n'

const clean = (tests = '', sql = 'SELECT id, status, amount FROM input_0') =>
  `kind: transform\nname: clean\ninputs: [{ref: source.orders}]\ntransform: ${sql}\n${tests}`

const UNIQUE = 'tests:\n  - {type: unique, columns: [id]}\n'
const CLOSED = 'tests:\n  - {type: accepted_values, columns: [status], values: [closed]}\n'
const WARNS = CLOSED.replace('}', ', severity: warn}')
const DOUBLE = 'SELECT id, status, amount * 2 AS amount FROM input_0'

const put = (folder: string, path: string, text: string) => writeFileSync(join(folder, path), text)
const document = (folder: string, path: string) => JSON.parse(readFileSync(join(folder, 'target', path), 'utf8'))
const listed = async (folder: string) => JSON.parse(await does(folder, ['env', 'list', '--json']))[0]
const total = (folder: string) => rowsOf(folder, 'SELECT total FROM transform.total')

/** Production of orders → clean → total, without tests. */
const inProduction = prepared(async () => {
  const folder = tempProject({
    'seeknal_project.yml': 'name: shop\nversion: "1.0.0"\n',
    'data/orders.csv': ORDERS,
    'seeknal/orders.yml': 'kind: source\nname: orders\nsource: csv\ntable: data/orders.csv\n',
    'seeknal/clean.yml': clean(),
    'seeknal/total.yml':
      'kind: transform\nname: total\ninputs: [{ref: transform.clean}]\ntransform: SELECT sum(amount) AS total FROM input_0\n',
  })
  await does(folder, ['run'])
  return folder
})

/** The same, and environment dev planned with another `clean`. */
async function planned(text: string): Promise<string> {
  const folder = await inProduction()
  put(folder, 'seeknal/clean.yml', text)
  await does(folder, ['env', 'plan', 'dev'])
  return folder
}

test('What fails a test in an environment is not promoted: exit code 1, whatever is asked for', async () => {
  const folder = await planned(clean(CLOSED, DOUBLE))
  const before = production(folder)
  for (const again of [1, 2]) {
    const failed = await ends(1, folder, ['env', 'apply', 'dev'])
    assert.match(failed.err, /seeknal\/clean\.yml:6:12: .*accepted_values\(status\) for 2 rows/, `apply ${again}`)
    assert.match(failed.err, 'skipped:   transform.total')
  }
  const { status, failed_checks } = await listed(folder)
  assert.is(status, 'failed')
  assert.equal(failed_checks, [{ node: 'transform.clean', check: 'accepted_values(status)', failing_rows: 2 }])
  assert.match((await ends(0, folder, ['env', 'list'])).err, 'transform.clean fails the check accepted_values(status)')
  for (const more of [['--yes'], ['--yes', '--force'], ['--dry-run'], ['staging'], ['staging', '--force']]) {
    const refused = await ends(1, folder, ['env', 'promote', 'dev', ...more])
    assert.match(refused.err, 'accepted_values(status) of transform.clean for 2 rows', more.join())
  }
  const script = join(folder, 'target/environments/dev/bundle/promote.sh')
  assert.is.not(spawnSync('sh', [script, folder], { encoding: 'utf8' }).status, 0)
  assert.equal(production(folder), before)
})

test('An environment that was applied, and fails when it is planned and applied again, is no longer promoted', async () => {
  const folder = await planned(clean('', DOUBLE))
  await does(folder, ['env', 'apply', 'dev'])
  put(folder, 'seeknal/clean.yml', clean(CLOSED, DOUBLE))
  await does(folder, ['env', 'plan', 'dev'])
  await ends(2, folder, ['env', 'promote', 'dev', '--yes'])
  await ends(1, folder, ['env', 'apply', 'dev'])
  await ends(1, folder, ['env', 'promote', 'dev', '--yes'])
  const script = join(folder, 'target/environments/dev/bundle/promote.sh')
  assert.is.not(spawnSync('sh', [script, folder], { encoding: 'utf8' }).status, 0)
  assert.equal(await total(folder), [['35']])
})

test('A plan that was applied before another one failed is free of what that one failed by', async () => {
  const folder = await planned(clean('', DOUBLE))
  await does(folder, ['env', 'apply', 'dev'])
  put(folder, 'seeknal/clean.yml', clean(CLOSED, DOUBLE))
  await does(folder, ['env', 'plan', 'dev'])
  await ends(1, folder, ['env', 'apply', 'dev'])
  put(folder, 'seeknal/clean.yml', clean('', DOUBLE))
  await does(folder, ['env', 'plan', 'dev'])
  assert.equal((await listed(folder)).failed_checks, [])
  await ends(2, folder, ['env', 'promote', 'dev', '--yes'])
  await does(folder, ['env', 'apply', 'dev'])
  await does(folder, ['env', 'promote', 'dev', '--yes'])
  assert.equal(await total(folder), [['70']])
})

test('The same plan fails on new data after it was applied: it is no longer promoted, by script either', async () => {
  const folder = await inProduction()
  put(folder, 'seeknal/clean.yml', clean(UNIQUE, DOUBLE))
  const orders = 'kind: source\nname: orders\nsource: csv\ntable: data/orders.csv\nparams: {nullstr: "-"}\n'
  put(folder, 'seeknal/orders.yml', orders)
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  appendFileSync(join(folder, 'data/orders.csv'), '3,open,5\n')
  await ends(1, folder, ['env', 'apply', 'dev'])
  const script = join(folder, 'target/environments/dev/bundle/promote.sh')
  const { status, stderr } = spawnSync('sh', [script, folder], { encoding: 'utf8' })
  assert.equal([status, stderr.includes('is not applied')], [2, true], stderr)
  await ends(1, folder, ['env', 'promote', 'dev', '--yes'])
  assert.equal(await total(folder), [['35']])
})

test('Other data or another test mends it, and what failed is not spoken of any more', async () => {
  const folder = await planned(clean(CLOSED, DOUBLE))
  await ends(1, folder, ['env', 'apply', 'dev'])
  put(folder, 'seeknal/clean.yml', clean(UNIQUE, DOUBLE))
  await does(folder, ['env', 'plan', 'dev'])
  const again = await listed(folder)
  assert.equal([again.status, again.failed_checks], ['planned', []])
  await ends(2, folder, ['env', 'promote', 'dev', '--yes'])
  await does(folder, ['env', 'apply', 'dev'])
  assert.not('failed_checks' in document(folder, 'environments/dev/env_config.json'))
  await does(folder, ['env', 'promote', 'dev', '--yes'])
  assert.equal(await total(folder), [['70']])
  assert.match(await does(folder, ['run']), 'No changes detected')
})

test('A test alone is planned, checked on the output of production, promoted and then in force', async () => {
  const folder = await inProduction()
  put(folder, 'seeknal/clean.yml', clean(UNIQUE))
  assert.match(await does(folder, ['env', 'plan', 'dev']), 'Only to check: transform.clean')
  assert.equal(document(folder, 'environments/dev/plan.json').check, ['transform.clean'])
  const out = records(await does(folder, ['env', 'apply', 'dev', '--json']))
  assert.equal(
    out.flatMap((record) => ('node' in record ? [[record.node, record.status]] : [])),
    [['transform.clean', 'cached']],
  )
  assert.match(readFileSync(join(folder, 'target/environments/dev/report.md'), 'utf8'), '`unique(id)` | error | passed')
  await does(folder, ['env', 'promote', 'dev', '--yes'])
  const { results } = document(folder, 'current/run_state.json').checks['transform.clean']
  assert.equal([results[0].id, results[0].status], ['unique(id)', 'passed'])
  assert.match(await does(folder, ['run']), 'No changes detected')
  assert.match(await does(folder, ['env', 'apply', 'dev']), /Nothing left to do: .*promoted to production/)
  assert.is((await listed(folder)).status, 'promoted')
  appendFileSync(join(folder, 'data/orders.csv'), '3,open,5\n')
  await ends(1, folder, ['run'])
})

test('A test alone that fails keeps the environment from production too', async () => {
  const folder = await planned(clean(CLOSED))
  assert.match((await ends(1, folder, ['env', 'apply', 'dev'])).err, 'accepted_values(status) for 2 rows')
  assert.match((await ends(1, folder, ['env', 'promote', 'dev', '--yes'])).err, 'accepted_values(status)')
})

test('A test that is taken away in an environment is away in production when that is promoted', async () => {
  const folder = await inProduction()
  put(folder, 'seeknal/clean.yml', clean(UNIQUE))
  await does(folder, ['run'])
  put(folder, 'seeknal/clean.yml', clean())
  assert.match(await does(folder, ['env', 'plan', 'dev']), '- check unique(id)')
  await does(folder, ['env', 'apply', 'dev'])
  await does(folder, ['env', 'promote', 'dev', '--yes'])
  assert.not('checks' in document(folder, 'current/run_state.json'))
  appendFileSync(join(folder, 'data/orders.csv'), '3,open,5\n')
  await does(folder, ['run'])
})

test('A test that only warns is said when it is applied, and production goes on saying it', async () => {
  const folder = await planned(clean(WARNS, DOUBLE))
  const warned = 'transform.clean: accepted_values(status) fails for 2 rows (severity: warn)'
  assert.match((await ends(0, folder, ['env', 'apply', 'dev'])).err, warned)
  assert.match(readFileSync(join(folder, 'target/environments/dev/report.md'), 'utf8'), '| warn | warned | 2 |')
  await does(folder, ['env', 'promote', 'dev', '--yes'])
  const run = await ends(0, folder, ['run'])
  assert.match(run.all, 'No changes detected')
  assert.match(run.err, warned)
})

test('Another environment has the tests and what came out of them, and they keep it as they keep the first', async () => {
  const folder = await planned(clean(UNIQUE, DOUBLE))
  await does(folder, ['env', 'apply', 'dev'])
  await does(folder, ['env', 'promote', 'dev', 'staging'])
  const of = (name: string) => document(folder, `environments/${name}/run_state.json`).checks
  assert.equal(of('staging'), of('dev'))
  assert.match(await does(folder, ['env', 'apply', 'staging']), 'Nothing left to do')
  assert.match(await does(folder, ['env', 'plan', 'staging']), /is applied from this plan already/)
  await does(folder, ['env', 'promote', 'staging', '--yes'])
  assert.match(await does(folder, ['run']), 'No changes detected')
})

test('Tests are part of what a plan stands on: when production gets others, it is stale', async () => {
  const folder = await inProduction()
  const other = (folder: string) => join(folder, 'seeknal/total.yml')
  const text = readFileSync(other(folder), 'utf8')
  writeFileSync(other(folder), text.replace('sum(amount)', 'sum(amount) * 2'))
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  writeFileSync(other(folder), text)
  put(folder, 'seeknal/clean.yml', clean(UNIQUE))
  await does(folder, ['run'])
  assert.is((await listed(folder)).status, 'stale')
  for (const command of [
    ['env', 'apply', 'dev', '--force', '--dry-run'],
    ['env', 'list'],
  ])
    await does(folder, command)
  const refused = await ends(3, folder, ['env', 'promote', 'dev', '--yes'])
  assert.match(refused.err, 'transform.clean')
})

test.run()
