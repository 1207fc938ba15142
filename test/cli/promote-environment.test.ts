// `env promote dev staging`: an applied environment becomes another one, as if it had been planned and applied there.

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { environmentName } from '../../runtime/contract/ids.ts'
import { requireOwnNamespace } from '../../runtime/promote/namespaces.ts'
import { smallManifest } from '../support/bundles.ts'
import { does, ends, rowsOf } from '../support/cli.ts'
import { prepared } from '../support/prepared.ts'
import { rejects } from '../support/rejects.ts'
import { production, tree } from '../support/runtime-project.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/promote-environment')

const daily = 'seeknal/transforms/daily.yml'
const edit = (folder: string, path: string, from: string, to: string) => {
  const text = readFileSync(join(folder, path), 'utf8')
  assert.ok(text.includes(from), `${path} holds ${from}`)
  writeFileSync(join(folder, path), text.replace(from, to))
}
const addColumn = (folder: string) =>
  edit(folder, daily, 'SUM(amount) AS revenue', 'SUM(amount) AS revenue, COUNT(*) AS orders')

/** A project in production, with a changed node applied in dev. */
const applied = prepared(async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  addColumn(folder)
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  return folder
})

const environment = (folder: string, name: string, file: string) =>
  readFileSync(join(folder, 'target/environments', name, file), 'utf8')
const document = (folder: string, name: string, file: string) => JSON.parse(environment(folder, name, file))
const inode = (path: string) => statSync(path).ino

test('The other environment has its outputs, its own plan, references and bundle, without a copy', async () => {
  const folder = await applied()
  const before = production(folder)
  const out = await does(folder, ['env', 'promote', 'dev', 'staging'])
  assert.match(out, /Environment 'staging' has a new plan, and outputs:\n {2}~ transform\.daily\n {2}1 output replaced/)
  assert.match(out, /✓ Environment 'staging' is what 'dev' is now/)
  assert.equal(production(folder), before)
  const output = 'intermediate/transform_daily.parquet'
  const of = (name: string, file: string) => inode(join(folder, 'target/environments', name, file))
  assert.is(of('staging', output), of('dev', output))
  assert.equal(document(folder, 'staging', 'refs.json'), document(folder, 'dev', 'refs.json'))
  const [plan, state] = [document(folder, 'staging', 'plan.json'), document(folder, 'staging', 'run_state.json')]
  assert.equal([plan.env_name, plan.execute, plan.base.generation], ['staging', ['transform.daily'], 1])
  assert.is(state.bundle, plan.bundle)
  assert.match(environment(folder, 'staging', 'bundle/apply.sql'), /staging_outputs/)
  assert.match(environment(folder, 'staging', 'report.md'), /Promoted from environment dev/)
  assert.equal(await rowsOf(folder, 'SELECT orders FROM transform_daily ORDER BY day', 'staging'), [['2'], ['1']])
  const list = JSON.parse(await does(folder, ['env', 'list', '--json']))
  assert.equal(
    list.map((row: Record<string, unknown>) => [row.name, row.status, row.changed]),
    [
      ['dev', 'promoted', 1],
      ['staging', 'applied', 1],
    ],
  )
})

test('It is what planning and applying there gives: planning it afterwards finds nothing to do', async () => {
  const folder = await applied()
  await does(folder, ['promote', 'dev', 'staging'])
  const kept = tree(join(folder, 'target/environments/staging'))
  assert.match(await does(folder, ['env', 'plan', 'staging']), /is applied from this plan already/)
  const again = tree(join(folder, 'target/environments/staging'))
  const undated = ({ 'env_config.json': _, ...files }: Readonly<Record<string, string>>) => files
  assert.equal(undated(again), undated(kept))
  assert.match(await does(folder, ['env', 'apply', 'staging']), /Nothing left to do/)
  await does(folder, ['env', 'plan', 'other'])
  await does(folder, ['env', 'apply', 'other'])
  assert.equal(
    readdirSync(join(folder, 'target/environments/staging')).sort(),
    readdirSync(join(folder, 'target/environments/other')).sort(),
  )
})

test('From there it becomes production, the same that the first environment would have made', async () => {
  const [direct, staged] = [await applied(), await applied()]
  await does(direct, ['env', 'promote', 'dev'])
  await does(staged, ['env', 'promote', 'dev', 'staging'])
  await does(staged, ['env', 'promote', 'staging', 'qa'])
  await does(staged, ['env', 'promote', 'qa'])
  assert.is(document(staged, 'qa', 'env_config.json').promoted_from, 'staging')
  const manifest = (folder: string) => readFileSync(join(folder, 'target/manifest.json'), 'utf8')
  assert.is(manifest(staged), manifest(direct))
  assert.equal(await rowsOf(staged, 'SELECT orders FROM transform_daily ORDER BY day'), [['2'], ['1']])
  assert.match(await does(staged, ['run']), /No changes detected/)
})

test('A dry run says what would be and touches nothing', async () => {
  const folder = await applied()
  const before = tree(join(folder, 'target'))
  assert.match(
    await does(folder, ['env', 'promote', 'dev', 'staging', '--dry-run']),
    /'staging' would have a new plan, and outputs:\n {2}~ transform\.daily/,
  )
  const planned = JSON.parse(await does(folder, ['env', 'promote', 'dev', 'staging', '--dry-run', '--json']))
  assert.equal(
    [planned.committed, planned.environment, planned.changed, planned.lost, planned.unmet],
    [false, 'staging', ['transform.daily'], [], []],
  )
  assert.equal(Object.keys(planned.staged.updates.create.documents).sort(), [
    'env_config.json',
    'manifest.json',
    'plan.json',
    'promotion/base',
    'promotion/next',
    'promotion/requirements.json',
    'refs.json',
    'run_state.json',
  ])
  assert.equal(tree(join(folder, 'target')), before)
})

test('Refused: to itself, to a reserved or impossible name, an unknown or unapplied environment', async () => {
  const folder = await applied()
  for (const [to, said] of [
    ['dev', /promoted to itself/],
    ['default', /stands for production/],
    ['../x', /no name for an environment/],
  ] as const)
    assert.match((await ends(2, folder, ['env', 'promote', 'dev', to])).err, said)
  await ends(2, folder, ['env', 'promote', 'nope', 'staging'])
  addColumn2(folder)
  await does(folder, ['env', 'plan', 'dev'])
  assert.match((await ends(2, folder, ['env', 'promote', 'dev', 'staging'])).err, /env apply dev/)
  await ends(2, folder, ['env', 'promote', 'dev', 'staging', '--dry-run'])
  assert.not.ok(existsSync(join(folder, 'target/environments/staging')))
})

const addColumn2 = (folder: string) => edit(folder, daily, 'AS orders', 'AS orders, MAX(amount) AS largest')

test('Refused when production moved below it; --force goes on, and the refusal stays for production', async () => {
  const folder = await applied()
  edit(folder, daily, ', COUNT(*) AS orders', ', MIN(amount) AS least')
  await does(folder, ['run'])
  const dry = await ends(0, folder, ['env', 'promote', 'dev', 'staging', '--dry-run'])
  assert.match(dry.err, /would be refused: 'transform\.daily' has moved/)
  const { err } = await ends(3, folder, ['env', 'promote', 'dev', 'staging'])
  assert.match(err, /Production moved: transform\.daily is not what this was made on/)
  assert.not.ok(existsSync(join(folder, 'target/environments/staging')))
  await does(folder, ['env', 'promote', 'dev', 'staging', '--force'])
  await ends(3, folder, ['env', 'promote', 'staging'])
})

test('Refused when the other environment would lose an applied change of its own', async () => {
  const folder = await applied()
  const full = 'seeknal/transforms/orders_full.yml'
  const mine = readFileSync(join(folder, daily), 'utf8')
  writeFileSync(join(folder, daily), shop[daily])
  const text = readFileSync(join(folder, full), 'utf8')
  writeFileSync(
    join(folder, full),
    text.replace('transform: |', 'transform: |\n  -- twice\n').replace('SELECT', 'SELECT 1 AS one,'),
  )
  await does(folder, ['env', 'plan', 'staging'])
  await does(folder, ['env', 'apply', 'staging'])
  const kept = tree(join(folder, 'target/environments/staging'))
  const { err } = await ends(3, folder, ['env', 'promote', 'dev', 'staging'])
  assert.match(err, /'staging' has changes that 'dev' does not have: transform\.orders_full/)
  assert.match((await ends(0, folder, ['env', 'promote', 'dev', 'staging', '--dry-run'])).err, /would be refused/)
  assert.equal(tree(join(folder, 'target/environments/staging')), kept)
  // A project that has both loses nothing.
  writeFileSync(join(folder, daily), mine)
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  await does(folder, ['env', 'promote', 'dev', 'staging'])
  assert.is((await rowsOf(folder, 'SELECT orders FROM transform_daily', 'staging')).length, 2)
  // And --force goes on without it.
  writeFileSync(join(folder, full), text)
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  await ends(3, folder, ['env', 'promote', 'dev', 'staging'])
  assert.match(
    (await ends(0, folder, ['env', 'promote', 'dev', 'staging', '--force'])).err,
    /lost its own change of transform\.orders_full/,
  )
})

test('A name whose schemas could be taken for those of another environment is refused', async () => {
  const folder = await applied()
  for (const name of ['dev-2', 'dev_']) {
    assert.match((await ends(2, folder, ['env', 'promote', 'dev', name])).err, /environment 'dev' puts 'dev_'/i)
    assert.match((await ends(2, folder, ['env', 'plan', name])).err, /neither begins the other/)
  }
  await does(folder, ['env', 'plan', 'dev2'])
  assert.equal(
    JSON.parse(await does(folder, ['env', 'list', '--json'])).map((row: Record<string, unknown>) => row.name),
    ['dev', 'dev2'],
  )
})

test('A name whose schemas could be taken for those of production is refused', async () => {
  const folder = await applied()
  for (const name of ['source', 'transform', 'transform-2', 'source_x']) {
    assert.match((await ends(2, folder, ['env', 'plan', name])).err, /production has the schema '(source|transform)'/i)
    assert.match((await ends(2, folder, ['env', 'promote', 'dev', name])).err, /production has the schema/i)
    await ends(2, folder, ['compile', '--env', name])
  }
  await does(folder, ['env', 'plan', 'sources'])
})

test('The schemas of targets in databases are namespaces of production', async () => {
  const nodes = smallManifest.nodes.map((node) => ({
    ...node,
    definition: { ...node.definition, materializations: [{ type: 'postgresql', table: 'Wh_analytics.orders' }] },
  }))
  const check = (name: string) => () => {
    const environment = environmentName(name)
    assert.ok(environment, name)
    requireOwnNamespace(environment, [null, { ...smallManifest, nodes }])
  }
  for (const name of ['wh', 'wh_analytics-2']) await rejects(check(name), 'ENVIRONMENT_NAME')
  check('w')()
})

test('Promoting the same twice changes nothing the second time', async () => {
  const folder = await applied()
  await does(folder, ['env', 'promote', 'dev', 'staging'])
  const before = tree(join(folder, 'target/environments/staging'))
  assert.match(await does(folder, ['env', 'promote', 'dev', 'staging']), /has all of 'dev' already/)
  assert.equal(tree(join(folder, 'target/environments/staging')), before)
  await does(folder, ['env', 'promote', 'dev'])
  const made = readdirSync(join(folder, 'target/generations'))
  for (const more of [['--dry-run'], []])
    assert.match(
      await does(folder, ['env', 'promote', 'dev', ...more]),
      /^✓ Nothing to promote: production, generation 2, has all of 'dev' already\.\n$/,
    )
  assert.equal(readdirSync(join(folder, 'target/generations')), made)
})

test('Removals and descriptions are promoted too', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  edit(folder, daily, 'Revenue of each day', 'by day')
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  await does(folder, ['env', 'promote', 'dev', 'staging'])
  await does(folder, ['env', 'promote', 'staging'])
  assert.match(readFileSync(join(folder, 'target/manifest.json'), 'utf8'), /"description": "by day"/)
})

test('Another profile of the other environment is the one in its plan', async () => {
  const folder = await applied()
  writeFileSync(join(folder, 'profiles-staging.yml'), 'connections: {}\n')
  await does(folder, ['env', 'promote', 'dev', 'staging'])
  assert.is(document(folder, 'staging', 'plan.json').profile_path, 'profiles-staging.yml')
  assert.match(await does(folder, ['env', 'apply', 'staging']), /Nothing left to do/)
  await ends(2, folder, ['env', 'promote', 'dev', 'staging', '--profile', 'nope.yml'])
})

test.run()
