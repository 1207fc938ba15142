// Queries in DuckDB's dialect, executed on DuckDB as they are and on PostgreSQL as they are translated: the same columns,
// types and rows, or a refusal that points at what is refused.

import * as assert from 'uvu/assert'
import { WAY_OUT } from '../../../compiler/sql/translate.ts'
import { BothEngines, explained } from '../../support/both-engines.ts'
import { HOSTILE } from '../../support/hostile-tables.ts'
import { REFUSED_QUERIES } from '../../support/refused-queries.ts'
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

const MARK = '¦'

for (const [sentence, text] of Object.entries(REFUSED_QUERIES))
  test(`${sentence.replace(/^\S+ /, '')} is refused with its place and a way out`, async () => {
    const wrong: string[] = []
    for (const marked of queriesOf(text)) {
      const places = marked
        .split(MARK)
        .slice(0, -1)
        .map((_, i, parts) => parts.slice(0, i + 1).join('').length)
      const outcome = await (await engines()).compare(marked.replaceAll(MARK, ''))
      const findings = outcome.kind === 'refused' ? outcome.translation.findings : []
      const isRight =
        findings.length > 0 &&
        findings.every(({ code, hints }) => sentence.startsWith(`${code} `) && hints.at(-1) === WAY_OUT) &&
        (places.length === 0 || places.join() === findings.map(({ start }) => start).join())
      if (!isRight) wrong.push(`${marked}\n  ${explained(outcome)}`)
    }
    assert.is(wrong.length, 0, wrong.join('\n'))
  })

test('the connection is closed', async () => {
  await (await engines()).close()
})

test.run()
