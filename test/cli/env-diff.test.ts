// `env diff`: rows of an environment against production's, matched by the key that a node declares.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does, ends } from '../support/cli.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { newDatabase, profileFor } from '../support/target-project.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/env-diff')

/** Sales by shop and day: no column is unique alone. */
const sales = (amount: string, declared = '') => `kind: transform
name: sales
inputs:
  - ref: source.orders
${declared}transform: |
  SELECT * FROM (VALUES ('north', 1, ${amount}), ('north', 2, 7), ('south', 1, 7)) t(shop, day, amount)
  WHERE (SELECT count(*) FROM ref('source.orders')) > 0
`

const BY_TEST = 'tests:\n  - type: unique\n    columns: [SHOP, day]\n'
const BY_TARGET =
  'materialization:\n  type: postgresql\n  connection: warehouse\n  table: public.sales\n  mode: upsert_by_key\n  unique_keys: [day, shop]\n'
const NOT_UNIQUE = 'tests:\n  - type: unique\n    columns: [shop]\n    severity: warn\n'

/** What `env diff` says of an environment in which one amount is another. */
async function difference(declared: string, ...args: readonly string[]): Promise<string> {
  const profile = declared.includes('postgresql') ? { 'profiles.yml': profileFor(await newDatabase()) } : {}
  const folder = tempProject({ ...shop, ...profile, 'seeknal/transforms/sales.yml': sales('7', declared) })
  await does(folder, ['run'])
  writeFileSync(join(folder, 'seeknal/transforms/sales.yml'), sales('8', declared))
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  return does(folder, ['env', 'diff', 'dev', ...args])
}

test('Without a key, rows are compared as a whole', async () => {
  const said = await difference('')
  assert.match(said, /transform\.sales: 3 rows, 1 row only in production, 1 row only in the environment/)
  assert.match(said, /rows compared as a whole/)
})

test('A unique test names the key', async () => {
  const said = await difference(BY_TEST, '--samples')
  assert.match(said, /transform\.sales: 3 rows, 1 row changed/)
  assert.match(said, /rows matched by day, shop \(declared unique\)\n {2}amount: differs in 1 row\n {4}1, north: 7 → 8/)
})

test('The key of an external table is the key, before that of a test', async () => {
  const said = await difference(`${BY_TARGET}${BY_TEST}`)
  assert.match(said, /rows matched by day, shop \(declared unique\)/)
})

test('What is declared and is not unique is no key', async () => {
  assert.match(await difference(NOT_UNIQUE), /rows compared as a whole/)
  const said = JSON.parse(await difference(`${NOT_UNIQUE}${BY_TEST.replace('tests:\n', '')}`, 'sales', '--json'))
  assert.equal(said[0].diff.key, { columns: ['day', 'shop'], origin: 'declared', common: 3, edited: false })
})

const ranked = (rank: string, id = 'n') => `kind: transform
name: ranked
inputs:
  - ref: source.orders
transform: |
  SELECT ${rank} AS rank, ${id} AS id, 'label ' || n % 2 AS label
  FROM range(1, 6) t(n), (SELECT count(*) AS c FROM ref('source.orders'))
`

async function rankedDifference(...edit: readonly [rank: string, id?: string]): Promise<[string, string]> {
  const folder = tempProject({ ...shop, 'seeknal/transforms/ranked.yml': ranked('n') })
  await does(folder, ['run'])
  writeFileSync(join(folder, 'seeknal/transforms/ranked.yml'), ranked(...edit))
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  const report = readFileSync(join(folder, 'target/environments/dev/report.md'), 'utf8')
  const [summary = '', matched = ''] = (await does(folder, ['env', 'diff', 'dev', 'ranked'])).split('\n')
  assert.match(report, matched.trim(), 'the report says it as well')
  return [summary, matched]
}

test('Rows are not matched by a column that the edit changed, and it is said why', async () => {
  const lines = await rankedDifference('6 - n')
  assert.is(lines[0], 'transform.ranked: 5 rows, 4 rows changed')
  assert.is(lines[1], '  rows matched by id (unique in both, all values in common; not by rank: the edit changed it)')
})

test('Rows are matched by the column that both sides have most in common', async () => {
  const lines = await rankedDifference('n + 100', 'n + 1')
  assert.is(
    lines[0],
    'transform.ranked: 5 rows, 1 row only in production, 1 row only in the environment, 4 rows changed',
  )
  assert.match(
    lines[1],
    'rows matched by id (unique in both, 4 of 5 values in common; the edit changed it, and no other column would do; not by rank: no value in common)',
  )
})

test('Without a value in common rows are compared as a whole, and the columns that were tried are named', async () => {
  const lines = await rankedDifference('n + 100', 'n + 200')
  assert.match(lines[1], 'rows compared as a whole: no column that is unique in both has a value in common (rank, id)')
})

test('A node that is not there is named with the nearest', async () => {
  const folder = tempProject({ ...shop, 'seeknal/transforms/sales.yml': sales('7') })
  await does(folder, ['run'])
  writeFileSync(join(folder, 'seeknal/transforms/sales.yml'), sales('8'))
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  assert.match((await ends(2, folder, ['env', 'diff', 'dev', 'transform.sale'])).err, /Did you mean/)
  assert.match((await ends(2, folder, ['env', 'diff', 'nope'])).err, /no environment 'nope'/)
})

test.run()
