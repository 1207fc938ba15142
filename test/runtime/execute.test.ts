import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { RunEvent } from '../../runtime/execute.ts'
import { planExecution } from '../../runtime/execute.ts'
import { rejects } from '../support/rejects.ts'
import {
  production,
  rowsOf,
  run,
  SHOP,
  shop,
  shopProject,
  tree,
  withStatus,
  writeFiles,
} from '../support/runtime-project.ts'
import { suite } from '../support/suite.ts'

const test = suite('execute')

test('A first run executes everything and makes production', async () => {
  const project = shopProject()
  const events: RunEvent[] = []
  const result = await run(project, shop(), { onEvent: (event) => events.push(event) })
  assert.is(result.outcome, 'done')
  assert.is(result.generation, 1)
  assert.is(result.counts.executed, 5)
  assert.is(await rowsOf(project, 'transform.both'), '[[32,"3"]]')
  assert.is(events.filter((event) => event.kind === 'finished').length, 5)
  assert.equal(readdirSync(join(project, 'target/tmp')), [])
  assert.equal(readdirSync(join(project, 'target/locks')), [])
})

test('A run with nothing to do writes nothing and starts no engine', async () => {
  const project = shopProject()
  await run(project, shop())
  const before = tree(join(project, 'target'))
  const result = await run(project, shop(), { startEngine: () => Promise.reject(new Error('started')) })
  assert.is(result.outcome, 'nothing')
  assert.is(result.counts.cached, 5)
  assert.equal(tree(join(project, 'target')), before)
})

test('New source data runs what reads it, and nothing else', async () => {
  const project = shopProject()
  await run(project, shop())
  appendFileSync(join(project, 'data/other.csv'), '4\n')
  const result = await run(project, shop())
  assert.equal(withStatus(result, 'executed'), ['source.other', 'transform.both'])
  assert.is(result.generation, 2)
  assert.is(await rowsOf(project, 'transform.both'), '[[32,"4"]]')
})

test('A source file that was only touched runs nothing', async () => {
  const project = shopProject()
  await run(project, shop())
  utimesSync(join(project, 'data/raw.csv'), new Date(), new Date(Date.now() + 5000))
  assert.is((await run(project, shop())).outcome, 'nothing')
})

test('A glob source sees files that come and go', async () => {
  const project = shopProject()
  writeFiles(project, { 'data/parts/a.csv': 'x\n1\n', 'data/parts/b.csv': 'x\n2\n' })
  const bundle = shop({ 'source.other': { path: 'data/parts/*.csv' } })
  await run(project, bundle)
  writeFiles(project, { 'data/parts/c.csv': 'x\n3\n4\n' })
  assert.equal(withStatus(await run(project, bundle), 'executed'), ['source.other', 'transform.both'])
  rmSync(join(project, 'data/parts/a.csv'))
  assert.equal(withStatus(await run(project, bundle), 'executed'), ['source.other', 'transform.both'])
  assert.is(await rowsOf(project, 'transform.both'), '[[32,"3"]]')
})

test('Going back to an earlier definition takes the stored output', async () => {
  const project = shopProject()
  await run(project, shop())
  const changed = { 'transform.sums': { sql: 'SELECT sum(v) * 2 AS total FROM transform.clean' } }
  assert.equal(withStatus(await run(project, shop(changed)), 'executed'), ['transform.both', 'transform.sums'])
  const back = await run(project, shop())
  assert.equal(withStatus(back, 'reused'), ['transform.both', 'transform.sums'])
  assert.is(await rowsOf(project, 'transform.both'), '[[32,"3"]]')
})

test('A carried edge keeps a reader from running', async () => {
  const project = shopProject()
  const first = shop()
  await run(project, first)
  const edge = first.manifest.nodes
    .find((node) => node.id === 'transform.both')
    ?.inputs.find((input) => input.ref === 'transform.sums')
  const changed = shop({
    'transform.sums': { sql: 'SELECT sum(v) AS total, 1 AS extra FROM transform.clean' },
    'transform.both': { ...SHOP['transform.both'], edges: { 'transform.sums': edge?.fingerprint ?? '' } },
  })
  assert.equal(withStatus(await run(project, changed), 'executed'), ['transform.sums'])
  assert.is((await run(project, changed)).outcome, 'nothing')
})

test('A failed run leaves production as it was, and the next goes on where it stopped', async () => {
  const project = shopProject()
  await run(project, shop())
  const before = production(project)
  const clean = { sql: 'SELECT id, v + 2 AS v FROM source.raw' }
  const failing = await run(
    project,
    shop({
      'transform.clean': clean,
      'transform.sums': { sql: "SELECT CAST('x' || sum(v) AS INTEGER) AS total FROM transform.clean" },
    }),
  )
  assert.is(failing.outcome, 'failed')
  assert.equal(withStatus(failing, 'failed'), ['transform.sums'])
  assert.equal(withStatus(failing, 'skipped'), ['transform.both'])
  assert.equal(production(project), before)
  const failure = failing.nodes.find((node) => node.status === 'failed')?.failure
  assert.is(failure?.code, 'STEP_FAILED')
  assert.is(failure?.facts.file, 'apply/transform.sums.sql')
  assert.type(failure?.facts.offset, 'number')
  const next = await run(project, shop({ 'transform.clean': clean }))
  assert.equal(withStatus(next, 'reused'), ['transform.clean'])
  assert.equal(withStatus(next, 'executed'), ['transform.both', 'transform.sums'])
})

test('With --continue-on-error what does not depend on the failure is finished; descendants are skipped, not run on old data', async () => {
  const project = shopProject()
  await run(project, shop())
  appendFileSync(join(project, 'data/other.csv'), '4\n')
  const broken = shop({ 'transform.clean': { sql: "SELECT id, CAST('x' || v AS INTEGER) AS v FROM source.raw" } })
  const result = await run(project, broken, { continueOnError: true })
  assert.is(result.outcome, 'failed')
  assert.equal(withStatus(result, 'executed'), ['source.other'])
  assert.equal(withStatus(result, 'skipped'), ['transform.both', 'transform.sums'])
  const repaired = await run(project, shop())
  assert.equal(withStatus(repaired, 'executed'), ['transform.both'])
  assert.equal(withStatus(repaired, 'reused'), ['source.other'])
  assert.is(await rowsOf(project, 'transform.both'), '[[32,"4"]]')
})

test('A step that fails is tried again as often as was asked for, also without --continue-on-error', async () => {
  const project = shopProject()
  const broken = shop({ 'transform.clean': { sql: "SELECT CAST('x' || id AS INTEGER) AS v FROM source.raw" } })
  const events: RunEvent[] = []
  const result = await run(project, broken, { retries: 2, onEvent: (event) => events.push(event) })
  assert.is(result.outcome, 'failed')
  assert.is(events.filter((event) => event.kind === 'retried').length, 2)
})

test('Workers at the same time give the same tables, and see only their own inputs', async () => {
  const project = shopProject()
  const many = Object.fromEntries(
    Array.from({ length: 12 }, (_, i) => [`transform.n${i}`, { sql: `SELECT v + ${i} AS v FROM transform.clean` }]),
  )
  const all = {
    sql: Object.keys(many)
      .map((id) => `SELECT v FROM ${id}`)
      .join(' UNION ALL '),
  }
  const result = await run(project, shop({ ...many, 'transform.all': all }), { maxWorkers: 4 })
  assert.is(result.outcome, 'done')
  for (let i = 0; i < 12; i++) assert.is(await rowsOf(project, `transform.n${i}`), `[["${11 + i}"],["${21 + i}"]]`)
  assert.is((await run(project, shop({ ...many, 'transform.all': all }), { maxWorkers: 4 })).outcome, 'nothing')
})

test('An output without rows is written, and its reader sees no rows', async () => {
  const project = shopProject()
  await run(project, shop())
  await run(project, shop({ 'transform.clean': { sql: 'SELECT id, v FROM source.raw WHERE false' } }))
  assert.is(await rowsOf(project, 'transform.clean'), '[]')
  assert.is(await rowsOf(project, 'transform.sums'), '[[null]]')
})

test('The order of inputs counts', async () => {
  const project = shopProject()
  const a = shop({ 'transform.both': { sql: 'SELECT * FROM transform.sums, source.other' } })
  await run(project, a)
  const b = shop({ 'transform.both': { sql: 'SELECT * FROM source.other, transform.sums' } })
  assert.equal(withStatus(await run(project, b), 'executed'), ['transform.both'])
})

test('A removed node leaves production with the next run', async () => {
  const project = shopProject()
  await run(project, shop())
  const result = await run(project, shop({ 'transform.both': null }))
  assert.is(result.outcome, 'done')
  assert.equal(result.removed, ['transform.both'])
  assert.not(existsSync(join(project, 'target/intermediate/transform_both.parquet')))
  const state = JSON.parse(readFileSync(join(project, 'target/run_state.json'), 'utf8'))
  assert.not('transform.both' in state.nodes)
})

test('A new description is recorded without executing anything', async () => {
  const project = shopProject()
  await run(project, shop())
  const described = shop({ 'transform.sums': { ...SHOP['transform.sums'], description: 'totals' } })
  const plan = await planExecution(described, { projectDir: project })
  assert.ok(plan.metadataOnly)
  const result = await run(project, described, { startEngine: () => Promise.reject(new Error('started')) })
  assert.is(result.outcome, 'done')
  assert.is(result.generation, 2)
  assert.match(readFileSync(join(project, 'target/manifest.json'), 'utf8'), /"totals"/)
  assert.is((await run(project, described)).outcome, 'nothing')
})

test('A full run executes everything again', async () => {
  const project = shopProject()
  await run(project, shop())
  const result = await run(project, shop(), { full: true })
  assert.is(result.counts.executed, 5)
  assert.is((await run(project, shop())).outcome, 'nothing')
})

test('An output that was deleted or damaged in its size is made again', async () => {
  const project = shopProject()
  await run(project, shop())
  rmSync(join(project, 'target/intermediate/transform_sums.parquet'))
  const linked = await run(project, shop())
  assert.equal(withStatus(linked, 'reused'), ['transform.sums'])
  rmSync(join(project, 'target/intermediate/transform_sums.parquet'))
  rmSync(join(project, 'target/snapshots'), { recursive: true })
  const again = await run(project, shop())
  assert.ok(withStatus(again, 'executed').includes('transform.sums'))
  assert.is(await rowsOf(project, 'transform.both'), '[[32,"3"]]')
})

test('Stored outputs are read-only', async () => {
  const project = shopProject()
  await run(project, shop())
  assert.is(statSync(join(project, 'target/intermediate/transform_sums.parquet')).mode & 0o222, 0)
})

test('The clock makes nothing due; volatile: day and always do', async () => {
  const project = shopProject()
  const nodes = {
    'transform.clock': { sql: 'SELECT now() AS t FROM source.other', clock: true },
    'transform.daily': { sql: 'SELECT current_date() AS d FROM source.other', clock: true, volatile: 'day' as const },
    'transform.always': { sql: 'SELECT 1 AS a FROM source.other', volatile: 'always' as const },
  }
  await run(project, shop(nodes), { runTimestamp: '2026-01-01T10:00:00Z' })
  const later = await run(project, shop(nodes), { runTimestamp: '2026-01-01T11:00:00Z' })
  assert.equal(withStatus(later, 'executed'), ['transform.always'])
  const tomorrow = await run(project, shop(nodes), { runTimestamp: '2026-01-02T10:00:00Z' })
  assert.equal(withStatus(tomorrow, 'executed'), ['transform.always', 'transform.daily'])
})

test('A parameter counts by its value, the run id does not', async () => {
  const project = shopProject()
  const nodes = {
    'transform.dated': { sql: "SELECT getvariable('run_date') AS d FROM source.other", parameters: ['run_date'] },
    'transform.named': { sql: "SELECT getvariable('run_id') AS r FROM source.other", parameters: ['run_id'] },
  }
  await run(project, shop(nodes), { runDate: '2026-01-01' })
  assert.is((await run(project, shop(nodes), { runDate: '2026-01-01' })).outcome, 'nothing')
  assert.equal(withStatus(await run(project, shop(nodes), { runDate: '2026-01-02' }), 'executed'), ['transform.dated'])
})

test('A parameter without a value is refused before anything runs', async () => {
  const project = shopProject()
  const nodes = {
    'transform.p': { sql: "SELECT getvariable('env.REGION') AS r FROM source.other", parameters: ['env.REGION'] },
  }
  const failure = await rejects(() => run(project, shop(nodes)), 'USAGE')
  assert.is(failure.facts.parameter, 'env.REGION')
  assert.not(existsSync(join(project, 'target')))
  await run(project, shop(nodes), { parameters: { 'env.REGION': 'eu' } })
  assert.is(await rowsOf(project, 'transform.p'), '[["eu"],["eu"],["eu"]]')
})

test('Rows of a node that is no function of its inputs decide whether its readers run', async () => {
  const project = shopProject()
  const nodes = (factor: number) => ({
    'transform.dice': { sql: `SELECT x, x * ${factor} AS y, 7 AS z FROM source.other`, random: true },
    'transform.reads_x': {
      sql: 'SELECT sum(x) AS s FROM transform.dice',
      reads: { 'transform.dice': ['x'] },
      edges: { 'transform.dice': 'a'.repeat(64) },
    },
    'transform.reads_y': {
      sql: 'SELECT sum(y) AS s FROM transform.dice',
      reads: { 'transform.dice': ['y'] },
      edges: { 'transform.dice': 'a'.repeat(64) },
    },
  })
  await run(project, shop(nodes(2)))
  assert.is((await run(project, shop(nodes(2)))).outcome, 'nothing')
  const plan = await planExecution(shop(nodes(3)), { projectDir: project })
  assert.is(plan.nodes.find((node) => node.node === 'transform.reads_x')?.status, 'maybe')
  const changed = await run(project, shop(nodes(3)))
  assert.equal(withStatus(changed, 'executed'), ['transform.dice', 'transform.reads_y'])
  assert.ok(withStatus(changed, 'cached').includes('transform.reads_x'))
})

test('A source that is missing fails its node, by name', async () => {
  const project = shopProject()
  rmSync(join(project, 'data/other.csv'))
  const result = await run(project, shop(), { continueOnError: true })
  assert.is(result.outcome, 'failed')
  assert.is(result.nodes.find((node) => node.node === 'source.other')?.failure?.code, 'SOURCE_NOT_FOUND')
  assert.equal(withStatus(result, 'skipped'), ['transform.both'])
})

test('A source file that changes while it is read fails its step', async () => {
  const project = shopProject()
  const result = await run(project, shop(), {
    onEvent: (event) => {
      if (event.kind === 'started' && event.node === 'source.other')
        appendFileSync(join(project, 'data/other.csv'), '9\n')
    },
  })
  assert.is(result.outcome, 'failed')
  assert.is(result.nodes.find((node) => node.node === 'source.other')?.failure?.code, 'SOURCE_CHANGED_WHILE_READ')
  assert.equal(withStatus(await run(project, shop()), 'failed'), [])
})

test('A plan says what would run and why, and writes nothing', async () => {
  const project = shopProject()
  await run(project, shop())
  const before = tree(join(project, 'target'))
  appendFileSync(join(project, 'data/other.csv'), '4\n')
  const plan = await planExecution(shop({ 'transform.both': null }), { projectDir: project })
  assert.equal(plan.removed, ['transform.both'])
  assert.equal(
    plan.nodes.filter((node) => node.due).map((node) => [node.node, node.status, node.reason]),
    [['source.other', 'execute', 'its source files changed']],
  )
  assert.equal(tree(join(project, 'target')), before)
})

test('An interrupted run keeps what is finished and leaves production as it was', async () => {
  const project = shopProject()
  const controller = new AbortController()
  const slow = shop({
    'transform.clean': { sql: 'SELECT count(*) AS v, 1 AS id FROM source.raw, range(10000000) a, range(100000) b' },
  })
  const result = await run(project, slow, {
    signal: controller.signal,
    onEvent: (event) => {
      if (event.kind === 'started' && event.node === 'transform.clean') setTimeout(() => controller.abort(), 100)
    },
  })
  assert.is(result.outcome, 'interrupted')
  assert.equal(production(project), {})
  assert.equal(readdirSync(join(project, 'target/locks')), [])
  const next = await run(project, shop())
  assert.ok(withStatus(next, 'reused').includes('source.raw'))
})

test.run()
