// Laws of what the compiler says of a query, shown by executing random queries on two sets of data: a column depends on
// nothing but its lineage, and a query of which nothing is said gives the same rows whatever the order of its inputs' rows.

import * as assert from 'uvu/assert'
import { isReproducible } from '../runtime/contract/manifest.ts'
import { analysed } from './support/analysis.ts'
import { RandomData } from './support/random-data.ts'
import { Decisions } from './support/random-expressions.ts'
import { queryOf } from './support/random-queries.ts'
import { suite } from './support/suite.ts'

const test = suite('random queries')

test('a column keeps its values when columns that it does not depend on change theirs', async () => {
  const data = await RandomData.open()
  let checked = 0
  for (let seed = 0; seed < 60; seed++) {
    const { sql } = queryOf(new Decisions(seed), data.tables)
    const found = await analysed(sql, data.relations)
    if (
      found?.traced == null ||
      found.reproducibility.volatile.length + found.reproducibility.order_dependent.length > 0
    )
      continue
    const { rows, columns } = found.traced.lineage
    for (const column of found.columns) {
      const kept = new Set([...rows, ...(columns[column] ?? [])])
      const query = `SELECT "${column}" FROM (${sql})`
      assert.is(
        await data.rows(query, await data.changedBut(kept)),
        await data.rows(query, data.original),
        `${column} of ${sql}`,
      )
      checked += 1
    }
  }
  assert.ok(checked > 60, `only ${checked} columns were checked`)
})

test('a query of which nothing is said gives the same rows whatever the order of its inputs', async () => {
  const data = await RandomData.open()
  const shuffled = data.shuffled()
  let checked = 0
  for (let seed = 1000; seed < 1070; seed++) {
    const { sql } = queryOf(new Decisions(seed), data.tables)
    const found = await analysed(sql, data.relations)
    if (found === null || !isReproducible(found.reproducibility)) continue
    assert.is(await data.rows(sql, shuffled), await data.rows(sql, data.original), sql)
    checked += 1
  }
  assert.ok(checked > 25, `only ${checked} queries were checked`)
})

test.run()
