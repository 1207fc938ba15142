// The committed golden bundles are the reference: the same project, however and wherever it is compiled, gives their digest.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import type { ProjectFile } from '../compiler/load.ts'
import { archiveOf } from '../runtime/bundle/archive.ts'
import { sha256 } from '../runtime/contract/canonical-json.ts'
import { goldenBundle, goldenCases, projectOf } from './support/golden.ts'
import { seeded } from './support/random.ts'
import { suite } from './support/suite.ts'

const test = suite('determinism')
const cases = goldenCases()

const expected = Object.fromEntries(
  cases.map(({ name, folder }) => [name, JSON.parse(readFileSync(join(folder, 'bundle/bundle.json'), 'utf8')).digest]),
)

const random = seeded(7)
const shuffled = (files: readonly ProjectFile[]): readonly ProjectFile[] =>
  files
    .map((file) => [random.next(), file] as const)
    .sort(([a], [b]) => a - b)
    .map(([, file]) => file)

test('Neither the folder nor the order in which files are listed matters, and no bundle names the folder', async () => {
  const found: Record<string, string> = {}
  for (const golden of cases) {
    const folder = projectOf(golden)
    const bundle = await goldenBundle(golden, folder, { files: shuffled })
    found[golden.name] = bundle.contract.digest
    for (const [path, text] of bundle.files) assert.not.ok(text.includes(folder), `${golden.name}: ${path}`)
  }
  assert.equal(found, expected)
})

test('Neither time zone nor locale nor process matters', () => {
  const program = fileURLToPath(new URL('./programs/golden-digests.js', import.meta.url))
  const env = { ...process.env, TZ: 'Pacific/Kiritimati', LC_ALL: 'sv_SE.UTF-8', LANG: 'sv_SE.UTF-8' }
  const far = JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8', env }))
  assert.is(far.hour, 14, 'the other time zone is in effect')
  assert.equal(far.digests, expected)
})

test('An archive of a bundle is the same, byte for byte', async () => {
  const [golden] = cases
  if (golden === undefined) return
  const bundle = await goldenBundle(golden)
  const reversed = { ...bundle, files: new Map([...bundle.files].reverse()) }
  assert.is(sha256(await archiveOf(reversed)), sha256(await archiveOf(bundle)))
})

test.run()
