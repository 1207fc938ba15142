import * as assert from 'uvu/assert'
import { schemas } from '../../../runtime/contract/json-schemas.ts'
import { misfits } from '../../../runtime/contract/schema.ts'
import { smallBundle } from '../../support/bundles.ts'
import { suite } from '../../support/suite.ts'

const test = suite('JSON Schemas of the contract')

/** As another program would read it: nothing but JSON. */
const plain = (name: keyof typeof schemas) => JSON.parse(JSON.stringify(schemas[name]))

test('They are plain JSON that says what it is', () => {
  for (const [name, schema] of Object.entries(schemas)) {
    assert.equal(JSON.parse(JSON.stringify(schema)), Object.fromEntries(Object.entries(schema)), name)
    assert.match(String(schema.$schema), 'json-schema.org')
    assert.ok(schema.title && schema.description, name)
  }
})

test('They accept the documents of a bundle and refuse others', () => {
  const { files } = smallBundle()
  for (const [name, path] of [
    ['bundle', 'bundle.json'],
    ['manifest', 'manifest.json'],
    ['diff', 'diff.json'],
  ] as const) {
    const document = JSON.parse(files.get(path) ?? '')
    assert.equal(misfits(plain(name), document), [], path)
    assert.is.not(misfits(plain(name), { ...document, more: 1 }).length, 0)
    assert.is.not(misfits(plain(name), { ...document, format: 'seeknal.bundle/9' }).length, 0)
  }
})

test.run()
