// What the plan of an environment says about the project and production as they were, and as they are now.

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { cli, does, ends } from '../support/cli.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/plans-and-production')

const daily = 'seeknal/transforms/daily.yml'
const edit = (folder: string, path: string, from: string, to: string) => {
  const text = readFileSync(join(folder, path), 'utf8')
  assert.ok(text.includes(from), `${path} holds ${from}`)
  writeFileSync(join(folder, path), text.replace(from, to))
}

test('A plan names what a selection left due in production', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  edit(folder, daily, 'AS revenue', 'AS revenue, COUNT(*) AS orders')
  assert.not.match((await cli(folder, ['env', 'plan', 'dev'])).err, /Due in production/)
  appendFileSync(join(folder, 'data/orders.csv'), '4,b,1.00,2026-03-02\n')
  await does(folder, ['run', '--nodes', 'source.orders'])
  const { err } = await ends(0, folder, ['env', 'plan', 'dev'])
  assert.match(err, /read here as they are: transform\.orders_full \(made from an older source\.orders\)$/m)
  await does(folder, ['run', '--nodes', 'transform.orders_full'])
  assert.not.match((await cli(folder, ['env', 'plan', 'dev'])).err, /Due in production/)
})

test.run()
