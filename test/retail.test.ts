// The one big realistic project (fixtures/retail) through the built command.

import * as assert from 'uvu/assert'
import { checkCase, readCase } from './support/case.ts'
import { succeeds } from './support/seeknal.ts'
import { suite } from './support/suite.ts'

const test = suite('retail')
const fixture = 'fixtures/retail'

test(readCase(fixture).title, async () => {
  const folder = await checkCase(fixture)
  const again = succeeds(folder, ['run', '--date', '2026-03-31'])
  assert.match(again, /No changes detected/)
})

test.run()
