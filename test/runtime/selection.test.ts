// A selection never hides staleness: whatever was left out stays due until it has been made from what is there.

import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Manifest, ManifestNode } from '../../runtime/contract/manifest.ts'
import { readProduction } from '../../runtime/store/generations.ts'
import { openStore } from '../../runtime/store/store.ts'
import { rowsOf, run, SHOP, shop, shopProject, withStatus } from '../support/runtime-project.ts'
import { suite } from '../support/suite.ts'

const test = suite('selection')

const only =
  (...ids: string[]) =>
  (node: ManifestNode): boolean =>
    ids.includes(node.id)

const productionManifest = (project: string): Manifest => {
  const manifest = readProduction(openStore(project))?.manifest
  if (manifest === undefined) throw new Error('no production')
  return manifest
}

/** The bundle that a compiler would make now: edges as in production's manifest where neither end changed. */
const recompiled = (project: string, changes: Parameters<typeof shop>[0] = {}) => {
  const base = productionManifest(project)
  const fresh = shop(changes).manifest
  const find = (manifest: Manifest, id: string) => manifest.nodes.find((node) => node.id === id)
  const sameIn = (id: string): boolean => {
    const [old, now] = [find(base, id), find(fresh, id)]
    return (
      old?.definition_fingerprint === now?.definition_fingerprint &&
      (now?.inputs ?? []).every((input) => sameIn(input.ref))
    )
  }
  const sameDefinition = (id: string) =>
    find(base, id)?.definition_fingerprint === find(fresh, id)?.definition_fingerprint
  const carried = Object.entries({ ...SHOP, ...changes }).flatMap(([id, node]) => {
    const old = base.nodes.find((n) => n.id === id)
    const edges = Object.fromEntries(
      (old?.inputs ?? [])
        .filter((input) => sameDefinition(id) && sameIn(input.ref))
        .map((input) => [input.ref, input.fingerprint]),
    )
    return node === null ? [] : [[id, { ...node, edges }] as const]
  })
  return shop(Object.fromEntries(carried), { base })
}

test('A full run of some nodes says nothing of the others', async () => {
  const project = shopProject()
  await run(project, shop())
  const full = await run(project, shop(), { select: only('transform.clean'), full: true })
  assert.equal(withStatus(full, 'executed'), ['transform.clean'])
  assert.equal(full.stillDue, [])
  appendFileSync(join(project, 'data/other.csv'), '4\n')
  const again = await run(project, shop(), { select: only('transform.clean'), full: true })
  assert.equal(again.stillDue, ['source.other', 'transform.both'])
})

test('A source that was run alone leaves its readers due', async () => {
  const project = shopProject()
  await run(project, shop())
  appendFileSync(join(project, 'data/raw.csv'), '3,30\n')
  const partial = await run(project, shop(), { select: only('source.raw') })
  assert.equal(withStatus(partial, 'executed'), ['source.raw'])
  assert.equal(partial.stillDue, ['transform.clean', 'transform.sums', 'transform.both'])
  assert.is(await rowsOf(project, 'transform.both'), '[[32,"3"]]')
  const rest = await run(project, recompiled(project))
  assert.equal(withStatus(rest, 'executed'), ['transform.both', 'transform.clean', 'transform.sums'])
  assert.is(await rowsOf(project, 'transform.both'), '[[63,"3"]]')
})

test('A changed transform that was run alone leaves its readers due, whatever is compiled next', async () => {
  const project = shopProject()
  await run(project, shop())
  const changes = { 'transform.clean': { sql: 'SELECT id, v + 5 AS v FROM source.raw' } }
  const partial = await run(project, recompiled(project, changes), { select: only('transform.clean') })
  assert.equal(withStatus(partial, 'executed'), ['transform.clean'])
  const rest = await run(project, recompiled(project, changes))
  assert.equal(withStatus(rest, 'executed'), ['transform.both', 'transform.sums'])
  assert.is(await rowsOf(project, 'transform.both'), '[[40,"3"]]')
  assert.is((await run(project, recompiled(project, changes))).outcome, 'nothing')
})

test('A node that was left out keeps its old description, so that its change is not lost', async () => {
  const project = shopProject()
  await run(project, shop())
  const changes = {
    'transform.clean': { sql: 'SELECT id, v + 5 AS v FROM source.raw' },
    'transform.sums': { sql: 'SELECT CAST(sum(v) AS INTEGER) * 10 AS total FROM transform.clean' },
  }
  await run(project, recompiled(project, changes), { select: only('transform.clean') })
  assert.is(
    productionManifest(project).nodes.find((node) => node.id === 'transform.sums')?.sql,
    SHOP['transform.sums']?.sql,
  )
  const rest = await run(project, recompiled(project, changes))
  assert.equal(withStatus(rest, 'executed'), ['transform.both', 'transform.sums'])
  assert.is(await rowsOf(project, 'transform.both'), '[[400,"3"]]')
})

test('A reader that runs while its input is left out reads the old output, and runs again after the input', async () => {
  const project = shopProject()
  await run(project, shop())
  const changes = {
    'transform.clean': { sql: 'SELECT id, v + 5 AS v FROM source.raw' },
    'transform.both': {
      sql: 'SELECT total + 1000 AS total, (SELECT count(*) FROM source.other) AS n FROM transform.sums',
    },
  }
  const partial = await run(project, recompiled(project, changes), {
    select: only('transform.clean', 'transform.both'),
  })
  assert.equal(withStatus(partial, 'executed'), ['transform.both', 'transform.clean'])
  assert.is(await rowsOf(project, 'transform.both'), '[[1032,"3"]]')
  const rest = await run(project, recompiled(project, changes))
  assert.equal(withStatus(rest, 'executed'), ['transform.both', 'transform.sums'])
  assert.is(await rowsOf(project, 'transform.both'), '[[1040,"3"]]')
})

test('Running the same selection twice does nothing the second time', async () => {
  const project = shopProject()
  await run(project, shop())
  const changes = { 'transform.clean': { sql: 'SELECT id, v + 5 AS v FROM source.raw' } }
  const select = only('transform.clean', 'transform.both')
  await run(project, recompiled(project, changes), { select })
  const again = await run(project, recompiled(project, changes), { select })
  assert.is(again.outcome, 'nothing')
  assert.equal(
    again.stillDue,
    ['transform.sums', 'transform.both'].filter((id) => !select({ id } as ManifestNode)),
  )
})

test('A change that is undone while it was left out needs no run', async () => {
  const project = shopProject()
  await run(project, shop())
  const changes = { 'transform.sums': { sql: 'SELECT 1 AS total FROM transform.clean' } }
  appendFileSync(join(project, 'data/other.csv'), '4\n')
  await run(project, recompiled(project, changes), { select: only('source.other') })
  const rest = await run(project, recompiled(project))
  assert.equal(withStatus(rest, 'executed'), ['transform.both'])
})

test('A node whose input has no output yet fails by name when only it is selected', async () => {
  const project = shopProject()
  const result = await run(project, shop(), { select: only('transform.sums') })
  assert.is(result.outcome, 'failed')
  assert.is(result.nodes[0]?.failure?.facts.input, 'transform.clean')
})

test('A selection on an empty production makes what was selected, and the rest stays due', async () => {
  const project = shopProject()
  const first = await run(project, shop(), { select: only('source.raw', 'transform.clean') })
  assert.is(first.outcome, 'done')
  assert.is(productionManifest(project).nodes.length, 2)
  const rest = await run(project, recompiled(project))
  assert.equal(withStatus(rest, 'executed'), ['source.other', 'transform.both', 'transform.sums'])
})

test('A selection removes nothing', async () => {
  const project = shopProject()
  await run(project, shop())
  const gone = shop({ 'transform.both': null })
  appendFileSync(join(project, 'data/raw.csv'), '3,30\n')
  await run(project, gone, { select: only('source.raw') })
  assert.ok(productionManifest(project).nodes.some((node) => node.id === 'transform.both'))
  assert.equal((await run(project, gone)).removed, ['transform.both'])
})

test.run()
