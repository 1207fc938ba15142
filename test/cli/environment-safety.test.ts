// What must never be promoted, and what must always be promotable: environments that were planned again, tried, half
// applied or made without a row; names with dashes; a plan on a production that is gone.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does, ends, records, rowsOf } from '../support/cli.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject, writeFiles } from '../support/temp.ts'

const test = suite('cli/environment-safety')

const daily = 'seeknal/transforms/daily.yml'
const full = 'seeknal/transforms/orders_full.yml'
const REVENUE = 'SELECT revenue FROM transform_daily ORDER BY day'

/** Writes the file of the shop again with another text in it. */
const edit = (folder: string, path: typeof daily | typeof full, from: string, to: string): void => {
  assert.ok(shop[path].includes(from), `${path} holds ${from}`)
  writeFileSync(join(folder, path), shop[path].replace(from, to))
}
const document = (folder: string, file: string, name = 'dev') =>
  JSON.parse(readFileSync(join(folder, `target/environments/${name}/${file}`), 'utf8'))

async function inProduction(): Promise<string> {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  return folder
}

test('What was applied before the plan at hand is not promoted in its place', async () => {
  const folder = await inProduction()
  edit(folder, daily, 'SUM(amount)', 'SUM(amount) * 2')
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  edit(folder, daily, 'SUM(amount)', 'SUM(amount) * 3')
  await does(folder, ['env', 'plan', 'dev'])
  assert.match((await ends(2, folder, ['promote', 'dev', '--yes'])).err, /not applied: its status is 'planned'/)
  assert.equal(await rowsOf(folder, REVENUE), [['30.50'], ['5.25']])
  await does(folder, ['env', 'apply', 'dev'])
  await does(folder, ['promote', 'dev', '--yes'])
  assert.equal(await rowsOf(folder, REVENUE), [['91.50'], ['15.75']])
})

test('Neither a dry run nor a run that goes on in spite of a failure counts as applied, at whatever number of workers', async () => {
  const folder = await inProduction()
  edit(folder, daily, 'SUM(amount)', "SUM(CASE WHEN id = 3 THEN error('odd') ELSE amount END)")
  writeFiles(folder, {
    'seeknal/big.yml':
      "kind: transform\nname: big\ninputs: [{ref: source.orders}]\ntransform: SELECT id FROM ref('source.orders') WHERE amount > 5\n",
  })
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev', '--dry-run'])
  await ends(2, folder, ['promote', 'dev', '--yes'])
  for (const options of [[], ['--continue-on-error'], ['--continue-on-error', '--parallel'], ['--max-workers', '3']]) {
    const { out } = await ends(1, folder, ['env', 'apply', 'dev', ...options, '--json'])
    const found = records(out).find((record) => record.node === 'transform.daily')
    assert.is(found?.status, 'failed', options.join(' '))
    assert.match((await ends(2, folder, ['promote', 'dev', '--yes'])).err, /its status is 'failed'/)
    assert.is(document(folder, 'env_config.json').status, 'failed')
  }
  edit(folder, daily, 'SUM(amount)', 'SUM(amount) * 2')
  await does(folder, ['env', 'plan', 'dev'])
  const again = records(await does(folder, ['env', 'apply', 'dev', '--parallel', '--json']))
  assert.is(again.find((record) => record.node === 'transform.big')?.status, 'reused')
  await does(folder, ['promote', 'dev', '--yes'])
  assert.match(await does(folder, ['run']), /No changes detected/)
})

test('A table without rows is applied, promoted and read like every other', async () => {
  const folder = await inProduction()
  edit(folder, full, 'USING (customer)', 'USING (customer) WHERE amount < 0')
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  await does(folder, ['promote', 'dev', '--yes'])
  assert.equal(await rowsOf(folder, 'SELECT count(*) FROM transform_orders_full'), [['0']])
  assert.equal(await rowsOf(folder, 'SELECT count(*) FROM transform_daily'), [['0']])
  assert.match(await does(folder, ['run']), /No changes detected/)
})

test('An environment may have dashes in its name, from its plan to its end', async () => {
  const folder = await inProduction()
  edit(folder, daily, 'SUM(amount)', 'SUM(amount) * 2')
  await does(folder, ['env', 'plan', 'my-env-2'])
  assert.match(readFileSync(join(folder, 'target/environments/my-env-2/bundle/apply.sql'), 'utf8'), 'my_env_2_outputs')
  await does(folder, ['env', 'apply', 'my-env-2'])
  assert.equal(await rowsOf(folder, REVENUE, 'my-env-2'), [['61.00'], ['10.50']])
  await does(folder, ['promote', 'my-env-2', '--yes'])
  await does(folder, ['env', 'delete', 'my-env-2', '--yes'])
  assert.equal(await rowsOf(folder, REVENUE), [['61.00'], ['10.50']])
})

test('`plan dev` and `env plan dev` keep the same plan', async () => {
  const folder = await inProduction()
  writeFiles(folder, { 'profiles-dev.yml': 'connections: {}\n' })
  edit(folder, daily, 'SUM(amount)', 'SUM(amount) * 2')
  await does(folder, ['env', 'plan', 'dev'])
  const files = ['plan.json', 'refs.json', 'bundle/bundle.json']
  const [before] = [files.map((file) => document(folder, file))]
  await does(folder, ['env', 'delete', 'dev', '--yes'])
  await does(folder, ['plan', 'dev'])
  assert.equal(
    files.map((file) => document(folder, file)),
    before,
  )
  assert.is(document(folder, 'plan.json').profile_path, 'profiles-dev.yml')
})

test('Without production, a plan reads nothing of the one that there was', async () => {
  const folder = await inProduction()
  edit(folder, daily, 'SUM(amount)', 'SUM(amount) * 2')
  await does(folder, ['env', 'plan', 'dev'])
  assert.equal(Object.keys(document(folder, 'refs.json')), ['transform.orders_full'])
  for (const name of ['current', 'generations', 'manifest.json', 'run_state.json', 'intermediate', 'journal'])
    rmSync(join(folder, 'target', name), { recursive: true, force: true })
  assert.match((await ends(0, folder, ['env', 'plan', 'dev'])).all, /There is no production yet/)
  assert.equal(document(folder, 'refs.json'), {})
  await does(folder, ['env', 'apply', 'dev'])
  await does(folder, ['promote', 'dev', '--yes'])
  assert.equal(await rowsOf(folder, REVENUE), [['61.00'], ['10.50']])
})

test.run()
