// Bundles that somebody executes beside the project: what is executed and promoted from them, and what the project's
// own runs take for theirs afterwards.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Manifest } from '../../runtime/contract/manifest.ts'
import { does, records, rowsOf } from '../support/cli.ts'
import { forgeFolder } from '../support/forge.ts'
import { prepared } from '../support/prepared.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/foreign bundles')

const daily = 'seeknal/transforms/daily.yml'
const full = 'seeknal/transforms/orders_full.yml'
const DAILY = 'SELECT * FROM transform_daily ORDER BY day'
const HONEST = [
  ['2026-03-01', '31.50'],
  ['2026-03-02', '6.25'],
]

const edit = (folder: string, path: string, from: string, to: string): void => {
  const text = readFileSync(join(folder, path), 'utf8')
  assert.ok(text.includes(from), `${path} holds ${from}`)
  writeFileSync(join(folder, path), text.replace(from, to))
}
const statuses = (out: string) =>
  Object.fromEntries(records(out).flatMap((r) => (typeof r.node === 'string' ? [[r.node, r.status]] : [])))

/** Production as it was, the project with both transforms changed, and its bundle for dev. */
const changed = prepared(async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  edit(folder, full, 'o.amount, o.day', 'o.amount AS amount, o.day, 1 AS one')
  edit(folder, daily, 'SUM(amount) AS revenue', 'SUM(amount) + 1 AS revenue')
  edit(folder, daily, "FROM ref('transform.orders_full')", "FROM ref('transform.orders_full') WHERE one = 1")
  await does(folder, ['compile', '--env', 'dev', '--out', 'bundle'])
  return folder
})

test('An honest bundle is executed once: promoted or not, a run takes over what it made', async () => {
  const folder = await changed()
  await does(folder, ['exec', 'bundle', 'bundle'])
  const run = statuses(await does(folder, ['run', '--json']))
  assert.equal([run['transform.daily'], run['transform.orders_full']], ['reused', 'reused'])
  assert.equal(await rowsOf(folder, DAILY), HONEST)
  const promoted = await changed()
  await does(promoted, ['exec', 'bundle', 'bundle'])
  await does(promoted, ['promote', 'dev', '--yes'])
  assert.match(await does(promoted, ['run']), /No changes detected/)
})

test('After the promotion of an honest bundle nothing runs again, nor what a next edit leaves alone', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  edit(folder, full, 'o.amount, o.day', 'o.amount, o.day, 1 AS one')
  await does(folder, ['compile', '--env', 'dev', '--out', 'bundle'])
  await does(folder, ['exec', 'bundle', 'bundle'])
  await does(folder, ['promote', 'dev', '--yes'])
  assert.match(await does(folder, ['run']), /No changes detected/)
  edit(folder, full, '1 AS one', '1 AS one, 2 AS two')
  const run = statuses(await does(folder, ['run', '--json']))
  assert.equal([run['transform.orders_full'], run['transform.daily']], ['executed', 'cached'])
  assert.equal(JSON.parse(readFileSync(join(folder, 'target/run_state.json'), 'utf8')).unproven, undefined)
})

test('A tampered bundle changes its environment and nothing else', async () => {
  const folder = await changed()
  forgeFolder(join(folder, 'bundle'), (path, text) =>
    path === 'apply/transform.orders_full.sql'
      ? text.replace('o.amount AS amount', 'CAST(666 AS DECIMAL(10,2)) AS amount')
      : text,
  )
  await does(folder, ['exec', 'bundle', 'bundle'])
  assert.equal((await rowsOf(folder, DAILY, 'dev'))[0], ['2026-03-01', '1333.00'])
  await does(folder, ['run'])
  assert.equal(await rowsOf(folder, DAILY), HONEST)
})

test('Promoting a tampered bundle is undone by the next run', async () => {
  const folder = await changed()
  forgeFolder(join(folder, 'bundle'), (path, text) =>
    path === 'apply/transform.orders_full.sql'
      ? text.replace('o.amount AS amount', 'CAST(666 AS DECIMAL(10,2)) AS amount')
      : text,
  )
  await does(folder, ['exec', 'bundle', 'bundle'])
  await does(folder, ['promote', 'dev', '--yes'])
  assert.equal((await rowsOf(folder, DAILY))[0], ['2026-03-01', '1333.00'])
  const plan = JSON.parse(await does(folder, ['plan', '--json']))
  assert.equal(plan.execute, ['transform.orders_full', 'transform.daily'])
  await does(folder, ['run'])
  assert.equal(await rowsOf(folder, DAILY), HONEST)
  assert.match(await does(folder, ['run']), /No changes detected/)
})

test('A promoted bundle cannot give a new definition the fingerprint of an old one', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  const old: Manifest = JSON.parse(readFileSync(join(folder, 'target/manifest.json'), 'utf8'))
  edit(folder, daily, 'SUM(amount)', 'SUM(amount) + 1')
  await does(folder, ['compile', '--env', 'dev', '--out', 'bundle'])
  forgeFolder(join(folder, 'bundle'), (path, text) => {
    if (path !== 'manifest.json') return text
    const manifest: Manifest = JSON.parse(text)
    const fingerprints = new Map(old.nodes.map((node) => [node.id, node.definition_fingerprint]))
    const nodes = manifest.nodes.map((node) => ({
      ...node,
      definition_fingerprint: fingerprints.get(node.id) ?? node.definition_fingerprint,
    }))
    return JSON.stringify({ ...manifest, nodes })
  })
  await does(folder, ['exec', 'bundle', 'bundle', '--fresh'])
  await does(folder, ['promote', 'dev', '--yes'])
  await does(folder, ['run', '--full'])
  assert.equal(await rowsOf(folder, DAILY), HONEST)
  edit(folder, daily, 'SUM(amount) + 1', 'SUM(amount)')
  await does(folder, ['run'])
  assert.equal((await rowsOf(folder, DAILY))[0], ['2026-03-01', '30.50'])
})

test('An environment that was planned on such a production proves nothing', async () => {
  const folder = await changed()
  forgeFolder(join(folder, 'bundle'), (path, text) =>
    path === 'apply/transform.orders_full.sql'
      ? text.replace('o.amount AS amount', 'CAST(666 AS DECIMAL(10,2)) AS amount')
      : text,
  )
  await does(folder, ['exec', 'bundle', 'bundle'])
  await does(folder, ['promote', 'dev', '--yes'])
  edit(folder, daily, 'SUM(amount) + 1', 'SUM(amount) + 2')
  await does(folder, ['env', 'plan', 'next'])
  await does(folder, ['env', 'apply', 'next'])
  assert.equal((await rowsOf(folder, DAILY, 'next'))[0], ['2026-03-01', '1334.00'])
  await does(folder, ['promote', 'next', '--yes'])
  await does(folder, ['run'])
  assert.equal((await rowsOf(folder, DAILY))[0], ['2026-03-01', '32.50'])
})

test.run()
