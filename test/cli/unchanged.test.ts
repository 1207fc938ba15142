// The record that lets a run see that nothing changed: whatever is touched makes it count no more, and what is known
// without the engine stays right.

import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { unchangedSince } from '../../compiler/cli/unchanged.ts'
import { does, ends, rowsOf } from '../support/cli.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/unchanged')

/** Longer than the file system's clock ticks, so that stamps can be trusted. */
const settle = () => setTimeout(80)

async function settledProject(more: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = tempProject({ ...shop, ...more })
  await settle()
  await does(folder, ['run'])
  return folder
}
const known = async (folder: string, values: Record<string, string> = {}) =>
  (await unchangedSince(folder, '{}', async () => values)) !== null

test('After a run the next one knows from stamps alone', async () => {
  const folder = await settledProject()
  assert.ok(await known(folder))
  assert.is(await does(folder, ['run']), '✓ DAG built: 4 nodes, 3 edges\n✓ No changes detected.\n')
  const { summary } = JSON.parse(await does(folder, ['run', '--json']))
  assert.equal([summary.outcome, summary.counts.cached, summary.generation], ['nothing', 4, 1])
})

test('Any change makes the next run look: files, data, outputs, production, parameters', async () => {
  const changes: Readonly<Record<string, (folder: string) => unknown>> = {
    'a node': (f) =>
      writeFileSync(join(f, 'seeknal/transforms/daily.yml'), `${shop['seeknal/transforms/daily.yml']}owner: me\n`),
    'a new node': (f) =>
      writeFileSync(join(f, 'seeknal/new.yml'), 'kind: transform\nname: fresh\ntransform: SELECT 1 AS a\n'),
    'a removed node': (f) => rmSync(join(f, 'seeknal/transforms/daily.yml')),
    'the project file': (f) =>
      writeFileSync(join(f, 'seeknal_project.yml'), shop['seeknal_project.yml'].replace('shop', 'other')),
    'the lock file': (f) => rmSync(join(f, 'seeknal.lock.json')),
    'data of the same size': (f) =>
      writeFileSync(join(f, 'data/orders.csv'), shop['data/orders.csv'].replace('10.50', '10.60')),
    'an output': (f) => rmSync(join(f, 'target/current/intermediate/transform_daily.parquet'), { force: true }),
    production: (f) => rmSync(join(f, 'target/current')),
    'the record itself': (f) =>
      writeFileSync(
        join(f, 'target/cache/unchanged.json'),
        readFileSync(join(f, 'target/cache/unchanged.json'), 'utf8').replace('"nodes":4', '"nodes":5'),
      ),
  }
  for (const [what, change] of Object.entries(changes)) {
    const folder = await settledProject()
    assert.ok(await known(folder), what)
    change(folder)
    assert.not.ok(await known(folder), what)
  }
})

test('An edit that restores time and size is still seen', async () => {
  const folder = await settledProject()
  const path = join(folder, 'seeknal/transforms/daily.yml')
  writeFileSync(path, shop['seeknal/transforms/daily.yml'].replace('SUM', 'MAX'))
  utimesSync(path, 1, 1)
  assert.match(await does(folder, ['run']), /transform\.daily/)
  assert.equal(await rowsOf(folder, 'SELECT revenue FROM transform.daily ORDER BY day'), [['20.00'], ['5.25']])
})

test('Values that outputs depend on are compared, by digest only', async () => {
  const folder = await settledProject({
    'seeknal/transforms/dated.yml':
      "kind: transform\nname: dated\ntransform: SELECT '{{ run_date }}' AS day, '{{ env.REGION }}' AS region\n",
  }).catch(() => '')
  assert.is(folder, '', 'a parameter that nobody gave is an error')
  const project = tempProject({
    ...shop,
    'seeknal/transforms/dated.yml':
      "kind: transform\nname: dated\ntransform: SELECT '{{ run_date }}' AS day, '{{ env.REGION }}' AS region\n",
  })
  await settle()
  const run = (date: string, region: string) => does(project, ['run', '--date', date], { env: { REGION: region } })
  await run('2026-03-01', 'eu-secret')
  assert.match(await run('2026-03-01', 'eu-secret'), /No changes detected/)
  assert.not.match(readFileSync(join(project, 'target/cache/unchanged.json'), 'utf8'), /eu-secret/)
  assert.match(await run('2026-03-02', 'eu-secret'), /transform\.dated/)
  assert.match(await run('2026-03-02', 'us'), /transform\.dated/)
  assert.match(await run('2026-03-02', 'us'), /No changes detected/)
})

test('Warnings are said again, a failed run and a selection leave no record', async () => {
  const folder = await settledProject({
    'seeknal/transforms/odd.yml': 'kind: transform\nname: odd\nownr: me\ntransform: SELECT 1 AS a\n',
  })
  assert.ok(await known(folder))
  assert.match((await ends(0, folder, ['run'])).err, /odd\.yml:3:1: .*ownr/)
  writeFileSync(
    join(folder, 'seeknal/transforms/odd.yml'),
    "kind: transform\nname: odd\ntransform: SELECT CAST('x' || 1 AS INTEGER) AS a\n",
  )
  await ends(1, folder, ['run'])
  assert.not.ok(await known(folder))
  const fresh = tempProject(shop)
  await settle()
  await does(fresh, ['run', '--types', 'source,transform'])
  assert.not.ok(existsSync(join(fresh, 'target/cache/unchanged.json')))
})

test.run()
