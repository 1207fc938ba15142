// Values that a project asks for: parameters that become SQL when it is compiled, values that a run is given.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does, ends, rowsOf } from '../support/cli.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/parameters')

const daily = 'seeknal/transforms/daily.yml'
const text = shop[daily]
/** Needs `--params`. */
const ofRegion = { ...shop, [daily]: text.replace('GROUP BY', "WHERE country = '{{ region }}'\n  GROUP BY") }
/** Needs `--start-date`. */
const since = { ...shop, [daily]: text.replace('GROUP BY', 'WHERE day >= {{ start_date }}::DATE\n  GROUP BY') }
const params = (region: string) => ['--params', JSON.stringify({ region })]

test('Whatever compiles takes --params, and says what is missing without', async () => {
  const folder = tempProject({ ...ofRegion, 'draft.yml': ofRegion[daily].replace('name: daily', 'name: other') })
  const commands = [['plan'], ['validate'], ['parse'], ['diff'], ['compile'], ['lineage'], ['dry-run', 'draft.yml']]
  for (const command of [...commands, ['run', '--dry-run'], ['lock'], ['apply', 'draft.yml']]) {
    if (command[0] !== 'lock') assert.match((await ends(2, folder, command)).err, /region/, command.join(' '))
    await does(folder, [...command, ...params('ID')])
  }
  await does(folder, ['run', ...params('ID')])
  assert.equal(await rowsOf(folder, 'SELECT sum(revenue) FROM transform_daily'), [['15.75']])
})

test('What says what a run would do takes the values of a run', async () => {
  const folder = tempProject({ ...since, 'draft.yml': since[daily].replace('name: daily', 'name: other') })
  const commands = [['plan'], ['run', '--dry-run'], ['dry-run', 'draft.yml'], ['run']]
  for (const command of commands) {
    assert.match((await ends(2, folder, command)).err, /--start-date/, command.join(' '))
    await does(folder, [...command, '--start-date', '2026-03-02'])
  }
  assert.equal(await rowsOf(folder, 'SELECT revenue FROM transform_daily'), [['5.25']])
  writeFileSync(join(folder, daily), since[daily].replace('AS revenue', 'AS revenue, COUNT(*) AS n'))
  await does(folder, ['env', 'plan', 'dev'])
  for (const command of [
    ['env', 'apply', 'dev', '--dry-run'],
    ['run', '--env', 'dev', '--dry-run'],
    ['env', 'apply', 'dev'],
  ]) {
    assert.match((await ends(2, folder, command)).err, /--start-date/, command.join(' '))
    await does(folder, [...command, '--start-date', '2026-03-02'])
  }
})

test('A node that fails is shown at its line, and the command that goes on has the parameters', async () => {
  const folder = tempProject(ofRegion)
  const failing = ofRegion[daily].replace('SUM(amount)', "SUM(amount) + CAST(max(country || 'x') AS INTEGER)")
  writeFileSync(join(folder, daily), failing)
  const { err } = await ends(1, folder, ['run', '--params', `{"region": "ID", "note": "it's"}`])
  assert.match(err, /seeknal run --params '\{"note":"it'\\''s","region":"ID"\}'/)
  assert.match(err, /^✗ seeknal\/transforms\/daily\.yml:\d+:\d+: transform\.daily/m)
  assert.is(readFileSync(join(folder, daily), 'utf8'), failing)
})

test('The plan of an environment keeps its parameters: applying needs none, and other ones make it stale', async () => {
  const folder = tempProject(ofRegion)
  await does(folder, ['run', ...params('SG')])
  assert.match((await ends(2, folder, ['env', 'plan', 'dev'])).err, /region/)
  await does(folder, ['env', 'plan', 'dev', ...params('ID')])
  const plan = JSON.parse(readFileSync(join(folder, 'target/environments/dev/plan.json'), 'utf8'))
  assert.equal([plan.params, plan.execute], [{ region: 'ID' }, ['transform.daily']])
  for (const command of [
    ['env', 'apply', 'dev'],
    ['run', '--env', 'dev'],
  ]) {
    const { err } = await ends(2, folder, [...command, ...params('SG')])
    assert.match(err, /other parameters: \{"region":"ID"\}/)
    assert.match(err, /seeknal env plan dev --params '\{"region":"SG"\}'/)
  }
  await does(folder, ['env', 'apply', 'dev', '--dry-run'])
  await does(folder, ['run', '--env', 'dev', ...params('ID')])
  assert.equal(await rowsOf(folder, 'SELECT sum(revenue) FROM transform_daily', 'dev'), [['15.75']])
  assert.equal(await rowsOf(folder, 'SELECT sum(revenue) FROM transform_daily'), [['20.00']])
  writeFileSync(join(folder, daily), ofRegion[daily].replace('AS revenue', 'AS revenue, 1 AS one'))
  const { err } = await ends(2, folder, ['env', 'apply', 'dev'])
  assert.match(err, /Plan again with `seeknal env plan dev --params '\{"region":"ID"\}'`/)
  await does(folder, ['plan', 'dev', ...params('SG')])
  await does(folder, ['env', 'apply', 'dev'])
  assert.equal(await rowsOf(folder, 'SELECT sum(revenue) FROM transform_daily', 'dev'), [['20.00']])
})

test.run()
