// Whole bundles, byte for byte. `UPDATE_GOLDEN=1 npm test` writes what comes out as the new expectation, to be read as a
// diff; a fixture that expects nothing fails.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { noCache } from '../compiler/ports.ts'
import { readDirectory, writeBundle } from '../runtime/bundle/directory.ts'
import { goldenBundle, goldenCases } from './support/golden.ts'
import { suite } from './support/suite.ts'

const test = suite('golden bundles')
const update = process.env.UPDATE_GOLDEN === '1'

for (const golden of goldenCases()) {
  test(`${golden.name}: ${golden.title}`, async () => {
    const expectation = join(golden.folder, 'bundle')
    const bundle = await goldenBundle(golden, undefined, { cache: noCache })
    if (update) writeBundle(expectation, bundle)
    assert.ok(existsSync(expectation), `${expectation} is missing: UPDATE_GOLDEN=1 writes it`)
    const expected = readDirectory(expectation)
    for (const [path, text] of bundle.files)
      assert.is(text, Buffer.from(expected.get(path) ?? []).toString(), `${expectation}/${path}`)
    assert.equal([...expected.keys()].sort(), [...bundle.files.keys()].sort())
  })
}

test.run()
