import * as assert from 'uvu/assert'
import { diff } from '../../compiler/diff.ts'
import { plan } from '../../compiler/plan.ts'
import { analysisEngine } from '../support/analysis.ts'
import { diffed, fingerprinted, type MemoryProject, planned } from '../support/memory-project.ts'
import { suite } from '../support/suite.ts'

const test = suite('plan')

const BASE: MemoryProject = {
  nodes: {
    'source.orders': { columns: { id: 'BIGINT', amount: 'DOUBLE' } },
    'source.other': { columns: { id: 'BIGINT' } },
    'transform.clean': { sql: 'SELECT id, amount FROM source.orders WHERE amount > 0' },
    'transform.counted': { sql: 'SELECT count(*) AS n FROM transform.clean' },
    'transform.total': { sql: 'SELECT sum(amount) AS total FROM transform.clean' },
  },
}
const withNodes = (nodes: MemoryProject['nodes']): MemoryProject => ({ nodes: { ...BASE.nodes, ...nodes } })
const DOUBLED = withNodes({
  'transform.clean': { sql: 'SELECT id, amount * 2 AS amount FROM source.orders WHERE amount > 0' },
})

test('A bundle of production has a step for every node, inputs first', async () => {
  const { steps, promote } = await planned(DOUBLED, BASE, null)
  assert.equal(
    steps.map((s) => [s.node, s.category]),
    [
      ['source.orders', 'unchanged'],
      ['source.other', 'unchanged'],
      ['transform.clean', 'non_breaking'],
      ['transform.counted', 'unchanged'],
      ['transform.total', 'affected'],
    ],
  )
  assert.ok(steps.every((s) => s.inputs.every((i) => i.from === 'bundle')))
  assert.equal(promote.read, [])
})

test("An environment's bundle has what must execute and reads the rest from production", async () => {
  const { steps, promote } = await planned(DOUBLED, BASE, 'dev')
  assert.equal(
    steps.map((s) => ({ node: s.node, inputs: s.inputs })),
    [
      { node: 'transform.clean', inputs: [{ node: 'source.orders', from: 'production' }] },
      { node: 'transform.total', inputs: [{ node: 'transform.clean', from: 'bundle' }] },
    ],
  )
  assert.equal(promote, { replace: ['transform.clean', 'transform.total'], remove: [], read: ['source.orders'] })
})

test('Every step says why it is there', async () => {
  const { steps } = await planned(DOUBLED, BASE, 'dev')
  assert.equal(
    steps.map((s) => s.reasons),
    [['values of amount'], ["it reads what changed in 'transform.clean'"]],
  )
})

test('Without production everything is new', async () => {
  const {
    steps,
    diffed: { diff },
  } = await planned(BASE, null, 'dev')
  assert.is(diff.has_base, false)
  assert.is(steps.length, 5)
  assert.ok(steps.every((s) => s.category === 'new'))
})

test('A plan that only removes or only describes has no steps and can be promoted', async () => {
  const { 'transform.total': _, ...rest } = BASE.nodes
  const removal = await planned({ nodes: rest }, BASE, 'dev')
  assert.equal([removal.steps, removal.promote.remove], [[], ['transform.total']])
  const described = withNodes({ 'transform.total': { ...BASE.nodes['transform.total'], description: 'All of it' } })
  const {
    steps,
    diffed: { diff },
  } = await planned(described, BASE, 'dev')
  assert.equal([steps, diff.summary.metadata], [[], 1])
})

test('A renamed node is made under its new name and removed under the old one', async () => {
  const { 'transform.total': total, ...rest } = BASE.nodes
  const renamed = { nodes: { ...rest, 'transform.sum': { ...total, renamed_from: 'total' } } }
  const { promote } = await planned(renamed, BASE, 'dev')
  assert.equal([promote.replace, promote.remove], [['transform.sum'], ['transform.total']])
})

test('What must be read and has no output in production joins the plan, and says so', async () => {
  const change = await diffed(DOUBLED, BASE)
  const base = change.base && { ...change.base, nodes: change.base.nodes.filter((n) => n.id !== 'source.orders') }
  const dev = plan({ ...change, base }, (await planned(DOUBLED, BASE, 'dev')).environment)
  assert.equal(dev.steps[0], {
    kind: 'build',
    node: 'source.orders',
    inputs: [],
    category: 'unchanged',
    reasons: ['production has no output of it to read'],
  })
})

test('What is due of all that a plan reads joins it, with everything that reads it; what it does not read does not', async () => {
  const wide = {
    'transform.clean': { sql: 'SELECT id, amount FROM source.orders WHERE amount > 0' },
    'transform.sum': { sql: 'SELECT sum(total) AS s FROM transform.total' },
    'transform.others': { sql: 'SELECT id FROM source.other' },
  }
  const edited = { 'transform.sum': { sql: 'SELECT 2 * sum(total) AS s FROM transform.total' } }
  const change = await diffed(withNodes({ ...wide, ...edited }), withNodes(wide))
  const environment = (await planned(BASE, BASE, 'dev')).environment
  const stepsWith = (due: readonly string[]) => plan(change, environment, due).steps.map((s) => [s.node, s.reasons[0]])
  const sum = ['transform.sum', 'values of s']
  const old = 'production made it from older data than it has now'
  assert.equal(stepsWith([]), [sum])
  assert.equal(stepsWith(['transform.others', 'transform.counted', 'transform.gone']), [sum])
  const all = [['transform.clean', old], ['transform.counted', old], ['transform.total', old], sum]
  assert.equal(stepsWith(['transform.clean']), all)
  assert.equal(stepsWith(['transform.clean', 'transform.counted', 'transform.total']), all)
})

test('A node of which only the data can tell has a step, and is no node that must execute', async () => {
  const random = withNodes({
    'transform.clean': { sql: 'SELECT id, amount, random() AS r FROM source.orders WHERE amount > 0' },
  })
  const {
    steps,
    diffed: { diff },
  } = await planned(random, BASE, 'dev')
  assert.is(diff.summary.execute, 1)
  assert.equal(
    steps.map((s) => s.node),
    ['transform.clean', 'transform.counted', 'transform.total'],
  )
})

test('The difference of a manifest with itself is empty', async () => {
  const { manifest } = await diffed(DOUBLED, BASE)
  const { diff, manifest: again } = await diffed(DOUBLED, manifest)
  assert.equal([diff.changes, diff.execute], [[], []])
  assert.equal(again, manifest)
})

test('A node that was removed and comes back as it was has the fingerprints that it had', async () => {
  const { 'transform.total': _, ...rest } = BASE.nodes
  const first = (await diffed(BASE, null)).manifest
  const without = (await diffed({ nodes: rest }, first)).manifest
  const { manifest } = await diffed(BASE, without)
  assert.equal(manifest, first)
})

test('A reader of columns that did not change keeps its fingerprints', async () => {
  const before = (await diffed(BASE, null)).manifest
  const { manifest } = await diffed(DOUBLED, before)
  const node = (id: string, of = manifest) => of.nodes.find((n) => n.id === id)
  const edge = node('transform.counted')?.inputs[0]
  assert.is(edge?.fingerprint, node('transform.counted', before)?.inputs[0]?.fingerprint)
  assert.equal(edge?.covers, [])
  assert.is.not(
    node('transform.total')?.inputs[0]?.fingerprint,
    node('transform.total', before)?.inputs[0]?.fingerprint,
  )
})

test('An edit that reaches very many nodes is not planned node by node', async () => {
  const chain = (factor: number): MemoryProject => {
    const steps = Array.from({ length: 150 }, (_, i): readonly [string, MemoryProject['nodes'][string]] => {
      const from = i === 0 ? 'source.orders' : `transform.t${i - 1}`
      return [`transform.t${i}`, { sql: `SELECT id, amount * ${i === 0 ? factor : 2} AS amount FROM ${from}` }]
    })
    return { nodes: { 'source.orders': { columns: { id: 'BIGINT', amount: 'DOUBLE' } }, ...Object.fromEntries(steps) } }
  }
  const plans = new Map<string, unknown>()
  const cache = {
    get: (key: string) => plans.get(key),
    set: (key: string, value: unknown) => void plans.set(key, value),
  }
  const base = (await diffed(chain(1), null)).manifest
  const { diff: found } = await diff(await fingerprinted(chain(3)), base, analysisEngine, cache)
  assert.is(found.execute.length, 150)
  assert.ok(plans.size <= 110, `${plans.size} plans`)
})

test('Production that was only partly made does not pass for what the definitions say', async () => {
  const before = (await diffed(BASE, null)).manifest
  const { manifest } = await diffed(DOUBLED, before)
  const stale = {
    ...manifest,
    nodes: manifest.nodes.map((n) => (n.id === 'transform.total' ? (before.nodes.find((b) => b.id === n.id) ?? n) : n)),
  }
  const { diff } = await diffed(DOUBLED, stale)
  assert.equal(
    diff.execute.map((e) => [e.node, e.text]),
    [['transform.total', "what is stored was made from an older 'transform.clean'"]],
  )
})

test.run()
