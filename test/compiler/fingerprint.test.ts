// What changes a node's definition and what does not; what a reader's edges say; and that a manifest depends on nothing
// but the project.

import * as assert from 'uvu/assert'
import { canonicalJson } from '../../runtime/contract/canonical-json.ts'
import { Manifest } from '../../runtime/contract/manifest.ts'
import { misfits } from '../../runtime/contract/schema.ts'
import { manifestOf, nodeOf, type Texts } from '../support/bound.ts'
import { suite } from '../support/suite.ts'

const test = suite('fingerprint')

const PROJECT: Texts = {
  'seeknal/orders.yml':
    'kind: source\nname: orders\nsource: csv\ntable: data/orders.csv\ncolumns: {id: BIGINT, client: BIGINT, amount: DOUBLE, name: VARCHAR}\n',
  'seeknal/clients.yml':
    'kind: source\nname: clients\nsource: csv\ntable: data/clients.csv\ncolumns: {id: BIGINT, client: BIGINT, amount: DOUBLE, name: VARCHAR}\n',
  'seeknal/joined.yml': `kind: transform
name: joined
description: Orders with names
inputs:
  - ref: source.orders
  - ref: source.clients
transform: |
  SELECT o.id, c.name, o.amount
  FROM input_0 AS o JOIN input_1 AS c ON o.client = c.id
  WHERE o.amount <> 0
`,
  'seeknal/total.yml': `kind: transform
name: total
inputs: [{ref: transform.joined}]
transform: SELECT name, sum(amount) AS total FROM ref('transform.joined') GROUP BY name
`,
}

type Edit = readonly [file: string, from: string, to: string]

function edited(...edits: readonly Edit[]): Texts {
  const files: Record<string, string> = { ...PROJECT }
  for (const [file, from, to] of edits) {
    const text = files[file] ?? ''
    assert.ok(text.includes(from), `${file} does not hold '${from}'`)
    files[file] = text.replace(from, to)
  }
  return files
}

const definitionOf = async (files: Texts, id: string): Promise<string> =>
  nodeOf(await manifestOf(files), id).definition_fingerprint

const JOINED = 'seeknal/joined.yml'
const ORDERS = 'seeknal/orders.yml'

test('a manifest has the form that the contract describes', async () => {
  const manifest = await manifestOf(PROJECT)
  assert.equal(misfits(Manifest, manifest), [])
  assert.equal(
    manifest.nodes.map((node) => node.id),
    ['source.clients', 'source.orders', 'transform.joined', 'transform.total'],
  )
})

const METADATA: Readonly<Record<string, Edit>> = {
  description: [JOINED, 'Orders with names', 'Names with orders'],
  owner: [JOINED, 'name: joined\n', 'name: joined\nowner: finance\n'],
  tags: [JOINED, 'name: joined\n', 'name: joined\ntags: [daily]\n'],
  'a column comment': [JOINED, 'name: joined\n', 'name: joined\ncolumns: {id: {description: Number}}\n'],
  'a declared type that the engine gives anyway': [
    JOINED,
    'name: joined\n',
    'name: joined\ncolumns: {amount: double}\n',
  ],
  formatting: [JOINED, 'SELECT o.id, c.name, o.amount', 'select o.id,\n    c.name, -- of the client\n    o.amount'],
  'a spelling': [JOINED, '<>', '!='],
  'the letter case of a name in a condition': [JOINED, 'o.client = c.id', 'O.Client = C.ID'],
  'what is checked': [JOINED, 'name: joined\n', 'name: joined\naudits: [{type: not_null, columns: [id]}]\n'],
  'the order of YAML keys': [JOINED, 'kind: transform\nname: joined\n', 'name: joined\nkind: transform\n'],
}

test('what describes a node or says the same in other words is no change', async () => {
  const before = await definitionOf(PROJECT, 'transform.joined')
  for (const [what, edit] of Object.entries(METADATA))
    assert.is(await definitionOf(edited(edit), 'transform.joined'), before, what)
})

const CHANGES: Readonly<Record<string, Edit>> = {
  'a filter': [JOINED, '<> 0', '> 0'],
  'the order of inputs': [
    JOINED,
    '  - ref: source.orders\n  - ref: source.clients',
    '  - ref: source.clients\n  - ref: source.orders',
  ],
  'an input more': [JOINED, '  - ref: source.clients\n', '  - ref: source.clients\n  - ref: source.more\n'],
  'a materialization': [
    JOINED,
    'name: joined\n',
    'name: joined\nmaterialization: {type: postgresql, connection: pg, table: a.b}\n',
  ],
  volatile: [JOINED, 'name: joined\n', 'name: joined\nvolatile: day\n'],
  'a column that is declared not null': [JOINED, 'name: joined\n', 'name: joined\ncolumns: {id: {not_null: true}}\n'],
}

test('whatever the output or its targets depend on is a change', async () => {
  const more = {
    'seeknal/more.yml': 'kind: source\nname: more\nsource: csv\ntable: data/clients.csv\ncolumns: {id: BIGINT}\n',
  }
  const seen = new Map([[await definitionOf(PROJECT, 'transform.joined'), 'nothing']])
  for (const [what, edit] of Object.entries(CHANGES)) {
    const definition = await definitionOf({ ...edited(edit), ...more }, 'transform.joined')
    assert.is(seen.get(definition), undefined, what)
    seen.set(definition, what)
  }
})

const CHECKED = `name: joined
tests:
  - {type: unique, columns: [id, name]}
  - {type: accepted_values, columns: [name], values: [b, a, null], severity: warn}
`

test('What is checked has a fingerprint of its own, whatever the order in which it is written', async () => {
  const checked = async (text: string) =>
    nodeOf(await manifestOf(edited([JOINED, 'name: joined\n', text])), 'transform.joined')
  const { checks, checks_fingerprint: before } = await checked(CHECKED)
  assert.equal(checks, [
    {
      id: 'accepted_values(name)',
      type: 'accepted_values',
      columns: ['name'],
      severity: 'warn',
      values: ['a', 'b', null],
    },
    { id: 'unique(id, name)', type: 'unique', columns: ['id', 'name'], severity: 'error' },
  ])
  const [head = '', first = '', second = ''] = CHECKED.split(/(?=^tests|^ {2}- )/m).slice(1)
  const same = [
    CHECKED.replace('[id, name]', '[NAME, ID]').replace('[b, a, null]', '[null, a, b, a]'),
    `name: joined\n${head}${second}${first}${first}`,
  ]
  for (const text of same) assert.is((await checked(text)).checks_fingerprint, before, text)
  for (const [from, to] of [
    ['unique', 'not_null'],
    ['[id, name]', '[id]'],
    ['[b, a, null]', '[b, a]'],
    [', severity: warn', ''],
  ] as const)
    assert.is.not((await checked(CHECKED.replace(from, to))).checks_fingerprint, before, from)
})

test('Two checks of one kind on the same columns have two ids', async () => {
  const tests = ['[a]', '[b]'].map((values) => `{type: accepted_values, columns: [name], values: ${values}}`)
  for (const list of [tests, [...tests].reverse()]) {
    const files = edited([JOINED, 'name: joined\n', `name: joined\ntests: [${list.join(', ')}]\n`])
    assert.equal(
      nodeOf(await manifestOf(files), 'transform.joined').checks?.map(({ id, values }) => [id, values]),
      [
        ['accepted_values(name)', ['a']],
        ['accepted_values(name) #2', ['b']],
      ],
    )
  }
})

test('a setting of the project that may change results is part of every definition', async () => {
  const set = {
    ...PROJECT,
    'seeknal_project.yml': 'name: shop\nversion: "1.0.0"\nsettings: {default_null_order: nulls_first}\n',
  }
  const [before, after] = [await manifestOf(PROJECT), await manifestOf(set)]
  for (const [i, node] of after.nodes.entries())
    assert.is.not(node.definition_fingerprint, before.nodes[i]?.definition_fingerprint, node.id)
})

test('options and types of a source are its definition, and defaults of the reader are not', async () => {
  const withParams = (params: string): Texts => edited([ORDERS, 'source: csv\n', `source: csv\nparams: {${params}}\n`])
  const before = await definitionOf(PROJECT, 'source.orders')
  assert.is(await definitionOf(withParams('ignore_errors: false, strict_mode: true'), 'source.orders'), before)
  assert.is.not(await definitionOf(withParams('nullstr: "-"'), 'source.orders'), before)
  assert.is.not(
    await definitionOf(edited([ORDERS, 'amount: DOUBLE', 'amount: "DECIMAL(10,2)"']), 'source.orders'),
    before,
  )
  assert.is(await definitionOf(edited([ORDERS, 'BIGINT', 'int8']), 'source.orders'), before)
  assert.is.not(await definitionOf(edited([ORDERS, 'data/orders.csv', 'data/orders-*.csv']), 'source.orders'), before)
})

test('edges of readers follow their inputs, transitively, and definitions do not', async () => {
  const before = await manifestOf(PROJECT)
  const after = await manifestOf(edited([ORDERS, 'source: csv\n', 'source: csv\nparams: {nullstr: "-"}\n']))
  for (const id of ['transform.joined', 'transform.total']) {
    const [was, is] = [nodeOf(before, id), nodeOf(after, id)]
    assert.is(is.definition_fingerprint, was.definition_fingerprint)
    assert.is.not(is.inputs[0]?.fingerprint, was.inputs[0]?.fingerprint)
  }
  assert.equal(nodeOf(after, 'transform.joined').inputs[1], nodeOf(before, 'transform.joined').inputs[1])
})

test('an edge names the columns that are read, or none when that is not known', async () => {
  const manifest = await manifestOf({
    ...PROJECT,
    'seeknal/several.yml':
      'kind: transform\nname: several\ninputs: [{ref: source.orders}]\ntransform: SET VARIABLE a = 1; SELECT id FROM input_0\n',
  })
  const reads = (id: string) => nodeOf(manifest, id).inputs.map((input) => input.reads)
  assert.equal(reads('transform.joined'), [
    ['amount', 'client', 'id'],
    ['id', 'name'],
  ])
  assert.equal(reads('transform.total'), [['amount', 'name']])
  assert.equal(reads('transform.several'), [null])
})

test('a node that is removed and added again has the fingerprints that it had', async () => {
  const { 'seeknal/total.yml': total = '', ...rest } = PROJECT
  const before = await manifestOf(PROJECT)
  assert.is((await manifestOf(rest)).nodes.length, before.nodes.length - 1)
  assert.equal(await manifestOf({ ...rest, 'seeknal/deep/er/total_again.yml': total }), {
    ...before,
    nodes: before.nodes.map((node) =>
      node.name === 'total' ? { ...node, file: 'seeknal/deep/er/total_again.yml' } : node,
    ),
  })
})

test('the order of files and of YAML keys does not show', async () => {
  const reversed = Object.fromEntries(Object.entries(PROJECT).reverse())
  const turned = {
    ...reversed,
    'seeknal/total.yml': (PROJECT['seeknal/total.yml'] ?? '').trimEnd().split('\n').reverse().join('\n'),
  }
  assert.is(canonicalJson(await manifestOf(turned)), canonicalJson(await manifestOf(PROJECT)))
})

test.run()
