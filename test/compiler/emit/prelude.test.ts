import * as assert from 'uvu/assert'
import { preludeText } from '../../../compiler/emit/prelude.ts'
import { CLOCK_MACROS } from '../../../runtime/contract/clock.ts'
import { CLOCK_NAMES } from '../../../runtime/contract/engine-names.ts'
import { Session } from '../../support/duckdb.ts'
import { suite } from '../../support/suite.ts'

const test = suite('prelude')

async function withPrelude(timeZone = 'UTC'): Promise<Session> {
  const session = await Session.open()
  await session.rows(`SET TimeZone = '${timeZone}'`)
  await session.rows("SET VARIABLE run_timestamp = TIMESTAMPTZ '2020-02-03 04:05:06+00'")
  await session.script(preludeText())
  return session
}

/** What stands for a name of the clock: some are words of the parser, some calls. */
const CALLS: Readonly<Record<string, string>> = {
  ago: "ago(INTERVAL '0' DAY)",
  current_time: 'current_time',
  current_timestamp: 'current_timestamp',
  localtime: 'localtime',
  localtimestamp: 'localtimestamp',
}

test('Every way to ask for the time gives the time of the run, in the type of the built-in', async () => {
  const [plain, made] = [await Session.open(), await withPrelude()]
  for (const name of CLOCK_NAMES) {
    const call = CALLS[name] ?? `${name}()`
    assert.equal(await made.rows(`SELECT typeof(${call})`), await plain.rows(`SELECT typeof(${call})`), call)
    const [[text] = []] = await made.rows(`SELECT CAST(${call} AS VARCHAR)`)
    assert.match(text ?? '', /^(2020-02-03( 04:05:06(\+00)?)?|04:05:06(\+00)?)$/, call)
  }
})

test('An age counts to the day of the run; between two moments it is the one of the built-in', async () => {
  const [plain, made] = [await Session.open(), await withPrelude()]
  const arguments_ = [
    "DATE '2019-01-31'",
    "TIMESTAMP '2019-03-04 05:06:07'",
    "TIMESTAMPTZ '2021-12-31 23:30:00+00'",
    'NULL',
  ]
  for (const argument of arguments_) {
    const counted = await plain.rows(`SET TimeZone = 'UTC'; SELECT age(TIMESTAMP '2020-02-03', ${argument})`)
    assert.equal(await made.rows(`SELECT age(${argument})`), counted, argument)
    const two = `SELECT age(${argument}, TIMESTAMP '2001-02-28 10:00:00'), age(TIMESTAMPTZ '2001-02-28 10:00:00+00', ${argument})`
    assert.equal(await made.rows(two), await plain.rows(two), argument)
  }
  const west = await withPrelude('America/New_York')
  assert.equal(await west.rows("SELECT CAST(age(TIMESTAMP '2020-02-01') AS VARCHAR), CAST(current_date AS VARCHAR)"), [
    ['1 day', '2020-02-02'],
  ])
})

test('The prelude makes the macros of the clock and nothing else', () => {
  const made = [...preludeText().matchAll(/^CREATE OR REPLACE TEMP MACRO (\w+)\(/gm)].map((match) => match[1])
  assert.equal(made, [...CLOCK_MACROS])
  assert.is(preludeText().match(/;/g)?.length, made.length)
})

test.run()
