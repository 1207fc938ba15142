// What holds for every bundle, shown on every golden project.

import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { writeBundle } from '../runtime/bundle/directory.ts'
import { retarget } from '../runtime/bundle/retarget.ts'
import { opened } from '../runtime/bundle/verify.ts'
import type { Bundle, NamespaceSpan } from '../runtime/contract/bundle.ts'
import { environmentName } from '../runtime/contract/ids.ts'
import { once } from '../runtime/contract/once.ts'
import { open } from '../runtime/open.ts'
import { bundleOf } from './support/compile.ts'
import { baseOf, goldenBundle, goldenCase, goldenCases } from './support/golden.ts'
import { rejects } from './support/rejects.ts'
import { suite } from './support/suite.ts'
import { tempFolder } from './support/temp.ts'

const test = suite('laws of bundles')

/** The file without what the environment put in. */
function stripped(bundle: Bundle, file: string): string {
  const bytes = Buffer.from(bundle.files.get(file) ?? '')
  const spans = bundle.contract.namespaces.filter((span) => span.file === file).sort((a, b) => b.start - a.start)
  return spans.reduce<Buffer>((left, span) => without(left, span), bytes).toString()
}

function without(bytes: Buffer, { start, text, identifier }: NamespaceSpan): Buffer {
  const end = start + Buffer.byteLength(text)
  assert.is(bytes.subarray(start, end).toString(), text)
  assert.is(bytes.subarray(end, end + Buffer.byteLength(identifier)).toString(), identifier)
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
}

for (const golden of goldenCases()) {
  const project = join(golden.folder, 'project')
  const production = once(() => bundleOf(project))
  const bundle = once(() => (golden.environment === undefined ? production() : goldenBundle(golden)))

  test(`${golden.name}: a step of an environment without its prefixes is production's step`, async () => {
    const { contract, files } = await production()
    const everything = await bundleOf(project, { environment: 'dev' })
    assert.equal(
      everything.contract.steps.map((step) => step.id),
      contract.steps.map((step) => step.id),
    )
    assert.equal(contract.namespaces, [])
    for (const made of [everything, await bundle()])
      for (const { file } of made.contract.steps) assert.is(stripped(made, file), files.get(file), file)
  })

  test(`${golden.name}: made for another environment it is what compiling for that one gives`, async () => {
    for (const base of [null, await baseOf(golden)])
      for (const [from, to] of [
        ['dev', 'staging'],
        ['my-env_', 'x'],
        ['x', 'a_'],
      ]) {
        const name = environmentName(to ?? '')
        if (name === undefined) throw new Error(`${to} is no name`)
        const made = retarget(opened(await bundleOf(project, { environment: from ?? '', base })), name)
        const wanted = await bundleOf(project, { environment: name, base })
        for (const [path, text] of wanted.files) assert.is(made.files.get(path), text, path)
        assert.equal(made.contract, wanted.contract)
        assert.is(made.files.size, wanted.files.size)
      }
  })

  test(`${golden.name}: what is written is what is opened`, async () => {
    const made = await bundle()
    const folder = join(tempFolder(), 'bundle')
    writeBundle(folder, made)
    const found = await open(folder)
    assert.equal([...found.files].sort(), [...made.files].sort())
    assert.equal(found.contract, made.contract)
  })

  test(`${golden.name}: against itself nothing changes and nothing executes`, async () => {
    const { manifest } = opened(await production())
    const again = opened(await bundleOf(project, { environment: 'dev', base: manifest }))
    assert.equal(again.manifest, manifest)
    assert.equal(again.diff.changes, [])
    assert.equal(again.contract.steps, [])
  })
}

test('A bundle that does not say where it names its environment is not made for another', async () => {
  const made = opened(await goldenBundle(goldenCase('added-column')))
  const { names: _, ...contract } = made.contract
  const staging = environmentName('staging')
  if (staging === undefined) throw new Error('no name')
  await rejects(async () => retarget({ ...made, contract }, staging), 'BUNDLE_INVALID')
})

test.run()
