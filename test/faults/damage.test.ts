// Files of target/ that somebody or something damaged: what is said about them, and what gets the project going again.

import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { sha256 } from '../../runtime/contract/canonical-json.ts'
import { verifyHistory } from '../../runtime/history.ts'
import { does, ends, records, rowsOf } from '../support/cli.ts'
import { prepared } from '../support/prepared.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('damage')

const daily = 'seeknal/transforms/daily.yml'
const full = 'seeknal/transforms/orders_full.yml'
const REVENUE = 'SELECT revenue FROM transform_daily ORDER BY day'

const edit = (folder: string, path: string, from: string, to: string): void => {
  const text = readFileSync(join(folder, path), 'utf8')
  assert.ok(text.includes(from), `${path} holds ${from}`)
  writeFileSync(join(folder, path), text.replace(from, to))
}
const statuses = (out: string) =>
  Object.fromEntries(records(out).flatMap((r) => (typeof r.node === 'string' ? [[r.node, r.status]] : [])))

/** Cuts a file off in the middle. */
const tear = (path: string): void => {
  chmodSync(path, 0o644)
  truncateSync(path, Math.floor(statSync(path).size / 2))
}

/** Overwrites the middle of a file; its size stays. */
function scratch(path: string): void {
  const bytes = readFileSync(path)
  bytes.fill(0x55, 40, Math.max(41, bytes.length - 60))
  chmodSync(path, 0o644)
  writeFileSync(path, bytes)
}

/** The generations 1, 2 and 3 with revenue, twice and three times it. */
const threeGenerations = prepared(async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  edit(folder, daily, 'SUM(amount)', 'SUM(amount) * 2')
  await does(folder, ['run'])
  edit(folder, daily, '* 2', '* 3')
  await does(folder, ['run'])
  return folder
})

/** In environment dev, revenue is applied twice as high. */
const applied = prepared(async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  edit(folder, daily, 'SUM(amount)', 'SUM(amount) * 2')
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  return folder
})

/** Code, file and hints of the failure that a command ends with. */
async function failure(folder: string, args: readonly string[]) {
  const { out } = await ends(2, folder, [...args, '--json'])
  const error = records(out).at(-1)?.error as { code: string; facts: { file?: string }; hints: string[] }
  assert.is(error.code, 'STATE_INVALID')
  return { file: error.facts.file, hints: error.hints.join(' ') }
}

for (const file of ['run_state.json', 'manifest.json'])
  for (const [how, damage] of Object.entries({ torn: tear, missing: (path: string) => rmSync(path) }))
    test(`When ${file} of production is ${how}, that is said, and going back works`, async () => {
      const folder = await threeGenerations()
      damage(join(folder, 'target/generations/3', file))
      edit(folder, daily, '* 3', '* 4')
      for (const args of [['run'], ['plan'], ['env', 'plan', 'dev'], ['run', '--full', '--nodes', 'daily']]) {
        const said = await failure(folder, args)
        assert.is(said.file, `target/generations/3/${file}`)
        assert.match(said.hints, /seeknal rollback --to 2[\s\S]*seeknal run --full/)
      }
      await does(folder, ['rollback', '--to', '1', '--yes'])
      assert.equal(await rowsOf(folder, REVENUE), [['30.50'], ['5.25']])
      assert.match(await does(folder, ['run']), /1 executed/)
      assert.equal(await rowsOf(folder, REVENUE), [['122.00'], ['21.00']])
    })

test('Damaged production is made anew by a full run, and what is damaged stays in history', async () => {
  const folder = await threeGenerations()
  tear(join(folder, 'target/generations/3/run_state.json'))
  tear(join(folder, 'target/generations/3/manifest.json'))
  await does(folder, ['run', '--full', '--dry-run'])
  const run = await ends(0, folder, ['run', '--full'])
  assert.match(run.err, /generations\/3\/manifest\.json/)
  assert.match(run.out, /4 executed.*generation 4/)
  assert.match(await does(folder, ['run']), /No changes detected/)
  assert.equal(await rowsOf(folder, REVENUE), [['91.50'], ['15.75']])
  assert.equal([...new Set((await verifyHistory(folder)).map((problem) => problem.generation))], [3])
})

test('A state of another shape is refused, whatever its generation says of its digest', async () => {
  const folder = await threeGenerations()
  const state = join(folder, 'target/generations/3/run_state.json')
  const record = join(folder, 'target/generations/3/generation.json')
  const text = readFileSync(state, 'utf8')
  const other = text.replaceAll('"sha256": ', '"hash": ')
  writeFileSync(state, other)
  writeFileSync(record, readFileSync(record, 'utf8').replace(sha256(text), sha256(other)))
  const before = readdirSync(join(folder, 'target/snapshots')).sort()
  assert.match((await ends(0, folder, ['clean'])).err, /Snapshots and bundles stay.*run_state\.json/)
  assert.equal(readdirSync(join(folder, 'target/snapshots')).sort(), before)
  assert.match((await failure(folder, ['plan'])).hints, /run --full/)
  await does(folder, ['run', '--full'])
})

test('A rollback finds its way when nothing of the present generation can be read', async () => {
  const folder = await threeGenerations()
  for (const file of ['run_state.json', 'manifest.json', 'generation.json'])
    tear(join(folder, 'target/generations/3', file))
  assert.match((await ends(0, folder, ['history'])).err, /generation 3: generation\.json is missing or damaged/)
  await does(folder, ['rollback', '--yes'])
  assert.equal(await rowsOf(folder, REVENUE), [['61.00'], ['10.50']])
  rmSync(join(folder, 'target/generations/2'), { recursive: true })
  assert.match((await failure(folder, ['plan'])).hints, /rollback --to 1/)
  await does(folder, ['rollback', '--to', '1', '--yes'])
  assert.equal(await rowsOf(folder, REVENUE), [['30.50'], ['5.25']])
})

test('`clean` goes on where something that stays is damaged, and takes nothing that it might need', async () => {
  const folder = await threeGenerations()
  await does(folder, ['env', 'plan', 'dev'])
  edit(folder, daily, '* 3', '* 4')
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  const kept = () => ['snapshots', 'bundles', 'index'].map((name) => readdirSync(join(folder, 'target', name)).sort())
  const before = kept()
  for (const path of ['target/generations/2/run_state.json', 'target/environments/dev/run_state.json']) {
    const text = readFileSync(join(folder, path), 'utf8')
    tear(join(folder, path))
    assert.match(
      (await ends(0, folder, ['clean', '--keep', '2', '--dry-run'])).err,
      /Snapshots and bundles stay.*run_state\.json/,
    )
    assert.match((await ends(0, folder, ['clean', '--keep', '2'])).err, /Snapshots and bundles stay.*run_state\.json/)
    assert.equal(kept(), before)
    assert.equal(readdirSync(join(folder, 'target/generations')), ['2', '3'])
    writeFileSync(join(folder, path), text)
  }
  const { all: said } = await ends(0, folder, ['clean', '--keep', '1'])
  assert.match(said, /Removed 1 generation, [1-9]/)
  await does(folder, ['promote', 'dev', '--yes'])
  assert.equal(await rowsOf(folder, REVENUE), [['122.00'], ['21.00']])
})

test('A journal that is damaged or lost takes no generation away', async () => {
  for (const damage of [
    (path: string) => writeFileSync(path, 'no journal\n'),
    (path: string) => rmSync(path),
    (path: string) => tear(path),
    (path: string) => appendFileSync(path, '{"at": "'),
  ]) {
    const folder = await threeGenerations()
    await does(folder, ['rollback', '--to', '2', '--yes'])
    damage(join(folder, 'target/journal/production.jsonl'))
    edit(folder, daily, '* 3', '* 4')
    assert.match(await does(folder, ['run']), /generation 4/)
    await does(folder, ['run', '--full'])
    assert.equal(readdirSync(join(folder, 'target/generations')).sort(), ['1', '2', '3', '4', '5'])
    await does(folder, ['history', '--verify'])
    await does(folder, ['rollback', '--to', '3', '--yes'])
  }
})

test('An index entry that is damaged costs an execution', async () => {
  const folder = await threeGenerations()
  for (const name of readdirSync(join(folder, 'target/index'))) tear(join(folder, 'target/index', name))
  edit(folder, daily, '* 3', '* 2')
  assert.is(statuses(await does(folder, ['run', '--json']))['transform.daily'], 'executed')
  assert.equal(await rowsOf(folder, REVENUE), [['61.00'], ['10.50']])
})

test('A snapshot whose bytes are others is not taken from the store, and is made whole again', async () => {
  const folder = await threeGenerations()
  const before = readFileSync(join(folder, 'target/generations/2/intermediate/transform_daily.parquet'))
  scratch(join(folder, 'target/generations/2/intermediate/transform_daily.parquet'))
  edit(folder, daily, '* 3', '* 2')
  const run = await ends(0, folder, ['run', '--json'])
  assert.is(statuses(run.out)['transform.daily'], 'executed')
  assert.match(
    run.err,
    /transform\.daily is executed again: its stored output target\/snapshots\/\w+\.parquet is damaged/,
  )
  assert.equal(await rowsOf(folder, REVENUE), [['61.00'], ['10.50']])
  const now = readFileSync(join(folder, 'target/intermediate/transform_daily.parquet'))
  assert.is(Buffer.compare(before, now), 0)
  assert.equal(await verifyHistory(folder).then((all) => all.map((problem) => problem.generation)), [2])
})

test('An output of production that was cut off is made again', async () => {
  const folder = await threeGenerations()
  tear(join(folder, 'target/current/intermediate/transform_daily.parquet'))
  assert.match(await does(folder, ['plan']), /its output is damaged/)
  const run = await ends(0, folder, ['run'])
  assert.match(run.err, /transform\.daily is executed again/)
  assert.equal(await rowsOf(folder, REVENUE), [['91.50'], ['15.75']])
})

test('A step that fails because an input is damaged says so, and what to run', async () => {
  const folder = await threeGenerations()
  scratch(join(folder, 'target/current/intermediate/transform_orders_full.parquet'))
  edit(folder, daily, '* 3', '* 4')
  const { all } = await ends(1, folder, ['run'])
  assert.match(all, /stored output of transform\.orders_full is damaged: target\/snapshots\//)
  assert.match(all, /seeknal run --full --nodes transform\.orders_full/)
  await does(folder, ['run', '--full', '--nodes', 'transform.orders_full'])
  await does(folder, ['run'])
  assert.equal(await rowsOf(folder, REVENUE), [['122.00'], ['21.00']])
})

test('A check of an output that is damaged says so, and is no check that rows fail', async () => {
  const folder = await threeGenerations()
  scratch(join(folder, 'target/current/intermediate/transform_orders_full.parquet'))
  appendFileSync(join(folder, full), 'tests:\n  - {type: not_null, columns: [id]}\n')
  const { all } = await ends(1, folder, ['run'])
  assert.match(all, /stored output of transform\.orders_full is damaged: .*\[STATE_INVALID\]/)
  await does(folder, ['run', '--full', '--nodes', 'transform.orders_full'])
  await does(folder, ['run'])
})

test('What came out of checks is asked again where the record is damaged', async () => {
  const folder = tempProject(shop)
  appendFileSync(join(folder, full), 'tests:\n  - {type: not_null, columns: [id]}\n')
  await does(folder, ['run'])
  tear(join(folder, 'target/cache/check-results.json'))
  await does(folder, ['run'])
  appendFileSync(join(folder, full), '  - {type: accepted_values, columns: [id], values: [0]}\n')
  await ends(1, folder, ['run'])
  tear(join(folder, 'target/cache/check-results.json'))
  assert.match((await ends(1, folder, ['run'])).all, 'accepted_values(id)')
})

const DOCUMENTS = ['env_config.json', 'plan.json', 'run_state.json', 'manifest.json', 'refs.json', 'bundle/bundle.json']

test('Whatever of an environment is damaged, planning it again is enough', async () => {
  for (const file of DOCUMENTS) {
    const folder = await applied()
    tear(join(folder, 'target/environments/dev', file))
    const list = await does(folder, ['env', 'list'])
    assert.match(list, /dev/)
    await does(folder, ['plan'])
    if (file !== 'refs.json') {
      const { out } = await ends(2, folder, ['env', 'apply', 'dev', '--json'])
      const error = records(out).at(-1)?.error as { message: string; hints: string[] }
      assert.ok(error.message.includes(file.replace('bundle/', '')), error.message)
      assert.match(error.hints.join(' '), /seeknal env plan dev/, file)
    }
    await does(folder, ['env', 'plan', 'dev'])
    await does(folder, ['env', 'apply', 'dev'])
    await does(folder, ['promote', 'dev', '--yes'])
    assert.equal(await rowsOf(folder, REVENUE), [['61.00'], ['10.50']], file)
  }
})

test('What an environment was applied with can be damaged too, and applying again is enough', async () => {
  const damages: readonly (readonly [string, (folder: string, digest: string) => void])[] = [
    ['--force', (folder, digest) => tear(join(folder, 'target/bundles', digest, 'bundle.json'))],
    ['--force', (folder, digest) => rmSync(join(folder, 'target/bundles', digest, 'bundle.json'))],
    ['--force', (folder, digest) => appendFileSync(join(folder, 'target/bundles', digest, 'review.md'), 'x')],
    ['--force', (folder, digest) => rmSync(join(folder, 'target/bundles', digest), { recursive: true })],
    ['--parallel', (folder) => tear(join(folder, 'target/environments/dev/promotion/requirements.json'))],
  ]
  for (const [option, damage] of damages) {
    const folder = await applied()
    damage(folder, JSON.parse(readFileSync(join(folder, 'target/environments/dev/plan.json'), 'utf8')).bundle)
    assert.match((await failure(folder, ['promote', 'dev', '--yes'])).hints, /seeknal env apply dev/)
    assert.equal(statuses(await does(folder, ['env', 'apply', 'dev', option, '--json'])), {
      'transform.daily': 'cached',
    })
    await does(folder, ['promote', 'dev', '--yes'])
    assert.equal(await rowsOf(folder, REVENUE), [['61.00'], ['10.50']])
    await does(folder, ['history', '--verify'])
  }
})

test('An environment that cannot be read is left alone by clean, and can be deleted', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  edit(folder, full, 'o.amount', 'o.amount * 2 AS amount')
  await does(folder, ['env', 'plan', 'dev'])
  tear(join(folder, 'target/environments/dev/env_config.json'))
  await does(folder, ['clean'])
  assert.ok(existsSync(join(folder, 'target/environments/dev')))
  await does(folder, ['env', 'delete', 'dev', '--yes'])
  assert.not.ok(existsSync(join(folder, 'target/environments/dev')))
})

test.run()
