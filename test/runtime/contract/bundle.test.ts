import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type BundleFile, resealed, sealed } from '../../../runtime/contract/bundle.ts'
import { sha256 } from '../../../runtime/contract/canonical-json.ts'
import { goldenCases } from '../../support/golden.ts'
import { suite } from '../../support/suite.ts'

const test = suite('contract of a bundle')

for (const { name, folder } of goldenCases()) {
  const text = readFileSync(join(folder, 'bundle/bundle.json'), 'utf8')
  const { digest, ...unsigned }: BundleFile = JSON.parse(text)

  test(`${name}: the digest is that of the text without its line`, () => {
    const others = text.split('\n').filter((line) => !line.startsWith('  "digest": '))
    assert.is(digest, createHash('sha256').update(others.join('\n')).digest('hex'))
    assert.equal(sealed(unsigned), { contract: { ...unsigned, digest }, text })
  })

  test(`${name}: with other digests of files the text is that of the other contract`, () => {
    const paths = Object.keys(unsigned.files)
    for (const changed of [[], paths.slice(0, 1), paths.slice(-1), paths.filter((_, i) => i % 2 === 0), paths]) {
      const digests = new Map(changed.map((path) => [path, sha256(path)]))
      const files = { ...unsigned.files, ...Object.fromEntries(digests) }
      assert.is(resealed(text, digests), sealed({ ...unsigned, files }).text)
    }
    assert.throws(() => resealed(text, new Map([['nowhere.sql', sha256('')]])), /does not name 'nowhere.sql'/)
  })
}

test.run()
