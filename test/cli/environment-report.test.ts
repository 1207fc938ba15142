// report.md of an environment after an apply, above all after one that did not end well.

import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import { messageWithoutValues } from '../../runtime/kept-message.ts'
import { does, ends } from '../support/cli.ts'
import { prepared } from '../support/prepared.ts'
import { command } from '../support/seeknal.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'
import { until } from '../support/until.ts'

const test = suite('cli/environment report')

const clean = (sql: string, tests = '') =>
  `kind: transform\nname: clean\ninputs: [{ref: source.orders}]\ntransform: |\n  SELECT id,\n    ${sql} AS amount\n  FROM input_0\n${tests}`

const planned = prepared(async () => {
  const folder = tempProject({
    'seeknal_project.yml': 'name: shop\nversion: "1.0.0"\n',
    'data/orders.csv': 'id,status,amount\n1,open-secretly,10\n2,closed,20\n',
    'seeknal/orders.yml': 'kind: source\nname: orders\nsource: csv\ntable: data/orders.csv\n',
    'seeknal/clean.yml': clean('amount'),
    'seeknal/copy.yml':
      'kind: transform\nname: copy\ninputs: [{ref: source.orders}]\ntransform: SELECT id FROM input_0\n',
    'seeknal/total.yml':
      'kind: transform\nname: total\ninputs: [{ref: transform.clean}]\ntransform: SELECT sum(amount) AS total FROM input_0\n',
  })
  await does(folder, ['run'])
  return folder
})

const write = (folder: string, path: string, text: string) => writeFileSync(join(folder, path), text)
const place = (folder: string) => join(folder, 'target/environments/dev/report.md')
const report = (folder: string) => readFileSync(place(folder), 'utf8')

async function failing(sql: string, tests?: string): Promise<string> {
  const folder = await planned()
  write(folder, 'seeknal/clean.yml', clean(sql, tests))
  write(
    folder,
    'seeknal/copy.yml',
    'kind: transform\nname: copy\ninputs: [{ref: source.orders}]\ntransform: SELECT id * 2 AS id FROM input_0\n',
  )
  await does(folder, ['env', 'plan', 'dev'])
  return folder
}

test('After a failed apply the report says what succeeded, what failed where, what was skipped, and how to go on', async () => {
  const folder = await failing('CAST(status AS INTEGER)')
  const { err } = await ends(1, folder, ['env', 'apply', 'dev', '--continue-on-error'])
  const text = report(folder)
  assert.match(text, /^# Environment dev\n\nRun \S+: 1 node executed, 0 taken from the store\.\n/)
  assert.match(text, /\| `transform\.copy` \| executed \| 2 \| \d+ \|/)
  assert.match(text, '| `transform.clean` | failed |')
  assert.match(text, "1 node failed: environment 'dev' is not complete; what succeeded is kept.")
  assert.match(err, "1 node failed: environment 'dev' is not complete; what succeeded is kept.")
  assert.match(text, /## Failed\n\n- `transform\.clean` at `seeknal\/clean\.yml:6:5` \(STEP_FAILED\): /)
  assert.match(err, 'seeknal/clean.yml:6:5')
  assert.match(text, /## Skipped\n\n- `transform\.total`: .*transform\.clean/)
  assert.match(text, 'Go on with `seeknal env apply dev`.')
  assert.match(text, 'It has none of its own yet.')
})

test('A value that the engine quotes in its message is on the terminal, and not in the report or the journal', async () => {
  const folder = await failing('CAST(status AS INTEGER)')
  assert.match((await ends(1, folder, ['env', 'apply', 'dev'])).err, 'open-secretly')
  assert.match(report(folder), "Could not convert string '…' to INT32")
  assert.not.match(report(folder), 'secretly')
  const journals = readdirSync(join(folder, 'target/journal'))
  const journal = journals.map((file) => readFileSync(join(folder, 'target/journal', file), 'utf8')).join('')
  assert.match(journal, "Could not convert string '…' to INT32")
  assert.not.match(journal, 'secretly')
})

test('A failed check is in the report with its rows, and an earlier apply is named as what the outputs are of', async () => {
  const folder = await failing('amount * 2')
  await does(folder, ['env', 'apply', 'dev'])
  assert.match(report(folder), '## Compared with production')
  write(
    folder,
    'seeknal/clean.yml',
    clean(
      'amount * 3',
      'tests:\n  - {type: unique, columns: [id]}\n  - {type: accepted_values, columns: [amount], values: [30]}\n',
    ),
  )
  await does(folder, ['env', 'plan', 'dev'])
  await ends(1, folder, ['env', 'apply', 'dev'])
  const text = report(folder)
  assert.match(text, '| `transform.clean` | `unique(id)` | error | passed | 0 |')
  assert.match(text, '| `transform.clean` | `accepted_values(amount)` | error | failed | 1 |')
  assert.match(text, /- `transform\.clean` at `seeknal\/clean\.yml:10:\d+` \(CHECK_FAILED\)/)
  assert.match(text, /As run \S+ left them; `seeknal env diff dev` compares them with production\./)
  write(folder, 'seeknal/clean.yml', clean('amount * 2'))
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  assert.not.match(report(folder), 'failed')
})

test('An apply that is interrupted leaves a report, too', async () => {
  const folder = await failing('amount + (SELECT count(*) FROM range(10000000) a, range(100000) b)')
  const child = spawn(process.execPath, [command, 'env', 'apply', 'dev'], {
    cwd: folder,
    env: { ...process.env, HOME: join(folder, '.no-home') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (data) => (said += data))
  const ended = new Promise((resume) => child.once('close', resume))
  const lock = join(folder, 'target/locks/environment-dev.lock')
  await until(() => existsSync(lock), 'the apply')
  await new Promise((go) => setTimeout(go, 500))
  child.kill('SIGINT')
  assert.is(await ended, 130, said)
  assert.match(report(folder), "Interrupted: environment 'dev' is not complete")
  assert.match(report(folder), 'Go on with `seeknal env apply dev`.')
})

test('A bundle that fails where it is executed leaves the report with the place in the bundle', async () => {
  const folder = await failing('CAST(status AS INTEGER)')
  const bundle = join(folder, 'target/environments/dev/bundle')
  await ends(1, folder, ['exec', 'bundle', bundle])
  assert.match(
    report(folder),
    /- `transform\.clean` at `apply\/transform\.clean\.sql, at character \d+` \(STEP_FAILED\)/,
  )
  assert.match(report(folder), `Go on with \`seeknal exec bundle ${bundle}\``)
})

const shown = (message: string, facts: Record<string, unknown>) =>
  messageWithoutValues(new RuntimeFailure('STEP_FAILED', message, facts))

test('Messages lose the values that they quote, and keep names', () => {
  const duckdb: readonly (readonly [exception: string, message: string, shown: string])[] = [
    ['Binder', 'Referenced column "a" not found', 'Referenced column "a" not found'],
    ['Out of Range', 'Overflow in multiplication of INT64 (77 * 2)!', 'Overflow in multiplication of INT64 (…)!'],
    ['Conversion', 'Type INT64 with value 77 can not be INT32', 'Type INT64 with value … can not be INT32'],
    ['Conversion', "Could not convert string 'it's 77' to INT32", "Could not convert string '…' to INT32"],
    ['Conversion', "Could not convert string 'a\nb77' to INT32", "Could not convert string '…'"],
    ['Conversion', 'Could not cast value 77.5 to DECIMAL(2,2)', 'Could not cast value … to DECIMAL(…)'],
    ['Invalid Input', 'customer 77', 'Invalid Input error, whose message may hold values'],
    [
      'Invalid Input',
      'CSV Error on Line: 3\nOriginal Line: 77\nError when converting column "v". Could',
      'CSV Error on Line: 3, when converting column "v"',
    ],
  ]
  for (const [exception, message, expected] of duckdb) assert.is(shown(message, { exception }), expected)
  const postgresql: readonly (readonly [sqlstate: string, message: string, shown: string])[] = [
    [
      '23505',
      'Writing t failed: duplicate key of "t_pkey" (Key (id)=(77) is there)',
      'Writing t failed: duplicate key of "t_pkey"',
    ],
    [
      '22P02',
      'Writing t failed: invalid input syntax for integer: "77"',
      'Writing t failed: invalid input syntax for integer: "…"',
    ],
    ['P0001', 'Writing t failed: no 77', 'Writing t failed: a function raised an error, whose message may hold values'],
    ['42501', 'Writing t failed: permission denied for table "t"', 'Writing t failed: permission denied for table "t"'],
  ]
  for (const [sqlstate, message, expected] of postgresql) assert.is(shown(message, { sqlstate }), expected)
  assert.is(shown('transform.a wrote no output', {}), 'transform.a wrote no output')
})

test.run()
