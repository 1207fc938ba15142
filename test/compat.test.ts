// Projects as users of the Python tool write them (fixtures/compat/<case>/) run unchanged through the built command and
// give the rows that their case.md shows.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { checkCase, readCase } from './support/case.ts'
import { suite } from './support/suite.ts'

const test = suite('compat')

for (const name of readdirSync('fixtures/compat')) {
  const fixture = join('fixtures/compat', name)
  test(`${name}: ${readCase(fixture).title}`, async () => {
    await checkCase(fixture)
  })
}

test.run()
