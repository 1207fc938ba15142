// The example project of `init --example ecommerce`.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { exampleFiles } from '../compiler/cli/example-project.ts'
import { exampleData } from './support/example-data.ts'
import { queried, succeeds } from './support/seeknal.ts'
import { suite } from './support/suite.ts'
import { tempFolder } from './support/temp.ts'

const test = suite('example')

test('Its data files are what their generator makes, and small', () => {
  let sizeBytes = 0
  for (const [name, text] of Object.entries(exampleData())) {
    assert.is(exampleFiles().get(`data/${name}`), text, `run node dist-test/programs/example-data.js (${name})`)
    sizeBytes += text.length
  }
  assert.ok(sizeBytes < 400_000)
})

test('It runs at once, and then has nothing to do', () => {
  const folder = tempFolder('example')
  succeeds(folder, ['init', '--example', 'ecommerce'])
  for (const [path, text] of exampleFiles()) assert.is(readFileSync(join(folder, path), 'utf8'), text, path)
  const run = succeeds(folder, ['run', '--json'])
  const statuses = run
    .trim()
    .split('\n')
    .flatMap((line) => JSON.parse(line).status ?? [])
  assert.equal(
    statuses,
    Array.from({ length: 12 }, () => 'executed'),
  )
  assert.ok(existsSync(join(folder, 'target/intermediate/transform_customer_value.parquet')))
  assert.match(succeeds(folder, ['run']), /No changes detected/)
})

test('Its tables hold what its descriptions promise', () => {
  const folder = tempFolder('example')
  succeeds(folder, ['init', '--example', 'ecommerce'])
  succeeds(folder, ['run'])
  const counts = queried(
    folder,
    `SELECT
       (SELECT count(*) - count(DISTINCT order_id) FROM transform.orders_cleaned) AS repeated,
       (SELECT count(DISTINCT country) FROM transform.customers) AS countries,
       (SELECT count(*) FROM transform.order_lines WHERE quantity < 1) AS negative,
       (SELECT sum(revenue) FROM transform.daily_revenue) = (SELECT sum(revenue) FROM transform.category_performance) AS same`,
  )
  assert.is(counts, 'repeated,countries,negative,same\n0,6,0,true\n')
})

test.run()
