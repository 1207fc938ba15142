// What the plan of an environment says about the project and production as they were, and as they are now.

import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { acquireLock } from '../../runtime/store/locks.ts'
import { openStore } from '../../runtime/store/store.ts'
import { does, ends, rowsOf } from '../support/cli.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/plans-and-production')

const daily = 'seeknal/transforms/daily.yml'
const edit = (folder: string, path: string, from: string, to: string) => {
  const text = readFileSync(join(folder, path), 'utf8')
  assert.ok(text.includes(from), `${path} holds ${from}`)
  writeFileSync(join(folder, path), text.replace(from, to))
}

test('What a selection left due in production joins a plan that reads it, and nothing is left to do after promotion', async () => {
  const folder = tempProject({
    ...shop,
    'seeknal/transforms/big.yml':
      "kind: transform\nname: big\ninputs: [{ref: transform.orders_full}]\ntransform: SELECT id FROM ref('transform.orders_full') WHERE amount > 5\n",
  })
  await does(folder, ['run'])
  edit(folder, daily, 'AS revenue', 'AS revenue, COUNT(*) AS orders')
  assert.not.match(await does(folder, ['env', 'plan', 'dev']), /Also due/)
  appendFileSync(join(folder, 'data/orders.csv'), '4,b,100.00,2026-03-02\n')
  await does(folder, ['run', '--nodes', 'source.orders'])
  const said = await does(folder, ['env', 'plan', 'dev'])
  assert.match(
    said,
    /Also due in production: transform\.orders_full \(made from an older source\.orders\), transform\.big$/m,
  )
  await does(folder, ['compile', '--env', 'dev', '--out', 'bundle'])
  await does(folder, ['compile', '--env', 'dev', '--check', 'bundle'])
  await does(folder, ['env', 'apply', 'dev'])
  await does(folder, ['env', 'promote', 'dev', 'staging', '--yes'])
  await does(folder, ['promote', 'staging', '--yes'])
  assert.equal(await rowsOf(folder, 'SELECT * FROM transform_daily ORDER BY day'), [
    ['2026-03-01', '30.50', '2'],
    ['2026-03-02', '105.25', '2'],
  ])
  assert.match(await does(folder, ['run']), /No changes detected/)
  assert.match(await does(folder, ['env', 'plan', 'dev']), /No changes detected/)
})

test('A plan is not stale for what production has made up for since, but moved below it', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  appendFileSync(join(folder, 'data/orders.csv'), '4,b,100.00,2026-03-02\n')
  await does(folder, ['run', '--nodes', 'source.orders'])
  const text = readFileSync(join(folder, daily), 'utf8')
  edit(folder, daily, 'AS revenue', 'AS revenue, COUNT(*) AS orders')
  const edited = readFileSync(join(folder, daily), 'utf8')
  await does(folder, ['env', 'plan', 'dev'])
  writeFileSync(join(folder, daily), text)
  await does(folder, ['run'])
  writeFileSync(join(folder, daily), edited)
  const { err } = await ends(3, folder, ['env', 'apply', 'dev'])
  assert.match(err, /transform\.orders_full \(its data\)/)
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  assert.is((await rowsOf(folder, 'SELECT max(revenue) FROM transform_daily', 'dev'))[0]?.[0], '105.25')
})

test('Another name or version of the project is planned and promoted like a description', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  edit(folder, 'seeknal_project.yml', '1.0.0', '2.0.0')
  assert.match(
    (await ends(2, folder, ['env', 'plan', 'dev', '--detailed-exitcode'])).out,
    "project  version: '1.0.0' → '2.0.0'",
  )
  await does(folder, ['env', 'apply', 'dev'])
  await does(folder, ['promote', 'dev', '--yes'])
  assert.match(await does(folder, ['run']), /No changes detected/)
  assert.match(await does(folder, ['env', 'plan', 'dev']), /No changes detected/)
  // A plan without changes makes no generation.
  await does(folder, ['env', 'apply', 'dev'])
  const before = await does(folder, ['history', '--json'])
  const nothing = "✓ Nothing to promote: production, generation 2, has all of 'dev' already.\n"
  assert.is(await does(folder, ['promote', 'dev', '--yes']), nothing)
  const again = JSON.parse(await does(folder, ['promote', 'dev', '--yes', '--json']))
  assert.equal([again.from, again.to, again.changed], [2, 2, []])
  assert.is(await does(folder, ['history', '--json']), before)
})

const statusOf = async (folder: string): Promise<unknown> =>
  JSON.parse(await does(folder, ['env', 'list', '--json']))[0].status

test('The list says that a plan is stale when a file of the project changed, came or went', async () => {
  const folder = tempProject({ ...shop, 'sql/one.sql': 'SELECT 1 AS a\n' })
  const named = 'kind: transform\nname: one\nfile: sql/one.sql\n'
  writeFileSync(join(folder, 'seeknal/one.yml'), named)
  await does(folder, ['env', 'plan', 'dev'])
  assert.is(await statusOf(folder), 'planned')
  const changes = [
    () => edit(folder, daily, 'AS revenue', 'AS revenues'),
    () => edit(folder, 'sql/one.sql', '1', '2'),
    () => edit(folder, 'seeknal.lock.json', '"country"', '"land"'),
    () => rmSync(join(folder, 'seeknal/one.yml')),
    () => writeFileSync(join(folder, 'seeknal/one.yml'), named),
  ]
  for (const change of changes) {
    change()
    assert.is(await statusOf(folder), 'stale', String(change))
    rmSync(join(folder, 'seeknal.lock.json'))
    await does(folder, ['env', 'plan', 'dev'])
    assert.is(await statusOf(folder), 'planned', String(change))
  }
  await does(folder, ['env', 'apply', 'dev'])
  assert.is(await statusOf(folder), 'applied')
  writeFileSync(join(folder, daily), readFileSync(join(folder, daily)))
  appendFileSync(join(folder, 'data/orders.csv'), '4,b,1.00,2026-03-02\n')
  assert.is(await statusOf(folder), 'applied', 'neither a touched file nor data makes a plan stale')
  edit(folder, daily, 'AS revenues', 'AS revenue')
  assert.is(await statusOf(folder), 'stale')
  await does(folder, ['env', 'promote', 'dev', '--yes'])
  assert.is(await statusOf(folder), 'promoted', 'what was promoted was not for the project as it is now')
})

test('Promoting by a bundle takes the options of a promotion', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  edit(folder, daily, 'AS revenue', 'AS revenue, COUNT(*) AS orders')
  await does(folder, ['compile', '--env', 'dev'])
  await does(folder, ['exec', 'bundle'])
  appendFileSync(join(folder, 'data/orders.csv'), '4,b,1.00,2026-03-02\n')
  edit(folder, daily, 'AS revenue, COUNT(*) AS orders', 'AS revenue')
  await does(folder, ['run'])
  const promote = ['exec', 'bundle', '--phase', 'promote']
  await ends(3, folder, promote)
  await ends(2, folder, [...promote, '--lock-timeout', 'soon'])
  await does(folder, [...promote, '--force'])
})

test('Planning waits for another writer of the environment when it is told to', async () => {
  const folder = tempProject(shop)
  const lock = await acquireLock(openStore(folder), 'environment-dev', { command: 'seeknal env apply dev' })
  assert.match((await ends(3, folder, ['env', 'plan', 'dev'])).err, /seeknal env apply dev/)
  setTimeout(() => lock.release(), 300)
  await does(folder, ['env', 'plan', 'dev', '--lock-timeout', '30s'])
  await does(folder, ['plan', 'dev', '--lock-timeout', '30s'])
})

test.run()
