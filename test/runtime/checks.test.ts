// Checks run on stored outputs. One of severity `error` that fails fails its node: what it made is kept, nothing is built
// on it and production stays; no later run forgets it.

import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import { planExecution } from '../../runtime/execute.ts'
import { CheckResults, MOST_RESULTS } from '../../runtime/store/check-results.ts'
import { readProduction } from '../../runtime/store/generations.ts'
import { openStore } from '../../runtime/store/store.ts'
import type { CheckText } from '../support/make-bundle.ts'
import { production, rowsOf, run, SHOP, shop, shopProject, tree, withStatus } from '../support/runtime-project.ts'
import { suite } from '../support/suite.ts'

const test = suite('checks')

const PASSES: CheckText = { id: 'passes', fails: 'v > 1000' }
const FAILS: CheckText = { id: 'fails', fails: 'v > 15' }

/** The shop whose node clean (rows of v: 11, 21) has these checks. */
const checked = (...checks: readonly CheckText[]) => shop({ 'transform.clean': { ...SHOP['transform.clean'], checks } })

const notStarted = () => Promise.reject(new Error('started'))

const recorded = (project: string) =>
  readProduction(openStore(project))?.state.checks?.['transform.clean']?.results.map((result) => [
    result.id,
    result.failing_rows,
    result.status,
  ])

const journalOf = (project: string, kind: string): Record<string, unknown>[] =>
  readdirSync(join(project, 'target/journal'))
    .filter((name) => name !== 'production.jsonl')
    .sort()
    .flatMap((name) =>
      readFileSync(join(project, 'target/journal', name), 'utf8')
        .trim()
        .split('\n'),
    )
    .map((line) => JSON.parse(line))
    .filter((entry) => entry.kind === kind)

test('Checks that pass are recorded, and are not run again for what they passed on', async () => {
  const project = shopProject()
  const first = await run(project, checked(PASSES))
  assert.is(first.outcome, 'done')
  assert.equal(recorded(project), [['passes', 0, 'passed']])
  assert.is(journalOf(project, 'check').length, 1)
  assert.is((await run(project, checked(PASSES), { startEngine: notStarted })).outcome, 'nothing')
  appendFileSync(join(project, 'data/other.csv'), '4\n')
  const other = await run(project, checked(PASSES))
  assert.equal(withStatus(other, 'executed'), ['source.other', 'transform.both'])
  assert.equal(recorded(project), [['passes', 0, 'passed']])
  assert.is(journalOf(project, 'check').length, 1)
})

test('A check that fails keeps the output, stops what reads it and leaves production as it was', async () => {
  const project = shopProject()
  await run(project, shop())
  const before = production(project)
  appendFileSync(join(project, 'data/raw.csv'), '3,30\n')
  const result = await run(project, checked(PASSES, FAILS))
  assert.is(result.outcome, 'failed')
  assert.equal(withStatus(result, 'failed'), ['transform.clean'])
  assert.equal(withStatus(result, 'skipped'), ['transform.both', 'transform.sums'])
  const failed = result.nodes.find((node) => node.node === 'transform.clean')
  assert.is(failed?.failure?.code, 'CHECK_FAILED')
  assert.equal(
    failed?.checks?.map(({ id, failing_rows, status }) => [id, failing_rows, status]),
    [
      ['passes', 0, 'passed'],
      ['fails', 2, 'failed'],
    ],
  )
  assert.equal(production(project), before)
  assert.ok(existsSync(join(project, `target/snapshots/${failed?.snapshot?.sha256}.parquet`)))
})

test('What failed is not forgotten: each run fails by it again, without the engine, until data or check change', async () => {
  const project = shopProject()
  await run(project, checked(FAILS))
  for (const again of [1, 2]) {
    const result = await run(project, checked(FAILS), { startEngine: notStarted })
    assert.is(result.outcome, 'failed', `run ${again}`)
    assert.equal(withStatus(result, 'failed'), ['transform.clean'])
    assert.equal(withStatus(result, 'skipped').includes('transform.sums'), true)
  }
  const plan = await planExecution(checked(FAILS), { projectDir: project })
  assert.equal(production(project), {})
  assert.ok(plan.nodes.some((node) => node.due))
  const loose = await run(project, checked({ ...FAILS, fails: 'v > 25' }))
  assert.is(loose.outcome, 'done')
  assert.equal(withStatus(loose, 'reused').includes('transform.clean'), true)
})

test('What failed is asked again where its result is lost', async () => {
  const project = shopProject()
  await run(project, checked(FAILS))
  rmSync(join(project, 'target/cache'), { recursive: true })
  assert.equal(withStatus(await run(project, checked(FAILS)), 'failed'), ['transform.clean'])
})

test('New data that passes mends what failed', async () => {
  const project = shopProject()
  await run(project, checked(FAILS))
  rmSync(join(project, 'data/raw.csv'))
  appendFileSync(join(project, 'data/raw.csv'), 'id,v\n1,1\n')
  const result = await run(project, checked(FAILS))
  assert.is(result.outcome, 'done')
  assert.is(await rowsOf(project, 'transform.both'), '[[2,"3"]]')
})

test('A check that only warns is reported and recorded, and everything goes on', async () => {
  const project = shopProject()
  const bundle = checked({ ...FAILS, severity: 'warn' })
  const result = await run(project, bundle)
  assert.is(result.outcome, 'done')
  assert.equal(recorded(project), [['fails', 1, 'warned']])
  const again = await run(project, bundle, { startEngine: notStarted })
  assert.is(again.outcome, 'nothing')
  const clean = again.nodes.find((node) => node.node === 'transform.clean')
  assert.equal(
    clean?.checks?.map((check) => check.status),
    ['warned'],
  )
})

test('A check that is added runs on the output that is there; neither the node nor a reader executes', async () => {
  const project = shopProject()
  await run(project, shop())
  const plan = await planExecution(checked(PASSES), { projectDir: project })
  assert.equal(
    plan.nodes.filter((node) => node.due).map((node) => [node.node, node.status, node.checks]),
    [['transform.clean', 'check', ['passes']]],
  )
  const added = await run(project, checked(PASSES))
  assert.is(added.outcome, 'done')
  assert.is(added.counts.cached, 5)
  assert.is(added.generation, 2)
  assert.equal(recorded(project), [['passes', 0, 'passed']])
  assert.is((await run(project, checked(PASSES))).outcome, 'nothing')
})

test('A check that is added and fails on production fails every run, and is forgotten when it is taken back', async () => {
  const project = shopProject()
  await run(project, shop())
  const before = production(project)
  for (const again of [1, 2]) {
    const result = await run(project, checked(FAILS))
    assert.is(result.outcome, 'failed', `run ${again}`)
    assert.equal(withStatus(result, 'failed'), ['transform.clean'])
    assert.equal(withStatus(result, 'skipped'), ['transform.both', 'transform.sums'])
  }
  const plan = await planExecution(checked(FAILS), { projectDir: project })
  assert.equal(
    plan.nodes.filter((node) => node.fails).map((node) => [node.node, node.status, node.checks]),
    [['transform.clean', 'check', ['fails']]],
  )
  assert.equal(production(project), before)
  assert.is((await run(project, shop())).outcome, 'nothing')
})

test('A check that is removed runs nothing, and its result goes', async () => {
  const project = shopProject()
  await run(project, checked(PASSES))
  const result = await run(project, shop(), { startEngine: notStarted })
  assert.is(result.outcome, 'done')
  assert.is(recorded(project), undefined)
})

test('Other rows are checked, equal rows are not, whatever made them', async () => {
  const project = shopProject()
  await run(project, checked(PASSES))
  const rewritten = { ...SHOP['transform.clean'], sql: 'SELECT id, 1 + v AS v FROM source.raw', checks: [PASSES] }
  const result = await run(project, shop({ 'transform.clean': rewritten }))
  assert.ok(withStatus(result, 'executed').includes('transform.clean'))
  assert.is(journalOf(project, 'check').length, 1)
  appendFileSync(join(project, 'data/raw.csv'), '3,30\n')
  await run(project, shop({ 'transform.clean': rewritten }))
  assert.is(journalOf(project, 'check').length, 2)
})

test('A full run checks again', async () => {
  const project = shopProject()
  await run(project, checked(PASSES))
  await run(project, checked(PASSES), { full: true })
  assert.is(journalOf(project, 'check').length, 2)
})

test('With --continue-on-error what does not read the node is finished', async () => {
  const project = shopProject()
  const alone = { 'transform.alone': { sql: 'SELECT count(*) AS n FROM source.other' } }
  const bundle = shop({ ...alone, 'transform.clean': { ...SHOP['transform.clean'], checks: [FAILS] } })
  const result = await run(project, bundle, { continueOnError: true })
  assert.is(result.outcome, 'failed')
  assert.ok(withStatus(result, 'executed').includes('transform.alone'))
  assert.equal(withStatus(result, 'skipped'), ['transform.both', 'transform.sums'])
})

test('Workers at the same time do not start what reads a node before it has passed', async () => {
  const project = shopProject()
  const started: string[] = []
  const result = await run(project, checked(FAILS), {
    maxWorkers: 4,
    onEvent: (event) => {
      if (event.kind === 'started') started.push(event.node)
    },
  })
  assert.equal(withStatus(result, 'skipped'), ['transform.both', 'transform.sums'])
  assert.not(started.includes('transform.sums'))
})

test('A source is checked too, and no rows pass every check', async () => {
  const project = shopProject()
  const bundle = shop({
    'source.other': { ...SHOP['source.other'], checks: [{ id: 'x', fails: 'x IS NULL OR x > 2' }] },
    'transform.clean': { sql: 'SELECT id, v FROM source.raw WHERE false', checks: [{ id: 'all', fails: 'true' }] },
  })
  const result = await run(project, bundle, { continueOnError: true })
  assert.equal(withStatus(result, 'failed'), ['source.other'])
  assert.is(result.nodes.find((node) => node.node === 'transform.clean')?.checks?.[0]?.status, 'passed')
})

test('A selection runs the checks of what it selects; what it leaves out stays due', async () => {
  const project = shopProject()
  await run(project, shop())
  const select =
    (...ids: string[]) =>
    (node: ManifestNode) =>
      ids.includes(node.id)
  const both = shop({
    'transform.clean': { ...SHOP['transform.clean'], checks: [PASSES] },
    'transform.sums': { ...SHOP['transform.sums'], checks: [{ id: 'total', fails: 'total < 0' }] },
  })
  const partial = await run(project, both, { select: select('transform.sums') })
  assert.is(partial.outcome, 'done')
  assert.equal(partial.stillDue, ['transform.clean'])
  assert.is(recorded(project), undefined)
  const rest = await run(project, both)
  assert.equal(rest.stillDue, [])
  assert.equal(recorded(project), [['passes', 0, 'passed']])
})

test('Nothing is built on an output that was left out and is known to fail', async () => {
  const project = shopProject()
  await run(project, shop())
  await run(project, checked(FAILS))
  const sums = { ...SHOP['transform.sums'], sql: 'SELECT 1 + sum(v) AS total FROM transform.clean' }
  const bundle = shop({ 'transform.clean': { ...SHOP['transform.clean'], checks: [FAILS] }, 'transform.sums': sums })
  const result = await run(project, bundle, { select: (node) => node.id === 'transform.sums' })
  assert.is(result.outcome, 'failed')
  assert.is(result.nodes[0]?.failure?.code, 'CHECK_FAILED')
})

test('A check whose SQL the engine refuses fails its node by name, and is asked again', async () => {
  const project = shopProject()
  const bundle = checked({ id: 'nonsense', fails: 'nothing IS NULL' })
  for (const again of [1, 2]) {
    const result = await run(project, bundle)
    const failure = result.nodes.find((node) => node.status === 'failed')?.failure
    assert.is(failure?.code, 'STEP_FAILED', `run ${again}`)
    assert.is(failure?.facts.file, 'apply/transform.clean.check.sql')
  }
})

test('A plan with checks writes nothing', async () => {
  const project = shopProject()
  await run(project, shop())
  const before = tree(join(project, 'target'))
  await planExecution(checked(FAILS), { projectDir: project })
  assert.equal(tree(join(project, 'target')), before)
})

test('Results of the last runs are remembered, not all of all times', () => {
  const store = openStore(shopProject())
  const asked = '0'.repeat(64)
  const result = (i: number) => ({
    ...{ fingerprint: asked, asked, digest: `1:${i}`, results: [] },
    ...{ run_id: 'r', checked_at: '2026-01-01T00:00:00Z' },
  })
  const results = new CheckResults(store)
  for (let i = 0; i <= MOST_RESULTS; i++) results.set(result(i))
  results.set(result(1))
  results.save()
  const read = new CheckResults(store)
  assert.equal(
    [0, 1, 2, MOST_RESULTS].map((i) => read.get(result(i)) !== undefined),
    [false, true, true, true],
  )
  read.set(result(MOST_RESULTS + 1))
  read.save()
  assert.equal(
    [1, 2].map((i) => new CheckResults(store).get(result(i)) !== undefined),
    [true, false],
  )
})

test.run()
