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

test('A parameter may be named like what it passes on, and stands for the next that has the name', async () => {
  const node = (params: string, sql: string) =>
    `kind: transform\nname: p\nparams: ${params}\ntransform: |\n  SELECT ${sql}\n`
  const folder = tempProject({
    ...shop,
    'seeknal_project.yml': 'name: shop\nparams:\n  region: "{{ region }}"\n  limit: 5\n',
    'seeknal/p.yml': node(
      `{run_date: "{{ run_date }}", today: "{{ today(-1) }}", limit: "{{ limit }}0"}`,
      "'{{ run_date }}' AS d, '{{ today }}' AS t, {{ limit }} AS l",
    ),
  })
  await does(folder, ['run', '--date', '2026-03-02'])
  assert.equal(await rowsOf(folder, 'SELECT * FROM transform_p'), [['2026-03-02', '2026-03-01', '50']])
  writeFileSync(join(folder, 'seeknal/p.yml'), node('{}', "'{{ region }}' AS r"))
  assert.match((await ends(2, folder, ['validate'])).err, /'region' stands for itself: region → region/)
  await does(folder, ['validate', ...params('ID')])
})

test('A parameter that nothing reads is named, each time', async () => {
  const folder = tempProject(ofRegion)
  const misspelled = ['--params', '{"region": "ID", "regoin": "SG"}']
  for (const command of [['validate'], ['plan'], ['run'], ['run']])
    assert.match((await ends(0, folder, [...command, ...misspelled])).err, /reads 'regoin' of --params/)
  assert.not.match((await ends(0, folder, ['plan', ...params('ID')])).err, /--params/)
})

test('Parameters that would lose digits, and values that select nothing or go backwards, are refused', async () => {
  const folder = tempProject(ofRegion)
  for (const number of ['12345678901234567890', '-9007199254740993', '0.12345678901234567', '1e400', '-1.5e-400'])
    assert.match(
      (await ends(2, folder, ['validate', '--params', `{"region": ${number}}`])).err,
      new RegExp(`number ${number.replace('.', '\\.')}, which would lose digits`),
    )
  for (const value of ['9007199254740991', '-1.50', '1e3', '"12345678901234567890"', '"a \\"1234567890123456789"'])
    await does(folder, ['validate', '--params', `{"region": ${value}}`])
  await ends(2, folder, ['validate', '--params', '{"region": "a\\u0000b"}'])
  for (const option of ['nodes', 'types', 'tags', 'exclude-nodes', 'exclude-types', 'exclude-tags'])
    for (const command of ['run', 'plan'])
      assert.match(
        (await ends(2, folder, [command, ...params('ID'), `--${option}`, ' , '])).err,
        new RegExp(`'--${option}' names nothing`),
      )
  const dates = ['--start-date', '2026-03-02', '--end-date', '2026-03-01']
  assert.match((await ends(2, folder, ['run', ...params('ID'), ...dates])).err, /'--end-date' 2026-03-01 is before/)
})

test.run()
