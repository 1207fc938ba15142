import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { archiveOf } from '../runtime/bundle/archive.ts'
import { sha256 } from '../runtime/contract/canonical-json.ts'
import { goldenBundle, goldenCases, projectOf } from './support/golden.ts'
import { seeded } from './support/random.ts'
import { suite } from './support/suite.ts'

const test = suite('determinism')
const cases = goldenCases()

const digests = async (
  make: (golden: (typeof cases)[number]) => ReturnType<typeof goldenBundle>,
): Promise<Record<string, string>> => {
  const found: Record<string, string> = {}
  for (const golden of cases) found[golden.name] = (await make(golden)).contract.digest
  return found
}

test('The order in which files are listed does not matter', async () => {
  const random = seeded(7)
  const shuffled = await digests((golden) =>
    goldenBundle(golden, undefined, {
      files: (files) =>
        files
          .map((file) => [random.next(), file] as const)
          .sort(([a], [b]) => a - b)
          .map(([, file]) => file),
    }),
  )
  assert.equal(shuffled, await digests((golden) => goldenBundle(golden)))
})

test('Folder, process, time zone and locale do not matter', async () => {
  const program = fileURLToPath(new URL('./programs/golden-digests.js', import.meta.url))
  const run = (env: Readonly<Record<string, string>>) =>
    JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8', env: { ...process.env, ...env } }))
  const far = run({ TZ: 'Pacific/Kiritimati', LC_ALL: 'sv_SE.UTF-8', LANG: 'sv_SE.UTF-8' })
  assert.is(far.hour, 14, 'the other time zone is in effect')
  assert.equal(far.digests, await digests((golden) => goldenBundle(golden)))
})

test('No bundle names the folder that it was compiled in', async () => {
  for (const golden of cases) {
    const folder = projectOf(golden)
    const bundle = await goldenBundle(golden, folder)
    for (const [path, text] of bundle.files) assert.not.ok(text.includes(folder), `${golden.name}: ${path}`)
  }
})

test('An archive of a bundle is the same, byte for byte', async () => {
  const [golden] = cases
  if (golden === undefined) return
  const bundle = await goldenBundle(golden)
  const reversed = { ...bundle, files: new Map([...bundle.files].reverse()) }
  assert.is(sha256(await archiveOf(reversed)), sha256(await archiveOf(bundle)))
})

test.run()
