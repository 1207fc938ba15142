// Queries in DuckDB's dialect, executed on DuckDB as they are and on PostgreSQL as they are translated: the same columns,
// types and rows, or a refusal that points at what is refused.

import * as assert from 'uvu/assert'
import { BothEngines, explained } from '../../support/both-engines.ts'
import { HOSTILE } from '../../support/hostile-tables.ts'
import { suite } from '../../support/suite.ts'
import { TRANSLATED } from '../../support/translated-queries.ts'

const test = suite('translate')

let opened: Promise<BothEngines> | undefined
const engines = (): Promise<BothEngines> => {
  opened ??= BothEngines.open(HOSTILE)
  return opened
}

/** A query a line; a comment goes on in the next. */
const queriesOf = (text: string): readonly string[] =>
  text
    .trim()
    .replaceAll('-- another\n', '-- another\\n')
    .split('\n')
    .map((line) => line.replace('-- another\\n', '-- another\n'))

for (const [sentence, text] of Object.entries(TRANSLATED))
  test(sentence, async () => {
    const wrong: string[] = []
    for (const sql of queriesOf(text)) {
      const outcome = await (await engines()).compare(sql)
      if (outcome.kind !== 'same') wrong.push(`${sql}\n  ${explained(outcome)}`)
    }
    assert.is(wrong.length, 0, wrong.join('\n'))
  })

test('the connection is closed', async () => {
  await (await engines()).close()
})

test.run()
