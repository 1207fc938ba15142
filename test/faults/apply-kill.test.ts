// Applying an environment, killed at each change below target/ (support/kill-everywhere.ts).

import * as assert from 'uvu/assert'
import { killEverywhere } from '../support/kill-everywhere.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'

const test = suite('apply-kill')

const plan = ['env', 'plan', 'dev']
const apply = ['env', 'apply', 'dev']
const applied = [['run'], ['edit'], plan, apply]

const daily = 'seeknal/transforms/daily.yml'
const checked = { [daily]: `${shop[daily]}tests:\n  - {type: unique, columns: [day]}\n` }

test('Killing an apply over an earlier one, with a check', async () => {
  const points = await killEverywhere({ files: checked, before: [...applied, ['edit'], plan], args: apply })
  assert.ok(points >= 18, `${points}`)
})

test.run()
