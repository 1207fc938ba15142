// Planning an environment, killed at each change below target/ (support/kill-everywhere.ts).

import * as assert from 'uvu/assert'
import { killEverywhere } from '../support/kill-everywhere.ts'
import { suite } from '../support/suite.ts'

const test = suite('plan-kill')

const plan = ['env', 'plan', 'dev']
const apply = ['env', 'apply', 'dev']
const applied = [['run'], ['edit'], plan, apply]

test('Killing a first plan of an environment', async () => {
  const points = await killEverywhere({ before: [['run'], ['edit']], args: plan, whole: true, locks: true })
  assert.ok(points >= 6, `${points}`)
})

test('Killing a plan in place of an applied one', async () => {
  const points = await killEverywhere({ before: [...applied, ['edit']], args: plan })
  assert.ok(points >= 8, `${points}`)
})

test.run()
