import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { environmentName } from '../../runtime/contract/ids.ts'
import type { Manifest } from '../../runtime/contract/manifest.ts'
import { planExecution } from '../../runtime/execute.ts'
import { history, verifyHistory } from '../../runtime/history.ts'
import { promote, rollback } from '../../runtime/promote.ts'
import {
  deleteEnvironment,
  environmentNames,
  environmentSize,
  readEnvConfig,
} from '../../runtime/store/environments.ts'
import { readProduction } from '../../runtime/store/generations.ts'
import { openStore } from '../../runtime/store/store.ts'
import { prepared } from '../support/prepared.ts'
import { rejects } from '../support/rejects.ts'
import { production, rowsOf, run, shop, shopProject, tree, withStatus } from '../support/runtime-project.ts'
import { suite } from '../support/suite.ts'

const test = suite('promote')

const name = (text: string) => {
  const environment = environmentName(text)
  if (environment === undefined) throw new Error(text)
  return environment
}
const dev = name('dev')

const base = (project: string): Manifest | null => readProduction(openStore(project))?.manifest ?? null

const CHANGE = { 'transform.sums': { sql: 'SELECT CAST(sum(v) AS INTEGER) * 10 AS total FROM transform.clean' } }

/** The bundle of environment dev in which sums is changed: sums and both execute, the rest is production's. */
const devBundle = (
  project: string,
  changes: Parameters<typeof shop>[0] = CHANGE,
  steps = ['transform.sums', 'transform.both'],
) => shop(changes, { environment: 'dev', base: base(project), steps })

const applied = prepared(async () => {
  const project = shopProject()
  await run(project, shop())
  const result = await run(project, devBundle(project))
  assert.is(result.outcome, 'done')
  return project
})

test('An environment executes only its steps, reads the rest from production and leaves production alone', async () => {
  const project = shopProject()
  await run(project, shop())
  const before = production(project)
  const result = await run(project, devBundle(project))
  assert.equal(withStatus(result, 'executed'), ['transform.both', 'transform.sums'])
  assert.equal(production(project), before)
  assert.is(await rowsOf(project, 'transform.both', 'target/environments/dev/intermediate'), '[[320,"3"]]')
  assert.not(existsSync(join(project, 'target/environments/dev/intermediate/transform_clean.parquet')))
  assert.is(readEnvConfig(openStore(project), dev)?.status, 'applied')
  const refs = JSON.parse(readFileSync(join(project, 'target/environments/dev/refs.json'), 'utf8'))
  assert.equal(Object.keys(refs), ['source.other', 'transform.clean'])
})

test('Applying again does nothing', async () => {
  const project = await applied()
  const before = tree(join(project, 'target'))
  assert.is((await run(project, devBundle(project))).outcome, 'nothing')
  assert.equal(tree(join(project, 'target')), before)
})

test('A failed apply is not applied, and continues where it stopped', async () => {
  const project = shopProject()
  await run(project, shop())
  const broken = devBundle(project, {
    ...CHANGE,
    'transform.both': { sql: "SELECT CAST('x' || total AS INTEGER) AS total FROM transform.sums" },
  })
  assert.is((await run(project, broken)).outcome, 'failed')
  assert.is(readEnvConfig(openStore(project), dev)?.status, 'failed')
  await rejects(() => promote({ projectDir: project, environment: dev }), 'ENVIRONMENT_NOT_APPLIED')
  const repaired = await run(project, devBundle(project))
  assert.equal(withStatus(repaired, 'reused'), ['transform.sums'])
  assert.equal(withStatus(repaired, 'executed'), ['transform.both'])
})

test('Promoting links what was applied: nothing is executed, and nothing is left to run', async () => {
  const project = await applied()
  const result = await promote({ projectDir: project, environment: dev })
  assert.is(result.to, 2)
  assert.equal(result.changed, ['transform.both', 'transform.sums'])
  assert.is(await rowsOf(project, 'transform.both'), '[[320,"3"]]')
  const config = readEnvConfig(openStore(project), dev)
  assert.equal([config?.status, config?.promoted_generation], ['promoted', 2])
  assert.is((await run(project, shop(CHANGE))).outcome, 'nothing')
})

test('A dry run of a promotion says what would change and changes nothing', async () => {
  const project = await applied()
  const before = tree(join(project, 'target'))
  const result = await promote({ projectDir: project, environment: dev, dryRun: true })
  assert.not(result.committed)
  assert.equal(result.unmet, [])
  assert.equal(result.changed, ['transform.both', 'transform.sums'])
  assert.equal(tree(join(project, 'target')), before)
})

test('Promotion is refused when production moved where the environment stands on it', async () => {
  const project = await applied()
  appendFileSync(join(project, 'data/raw.csv'), '3,30\n')
  await run(project, shop())
  const failure = await rejects(() => promote({ projectDir: project, environment: dev }), 'STATE_MOVED')
  assert.ok(Array.isArray(failure.facts.nodes) && failure.facts.nodes.includes('transform.clean'))
  const refreshed = await run(project, devBundle(project))
  assert.is(refreshed.outcome, 'done')
  await promote({ projectDir: project, environment: dev })
  assert.is(await rowsOf(project, 'transform.both'), '[[630,"3"]]')
})

test('What moves elsewhere in production does not matter', async () => {
  const nodes = { 'source.third': { path: 'data/third.csv' } }
  const project = shopProject()
  writeFileSync(join(project, 'data/third.csv'), 'z\n1\n')
  await run(project, shop(nodes))
  await run(project, devBundle(project, { ...nodes, ...CHANGE }))
  appendFileSync(join(project, 'data/third.csv'), '2\n')
  await run(project, shop(nodes))
  await promote({ projectDir: project, environment: dev })
  assert.is(await rowsOf(project, 'source.third'), '[["1"],["2"]]')
  assert.is(await rowsOf(project, 'transform.both'), '[[320,"3"]]')
  assert.is((await run(project, shop({ ...nodes, ...CHANGE }))).outcome, 'nothing')
})

test('A bundle is refused when production is not what it was compiled against', async () => {
  const project = shopProject()
  await run(project, shop())
  const bundle = devBundle(project)
  await run(project, shop({ 'transform.sums': { sql: 'SELECT 5 AS total FROM transform.clean' } }))
  const failure = await rejects(() => run(project, bundle), 'STATE_MOVED')
  assert.equal(failure.facts.nodes, ['transform.both', 'transform.sums'])
  assert.is((await run(project, bundle, { force: true })).outcome, 'done')
})

test('A promotion that only removes or only describes is a promotion', async () => {
  const project = shopProject()
  await run(project, shop())
  await run(project, shop({ 'transform.both': null }, { environment: 'dev', base: base(project), steps: [] }))
  const removed = await promote({ projectDir: project, environment: dev })
  assert.equal(removed.removed, ['transform.both'])
  assert.not(existsSync(join(project, 'target/intermediate/transform_both.parquet')))
  const described = { 'transform.both': null, 'source.raw': { path: 'data/raw.csv', description: 'raw rows' } }
  await run(project, shop(described, { environment: 'dev', base: base(project), steps: [] }))
  await promote({ projectDir: project, environment: dev })
  assert.is(base(project)?.nodes.find((node) => node.id === 'source.raw')?.description, 'raw rows')
  assert.is((await run(project, shop(described))).outcome, 'nothing')
})

test('An environment without production has everything, and makes the first generation', async () => {
  const project = shopProject()
  await run(project, shop({}, { environment: 'dev', base: null }))
  await promote({ projectDir: project, environment: dev })
  assert.is(readlinkSync(join(project, 'target/current')), 'generations/1')
  assert.is((await run(project, shop())).outcome, 'nothing')
})

test('Rolling back returns exactly to the generation before, and a run goes forward again without executing', async () => {
  const project = await applied()
  const before = production(project)
  await promote({ projectDir: project, environment: dev })
  const after = production(project)
  const back = await rollback({ projectDir: project })
  assert.equal([back.from, back.to], [2, 1])
  assert.equal(back.changed, ['transform.both', 'transform.sums'])
  assert.equal(production(project), before)
  assert.is((await run(project, shop())).outcome, 'nothing')
  await rollback({ projectDir: project, to: 2 })
  assert.equal(production(project), after)
  await rollback({ projectDir: project })
  const forward = await run(project, shop(CHANGE))
  assert.is(forward.generation, 3)
  assert.equal(withStatus(forward, 'reused'), ['transform.both', 'transform.sums'])
  await rejects(() => rollback({ projectDir: project, to: 9 }), 'STATE_NOT_FOUND')
})

test('History names every generation and its chain holds until somebody touches it', async () => {
  const project = await applied()
  await promote({ projectDir: project, environment: dev })
  await rollback({ projectDir: project })
  const entries = history(project)
  assert.equal(
    entries.map((entry) => [entry.record.generation, entry.isCurrent, entry.record.kind]),
    [
      [2, false, 'promote'],
      [1, true, 'run'],
    ],
  )
  assert.equal(
    entries[1]?.switches.map((made) => made.kind),
    ['run', 'rollback'],
  )
  assert.equal(await verifyHistory(project), [])
  const manifest = join(project, 'target/generations/1/manifest.json')
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"test"', '"best"'))
  assert.equal(
    (await verifyHistory(project)).map((problem) => problem.generation),
    [1],
  )
})

test('An applied environment can be promoted by hand, and the next writer notices', async () => {
  const project = await applied()
  const target = join(project, 'target')
  const read = (file: string) => readFileSync(join(target, 'environments/dev/promotion', file), 'utf8').trim()
  assert.is(read('base'), readlinkSync(join(target, 'current')))
  renameSync(join(target, 'environments/dev/promotion/generation'), join(target, read('next')))
  symlinkSync(read('next'), join(target, 'current.new'))
  renameSync(join(target, 'current.new'), join(target, 'current'))
  assert.is(await rowsOf(project, 'transform.both'), '[[320,"3"]]')
  assert.is((await run(project, shop(CHANGE))).outcome, 'nothing')
  appendFileSync(join(project, 'data/other.csv'), '4\n')
  assert.is((await run(project, shop(CHANGE))).generation, 3)
  assert.equal(
    history(project).map((entry) => entry.switches.map((made) => made.kind)),
    [['run'], ['found'], ['run']],
  )
  assert.equal(await verifyHistory(project), [])
})

test('Names of environments lead nowhere else', async () => {
  const project = await applied()
  for (const text of ['..', '../x', 'a/b', 'DEV', 'prod', '']) assert.is(environmentName(text), undefined)
  const outside = join(project, 'precious')
  mkdirSync(outside)
  writeFileSync(join(outside, 'file'), 'x')
  symlinkSync(outside, join(project, 'target/environments/evil'))
  const store = openStore(project)
  assert.equal(environmentNames(store), ['dev'])
  await rejects(() => deleteEnvironment(store, name('evil'), join(project, 'gone')), 'STATE_INVALID')
  assert.ok(existsSync(join(outside, 'file')))
  symlinkSync(outside, join(project, 'target/environments/dev/link'))
  deleteEnvironment(store, dev, join(project, 'gone'))
  rmSync(join(project, 'gone'), { recursive: true })
  assert.ok(existsSync(join(outside, 'file')))
  await rejects(() => deleteEnvironment(store, dev, join(project, 'gone')), 'ENVIRONMENT_NOT_FOUND')
})

test('The size of an environment is what only it keeps', async () => {
  const project = await applied()
  const store = openStore(project)
  const own = environmentSize(store, dev)
  await promote({ projectDir: project, environment: dev })
  assert.ok(environmentSize(store, dev) < own)
})

test('A folder target that is a link is refused', async () => {
  const project = shopProject()
  symlinkSync('/tmp', join(project, 'target'))
  await rejects(() => run(project, shop()), 'STATE_INVALID')
  rmSync(join(project, 'target'))
  mkdirSync(join(project, 'target'))
  symlinkSync('/tmp', join(project, 'target/snapshots'))
  await rejects(
    () =>
      run(project, shop()).then((result) => {
        throw result.nodes.find((node) => node.failure)?.failure
      }),
    'STATE_INVALID',
  )
})

test('What a plan of an environment says is what apply does', async () => {
  const project = shopProject()
  await run(project, shop())
  const plan = await planExecution(devBundle(project), { projectDir: project })
  assert.equal(
    plan.nodes.map((node) => [node.node, node.status]),
    [
      ['transform.sums', 'execute'],
      ['transform.both', 'execute'],
    ],
  )
})

test.run()
