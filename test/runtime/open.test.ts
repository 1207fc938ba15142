import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import * as assert from 'uvu/assert'
import { archiveOf, readArchive, writeArchive } from '../../runtime/bundle/archive.ts'
import { writeBundle } from '../../runtime/bundle/directory.ts'
import { bundleDifference } from '../../runtime/bundle-diff.ts'
import { buildSteps } from '../../runtime/contract/bundle.ts'
import { prettyJson } from '../../runtime/contract/canonical-json.ts'
import type { RuntimeFailure } from '../../runtime/contract/failures.ts'
import { checkEngine, open } from '../../runtime/open.ts'
import { smallBundle, smallFiles, smallManifest } from '../support/bundles.ts'
import { rejects } from '../support/rejects.ts'
import { suite } from '../support/suite.ts'
import { tempFolder } from '../support/temp.ts'

const test = suite('open')

/** A directory that holds the small bundle. */
function written(): string {
  const folder = join(tempFolder('bundle'), 'bundle')
  writeBundle(folder, smallBundle())
  return folder
}

const texts = (files: ReadonlyMap<string, string>) => Object.fromEntries([...files].sort())

test('What was written is opened again, from a directory and from an archive', async () => {
  const bundle = smallBundle()
  const folder = written()
  const file = join(folder, '../bundle.tar.gz')
  await writeArchive(file, bundle)
  for (const path of [folder, file]) {
    const found = await open(path)
    assert.equal(texts(found.files), texts(bundle.files), path)
    assert.equal(found.contract, bundle.contract)
    assert.equal(found.manifest, smallManifest)
    assert.is(found.base, null)
  }
})

test('An archive has the same bytes whenever it is made', async () => {
  const first = await archiveOf(smallBundle())
  const [entry] = [...smallBundle().files].slice(-1)
  const shuffled = { contract: smallBundle().contract, files: new Map([entry ?? ['', ''], ...smallBundle().files]) }
  assert.is(Buffer.compare(first, await archiveOf(shuffled)), 0)
  assert.equal([...first.subarray(4, 8)], [0, 0, 0, 0], 'no time in the gzip header')
})

const tampered: Readonly<
  Record<
    string,
    {
      readonly change: (folder: string) => void
      readonly facts: Partial<Record<'changed' | 'missing' | 'extra', readonly string[]>>
    }
  >
> = {
  'a changed file': { change: (f) => appendFileSync(join(f, 'apply.sql'), '-- x'), facts: { changed: ['apply.sql'] } },
  'a changed step': {
    change: (f) => writeFileSync(join(f, 'apply/transform.first.sql'), 'SELECT 2'),
    facts: { changed: ['apply/transform.first.sql'] },
  },
  'a missing file': { change: (f) => rmSync(join(f, 'types.ts')), facts: { missing: ['types.ts'] } },
  'an extra file': { change: (f) => writeFileSync(join(f, 'apply/x.sql'), ''), facts: { extra: ['apply/x.sql'] } },
  'a renamed file': {
    change: (f) => renameSync(join(f, 'types.ts'), join(f, 'types.js')),
    facts: { missing: ['types.ts'], extra: ['types.js'] },
  },
  'a contract in another spelling': {
    change: (f) =>
      writeFileSync(
        join(f, 'bundle.json'),
        JSON.stringify(JSON.parse(readFileSync(join(f, 'bundle.json'), 'utf8')), null, 2),
      ),
    facts: { changed: ['bundle.json'] },
  },
  'a changed contract': {
    change: (f) =>
      writeFileSync(join(f, 'bundle.json'), readFileSync(join(f, 'bundle.json'), 'utf8').replace('"small"', '"large"')),
    facts: { changed: ['bundle.json'] },
  },
}

for (const [name, { change, facts }] of Object.entries(tampered)) {
  test(`A bundle with ${name} is refused, and the file is named`, async () => {
    const folder = written()
    change(folder)
    const failure: RuntimeFailure = await rejects(() => open(folder), 'BUNDLE_DIGEST_MISMATCH')
    assert.equal(failure.facts, { changed: [], missing: [], extra: [], ...facts })
    for (const path of Object.values(facts).flat()) assert.match(failure.message, path)
  })
}

test('A link in a bundle is refused, wherever it leads', async () => {
  const folder = written()
  rmSync(join(folder, 'types.ts'))
  symlinkSync('/etc/hostname', join(folder, 'types.ts'))
  await rejects(() => open(folder), 'BUNDLE_INVALID')
})

test('A path without a bundle and a folder that is none are told apart', async () => {
  await rejects(() => open(join(tempFolder(), 'nowhere')), 'BUNDLE_NOT_FOUND')
  await rejects(() => open(tempFolder()), 'BUNDLE_INVALID')
})

const forged: Readonly<Record<string, Parameters<typeof smallBundle>[0]>> = {
  'an output that leaves its folder': {
    contract: {
      steps: buildSteps(smallBundle().contract).map((s) => ({
        ...s,
        output: { ...s.output, file: '../../x.parquet' },
      })),
    },
  },
  'a step that reads what no step has made': { contract: { steps: [...smallBundle().contract.steps].reverse() } },
  'a step for an unknown node': {
    contract: {
      steps: smallBundle().contract.steps.map((s) => ({
        ...s,
        id: 'transform.x',
        node: 'transform.x',
        file: 'apply/transform.x.sql',
      })),
    },
  },
  'a prefix of another environment': { contract: { prefix: 'dev_' } },
  'a name that no environment can have': { contract: { environment: '../x', prefix: '../x_' } },
  'a base that is not there': { contract: { base: 'a'.repeat(64) } },
  'a path that leaves the bundle': { files: { '../x.sql': '' } },
  'an absolute path': { files: { '/tmp/x.sql': '' } },
  'an unknown member': { contract: { ...JSON.parse('{"extra": 1}') } },
  'two nodes with one output file': {
    files: {
      'manifest.json': prettyJson({
        ...smallManifest,
        nodes: [
          ...smallManifest.nodes,
          ...smallManifest.nodes.slice(0, 1).map((node) => ({ ...node, id: 'transform.x_y' })),
          ...smallManifest.nodes.slice(0, 1).map((node) => ({ ...node, id: 'transform_x.y' })),
        ],
      }),
    },
  },
  'a manifest that is none': { files: { 'manifest.json': '{}' } },
}

for (const [name, change] of Object.entries(forged)) {
  test(`A bundle with ${name} is refused although its digest fits`, async () => {
    const folder = join(tempFolder('bundle'), 'bundle')
    const bundle = smallBundle(change)
    const inside = [...bundle.files].filter(([path]) => !path.startsWith('../') && !path.startsWith('/'))
    writeBundle(folder, { ...bundle, files: new Map(inside) })
    await rejects(() => open(folder), 'BUNDLE_INVALID')
  })
}

test('A bundle of a newer format is refused as such', async () => {
  const folder = written()
  const newer = { ...smallBundle().contract, format: 'seeknal.bundle/2', what: 'is this' }
  writeFileSync(join(folder, 'bundle.json'), prettyJson(newer))
  await rejects(() => open(folder), 'BUNDLE_UNSUPPORTED')
})

test('An engine outside of the range is refused', async () => {
  const { contract } = smallBundle()
  checkEngine(contract, 'duckdb v1.5.6')
  for (const version of ['duckdb v1.4.9', 'duckdb v1.6.0', 'duckdb v2.0.0', 'postgresql v1.5.6'])
    await rejects(() => checkEngine(contract, version), 'BUNDLE_UNSUPPORTED')
})

/** A compressed archive of these entries. */
async function archive(
  entries: readonly (readonly [string, string, ('file' | 'symlink' | 'link')?])[],
): Promise<string> {
  const tar = pack()
  for (const [name, text, type = 'file'] of entries)
    tar.entry({ name, type, ...(type === 'file' ? {} : { linkname: '/etc/hostname' }) }, type === 'file' ? text : '')
  tar.finalize()
  const chunks: Uint8Array[] = []
  for await (const chunk of tar) chunks.push(chunk)
  const file = join(tempFolder(), 'bundle.tar.gz')
  writeFileSync(file, gzipSync(Buffer.concat(chunks)))
  return file
}

const whole = [...smallBundle().files].map(([path, text]) => [`bundle/${path}`, text] as const)

test('An archive that another tool packed is opened', async () => {
  assert.is(
    (await open(await archive(whole.map(([path, text]) => [`./${path}`, text] as const)))).contract.digest,
    smallBundle().contract.digest,
  )
})

test('A file that is no archive is said to be none', async () => {
  const file = join(tempFolder(), 'bundle.json')
  writeFileSync(file, '{}')
  assert.match((await rejects(() => open(file), 'BUNDLE_INVALID')).message, /it is no \.tar\.gz/)
})

test('An archive with links, paths that leave it, repeated or extra entries is refused', async () => {
  await rejects(async () => open(await archive([...whole, ['bundle/x', '', 'symlink']])), 'BUNDLE_INVALID')
  await rejects(async () => open(await archive([...whole, ['bundle/x', '', 'link']])), 'BUNDLE_INVALID')
  await rejects(async () => open(await archive([...whole, ['../x', 'x']])), 'BUNDLE_INVALID')
  await rejects(async () => open(await archive([...whole, ['/tmp/x', 'x']])), 'BUNDLE_INVALID')
  await rejects(async () => open(await archive([...whole, ['bundle/types.ts', 'other']])), 'BUNDLE_INVALID')
  await rejects(async () => open(await archive([...whole, ['bundle/x', 'x']])), 'BUNDLE_DIGEST_MISMATCH')
})

/** Fails unless `body` refuses within this much memory and time, in which nothing large can be read. */
async function refusesLarge(body: () => Promise<unknown>): Promise<void> {
  const before = process.memoryUsage().arrayBuffers
  const failure = await rejects(body, 'BUNDLE_INVALID')
  assert.is(failure.facts.bytes, 512 * 1024 * 1024, failure.message)
  assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024)
}

test('What is larger than a bundle can be is refused before it is read', async () => {
  const large = join(tempFolder(), 'bundle.tar.gz')
  writeFileSync(large, '')
  truncateSync(large, 3_000_000_000)
  await refusesLarge(() => open(large))
  const folder = written()
  truncateSync(join(folder, 'types.ts'), 3_000_000_000)
  await refusesLarge(() => open(folder))

  const bomb = join(tempFolder(), 'bomb.tar.gz')
  writeFileSync(bomb, gzipSync(Buffer.alloc(2 << 20)))
  await rejects(() => readArchive(bomb, bomb, { files: 10, bytes: 1 << 20 }), 'BUNDLE_INVALID')

  const tar = pack()
  tar.entry({ name: 'bundle/types.ts', size: 10_000_000_000 })
  const header: Buffer = await new Promise((resume) => tar.once('data', resume))
  writeFileSync(bomb, gzipSync(header))
  await refusesLarge(() => open(bomb))
  await rejects(() => open('/dev/zero'), 'BUNDLE_INVALID')
})

test('A damaged archive is refused', async () => {
  const file = join(tempFolder(), 'bundle.tar.gz')
  writeFileSync(file, (await archiveOf(smallBundle())).subarray(0, 300))
  await rejects(() => open(file), 'BUNDLE_INVALID')
  writeFileSync(file, 'no archive')
  await rejects(() => open(file), 'BUNDLE_INVALID')
})

test('Writing over a bundle replaces only what differs and removes only what was its own', async () => {
  const folder = written()
  writeFileSync(join(folder, 'notes.txt'), 'mine')
  const before = statSync(join(folder, 'types.ts')).ino
  const changed = smallBundle({
    files: { 'review.md': '# other\n' },
    contract: { steps: smallBundle().contract.steps.slice(0, 1) },
  })
  const files = new Map([...changed.files].filter(([path]) => path !== 'apply/transform.second.sql'))
  writeBundle(folder, { ...changed, files })
  assert.is(statSync(join(folder, 'types.ts')).ino, before)
  assert.is(readFileSync(join(folder, 'review.md'), 'utf8'), '# other\n')
  assert.equal(readdirSync(join(folder, 'apply')), ['transform.first.sql'])
  assert.is(readFileSync(join(folder, 'notes.txt'), 'utf8'), 'mine')
})

test('A folder with other things in it is left alone', async () => {
  const folder = tempFolder()
  writeFileSync(join(folder, 'thesis.txt'), 'years of work')
  await rejects(() => writeBundle(folder, smallBundle()), 'BUNDLE_INVALID')
  assert.equal(readdirSync(folder), ['thesis.txt'])
  mkdirSync(join(folder, 'linked'))
  symlinkSync('linked', join(folder, 'link'))
  await rejects(() => writeBundle(join(folder, 'link'), smallBundle()), 'BUNDLE_INVALID')
})

test('A bundle whose folder for steps is a link is not written through it', async () => {
  const folder = written()
  const elsewhere = tempFolder()
  rmSync(join(folder, 'apply'), { recursive: true })
  symlinkSync(elsewhere, join(folder, 'apply'))
  await rejects(() => writeBundle(folder, smallBundle()), 'BUNDLE_INVALID')
  assert.equal(readdirSync(elsewhere), [])
})

test('Writing over a bundle that somebody changed makes it whole again', async () => {
  const folder = written()
  const text = readFileSync(join(folder, 'types.ts'), 'utf8')
  writeFileSync(join(folder, 'types.ts'), text.toUpperCase())
  rmSync(join(folder, 'apply/transform.first.sql'))
  writeBundle(folder, smallBundle())
  assert.is((await open(folder)).files.get('types.ts'), text)
})

test('A bundle without steps leaves no folder behind, and nothing is removed through a link', async () => {
  const bundle = smallBundle({ contract: { steps: [] } })
  const files = new Map([...bundle.files].filter(([path]) => !path.startsWith('apply/')))
  const folder = written()
  writeBundle(folder, { ...bundle, files })
  assert.not.ok(readdirSync(folder).includes('apply'))
  const linked = written()
  const elsewhere = tempFolder()
  renameSync(join(linked, 'apply'), join(elsewhere, 'apply'))
  symlinkSync(join(elsewhere, 'apply'), join(linked, 'apply'))
  writeBundle(linked, { ...bundle, files })
  assert.is(readdirSync(join(elsewhere, 'apply')).length, 2)
})

test('A written bundle can be read by everyone who may read the folder above it', () => {
  const folder = written()
  assert.is(statSync(folder).mode & 0o777, 0o777 & ~process.umask())
})

test('An empty folder becomes the bundle', async () => {
  const folder = tempFolder()
  writeBundle(folder, smallBundle())
  assert.is((await open(folder)).contract.digest, smallBundle().contract.digest)
})

test('Two bundles are compared by steps, files and nodes', async () => {
  const first = await open(written())
  const manifest = { ...smallManifest, nodes: smallManifest.nodes.map((node) => ({ ...node, description: 'said' })) }
  const other = smallBundle({
    files: {
      'manifest.json': prettyJson(manifest),
      'apply/transform.first.sql': `${smallFiles['apply/transform.first.sql']}-- more\n`,
    },
    contract: { settings: { TimeZone: 'UTC' } },
  })
  const folder = join(tempFolder(), 'other')
  writeBundle(folder, other)
  const found = bundleDifference(first, await open(folder))
  assert.is(found.equal, false)
  assert.equal(found.head, ['settings'])
  assert.equal(found.files.changed, ['apply/transform.first.sql', 'manifest.json'])
  assert.equal(found.steps, { added: [], removed: [], changed: ['transform.first'] })
  assert.equal(found.nodes.members, { 'transform.first': ['description'], 'transform.second': ['description'] })
  assert.is(bundleDifference(first, first).equal, true)
})

test.run()
