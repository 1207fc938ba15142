// The state of projects that DuckDB executes, in a database: two folders are two machines that work on one production.

import { cpSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { applies, does, ends, rowsOf } from '../support/cli.ts'
import { cutOffAtChange } from '../support/disturbed-command.ts'
import { type EngineProject, engineProject, transform } from '../support/engine-project.ts'
import { started } from '../support/held-command.ts'
import { killed } from '../support/kill-states.ts'
import { suite } from '../support/suite.ts'
import { until } from '../support/until.ts'

const test = suite('state backend')

const daily = (columns: string): string =>
  transform('daily', ['transform.paid'], `SELECT day, ${columns} FROM ref('transform.paid') GROUP BY day`)

const FILES: Readonly<Record<string, string>> = {
  'seeknal_project.yml': 'name: shop\nstate_backend: {type: postgresql, connection: warehouse}\n',
  'seeknal/orders.yml':
    'kind: source\nname: orders\nsource: csv\ntable: data/orders.csv\ncolumns: {id: BIGINT, amount: BIGINT, day: DATE}\n',
  'data/orders.csv': 'id,amount,day\n1,10,2026-03-01\n2,20,2026-03-01\n3,5,2026-03-02\n4,-1,2026-03-02\n',
  'seeknal/paid.yml': transform('paid', ['source.orders'], "SELECT * FROM ref('source.orders') WHERE amount > 0"),
  'seeknal/daily.yml': daily('sum(amount) AS revenue'),
}

const machines = async (
  files: Readonly<Record<string, string>> = {},
): Promise<{ readonly a: EngineProject; readonly b: EngineProject }> => {
  const a = await engineProject({ ...FILES, ...files }, 'SELECT 1')
  return { a, b: a.copy() }
}

const DAILY = 'SELECT * FROM transform.daily ORDER BY day'
const generation = async ({ database }: EngineProject): Promise<unknown> =>
  (await database.sql('SELECT generation FROM seeknal.projects'))[0]?.generation

/** What production is, here and in the ledger. */
const production = async (project: EngineProject): Promise<string> =>
  JSON.stringify([
    await generation(project),
    await project.rows('SELECT number, record FROM seeknal.generations ORDER BY 1'),
    readlinkSync(join(project.folder, 'target/current')),
    readFileSync(join(project.folder, 'target/current/run_state.json'), 'utf8'),
  ])

test('Two machines work on one production, and each makes what it lacks', async () => {
  const { a, b } = await machines()
  assert.match(await does(a.folder, ['run']), /3 executed in .*; production is generation 1/)
  assert.match(await does(b.folder, ['plan']), /transform\.daily +execute +its output is missing/)
  const unseen = await ends(0, b.folder, ['inspect'])
  assert.match(unseen.err, /Not on this machine: source\.orders, transform\.daily, transform\.paid/)
  assert.match(await does(b.folder, ['run']), /3 executed in .*; production is generation 1\n/)
  assert.equal(await rowsOf(b.folder, DAILY), await rowsOf(a.folder, DAILY))
  assert.match(await does(b.folder, ['run']), /No changes detected/)
  b.write('seeknal/daily.yml', daily('sum(amount) AS revenue, count(*) AS n'))
  assert.match(await does(b.folder, ['run']), /1 executed, 2 unchanged .*generation 2/)
  assert.match(await does(a.folder, ['history']), /\* 2 .*\n {2}1 /)
  a.write('seeknal/daily.yml', daily('sum(amount) AS revenue, count(*) AS n'))
  assert.match(await does(a.folder, ['run']), /1 executed, 2 unchanged .*generation 2/)
  assert.equal(await rowsOf(a.folder, DAILY), [
    ['2026-03-01', '30', '2'],
    ['2026-03-02', '5', '1'],
  ])
  assert.match(await does(a.folder, ['history', '--verify']), /2 generations verified/)
  assert.match(await does(a.folder, ['rollback', '--yes']), /generation 1 again/)
  assert.equal(await rowsOf(b.folder, 'SELECT column_name FROM (DESCRIBE transform.daily)'), [['day'], ['revenue']])
  assert.is(await generation(a), '1')
})

test('An environment is planned on one machine, applied on another and promoted on a third', async () => {
  const { a, b } = await machines()
  const c = a.copy()
  await does(a.folder, ['run'])
  const more = daily('sum(amount) AS revenue, count(*) AS n')
  for (const each of [a, b, c]) {
    each.write('seeknal/daily.yml', more)
    each.write('seeknal.lock.json', readFileSync(join(a.folder, 'seeknal.lock.json'), 'utf8'))
  }
  await does(a.folder, ['env', 'plan', 'dev'])
  assert.match(await does(b.folder, ['env', 'list']), /dev +planned +1 /)
  const refused = await ends(2, b.folder, ['env', 'apply', 'dev'])
  assert.match(refused.err, /Not on this machine: the stored output of transform\.paid/)
  assert.match(refused.err, /seeknal run --restore/)
  const restored = await ends(2, b.folder, ['run', '--restore'])
  assert.match(restored.out, /2 executed .*generation 1\n/)
  assert.match(restored.err, /Not made again as production has them: transform\.daily/)
  await does(b.folder, ['env', 'apply', 'dev'])
  assert.equal(await rowsOf(b.folder, 'SELECT n FROM transform.daily ORDER BY day', 'dev'), [['2'], ['1']])
  assert.match(await does(a.folder, ['env', 'list']), /dev +applied/)
  const elsewhere = await ends(1, a.folder, ['repl', '--env', 'dev', '--exec', 'SELECT n FROM transform.daily'])
  assert.match(elsewhere.err, /Not on this machine: transform\.daily\. `seeknal env apply dev` makes/)
  assert.match(await does(a.folder, ['env', 'apply', 'dev']), /1 executed/)
  assert.equal(await rowsOf(a.folder, 'SELECT n FROM transform.daily ORDER BY day', 'dev'), [['2'], ['1']])
  await does(b.folder, ['env', 'promote', 'dev', 'staging'])
  assert.match(await does(c.folder, ['env', 'list']), /staging +applied/)
  assert.equal(await rowsOf(b.folder, 'SELECT n FROM transform.daily ORDER BY day', 'staging'), [['2'], ['1']])
  await does(a.folder, ['env', 'delete', 'staging', '--yes'])
  assert.match(
    await does(c.folder, ['env', 'promote', 'dev']),
    /production is generation 2|is production now: generation 2/,
  )
  assert.match(await does(a.folder, ['run']), /No changes detected/)
  assert.equal(await rowsOf(a.folder, 'SELECT n FROM transform.daily ORDER BY day'), [['2'], ['1']])
  assert.match(await does(c.folder, ['run', '--restore']), /3 executed .*generation 2\n/)
  assert.match(await does(c.folder, ['run', '--restore']), /All outputs of production are on this machine/)
  assert.match(await does(b.folder, ['env', 'list']), /dev +promoted/)
  assert.match(await does(c.folder, ['env', 'delete', 'dev', '--yes']), /deleted/)
  assert.match(await does(a.folder, ['env', 'list']), /There are no environments/)
})

test('Who runs is named to who comes second on another machine, and its lock ends with it', async () => {
  const { a, b } = await machines({
    'seeknal/slow.yml': transform('slow', [], 'SELECT count(*) AS n FROM range(10000000) a, range(100000) b'),
  })
  const { pid = 0, ended } = started(a.folder, ['run'])
  try {
    await until(async () => (await a.rows('SELECT 1 FROM seeknal.runs').catch(() => [])).length > 0)
    await isRefused(b, pid)
  } finally {
    process.kill(pid, 'SIGKILL')
  }
  await ended
  b.write('seeknal/slow.yml', transform('slow', [], 'SELECT 1 AS n'))
  assert.match(await does(b.folder, ['run', '--lock-timeout', '10s']), /generation 1/)
  assert.match(await does(a.folder, ['unlock']), /removed; it was left behind|Nobody holds/)
})

async function isRefused(b: EngineProject, pid: number): Promise<void> {
  const refused = await ends(3, b.folder, ['run'])
  assert.match(refused.err, new RegExp(`Production is being written by 'seeknal run' \\(process ${pid} on .*, since `))
  assert.match((await ends(3, b.folder, ['unlock'])).all, new RegExp(`is held by 'seeknal run' \\(process ${pid} on `))
  assert.match((await ends(3, b.folder, ['clean'])).err, /being written/)
}

test('A run that is killed on its way from the ledger to target/ is done, and either machine goes on', async () => {
  const { a, b } = await machines()
  await does(a.folder, ['run'])
  await does(b.folder, ['run'])
  let [folder, turn] = [a.folder, 0]
  const edited = (): void => {
    turn += 1
    for (const each of [folder, b.folder])
      writeFileSync(join(each, 'seeknal/daily.yml'), daily(`sum(amount) AS revenue, ${turn} AS turn`))
  }
  edited()
  const { status, changes } = killed(a.folder, ['run'], 0)
  assert.is(status, 0)
  const last = changes.findIndex((change) => /^rename bundles\/[0-9a-f]{64}/.test(change))
  // The last point before the ledger, and each thing that is put in its place behind it.
  const points = changes.flatMap((change, i) =>
    i >= last && /^rename (bundles|generations|current|journal)/.test(change) ? [i + 1] : [],
  )
  assert.ok(
    points.some((at) => /^rename current/.test(changes[at - 1] ?? '')),
    changes.join('\n'),
  )
  const outcomes = new Set<boolean>()
  for (const at of points) {
    edited()
    const before = await generation(a)
    const left = await cutOffAtChange(folder, ['run'], at)
    assert.ok(left, changes[at - 1])
    folder = left
    const isDone = (await generation(a)) !== before
    outcomes.add(isDone)
    const machines = [folder, b.folder]
    for (const each of turn % 2 === 0 ? machines : machines.reverse()) {
      const said = await does(each, ['run', '--lock-timeout', '30s'])
      if (isDone && each === folder) assert.match(said, /No changes detected/, changes[at - 1])
      assert.equal(await rowsOf(each, 'SELECT DISTINCT turn FROM transform.daily'), [[String(turn)]])
    }
    assert.is(Number(await generation(a)), Number(before) + 1, changes[at - 1])
  }
  assert.equal([...outcomes].sort(), [false, true])
  assert.match(await does(folder, ['history', '--verify']), /verified/)
})

test('What cannot be made again alike is said, and becomes production', async () => {
  const { a, b } = await machines({ 'seeknal/drawn.yml': transform('drawn', [], 'SELECT random() AS x') })
  await does(a.folder, ['run'])
  const kept = await ends(2, b.folder, ['run', '--restore'])
  assert.match(kept.err, /transform\.drawn was made again.* has other rows now/)
  assert.match(kept.err, /Not made again as production has them: transform\.drawn/)
  assert.is(await generation(a), '1')
  const made = await ends(0, b.folder, ['run'])
  assert.match(
    made.err,
    /transform\.drawn was made again, since its output is not on this machine, and has other rows now/,
  )
  assert.match(made.out, /generation 2/)
  cpSync(join(b.folder, 'target/snapshots'), join(a.folder, 'target/snapshots'), { recursive: true, force: false })
  assert.match(await does(a.folder, ['run']), /No changes detected/)
  assert.equal(
    await rowsOf(a.folder, 'SELECT x FROM transform.drawn'),
    await rowsOf(b.folder, 'SELECT x FROM transform.drawn'),
  )
})

test('What tables of other databases hold is known on every machine', async () => {
  const { a, b } = await machines({
    'seeknal/daily.yml': `${daily('sum(amount) AS revenue')}materialization: {type: postgresql, connection: warehouse, table: analytics.daily}\n`,
  })
  assert.match(await does(a.folder, ['run']), /→ analytics\.daily/)
  assert.not.match(await does(b.folder, ['run']), /analytics\.daily/)
  const more = `${daily('max(amount) AS revenue')}materialization: {type: postgresql, connection: warehouse, table: analytics.daily}\n`
  b.write('seeknal/daily.yml', more)
  await applies(b.folder, 'dev')
  assert.equal(await a.rows('SELECT revenue FROM dev_analytics.daily ORDER BY day'), [['20'], ['5']])
  const promoted = await ends(0, b.folder, ['promote', 'dev', '--rematerialize'])
  assert.match(promoted.out, /1 table of other databases written/)
  a.write('seeknal/daily.yml', more)
  assert.not.match(await does(a.folder, ['run']), /→/)
  assert.match(await does(a.folder, ['env', 'delete', 'dev', '--yes']), /Dropped in the database.*dev_analytics\.daily/)
  assert.equal(await a.rows("SELECT 1 FROM pg_namespace WHERE nspname = 'dev_analytics'"), [])
})

test('Whatever does not belong together is refused', async () => {
  const { a } = await machines()
  await does(a.folder, ['run'])
  const settings = FILES['seeknal_project.yml'] ?? ''
  a.write('seeknal_project.yml', 'name: shop\nstate_backend: file\n')
  assert.match((await ends(2, a.folder, ['run'])).err, /a copy of the state that a database keeps/)
  a.write('seeknal_project.yml', settings.replace('name: shop', 'name: other'))
  assert.match((await ends(2, a.folder, ['run'])).err, /another project, or in another database/)
  a.write('seeknal_project.yml', 'name: shop\nstate_backend: database\n')
  assert.match((await ends(2, a.folder, ['run'])).err, /no connection says which/)
  const profile = readFileSync(join(a.folder, 'profiles.yml'), 'utf8')
  a.write('profiles.yml', `${profile}state_backend: {connection: warehouse}\n`)
  assert.match(await does(a.folder, ['history']), /^.*\n\* 1 /)
  const other = a.copy()
  other.write('seeknal_project.yml', 'name: shop\nengine: {type: postgresql, connection: warehouse}\n')
  assert.match((await ends(2, other.folder, ['run'])).err, /a project that the engine 'duckdb' executes/)
  const own = a.copy()
  own.write('profiles.yml', profile)
  own.write('seeknal_project.yml', 'name: own\n')
  await does(own.folder, ['run'])
  own.write('seeknal_project.yml', settings.replace('name: shop', 'name: own'))
  assert.match((await ends(2, own.folder, ['run'])).err, /holds the state itself/)
  for (const name of ['current', 'generations']) rmSync(join(own.folder, 'target', name), { recursive: true })
  rmSync(join(own.folder, 'target/environments'), { recursive: true, force: true })
  assert.match(await does(own.folder, ['run']), /3 reused .*generation 1/)
})

test('Cleaning leaves what environments of other machines need', async () => {
  const { a, b } = await machines()
  await does(a.folder, ['run'])
  a.write('seeknal/daily.yml', daily('max(amount) AS most'))
  await applies(a.folder, 'dev')
  for (const columns of ['min(amount) AS least', 'count(*) AS n']) {
    a.write('seeknal/daily.yml', daily(columns))
    await does(a.folder, ['run'])
  }
  await does(b.folder, ['history'])
  assert.match(await does(b.folder, ['clean', '--keep', '1']), /Removed 2 generations/)
  assert.match(await does(a.folder, ['clean', '--keep', '1']), /Removed 2 snapshots/)
  assert.match(await does(a.folder, ['history']), /^.*\n\* 3 [^\n]*\n$/)
  assert.is((await rowsOf(a.folder, 'SELECT most FROM transform.daily', 'dev')).length, 2)
})

test('Without its database nothing is changed, and what is remembered can be read', async () => {
  const { a } = await machines()
  await does(a.folder, ['run'])
  const before = await production(a)
  a.write('profiles.yml', readFileSync(join(a.folder, 'profiles.yml'), 'utf8').replace(/port: \d+/, 'port: 1'))
  a.write('seeknal/daily.yml', daily('max(amount) AS most'))
  for (const args of [['run'], ['env', 'plan', 'dev'], ['rollback', '--yes'], ['clean'], ['unlock']])
    assert.match((await ends(1, a.folder, args)).err, /warehouse/, args.join(' '))
  assert.is(await production(a), before)
  const read = await ends(0, a.folder, ['repl', '--exec', DAILY])
  assert.match(read.err, /what target\/ remembers/)
})

test.run()
