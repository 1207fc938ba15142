// Random queries, translated: each gives on PostgreSQL what it gives on DuckDB, or is refused. A query that stops on one
// engine must stop on the other: a random expression may divide a text.

import * as assert from 'uvu/assert'
import { BothEngines, explained, type Outcome } from './support/both-engines.ts'
import { Decisions } from './support/random-expressions.ts'
import { queryOf } from './support/random-queries.ts'
import { RANDOM_TABLES } from './support/random-tables.ts'
import { suite } from './support/suite.ts'

const test = suite('translated random queries')

const SEEDS = Number(process.env.SEEKNAL_TRANSLATED_SEEDS ?? 620)

test('random queries give the same rows on both engines or are refused', async () => {
  const engines = await BothEngines.open(
    RANDOM_TABLES.map(({ table }) => table),
    'sv-SE',
  )
  const counts: Record<Outcome['kind'], number> = { same: 0, refused: 0, 'both fail': 0, different: 0 }
  const wrong: string[] = []
  for (let seed = 0; seed < SEEDS; seed++) {
    const { sql } = queryOf(
      new Decisions(seed),
      RANDOM_TABLES.map(({ relation }) => relation),
    )
    if (!(await engines.binds(sql))) continue
    const outcome = await engines.compare(sql)
    counts[outcome.kind] += 1
    if (outcome.kind === 'different') wrong.push(`${seed}: ${sql}\n  ${explained(outcome)}`)
  }
  await engines.close()
  if (process.env.SEEKNAL_SHOW) console.log(JSON.stringify(counts))
  assert.is(wrong.length, 0, wrong.join('\n'))
  assert.ok(counts.same >= 200, JSON.stringify(counts))
})

test.run()
