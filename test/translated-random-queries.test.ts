// Random queries and random expressions, translated: each gives on PostgreSQL what it gives on DuckDB, or is refused. A
// number that leaves its type, or a text that is no number, may stop one engine alone: never are the rows other ones. And texts
// in PostgreSQL's dialect that DuckDB is said to read alike, and edits of such.

import * as assert from 'uvu/assert'
import { BothEngines, explained, type Outcome } from './support/both-engines.ts'
import { HOSTILE } from './support/hostile-tables.ts'
import { PostgresqlReadings } from './support/postgresql-readings.ts'
import { seeded } from './support/random.ts'
import { randomEdit } from './support/random-edits.ts'
import { Decisions } from './support/random-expressions.ts'
import { queryOf } from './support/random-queries.ts'
import { RANDOM_TABLES } from './support/random-tables.ts'
import { valuesQuery } from './support/random-values.ts'
import { suite } from './support/suite.ts'

const test = suite('translated random queries')

/** More for a longer search. */
const FACTOR = Number(process.env.SEEKNAL_TRANSLATED_FACTOR ?? 1)

async function checked(engines: BothEngines, queries: readonly string[]): Promise<Record<Outcome['kind'], number>> {
  const counts: Record<Outcome['kind'], number> = { same: 0, refused: 0, 'both fail': 0, 'one stops': 0, different: 0 }
  const wrong: string[] = []
  try {
    for (const sql of queries) {
      if (!(await engines.binds(sql))) continue
      const outcome = await engines.compare(sql)
      counts[outcome.kind] += 1
      if (outcome.kind === 'different') wrong.push(`${sql}\n  ${explained(outcome)}`)
    }
  } finally {
    await engines.close()
  }
  assert.is(wrong.length, 0, wrong.join('\n'))
  return counts
}

test('random joins, groups, windows and set operations give the same rows on both engines or are refused', async () => {
  const engines = await BothEngines.open(
    RANDOM_TABLES.map(({ table }) => table),
    'sv-SE',
  )
  const relations = RANDOM_TABLES.map(({ relation }) => relation)
  const seeds = Array.from({ length: 300 * FACTOR }, (_, seed) => queryOf(new Decisions(seed), relations).sql)
  const counts = await checked(engines, seeds)
  assert.ok(counts.same >= 80 * FACTOR && counts['one stops'] <= 3 * FACTOR, JSON.stringify(counts))
})

test('random expressions of all that is translated give the same values on both engines or are refused', async () => {
  const engines = await BothEngines.open(HOSTILE, 'en-US')
  const seeds = Array.from({ length: 180 * FACTOR }, (_, seed) => valuesQuery(new Decisions(seed)))
  const counts = await checked(engines, seeds)
  assert.ok(counts.same >= 140 * FACTOR && counts['one stops'] <= 6 * FACTOR, JSON.stringify(counts))
})

test('a text that is said to be read alike by both engines has the same rows on both as it stands', async () => {
  const [plain, hostile] = [
    await BothEngines.open(
      RANDOM_TABLES.map(({ table }) => table),
      'de-DE',
    ),
    await BothEngines.open(HOSTILE, 'da-DK'),
  ]
  const relations = RANDOM_TABLES.map(({ relation }) => relation)
  const random = seeded(11)
  const wrong: string[] = []
  let alike = 0
  const check = async (engines: BothEngines, readings: PostgresqlReadings, sql: string): Promise<void> => {
    if ((await readings.query(sql)) === null) return
    alike++
    const outcome = await engines.compareAsItIs(sql)
    if (outcome.kind === 'different') wrong.push(`${sql}\n  ${explained(outcome)}`)
  }
  try {
    const [ofPlain, ofHostile] = [new PostgresqlReadings(plain.relations), new PostgresqlReadings(hostile.relations)]
    for (let seed = 0; seed < 60 * FACTOR; seed++) {
      await check(plain, ofPlain, queryOf(new Decisions(seed), relations).sql)
      await check(hostile, ofHostile, valuesQuery(new Decisions(seed)))
      await check(hostile, ofHostile, randomEdit(random).old)
    }
  } finally {
    await plain.close()
    await hostile.close()
  }
  assert.is(wrong.length, 0, wrong.join('\n'))
  assert.ok(alike >= 15 * FACTOR, `${alike} texts`)
})

test('an edit that is said to change no row by the plans of texts that are read alike changes none on the server', async () => {
  const engines = await BothEngines.open(HOSTILE, 'fr-FR')
  const random = seeded(5)
  const readings = new PostgresqlReadings(engines.relations)
  let claims = 0
  try {
    for (let turn = 0; turn < 120 * FACTOR; turn++) {
      const { old, now, columns } = randomEdit(random)
      const tuple = columns.filter(() => random.chance(0.7))
      if (old === now || (await readings.isSame(old, now, tuple)) !== true) continue
      claims++
      const [before, after] = [await engines.rowsOf(old, tuple), await engines.rowsOf(now, tuple)]
      if (!before.startsWith('error:') && !after.startsWith('error:'))
        assert.is(after, before, `${tuple}\n${old}\n${now}`)
    }
  } finally {
    await engines.close()
  }
  assert.ok(claims >= 10 * FACTOR, `${claims} claims`)
})

test.run()
