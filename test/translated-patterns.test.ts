// Random regular expressions of what is translated, on random texts: they match, replace and extract the same on both
// engines. RE2 takes the first match that its order of alternatives gives, PostgreSQL the longest.

import * as assert from 'uvu/assert'
import { BothEngines, explained } from './support/both-engines.ts'
import { type Random, seeded } from './support/random.ts'
import { suite } from './support/suite.ts'

const test = suite('translated patterns')

const PATTERNS = 30 * Number(process.env.SEEKNAL_TRANSLATED_FACTOR ?? 1)
const ATOMS = [
  'a',
  'b',
  'c',
  '.',
  '[ab]',
  '[^a]',
  '\\d',
  '\\w',
  '\\s',
  '[a-c]',
  '1',
  'é',
  '-',
  '\\.',
  '[\\d-]',
  ' ',
] as const
const REPEATS = ['', '', '', '*', '+', '?', '{2}', '{1,2}'] as const
const LETTERS = ['a', 'a', 'b', 'c', '1', '2', ' ', 'é', '-', '.', '\n', 'B', '_'] as const

function pattern(random: Random, depth: number): string {
  const parts = Array.from({ length: random.between(1, 4) }, () => {
    if (depth > 0 && random.chance(0.3)) {
      const inner = pattern(random, depth - 1)
      return `${random.pick(['(', '(?:'])}${random.chance(0.3) ? `${inner}|${pattern(random, 0)}` : inner})${random.pick(['', '', '?', '*'])}`
    }
    return random.pick(ATOMS) + random.pick(REPEATS)
  })
  return (random.chance(0.15) ? '^' : '') + parts.join('') + (random.chance(0.15) ? '$' : '')
}

test('patterns match, replace and extract the same', async () => {
  const random = seeded(20_261_126)
  const texts = Array.from({ length: 40 }, () =>
    Array.from({ length: random.between(0, 7) }, () => random.pick(LETTERS)).join(''),
  )
  const rows = texts.map((text, i) => [`'${i}'`, `'${text}'`])
  const columns = [
    { name: 'k', type: 'INTEGER' },
    { name: 's', type: 'VARCHAR' },
  ]
  const engines = await BothEngines.open([{ name: 'p', columns, rows }], 'de-DE')
  let same = 0
  try {
    for (let i = 0; i < PATTERNS; i++) {
      const form = pattern(random, 2)
      for (const value of [
        `regexp_matches(s, '${form}')`,
        `regexp_full_match(s, '${form}')`,
        `regexp_replace(s, '${form}', '<\\0>')`,
        `regexp_replace(s, '${form}', 'x', 'g')`,
        `regexp_extract(s, '${form}', 0)`,
        `regexp_extract(s, '${form}', 1)`,
      ]) {
        const sql = `SELECT k, ${value} AS v FROM source.p`
        const outcome = (await engines.binds(sql)) ? await engines.compare(sql) : null
        assert.is.not(outcome?.kind, 'different', `${sql}: ${outcome && explained(outcome)}`)
        if (outcome?.kind === 'same') same += 1
      }
    }
  } finally {
    await engines.close()
  }
  assert.ok(same > PATTERNS * 2, `only ${same} were translated`)
})

test.run()
