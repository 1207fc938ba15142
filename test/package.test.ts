// What is published.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { command, succeeds } from './support/seeknal.ts'
import { suite } from './support/suite.ts'
import { tempFolder } from './support/temp.ts'

const test = suite('package')
const manifest: { readonly version: string; readonly dependencies: object } = JSON.parse(
  readFileSync('package.json', 'utf8'),
)

test('Installing the package installs only what cannot be bundled', () => {
  assert.equal(Object.keys(manifest.dependencies).sort(), ['@duckdb/node-api', 'libpg-query'])
})

test('The published files are the built command and its documents', () => {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8' })
  const [packed]: { readonly files: readonly { readonly path: string }[] }[] = JSON.parse(stdout)
  const paths = packed?.files.map((file) => file.path) ?? []
  const documents = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']
  assert.equal(paths.filter((path) => !path.startsWith('dist/')).sort(), documents)
  assert.ok(paths.includes('dist/THIRD_PARTY_NOTICES.txt'))
})

test('The licences of what is bundled are published with it', () => {
  const notices = readFileSync(join(dirname(command), '../../THIRD_PARTY_NOTICES.txt'), 'utf8')
  for (const name of ['citty', 'handlebars', 'typebox', 'yaml', '@ts-morph/common', 'TypeScript'])
    assert.match(notices, new RegExp(`^${name} `, 'm'))
  assert.match(notices, /Copyright \(c\) Microsoft Corporation/)
})

test('--version says the version of the package', () => {
  assert.is(succeeds(tempFolder(), ['--version']).trim(), manifest.version)
})

test.run()
