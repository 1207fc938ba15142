// Applying an environment, killed at each change below target/ (support/kill-everywhere.ts).

import * as assert from 'uvu/assert'
import { killEverywhere } from '../support/kill-everywhere.ts'
import { suite } from '../support/suite.ts'

const test = suite('apply-kill')

const plan = ['env', 'plan', 'dev']
const apply = ['env', 'apply', 'dev']
const applied = [['run'], ['edit'], plan, apply]

test('Killing an apply over an earlier one', async () => {
  const points = await killEverywhere({ before: [...applied, ['edit'], plan], args: apply })
  assert.ok(points >= 18, `${points}`)
})

test.run()
