// What a user does from the first day, and what each command says: plan, run, change, plan, environments, roll back.

import { appendFileSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { lineDiff } from '../../compiler/cli/line-diff.ts'
import { cli, does, ends, records, rowsOf } from '../support/cli.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/journey')

const edit = (folder: string, path: string, from: string, to: string) => {
  const text = readFileSync(join(folder, path), 'utf8')
  assert.ok(text.includes(from), `${path} holds ${from}`)
  writeFileSync(join(folder, path), text.replace(from, to))
}
const daily = 'seeknal/transforms/daily.yml'
const addColumn = ['SUM(amount) AS revenue', 'SUM(amount) AS revenue, COUNT(*) AS orders'] as const
const statuses = (out: string) =>
  Object.fromEntries(records(out).flatMap((r) => (typeof r.node === 'string' ? [[r.node, r.status]] : [])))

test('Plan, run, run again: everything, then nothing', async () => {
  const folder = tempProject(shop)
  const plan = await does(folder, ['plan'])
  assert.match(plan, /^✓ DAG built: 4 nodes, 3 edges$/m)
  assert.match(plan, /^ {2}Total nodes to execute: 4$/m)
  assert.not.ok(existsSync(join(folder, 'target/current')))
  const run = await does(folder, ['run', '--json'])
  assert.equal(new Set(Object.values(statuses(run))), new Set(['executed']))
  const summary = records(run).at(-1)?.summary
  assert.is(JSON.stringify(summary).includes('"generation":1'), true)
  assert.is(await does(folder, ['run']), '✓ DAG built: 4 nodes, 3 edges\n✓ No changes detected.\n')
  assert.is(
    await does(folder, ['plan', '--detailed-exitcode']),
    '✓ DAG built: 4 nodes, 3 edges\n✓ No changes detected.\n',
  )
  assert.equal(readdirSync(join(folder, 'target/generations')), ['1'])
  assert.equal(await rowsOf(folder, 'SELECT * FROM transform_daily ORDER BY day'), [
    ['2026-03-01', '30.50'],
    ['2026-03-02', '5.25'],
  ])
})

test('A plan says what changed and why, as text, as a document and as an exit code', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  edit(folder, daily, ...addColumn)
  const { out } = await ends(2, folder, ['plan', '--detailed-exitcode'])
  assert.match(out, /~ transform\.daily {2}non-breaking {2}.*\+ orders BIGINT.*affects: nothing downstream/)
  assert.match(out, /Total nodes to execute: 1/)
  const document = JSON.parse(await does(folder, ['plan', '--json']))
  assert.equal(
    [document.total_nodes_to_execute, document.execute, document.categorized_changes],
    [1, ['transform.daily'], { 'transform.daily': 'non_breaking' }],
  )
  await does(folder, ['plan', '--fail-on', 'breaking'])
  await ends(1, folder, ['plan', '--fail-on', 'any'])
  assert.match(await does(folder, ['diff', '--sql']), /\+ SELECT day, SUM\(amount\) AS revenue, COUNT\(\*\) AS orders/)
  assert.equal(lineDiff('', 'SELECT 1\n'), [{ sign: '+', text: 'SELECT 1' }])
  edit(folder, daily, 'AS orders', 'AS orders -- counted')
  const before = readFileSync(join(folder, 'target/current/manifest.json'), 'utf8')
  await does(folder, ['run', '--dry-run'])
  await does(folder, ['parse'])
  assert.is(readFileSync(join(folder, 'target/current/manifest.json'), 'utf8'), before, 'only a run is a baseline')
})

test('A plan that would fail does not end well', async () => {
  const folder = tempProject(shop)
  await does(folder, ['compile'])
  renameSync(join(folder, 'data/orders.csv'), join(folder, 'data/moved.csv'))
  for (const command of [
    ['plan'],
    ['run', '--dry-run'],
    ['plan', '--detailed-exitcode'],
    ['exec', 'bundle', '--dry-run'],
  ]) {
    const { out, err } = await ends(1, folder, command)
    assert.match(out, /source\.orders +cannot run +there is no file 'data\/orders\.csv'/, command.join(' '))
    assert.match(out, /Total nodes to execute: 1/)
    assert.match(err, /3 nodes cannot run/)
  }
  const { out } = await ends(1, folder, ['plan', '--json'])
  assert.is(JSON.parse(out).total_nodes_to_execute, 1)
  assert.is((await cli(folder, ['run'])).code, 1, 'and so does the run')
})

test('One row is no rows', async () => {
  const folder = tempProject({ ...shop, 'data/customers.csv': 'customer,country\na,ID\n' })
  assert.match(await does(folder, ['run']), /source\.customers +1 row +/)
  assert.match(await does(folder, ['inspect', 'source.customers']), /customers: 1 row, 2 columns/)
  assert.match(await does(folder, ['inspect', 'source.orders']), /orders: 3 rows, 4 columns/)
})

test('Production is not compared with what was only planned', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  edit(folder, daily, ...addColumn)
  await does(folder, ['plan'])
  await does(folder, ['compile'])
  assert.match(await does(folder, ['plan']), /Total nodes to execute: 1/)
  assert.equal(statuses(await does(folder, ['run', '--json'])), {
    'source.customers': 'cached',
    'source.orders': 'cached',
    'transform.daily': 'executed',
    'transform.orders_full': 'cached',
  })
})

test('With --detailed-exitcode, 2 says that something changed and never that something is wrong', async () => {
  const folder = tempProject(shop)
  await ends(2, folder, ['plan', '--detailed-exitcode'])
  writeFileSync(join(folder, daily), 'kind: transform\n')
  for (const command of [['plan'], ['env', 'plan', 'dev'], ['diff']])
    await ends(1, folder, [...command, '--detailed-exitcode'])
  await ends(2, folder, ['plan'])
})

test('What a selection leaves out stays due, and an unknown name is an error', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  appendFileSync(join(folder, 'data/orders.csv'), '4,b,1.00,2026-03-02\n')
  const first = await cli(folder, ['run', '--types', 'source'])
  assert.is(first.code, 0)
  assert.match(first.err, /still due: transform\.daily, transform\.orders_full|still due: transform\.orders_full/)
  await does(folder, ['run', '--nodes', 'transform.orders_full,source.orders'])
  assert.match(await does(folder, ['run']), /transform\.daily/)
  assert.match(await does(folder, ['run']), /No changes detected/)
  assert.match((await ends(2, folder, ['run', '--nodes', 'transform.dayly'])).err, /Did you mean 'transform\.daily'/)
  assert.match((await ends(2, folder, ['run', '--tags', 'marts'])).err, /Did you mean 'mart'/)
  assert.match((await ends(2, folder, ['run', '--types', 'sources'])).err, /Did you mean 'source'/)
  await ends(2, folder, ['run', '--nodes', 'orders', '--exclude-nodes', 'orders'])
})

test('A mistake anywhere stops a run before it starts', async () => {
  const folder = tempProject(shop)
  edit(folder, daily, "ref('transform.orders_full')", "ref('transform.orders_ful')")
  for (const command of ['run', 'plan', 'validate', 'parse']) {
    const { err } = await ends(2, folder, [command])
    assert.match(err, /^✗ seeknal\/transforms\/daily\.yml:9:\d+: .*orders_ful/m)
  }
  const { out } = await ends(2, folder, ['validate', '--json'])
  assert.is(JSON.parse(out).error.facts.diagnostics[0].place.line, 9)
  assert.not.ok(existsSync(join(folder, 'target/generations')))
})

test('A failed node is shown at its line, what depends on it is skipped, and the next run goes on', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  edit(folder, 'seeknal/transforms/orders_full.yml', 'o.amount,', "CAST('x' || o.amount AS DECIMAL(10,2)) AS amount,")
  const { err, out } = await ends(1, folder, ['run', '--continue-on-error', '--retry', '1'])
  assert.match(err, /^✗ seeknal\/transforms\/orders_full\.yml:7:\d+: transform\.orders_full: .*[Cc]onver/m)
  assert.match(err, /transform\.orders_full failed and is tried again \(1\)/)
  assert.match(err, /skipped: {3}transform\.daily \(/)
  assert.match(err, /Go on with `seeknal run`/)
  assert.match(out, /– transform\.daily/)
  assert.equal(await rowsOf(folder, 'SELECT count(*) FROM transform.daily'), [['2']])
  edit(folder, 'seeknal/transforms/orders_full.yml', "CAST('x' || o.amount AS DECIMAL(10,2)) AS amount,", 'o.amount,')
  assert.match(await does(folder, ['run']), /No changes detected/)
})

test('An environment is planned, applied beside production, looked at, promoted and rolled back', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  assert.match(await does(folder, ['env', 'plan', 'dev']), /No changes detected/)
  assert.not.ok(existsSync(join(folder, 'target/environments/dev')))
  edit(folder, daily, ...addColumn)
  const plan = await does(folder, ['env', 'plan', 'dev'])
  assert.match(
    plan,
    /^ℹ Planning environment 'dev'\.\.\.\n✓ DAG built: 4 nodes, 3 edges\nℹ Environment Plan: dev\n={60}\n {2}Non-breaking changes: 1\n {2}Total nodes to execute: 1\n[\s\S]*✓ Plan saved to target\/environments\/dev\/plan\.json\n$/,
  )
  assert.match(
    await does(folder, ['env', 'apply', 'dev', '--dry-run']),
    /reads: {2}transform\.orders_full \(production\)\n {5}writes: target\/environments\/dev\/intermediate\/transform_daily\.parquet/,
  )
  await ends(2, folder, ['env', 'promote', 'dev'])
  await does(folder, ['run', '--env', 'dev'])
  assert.match(await does(folder, ['env', 'apply', 'dev']), /Nothing left to do/)
  assert.equal(await rowsOf(folder, 'SELECT orders FROM transform_daily ORDER BY day', 'dev'), [['2'], ['1']])
  assert.equal(
    JSON.parse(await does(folder, ['env', 'list', '--json'])).map(
      (e: { name: string; status: string; changed: number }) => [e.name, e.status, e.changed],
    ),
    [['dev', 'applied', 1]],
  )
  await does(folder, ['promote', 'dev'])
  assert.equal(await rowsOf(folder, 'SELECT orders FROM transform_daily ORDER BY day'), [['2'], ['1']])
  assert.match(await does(folder, ['run']), /No changes detected/)
  assert.match((await ends(2, folder, ['rollback'])).err, /--yes/)
  await does(folder, ['rollback', '--yes'])
  const [first] = JSON.parse(await does(folder, ['history', '--json'])).generations.filter(
    (one: { readonly isCurrent: boolean }) => one.isCurrent,
  )
  const already = `✓ Production is generation ${first.record.generation} already; nothing is to be changed.\n`
  for (const more of [['--dry-run'], [], ['--yes']])
    assert.is(await does(folder, ['rollback', '--to', String(first.record.generation), ...more]), already)
  assert.match((await ends(1, folder, ['repl', '-e', 'SELECT orders FROM transform_daily'])).err, /orders/)
  assert.match(await does(folder, ['history', '--verify']), /2 generations verified/)
  await does(folder, ['env', 'delete', 'dev', '--yes'])
  assert.match((await ends(2, folder, ['env', 'delete', 'dev'])).err, /there is no environment 'dev'/i)
})

test('A plan that the project no longer compiles to is refused by name, and --force goes on', async () => {
  const folder = tempProject({ ...shop, 'profiles-dev.yml': 'connections: {}\n' })
  await does(folder, ['run'])
  edit(folder, daily, ...addColumn)
  await does(folder, ['env', 'plan', 'dev'])
  assert.is(
    JSON.parse(readFileSync(join(folder, 'target/environments/dev/plan.json'), 'utf8')).profile_path,
    'profiles-dev.yml',
  )
  edit(folder, daily, 'COUNT(*) AS orders', 'COUNT(*) AS order_count')
  assert.match(
    (await ends(2, folder, ['env', 'apply', 'dev'])).err,
    /stale: transform\.daily changed[\s\S]*seeknal env plan dev/,
  )
  await does(folder, ['env', 'apply', 'dev', '--force'])
  await does(folder, ['env', 'plan', 'dev'])
  assert.match((await ends(2, folder, ['env', 'promote', 'dev'])).err, /not applied/)
  writeFileSync(join(folder, 'profiles-dev.yml'), 'connections: {other: {}}\n')
  assert.match((await ends(2, folder, ['env', 'apply', 'dev'])).err, /profiles-dev\.yml/)
  await ends(2, folder, ['env', 'plan', 'dev', '--profile', 'nowhere.yml'])
})

test('Hostile and reserved names of environments are refused before anything is touched', async () => {
  const folder = tempProject(shop)
  for (const name of [
    '../x',
    'a/b',
    'DEV',
    'prod',
    'production',
    'default',
    'a b',
    "x'; drop",
    '',
    '.',
    '-x',
    'x'.repeat(32),
  ])
    for (const command of [
      ['env', 'plan', '--', name],
      ['env', 'apply', '--', name],
      ['env', 'delete', '--yes', '--', name],
      ['repl', '-e', 'SELECT 1', `--env=${name}`],
      ['compile', `--env=${name}`],
    ])
      assert.is((await cli(folder, command)).code, 2, `${command.join(' ')}`)
  assert.not.ok(existsSync(join(folder, 'target/environments')))
})

test('Two bundles, a bundle and the project, and a bundle on its own', async () => {
  const folder = tempProject(shop)
  await does(folder, ['compile', '--out', 'a'])
  edit(folder, daily, ...addColumn)
  await does(folder, ['compile', '--out', 'b', '--archive', 'b.tar.gz'])
  for (const file of ['seeknal_project.yml', 'data']) {
    const { err } = await ends(2, folder, ['compile', '--archive', file])
    assert.match(err, `${file} is there and is no .tar.gz`)
  }
  await does(folder, ['compile', '--archive', 'b.tar.gz'])
  assert.match((await ends(1, folder, ['bundle', 'diff', 'a', 'b'])).out, /~ node transform\.daily: /)
  await does(folder, ['bundle', 'diff', 'b', 'b.tar.gz'])
  await does(folder, ['bundle', 'verify', 'b.tar.gz'])
  assert.match(await does(folder, ['bundle', 'show', 'b', '--file', 'review.md']), /shop/)
  await ends(2, folder, ['bundle', 'show', 'b', '--file', '../../etc/passwd'])
  await ends(1, folder, ['compile', '--check', 'a'])
  await does(folder, ['compile', '--check', 'b.tar.gz'])
  writeFileSync(join(folder, 'b/extra.txt'), '')
  assert.match((await ends(2, folder, ['bundle', 'verify', 'b'])).err, /extra\.txt/)
  assert.is(JSON.parse(await does(folder, ['compile', '--stop-after', 'graph', '--json'])).pass, 'graph')
})

test('Lineage follows nodes and columns, and inspect shows an output', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  assert.match(
    await does(folder, ['lineage', 'daily']),
    /upstream: 3 nodes\n {4}transform\.orders_full\n {6}source\.orders/,
  )
  assert.match(
    await does(folder, ['lineage', 'transform.daily', '--column', 'revenue']),
    /transform\.orders_full\.amount[\s\S]*source\.orders\.amount/,
  )
  assert.match(await does(folder, ['lineage', '--format', 'mermaid']), /^flowchart LR/)
  assert.equal(JSON.parse(await does(folder, ['lineage', 'source.orders', '--json'])).downstream, [
    'transform.daily',
    'transform.orders_full',
  ])
  assert.match((await ends(2, folder, ['lineage', 'transform.daily.revenu'])).err, /Did you mean 'revenue'/)
  assert.match(await does(folder, ['inspect', 'daily']), /revenue {2}DECIMAL\(38,2\)[\s\S]*2026-03-02 │ {4}5\.25/)
  assert.is(JSON.parse(await does(folder, ['inspect', 'daily', '--json'])).first_rows.length, 2)
  await ends(2, folder, ['inspect', 'dayly'])
})

test('A source whose columns changed is an error until the change is accepted', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  assert.match(readFileSync(join(folder, 'seeknal.lock.json'), 'utf8'), /source\.customers/)
  writeFileSync(join(folder, 'data/customers.csv'), 'customer,country,since\na,ID,2020\nb,SG,2021\n')
  await ends(2, folder, ['run'])
  assert.match((await ends(1, folder, ['lock'])).out, /\+ source\.customers\.since BIGINT/)
  await does(folder, ['lock', '--accept'])
  await does(folder, ['run'])
})

test('A run of several nodes at once fails, remembers and tries again as one node after the other does', async () => {
  const node = (name: string, sql: string, input = 'source.s') =>
    `kind: transform\nname: ${name}\ninputs: [{ref: ${input}}]\ntransform: ${sql}\n`
  const folder = tempProject({
    'seeknal_project.yml': 'name: p\n',
    'data/s.csv': 'v\n1\nx\n',
    'seeknal/s.yml': 'kind: source\nname: s\nsource: csv\ntable: data/s.csv\n',
    'seeknal/good.yml': node('good', 'SELECT v FROM input_0'),
    'seeknal/bad.yml': node('bad', 'SELECT CAST(v AS INTEGER) AS v FROM input_0'),
    'seeknal/after.yml': node('after', 'SELECT v FROM input_0', 'transform.bad'),
  })
  const parallel = ['run', '--parallel', '--retry', '1', '--continue-on-error', '--json']
  assert.equal(statuses((await ends(1, folder, parallel)).out), {
    'source.s': 'executed',
    'transform.good': 'executed',
    'transform.bad': 'failed',
    'transform.after': 'skipped',
  })
  assert.equal(statuses((await ends(1, folder, parallel)).out), {
    'source.s': 'reused',
    'transform.good': 'reused',
    'transform.bad': 'failed',
    'transform.after': 'skipped',
  })
  writeFileSync(join(folder, 'seeknal/bad.yml'), node('bad', 'SELECT TRY_CAST(v AS INTEGER) AS v FROM input_0'))
  await does(folder, parallel)
  assert.match(await does(folder, ['run']), /No changes detected/)
})

test.run()
