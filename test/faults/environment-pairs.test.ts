// Two commands at once, one of them in a process of its own and held in the middle: what may not be together is refused and
// names the holder, nothing is lost, and in the end everything is as if one had come after the other.

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { sha256 } from '../../runtime/contract/canonical-json.ts'
import { verifyHistory } from '../../runtime/history.ts'
import { heldLocks } from '../../runtime/store/locks.ts'
import { openStore } from '../../runtime/store/store.ts'
import { cli, does, ends, rowsOf } from '../support/cli.ts'
import { type Held, held, started } from '../support/held-command.ts'
import { copyOf, prepared } from '../support/prepared.ts'
import { production, tree } from '../support/runtime-project.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('environment-pairs')

const daily = 'seeknal/transforms/daily.yml'
const lone = 'seeknal/transforms/lone.yml'
/** Two graphs that have nothing to do with each other: orders → orders_full → daily, and prices → lone. */
const FILES = {
  ...shop,
  'data/prices.csv': 'item,price\nx,1\n',
  'seeknal/sources/prices.yml': 'kind: source\nname: prices\nsource: csv\ntable: data/prices.csv\n',
  [lone]:
    "kind: transform\nname: lone\ninputs:\n  - ref: source.prices\ntransform: |\n  SELECT item, price FROM ref('source.prices')\n",
}

function edit(folder: string, path: string, from: string, to: string): void {
  const text = readFileSync(join(folder, path), 'utf8')
  assert.ok(text.includes(from), `${path} holds ${from}`)
  writeFileSync(join(folder, path), text.replace(from, to))
}
const changeDaily = (folder: string) => edit(folder, daily, 'AS revenue', 'AS revenue, COUNT(*) AS orders')
const changeLone = (folder: string) => edit(folder, lone, 'price FROM', 'price * 2 AS price FROM')
const moreOrders = (folder: string) => appendFileSync(join(folder, 'data/orders.csv'), '4,b,1.00,2026-03-02\n')

const inProduction = prepared(async () => {
  const folder = tempProject(FILES)
  await does(folder, ['run'])
  return folder
})

const planned = prepared(async () => {
  const folder = await inProduction()
  changeDaily(folder)
  await does(folder, ['env', 'plan', 'dev'])
  return folder
})

const applied = prepared(async () => {
  const folder = await planned()
  await does(folder, ['env', 'apply', 'dev'])
  return folder
})

/** Two environments are applied: dev has another `daily`, fix another `lone`. */
const bothApplied = prepared(async () => {
  const folder = await applied()
  writeFileSync(join(folder, daily), FILES[daily])
  changeLone(folder)
  await does(folder, ['env', 'plan', 'fix'])
  await does(folder, ['env', 'apply', 'fix'])
  return folder
})

const apply = ['env', 'apply', 'dev']
const plan = ['env', 'plan', 'dev']

/** Refused with 3, naming who works. */
async function refused(folder: string, args: readonly string[], holder: Held, what: string): Promise<void> {
  const { err } = await ends(3, folder, args)
  assert.ok(
    err.toLowerCase().includes(`${what} is being written by '`) && err.includes(`(process ${holder.pid} on `),
    err,
  )
}

async function goesOn(holder: Held, code = 0): Promise<string> {
  const ended = await holder.release()
  assert.is(ended.code, code, ended.all)
  return ended.all
}

/** Whatever happened: history holds, nothing is locked, what is applied is what was planned, outputs are their snapshots. */
async function sound(folder: string): Promise<void> {
  assert.equal(await verifyHistory(folder), [])
  assert.equal(heldLocks(openStore(folder)), [])
  const rows: { readonly name: string; readonly status: string; readonly problem: string | null }[] = JSON.parse(
    await does(folder, ['env', 'list', '--json']),
  )
  for (const { name, problem } of rows) {
    assert.is(problem, null)
    const read = (file: string) => JSON.parse(readFileSync(join(folder, 'target/environments', name, file), 'utf8'))
    const { status } = read('env_config.json')
    if (status !== 'applied' && status !== 'promoted') continue
    const state = read('run_state.json')
    assert.is(state.bundle, read('plan.json').bundle, name)
    for (const [id, node] of Object.entries<{ snapshot: { sha256: string } }>(state.nodes)) {
      const file = join(folder, 'target/environments', name, `intermediate/${id.replace('.', '_')}.parquet`)
      assert.is(sha256(readFileSync(file)), node.snapshot.sha256, file)
    }
  }
}

/** Outputs and manifest of production. */
const undated = (folder: string) =>
  Object.fromEntries(Object.entries(production(folder)).filter(([path]) => /parquet$|^manifest/.test(path)))

test('Of two applies of one environment one works, the other is refused or waits', async () => {
  for (const at of [/^append journal/, /^rename environments\/dev\/run_state\.json/]) {
    const folder = await planned()
    const first = await held(folder, apply, at)
    await refused(folder, apply, first, "environment 'dev'")
    const waiting = cli(folder, [...apply, '--lock-timeout', '60s'])
    await goesOn(first)
    const second = await waiting
    assert.is(second.code, 0, second.all)
    assert.match(await does(folder, apply), /Nothing left to do/)
    assert.equal(await rowsOf(folder, 'SELECT orders FROM transform_daily ORDER BY day', 'dev'), [['2'], ['1']])
    await sound(folder)
  }
})

test('An apply while production runs reads the production that it began on; then the run moves it', async () => {
  const later = await planned()
  moreOrders(later)
  await does(later, ['run'])
  for (const at of [/^link snapshots/, /^rename current /, /^append journal\/production/]) {
    const folder = await planned()
    writeFileSync(join(folder, daily), FILES[daily])
    moreOrders(folder)
    const run = await held(folder, ['run'], at)
    writeFileSync(join(folder, daily), readFileSync(join(later, daily), 'utf8'))
    // The last change of the run comes after the switch: production is another already.
    const isAfter = at.source.includes('production')
    await ends(isAfter ? 3 : 0, folder, apply)
    await goesOn(run)
    await ends(isAfter ? 2 : 3, folder, ['env', 'promote', 'dev'])
    await does(folder, plan)
    await does(folder, apply)
    await does(folder, ['env', 'promote', 'dev'])
    assert.equal(await rowsOf(folder, 'SELECT orders FROM transform_daily ORDER BY day'), [['2'], ['2']])
    assert.match(await does(folder, ['run']), /No changes detected/)
    assert.equal(undated(folder), undated(later))
    await sound(folder)
  }
})

test('A run while an environment is applied goes on; what it did not touch is promoted', async () => {
  for (const [more, code] of [
    [() => {}, 0],
    [moreOrders, 3],
  ] as const) {
    const folder = await planned()
    const changed = readFileSync(join(folder, daily), 'utf8')
    const application = await held(folder, apply, /^append journal/)
    writeFileSync(join(folder, daily), FILES[daily])
    changeLone(folder)
    more(folder)
    await does(folder, ['run'])
    assert.equal(await rowsOf(folder, 'SELECT price FROM transform_lone'), [['2']])
    await goesOn(application)
    assert.equal(await rowsOf(folder, 'SELECT orders FROM transform_daily ORDER BY day', 'dev'), [['2'], ['1']])
    await ends(code, folder, ['env', 'promote', 'dev'])
    writeFileSync(join(folder, daily), changed)
    await does(folder, ['run'])
    const orders = code === 0 ? [['2'], ['1']] : [['2'], ['2']]
    assert.equal(await rowsOf(folder, 'SELECT orders FROM transform_daily ORDER BY day'), orders)
    assert.equal(await rowsOf(folder, 'SELECT price FROM transform_lone'), [['2']])
    await sound(folder)
  }
})

test('A promotion while another works is refused; afterwards both are in production', async () => {
  for (const at of [/^rename generations\//, /^rename current /, /^append journal\/production/]) {
    const folder = await bothApplied()
    const first = await held(folder, ['env', 'promote', 'dev'], at)
    await refused(folder, ['env', 'promote', 'fix'], first, 'production')
    await refused(folder, ['env', 'promote', 'dev'], first, "environment 'dev'")
    await goesOn(first)
    await does(folder, ['env', 'promote', 'fix'])
    assert.equal(await rowsOf(folder, 'SELECT orders FROM transform_daily ORDER BY day'), [['2'], ['1']])
    assert.equal(await rowsOf(folder, 'SELECT price FROM transform_lone'), [['2']])
    changeDaily(folder)
    assert.match(await does(folder, ['run']), /No changes detected/)
    await sound(folder)
  }
})

test('Of two promotions of the same node the second is refused, since production moved', async () => {
  const folder = await applied()
  edit(folder, daily, 'COUNT(*) AS orders', 'MAX(amount) AS orders')
  await does(folder, ['env', 'plan', 'other'])
  await does(folder, ['env', 'apply', 'other'])
  const first = await held(folder, ['env', 'promote', 'dev'], /^rename current /)
  const second = cli(folder, ['env', 'promote', 'other', '--lock-timeout', '60s'])
  await goesOn(first)
  const { code, all } = await second
  assert.is(code, 3, all)
  assert.match(all, /Production moved: transform\.daily/)
  assert.equal(await rowsOf(folder, 'SELECT orders FROM transform_daily ORDER BY day'), [['2'], ['1']])
  await sound(folder)
})

test('Promotions between environments in opposite directions end, one after the other', async () => {
  const folder = await bothApplied()
  const toFix = ['env', 'promote', 'dev', 'fix', '--force', '--lock-timeout', '60s']
  const toDev = ['env', 'promote', 'fix', 'dev', '--force', '--lock-timeout', '60s']
  const first = await held(folder, toFix, /^rename environments\/fix from tmp/)
  await refused(folder, ['env', 'promote', 'fix', 'dev', '--force'], first, "environment 'dev'")
  // While nothing is in its place, the environment is what it was.
  assert.equal(await rowsOf(folder, 'SELECT price FROM transform_lone', 'fix'), [['2']])
  assert.match(await does(folder, ['env', 'list']), /fix +applied/)
  const others = [
    ...[toDev, toFix].map((args) => started(folder, args).ended),
    ...[toDev, toFix].map((args) => cli(folder, args)),
  ]
  await goesOn(first)
  for (const other of others) {
    const { code, all } = await other
    assert.is(code, 0, all)
  }
  for (const name of ['dev', 'fix'])
    assert.equal(await rowsOf(folder, 'SELECT orders FROM transform_daily ORDER BY day', name), [['2'], ['1']])
  await sound(folder)
})

test('A deletion while it is applied is refused, and an apply while it is deleted', async () => {
  const folder = await planned()
  const application = await held(folder, apply, /^rename environments\/dev\/manifest\.json/)
  await refused(folder, ['env', 'delete', 'dev', '--yes'], application, "environment 'dev'")
  await goesOn(application)
  await sound(folder)
  const deletion = await held(folder, ['env', 'delete', 'dev', '--yes'], /^rename tmp\/run-delete\S* from environments/)
  edit(folder, daily, 'AS orders', 'AS orders, MAX(amount) AS most')
  await refused(folder, plan, deletion, "environment 'dev'")
  await goesOn(deletion)
  await ends(2, folder, apply)
  await sound(folder)
})

test('An apply that has read a plan which is deleted or replaced before it begins is refused', async () => {
  const gone = await planned()
  const late = await held(gone, apply, /^write locks\/\.environment-dev/)
  await does(gone, ['env', 'delete', 'dev', '--yes'])
  assert.match(await goesOn(late, 2), /planned again or deleted/)
  assert.equal(JSON.parse(await does(gone, ['env', 'list', '--json'])), [])
  const replaced = await planned()
  const old = await held(replaced, apply, /^write locks\/\.environment-dev/)
  edit(replaced, daily, 'AS orders', 'AS orders, MAX(amount) AS most')
  await does(replaced, plan)
  const kept = tree(join(replaced, 'target/environments/dev'))
  assert.match(await goesOn(old, 2), /planned again or deleted/)
  assert.equal(tree(join(replaced, 'target/environments/dev')), kept)
  await does(replaced, apply)
  assert.is((await rowsOf(replaced, 'SELECT most FROM transform_daily', 'dev')).length, 2)
  await sound(replaced)
})

test('A plan while it is applied is refused, and an apply while it is planned', async () => {
  const folder = await planned()
  const application = await held(folder, apply, /^append journal/)
  edit(folder, daily, 'AS orders', 'AS orders, MAX(amount) AS most')
  await refused(folder, plan, application, "environment 'dev'")
  await goesOn(application)
  await sound(folder)
  for (const at of [/^rename environments\/dev\/bundle\/diff\.json/, /^rename environments\/dev\/plan\.json/]) {
    const copy = copyOf(folder)
    const planning = await held(copy, plan, at)
    await refused(copy, apply, planning, "environment 'dev'")
    await goesOn(planning)
    await does(copy, apply)
    assert.is((await rowsOf(copy, 'SELECT most FROM transform_daily', 'dev')).length, 2)
    await sound(copy)
  }
})

test('Going back while a run works is refused, and a run while production goes back', async () => {
  const folder = await inProduction()
  const first = production(folder)
  changeDaily(folder)
  await does(folder, ['run'])
  const second = production(folder)
  edit(folder, daily, 'AS orders', 'AS orders, MAX(amount) AS most')
  const run = await held(folder, ['run'], /^rename current /)
  await refused(folder, ['rollback', '--yes'], run, 'production')
  assert.equal(production(folder), second)
  await goesOn(run)
  await does(folder, ['rollback', '--yes'])
  assert.equal(production(folder), second)
  const back = await held(folder, ['rollback', '--yes'], /^rename current /)
  await refused(folder, ['run'], back, 'production')
  await goesOn(back)
  assert.equal(production(folder), first)
  await sound(folder)
})

test('Cleaning while an environment is written is refused, and writing while it is cleaned', async () => {
  const folder = await planned()
  const application = await held(folder, apply, /^append journal/)
  await refused(folder, ['clean'], application, "environment 'dev'")
  await goesOn(application)
  const cleaning = await held(folder, ['clean'], /^make tmp\/clean/)
  await refused(folder, ['env', 'promote', 'dev'], cleaning, 'the store')
  await goesOn(cleaning)
  await does(folder, ['env', 'promote', 'dev'])
  await sound(folder)
})

test.run()
