import * as assert from 'uvu/assert'
import { stronglyConnected } from '../../compiler/graph/strongly-connected.ts'
import type { NodeId } from '../../runtime/contract/ids.ts'
import { graphed } from '../support/passes.ts'
import { suite } from '../support/suite.ts'

const test = suite('graph')

/** Transforms by name with the names that they read. */
const project = (edges: Readonly<Record<string, readonly string[]>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(edges).map(([name, inputs]) => [
      `seeknal/${name}.yml`,
      `kind: transform\nname: ${name}\ninputs: [${inputs.map((input) => `{ref: transform.${input}}`).join(', ')}]\ntransform: SELECT 1 AS a\n`,
    ]),
  )

const names = (ids: readonly string[]): string => ids.map((id) => id.replace('transform.', '')).join(' ')

test('inputs come before readers, and ids decide the rest', async () => {
  const { order, levels, readers, edgeCount } = await graphed(
    project({ d: ['b', 'c'], c: ['a'], b: ['a'], a: [], z: [], e: ['d', 'a'] }),
  )
  assert.is(names(order), 'a z b c d e')
  assert.equal(levels.map(names), ['a z', 'b c', 'd', 'e'])
  assert.is(names(readers.get('transform.a' as NodeId) ?? []), 'b c e')
  assert.is(edgeCount, 6)
})

test('a circle is reported by its shortest way, with every edge', async () => {
  const { diagnostics, order } = await graphed(
    project({ a: ['c'], b: ['a'], c: ['b', 'd'], d: ['c'], after: ['d'], before: [] }),
  )
  assert.equal(
    diagnostics.map((d) => [d.code, d.place.file, d.notes.map((n) => n.place.file)]),
    [['GRAPH_CYCLE', 'seeknal/c.yml', ['seeknal/d.yml']]],
  )
  assert.is(names(order), 'before')
})

test('a node that reads itself is a circle of one', async () => {
  const { diagnostics } = await graphed(project({ a: ['a'], b: ['a'] }))
  assert.equal(
    diagnostics.map((d) => [d.place.file, d.facts.cycle]),
    [['seeknal/a.yml', ['transform.a']]],
  )
})

test('circles apart from each other are all reported', async () => {
  const { diagnostics } = await graphed(project({ a: ['b'], b: ['a'], x: ['y'], y: ['z'], z: ['x'] }))
  assert.equal(
    diagnostics.map((d) => d.facts.cycle),
    [
      ['transform.a', 'transform.b'],
      ['transform.x', 'transform.y', 'transform.z'],
    ],
  )
})

test('a circle of twenty thousand nodes does not end the program', () => {
  const id = (i: number): NodeId => `transform.n${i % 20_000}` as NodeId
  const edges = new Map(Array.from({ length: 20_000 }, (_, i) => [id(i), [id(i + 1)]] as const))
  assert.is(stronglyConnected(edges)[0]?.length, 20_000)
})

test.run()
