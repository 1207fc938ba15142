// What a person at a terminal meets: the REPL's line editing, keys and modes, and the questions that commands ask.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does } from '../support/cli.ts'
import { prepared } from '../support/prepared.ts'
import { closeTerminals, KEYS, onTerminal } from '../support/pseudo-terminal.ts'
import { production } from '../support/runtime-project.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/terminal')
test.after(closeTerminals)

const daily = 'seeknal/transforms/daily.yml'
/** In production; in dev, `daily` has one more column. */
const applied = prepared(async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  writeFileSync(join(folder, daily), shop[daily].replace('AS revenue', 'AS revenue, COUNT(*) AS orders'))
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  return folder
})

const DEV = /seeknal\[dev\]> $/
const PRODUCTION = /seeknal> $/

test('The REPL of an environment names it, answers over several lines, and leaves with Ctrl-D', async () => {
  const repl = await onTerminal(await applied(), ['repl', '--env', 'dev'], DEV)
  assert.match(repl.start, /Seeknal REPL \(duckdb v.*\) — project 'shop' \[env: dev\], 4 tables registered/)
  await repl.types(`SELECT day, orders${KEYS.enter}`, / {4}\.\.\.> $/)
  const rows = await repl.types(`FROM transform_daily ORDER BY day;${KEYS.enter}`, DEV)
  assert.match(rows, /day +│ orders\s+─+┼─+\s+2026-03-01 │ +2\s+2026-03-02 │ +1\s+\(2 rows\)/)
  assert.is(await repl.ends(KEYS.ctrlD), 0)
})

test('Tab completes tables, columns and commands; two of one beginning are listed', async () => {
  const repl = await onTerminal(await applied(), ['repl', '--env', 'dev'], DEV)
  await repl.types(`FROM transform_da${KEYS.tab}`, /FROM transform_daily$/)
  await repl.types(` SELECT rev${KEYS.tab}`, / SELECT revenue$/)
  assert.match(await repl.types(`;${KEYS.enter}`, /\(2 rows\)[\s\S]*seeknal\[dev\]> $/), /30\.50/)
  await repl.types(`FROM source_${KEYS.tab}`, /FROM source_$/)
  assert.match(await repl.types(KEYS.tab, /source_orders/), /source_customers/)
  await repl.types(KEYS.ctrlC, DEV)
  await repl.types(`.sch${KEYS.tab}`, /\.schema$/)
  assert.match(await repl.types(KEYS.enter, DEV), /needs the name of a table/)
  assert.is(await repl.ends(`.quit${KEYS.enter}`), 0)
})

test('Arrow up brings lines back, also those of the session before; only their owner can read them', async () => {
  const folder = await applied()
  const first = await onTerminal(folder, ['repl'], PRODUCTION)
  await first.types(`SELECT 40 + 2 AS answer;${KEYS.enter}`, /42[\s\S]*seeknal> $/)
  await first.types(`SELECT 1 AS one;${KEYS.enter}`, /\(1 row\)[\s\S]*seeknal> $/)
  await first.types(KEYS.up + KEYS.up, /SELECT 40 \+ 2 AS answer;$/)
  await first.types(KEYS.enter, /42[\s\S]*seeknal> $/)
  assert.is(await first.ends(KEYS.ctrlD), 0)
  const file = join(folder, 'home/.seeknal/repl_history')
  assert.is(statSync(file).mode & 0o777, 0o600)
  assert.match(readFileSync(file, 'utf8'), /^SELECT 40 \+ 2 AS answer;\nSELECT 1 AS one;\n/)
  const second = await onTerminal(folder, ['repl'], PRODUCTION)
  await second.types(KEYS.up, /SELECT 40 \+ 2 AS answer;$/)
  await second.types(KEYS.enter, /42[\s\S]*seeknal> $/)
  assert.is(await second.ends(KEYS.ctrlD), 0)
})

test('Modes change how rows are shown, and .env what is read', async () => {
  const repl = await onTerminal(await applied(), ['repl'], PRODUCTION)
  const query = `FROM transform.daily ORDER BY day LIMIT 1;${KEYS.enter}`
  const shown = async (mode: string) => {
    await repl.types(`.mode ${mode}${KEYS.enter}`, PRODUCTION)
    return repl.types(query, /30\.50[\s\S]*seeknal> $/)
  }
  assert.match(await shown('csv'), /day,revenue\s+2026-03-01,30\.50/)
  assert.match(await shown('json'), /"day": "2026-03-01", "revenue": "30\.50"/)
  assert.match(await shown('markdown'), /\| day \| revenue \|/)
  assert.match(await repl.types(`.env dev${KEYS.enter}`, DEV), /Environment 'dev': 1 of 4 tables are its own/)
  assert.match(await repl.types(query, /2 \|[\s\S]*seeknal\[dev\]> $/), /orders/)
  await repl.types(`.env${KEYS.enter}`, /Production\.\s+seeknal> $/)
  assert.match(await repl.types(`.tables${KEYS.enter}`, PRODUCTION), /transform_daily/)
  assert.is(await repl.ends(KEYS.ctrlD), 0)
})

test('Ctrl-C drops what is typed, and interrupts a query without ending the session', async () => {
  const repl = await onTerminal(await applied(), ['repl'], PRODUCTION)
  await repl.types(`SELECT${KEYS.enter}`, /\.\.\.> $/)
  await repl.types(`nonsense${KEYS.ctrlC}`, PRODUCTION)
  await repl.types(`SELECT 1 AS one;${KEYS.enter}`, /\(1 row\)[\s\S]*seeknal> $/)
  await repl.types(`SELECT count(*) FROM range(1000000000) a, range(1000000000) b;${KEYS.enter}`, /b;\s+$/)
  await new Promise((resume) => setTimeout(resume, 300))
  assert.match(await repl.types(KEYS.ctrlC, PRODUCTION, 500), /[Ii]nterrupt/)
  await repl.types(`SELECT 2 AS two;${KEYS.enter}`, /\(1 row\)[\s\S]*seeknal> $/)
  assert.is(await repl.ends(KEYS.ctrlD), 0)
})

test('The REPL only reads', async () => {
  const folder = await applied()
  const before = production(folder)
  const repl = await onTerminal(folder, ['repl', '--env', 'dev'], DEV)
  for (const sql of [
    'DROP VIEW transform_daily',
    'DELETE FROM transform_daily',
    `COPY transform_daily TO '${join(folder, 'stolen.csv')}'`,
    `ATTACH '${join(folder, 'other.db')}'`,
    'SET enable_external_access = true',
  ])
    assert.match(await repl.types(`${sql};${KEYS.enter}`, DEV), /only reads/, sql)
  assert.match(await repl.types(`FROM read_text('/etc/passwd');${KEYS.enter}`, DEV), /Permission|disabled/)
  assert.is(await repl.ends(KEYS.ctrlD), 0)
  assert.equal(production(folder), before)
  assert.not.ok(existsSync(join(folder, 'stolen.csv')) || existsSync(join(folder, 'other.db')))
})

test('What cannot be undone by itself asks first: anything but yes is no', async () => {
  const folder = await applied()
  const before = production(folder)
  const QUESTION = /Promote 'dev' to production\? \[y\/N\] $/
  const no = await onTerminal(folder, ['env', 'promote', 'dev'], QUESTION)
  assert.match(no.start, /~ transform\.daily/)
  assert.is(await no.ends(`n${KEYS.enter}`), 0)
  assert.equal(production(folder), before)
  const other = await onTerminal(
    folder,
    ['promote', 'dev', 'staging'],
    /Promote 'dev' to environment 'staging'\? \[y\/N\] $/,
  )
  assert.is(await other.ends(`y${KEYS.enter}`), 0)
  assert.ok(existsSync(join(folder, 'target/environments/staging/plan.json')))
  const yes = await onTerminal(folder, ['env', 'promote', 'staging'], /\[y\/N\] $/)
  assert.is(await yes.ends(`yes${KEYS.enter}`), 0)
  assert.is(production(folder)['.'], 'generations/2')
  const back = await onTerminal(folder, ['rollback'], /Go back from generation 2 to 1\? \[y\/N\] $/)
  assert.is(await back.ends(`y${KEYS.enter}`), 0)
  assert.equal(production(folder), before)
  const gone = await onTerminal(folder, ['env', 'delete', 'dev'], /Delete environment 'dev'\? \[y\/N\] $/)
  assert.is(await gone.ends(KEYS.ctrlC), 130)
  const left = await onTerminal(folder, ['env', 'delete', 'dev'], /\[y\/N\] $/)
  assert.is(await left.ends(KEYS.ctrlD), 0)
  assert.ok(existsSync(join(folder, 'target/environments/dev')))
})

test.run()
