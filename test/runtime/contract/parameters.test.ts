import * as assert from 'uvu/assert'
import { parameterSql, parsePlaceholder, runParameter } from '../../../compiler/sql/parameters.ts'
import { fillParameters } from '../../../runtime/contract/parameters.ts'
import { Session } from '../../support/duckdb.ts'
import { suite } from '../../support/suite.ts'

const test = suite('parameters of a path')

test('values of the run are put into a path, with defaults where there are some', () => {
  const path = 'data/{{ run_date }}/{{env.REGION|north}}/{{ env.ZONE|a b }}-{{ env.MISSING }}.csv'
  assert.is(
    fillParameters(path, { run_date: '2026-03-31', 'env.REGION': 'south' }),
    'data/2026-03-31/south/a b-{{ env.MISSING }}.csv',
  )
})

test('a moved date is the same in a path as in SQL', async () => {
  const session = await Session.open()
  for (const runDate of ['2026-01-01', '2024-02-29', '2026-12-31'])
    for (const written of [
      '{{ today(-31) }}',
      '{{ today(60) }}',
      '{{ month_start(-14) }}',
      '{{ month_start(1) }}',
      '{{ year_start(-1) }}',
      '{{ year_start(0) }}',
    ]) {
      const placeholder = parsePlaceholder(written)
      const parameter = placeholder === undefined ? undefined : runParameter(placeholder)
      if (parameter === undefined || typeof parameter === 'string') throw new Error(`${written} is no parameter`)
      await session.script(`SET VARIABLE run_date = '${runDate}'`)
      assert.equal(
        await session.rows(`SELECT ${parameterSql(parameter)}`),
        [[fillParameters(written, { run_date: runDate })]],
        `${runDate} ${written}`,
      )
    }
})

test.run()
