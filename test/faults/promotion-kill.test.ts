// Promoting, going back and deleting, killed at each change below target/ (support/kill-everywhere.ts).

import * as assert from 'uvu/assert'
import { killEverywhere } from '../support/kill-everywhere.ts'
import { suite } from '../support/suite.ts'

const test = suite('promotion-kill')

const plan = ['env', 'plan', 'dev']
const apply = ['env', 'apply', 'dev']
const applied = [['run'], ['edit'], plan, apply]
const toStaging = ['env', 'promote', 'dev', 'staging', '--force']

test('Killing a promotion to production', async () => {
  const points = await killEverywhere({ before: applied, args: ['env', 'promote', 'dev'] })
  assert.ok(points >= 7, `${points}`)
})

test('Killing a promotion to an environment leaves the old one or the new one', async () => {
  const before = [...applied, toStaging, ['edit'], plan, apply]
  const points = await killEverywhere({ before, args: toStaging, whole: true })
  assert.ok(points >= 10, `${points}`)
})

test('Killing a rollback', async () => {
  const before = [...applied, ['env', 'promote', 'dev']]
  const points = await killEverywhere({ before, args: ['rollback', '--to', '1', '--yes'] })
  assert.ok(points >= 3, `${points}`)
})

test('Killing a deletion leaves the environment whole or removes it', async () => {
  const args = ['env', 'delete', 'dev', '--yes']
  const points = await killEverywhere({ before: applied, args, whole: true })
  assert.ok(points >= 2, `${points}`)
})

test.run()
