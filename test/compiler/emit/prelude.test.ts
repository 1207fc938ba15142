import * as assert from 'uvu/assert'
import { CLOCK, preludeText } from '../../../compiler/emit/prelude.ts'
import { CLOCK_FUNCTIONS } from '../../../runtime/engines/duckdb/clock.ts'
import { Session } from '../../support/duckdb.ts'
import { suite } from '../../support/suite.ts'

const test = suite('prelude')

test('The compiler and the engine know the same clock', () => {
  assert.equal(CLOCK, CLOCK_FUNCTIONS)
})

test('Every way to ask for the time gives the time of the run, in the type of the built-in', async () => {
  const [plain, made] = [await Session.open(), await Session.open()]
  await made.rows("SET TimeZone = 'UTC'")
  await made.rows("SET VARIABLE run_timestamp = TIMESTAMPTZ '2020-02-03 04:05:06+00'")
  await made.script(preludeText())
  const asked = [
    'now()',
    'current_timestamp',
    'get_current_timestamp()',
    'transaction_timestamp()',
    'current_date',
    'today()',
    'current_time',
    'get_current_time()',
    'localtimestamp',
    'current_localtimestamp()',
    'localtime',
    'current_localtime()',
  ]
  for (const call of asked) {
    assert.equal(await made.rows(`SELECT typeof(${call})`), await plain.rows(`SELECT typeof(${call})`), call)
    const [[text] = []] = await made.rows(`SELECT CAST(${call} AS VARCHAR)`)
    assert.match(text ?? '', /^(2020-02-03( 04:05:06(\+00)?)?|04:05:06(\+00)?)$/, call)
  }
})

test.run()
