// A plan stands on production as it was. When that moves, definitions or data, whoever applies or promotes is told which
// nodes moved, and planning again is all it takes.

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does, ends, records, rowsOf } from '../support/cli.ts'
import { prepared } from '../support/prepared.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject, writeFiles } from '../support/temp.ts'

const test = suite('cli/stale plans')

const daily = 'seeknal/transforms/daily.yml'
const orders = 'data/orders.csv'
const ROW = '4,b,1.00,2026-03-02\n'

const edit = (folder: string, path: string, from: string, to: string): void => {
  const text = readFileSync(join(folder, path), 'utf8')
  assert.ok(text.includes(from), `${path} holds ${from}`)
  writeFileSync(join(folder, path), text.replace(from, to))
}
const statuses = (out: string) =>
  Object.fromEntries(records(out).flatMap((r) => (typeof r.node === 'string' ? [[r.node, r.status]] : [])))
const listed = async (folder: string): Promise<string> =>
  JSON.parse(await does(folder, ['env', 'list', '--json']))[0].status

/** The failure that a command with --json ends with. */
async function refused(folder: string, args: readonly string[]): Promise<{ nodes: string[]; moved: unknown }> {
  const { out } = await ends(3, folder, [...args, '--json'])
  const [last] = records(out).slice(-1)
  const error = last?.error as { code: string; facts: { nodes: string[]; moved: unknown }; hints: string[] }
  assert.is(error.code, 'STATE_MOVED')
  assert.match(error.hints.join(' '), /plan/i)
  return error.facts
}

/** Production, and environment dev with another daily, planned. */
const planned = prepared(async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  edit(folder, daily, 'SUM(amount)', 'SUM(amount) * 2')
  await does(folder, ['env', 'plan', 'dev'])
  return folder
})

/** A run of what production was, on other data: the nightly run. */
async function nightly(folder: string): Promise<void> {
  const text = readFileSync(join(folder, daily), 'utf8')
  writeFileSync(join(folder, daily), shop[daily])
  appendFileSync(join(folder, orders), ROW)
  await does(folder, ['run'])
  writeFileSync(join(folder, daily), text)
}

test('A plan that production moved under is refused, whatever moved, until it is planned again', async () => {
  const folder = await planned()
  await nightly(folder)
  assert.is(await listed(folder), 'stale')
  for (const more of [[], ['--dry-run']]) {
    const { moved } = await refused(folder, ['env', 'apply', 'dev', ...more])
    assert.equal(moved, [
      { node: 'transform.daily', what: 'its data' },
      { node: 'transform.orders_full', what: 'its data' },
    ])
  }
  await does(folder, ['env', 'apply', 'dev', '--force', '--dry-run'])
  await does(folder, ['env', 'plan', 'dev'])
  assert.is(await listed(folder), 'planned')
  await does(folder, ['env', 'apply', 'dev'])
  assert.is(await listed(folder), 'applied')
  await does(folder, ['promote', 'dev', '--yes'])
  assert.equal((await rowsOf(folder, 'SELECT revenue FROM transform_daily ORDER BY day'))[1], ['12.50'])
})

test('An applied environment that production moved under is not done, and planning again refreshes just what reads it', async () => {
  const folder = await planned()
  await does(folder, ['env', 'apply', 'dev'])
  assert.match(await does(folder, ['env', 'apply', 'dev']), /Nothing left to do: environment 'dev' is applied/)
  await nightly(folder)
  assert.equal((await refused(folder, ['env', 'apply', 'dev'])).nodes, ['transform.daily', 'transform.orders_full'])
  assert.is(await listed(folder), 'stale')
  await ends(3, folder, ['promote', 'dev', '--yes'])
  await does(folder, ['env', 'plan', 'dev'])
  assert.equal(statuses(await does(folder, ['env', 'apply', 'dev', '--json'])), { 'transform.daily': 'executed' })
  await does(folder, ['promote', 'dev', '--yes'])
  assert.equal((await rowsOf(folder, 'SELECT revenue FROM transform_daily ORDER BY day'))[1], ['12.50'])
})

test('With --force an applied environment is made ready for production as it is now', async () => {
  const folder = await planned()
  await does(folder, ['env', 'apply', 'dev'])
  await nightly(folder)
  assert.equal(statuses(await does(folder, ['env', 'apply', 'dev', '--force', '--json'])), {
    'transform.daily': 'executed',
  })
  await does(folder, ['promote', 'dev', '--yes'])
  assert.equal((await rowsOf(folder, 'SELECT revenue FROM transform_daily ORDER BY day'))[1], ['12.50'])
})

test('When production changed a node that the plan replaces, its definition is named', async () => {
  const folder = await planned()
  await does(folder, ['env', 'apply', 'dev'])
  const mine = readFileSync(join(folder, daily), 'utf8')
  writeFileSync(join(folder, daily), shop[daily].replace('SUM(amount)', 'SUM(amount) * 3'))
  await does(folder, ['run'])
  writeFileSync(join(folder, daily), mine)
  const { moved } = await refused(folder, ['env', 'apply', 'dev'])
  assert.equal(moved, [{ node: 'transform.daily', what: 'its definition' }])
  await does(folder, ['env', 'apply', 'dev', '--force'])
  await does(folder, ['promote', 'dev', '--yes'])
  assert.equal((await rowsOf(folder, 'SELECT revenue FROM transform_daily ORDER BY day'))[1], ['10.50'])
})

test('A node that production has got in the meantime is a move too', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  const fresh = { 'seeknal/fresh.yml': 'kind: transform\nname: fresh\ntransform: SELECT 1 AS a\n' }
  writeFiles(folder, fresh)
  await does(folder, ['env', 'plan', 'dev'])
  writeFiles(folder, { 'seeknal/fresh.yml': fresh['seeknal/fresh.yml'].replace('1', '2') })
  await does(folder, ['run'])
  writeFiles(folder, fresh)
  assert.equal((await refused(folder, ['env', 'apply', 'dev'])).moved, [
    { node: 'transform.fresh', what: 'new in production' },
  ])
  assert.is(await listed(folder), 'stale')
})

test('What moves elsewhere does not matter', async () => {
  const folder = tempProject({
    ...shop,
    'data/other.csv': 'a\n1\n',
    'seeknal/other.yml': 'kind: source\nname: other\nsource: csv\ntable: data/other.csv\n',
  })
  await does(folder, ['run'])
  edit(folder, daily, 'SUM(amount)', 'SUM(amount) * 2')
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  appendFileSync(join(folder, 'data/other.csv'), '2\n')
  await does(folder, ['run', '--nodes', 'source.other'])
  assert.match(await does(folder, ['env', 'apply', 'dev']), /Nothing left to do/)
  assert.is(await listed(folder), 'applied')
  await does(folder, ['promote', 'dev', '--yes'])
})

test('A promoted environment is not behind what it has become, by command or by script', async () => {
  const folder = await planned()
  await does(folder, ['env', 'apply', 'dev'])
  await does(folder, ['promote', 'dev', '--yes'])
  assert.match(
    await does(folder, ['env', 'apply', 'dev']),
    /Nothing left to do: .*promoted to production, generation 2/,
  )
  assert.is(await listed(folder), 'promoted')
  const same = await planned()
  await does(same, ['env', 'apply', 'dev'])
  await does(same, ['run'])
  assert.match(await does(same, ['env', 'apply', 'dev']), /Nothing left to do/)
  await nightly(folder)
  assert.is(await listed(folder), 'promoted')
  await ends(3, folder, ['env', 'apply', 'dev'])
})

test('A bundle that is executed again does not say that it is done when production moved under it', async () => {
  const folder = await planned()
  await does(folder, ['compile', '--env', 'dev', '--out', 'bundle'])
  await does(folder, ['exec', 'bundle', 'bundle'])
  const mine = readFileSync(join(folder, daily), 'utf8')
  writeFileSync(join(folder, daily), shop[daily].replace('SUM(amount)', 'SUM(amount) * 3'))
  await does(folder, ['run'])
  writeFileSync(join(folder, daily), mine)
  assert.equal((await refused(folder, ['exec', 'bundle', 'bundle'])).nodes, ['transform.daily'])
  await does(folder, ['exec', 'bundle', 'bundle', '--force'])
})

test.run()
