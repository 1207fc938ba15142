// A bundle that was not compiled here says what it likes: its digests fit, its fingerprints are only its own words. What
// it makes is never taken for what the project's own steps would make, unless they do the same.

import * as assert from 'uvu/assert'
import type { Bundle, NamespaceSpan } from '../../runtime/contract/bundle.ts'
import { environmentName } from '../../runtime/contract/ids.ts'
import type { Manifest } from '../../runtime/contract/manifest.ts'
import { promote, rollback } from '../../runtime/promote.ts'
import { readProduction } from '../../runtime/store/generations.ts'
import { openStore } from '../../runtime/store/store.ts'
import { type Forgery, forge } from '../support/forge.ts'
import { prepared } from '../support/prepared.ts'
import { exec, rowsOf, run, shop, shopProject, withStatus } from '../support/runtime-project.ts'
import { suite } from '../support/suite.ts'

const test = suite('foreign bundles')

const base = (project: string): Manifest | null => readProduction(openStore(project))?.manifest ?? null

const LONG_AGO = "CAST(now() < TIMESTAMPTZ '1900-01-01 00:00:00+00' AS INTEGER)"
const CHANGE = { 'transform.clean': { sql: `SELECT id, v + 2 + ${LONG_AGO} AS v FROM source.raw` } }
const STEPS = ['transform.clean', 'transform.sums', 'transform.both']
const TRUE_ROWS = '[[34,"3"]]'
const DEV = 'target/environments/dev/intermediate'

/** The places where makeBundle puts the prefix. */
function spansOf(files: ReadonlyMap<string, string>): NamespaceSpan[] {
  return [...files].flatMap(([file, text]) =>
    file.startsWith('apply/')
      ? [...text.matchAll(/dev_(?=outputs')/g)].map(({ index }) => ({
          file,
          start: Buffer.byteLength(text.slice(0, index)),
          text: 'dev_',
          identifier: 'outputs',
          role: 'root' as const,
          reason: '',
        }))
      : [],
  )
}

/** What compiling the change for dev would give, with what an attacker did to it. */
function devBundle(project: string, forgery: (bundle: Bundle) => Forgery = () => ({})) {
  const honest = shop(CHANGE, { environment: 'dev', base: base(project), steps: STEPS })
  const spanned = forge(honest, { contract: { namespaces: spansOf(honest.files) } })
  const { files = {}, contract = {} } = forgery(spanned)
  const texts = new Map([...spanned.files, ...Object.entries(files)])
  return forge(spanned, { files, contract: { namespaces: spansOf(texts), ...contract } })
}

/** A step's text with something in it replaced. */
const other =
  (node: string, from: string, to: string) =>
  ({ files }: Bundle): Forgery => {
    const text = files.get(`apply/${node}.sql`) ?? ''
    assert.ok(text.includes(from), `${node} holds ${from}`)
    return { files: { [`apply/${node}.sql`]: text.replace(from, to) } }
  }

const inProduction = prepared(async () => {
  const project = shopProject()
  await run(project, shop())
  return project
})

const dev = () => {
  const name = environmentName('dev')
  if (name === undefined) throw new Error('dev')
  return name
}

const forgeries: Readonly<Record<string, (bundle: Bundle) => Forgery>> = {
  'whose step is not its definition': other('transform.clean', 'v + 2', '666'),
  'whose prelude makes the clock something else': () => ({
    files: { 'prelude.sql': "CREATE OR REPLACE TEMP MACRO now() AS TIMESTAMPTZ '0500-01-01 00:00:00+00';\n" },
  }),
  'that hides what it put in among its prefixes': (bundle) => {
    const text = (bundle.files.get('apply/transform.clean.sql') ?? '').replace('v + 2', 'v + 2 + 664')
    const start = text.indexOf(' + 664')
    const span = { file: 'apply/transform.clean.sql', start, text: ' + 664', identifier: 'v', role: 'read', reason: '' }
    const texts = new Map([...bundle.files, ['apply/transform.clean.sql', text]])
    return {
      files: { 'apply/transform.clean.sql': text },
      contract: {
        namespaces: [span as NamespaceSpan, ...spansOf(texts)].sort((a, b) => a.start - b.start),
      },
    }
  },
  'that gives its own input for that of the definition': (bundle) => {
    const manifest: Manifest = JSON.parse(bundle.files.get('manifest.json') ?? '')
    const honest = manifest.nodes.find((node) => node.id === 'transform.sums')?.inputs
    const forged = { ...manifest, nodes: manifest.nodes.map((node) => ({ ...node })) }
    const clean = forged.nodes.find((node) => node.id === 'transform.clean')
    if (clean !== undefined) clean.definition_fingerprint = 'f'.repeat(64)
    assert.is(honest?.length, 1)
    return {
      files: { 'manifest.json': JSON.stringify(forged), ...other('transform.clean', 'v + 2', '666')(bundle).files },
    }
  },
}

for (const [what, forgery] of Object.entries(forgeries)) {
  test(`What a bundle makes ${what} does not become production's`, async () => {
    const project = await inProduction()
    const { manifest: _, ...foreign } = devBundle(project, forgery)
    const forged = await exec(project, foreign)
    assert.is(forged.outcome, 'done')
    assert.is.not(await rowsOf(project, 'transform.both', DEV), TRUE_ROWS)
    const result = await run(project, shop(CHANGE))
    assert.equal(withStatus(result, 'reused'), [])
    assert.is(await rowsOf(project, 'transform.both'), TRUE_ROWS)
  })
}

test('What a bundle made whose steps do the same is taken from the store, under another prefix too', async () => {
  const project = await inProduction()
  await exec(project, devBundle(project))
  assert.is(await rowsOf(project, 'transform.both', DEV), TRUE_ROWS)
  const result = await run(project, shop(CHANGE))
  assert.equal(withStatus(result, 'reused'), [...STEPS].sort())
  assert.is(await rowsOf(project, 'transform.both'), TRUE_ROWS)
})

test('A foreign bundle that failed goes on where it stopped, and does nothing when it has been executed', async () => {
  const project = await inProduction()
  const broken = devBundle(project, other('transform.both', 'count(*)', "CAST('x' AS INTEGER)"))
  assert.is((await exec(project, broken)).outcome, 'failed')
  const repaired = await exec(project, devBundle(project))
  assert.equal(withStatus(repaired, 'reused'), ['transform.clean', 'transform.sums'])
  assert.is((await exec(project, devBundle(project))).outcome, 'nothing')
})

test("A foreign bundle takes the compiler's outputs, and does not put its own in their place", async () => {
  const project = await inProduction()
  await run(project, shop(CHANGE))
  await rollback({ projectDir: project })
  const forged = await exec(project, devBundle(project, other('transform.clean', 'v + 2', '666')))
  assert.equal(withStatus(forged, 'reused'), [...STEPS].sort())
  assert.is(
    (await exec(project, devBundle(project, other('transform.clean', 'v + 2', '666')), { full: true })).outcome,
    'done',
  )
  assert.is(await rowsOf(project, 'transform.both', DEV), '[[1332,"3"]]')
  const result = await run(project, shop(CHANGE))
  assert.equal(withStatus(result, 'reused'), [...STEPS].sort())
  assert.is(await rowsOf(project, 'transform.both'), TRUE_ROWS)
})

test('After a foreign bundle was promoted, a run executes what cannot be proven, and nothing when all can', async () => {
  const forged = await inProduction()
  await exec(forged, devBundle(forged, other('transform.clean', 'v + 2', '666')))
  await promote({ projectDir: forged, environment: dev() })
  assert.is(await rowsOf(forged, 'transform.both'), '[[1332,"3"]]')
  assert.equal(withStatus(await run(forged, shop(CHANGE)), 'executed'), [...STEPS].sort())
  assert.is(await rowsOf(forged, 'transform.both'), TRUE_ROWS)

  const honest = await inProduction()
  await exec(honest, devBundle(honest))
  await promote({ projectDir: honest, environment: dev() })
  assert.is((await run(honest, shop(CHANGE))).outcome, 'nothing')
})

test('A run of some nodes proves nothing about those that they read', async () => {
  const project = shopProject()
  await exec(project, forge(shop(), other('transform.clean', 'v + 1', '666')(shop())))
  await run(project, shop(), { select: (node) => node.id === 'transform.sums', full: true })
  assert.is(readProduction(openStore(project))?.state.unproven, true)
  const result = await run(project, shop())
  assert.equal(withStatus(result, 'executed'), [...STEPS].sort())
  assert.equal(withStatus(result, 'cached'), ['source.other', 'source.raw'])
  assert.is(await rowsOf(project, 'transform.both'), '[[32,"3"]]')
  assert.is(readProduction(openStore(project))?.state.unproven, undefined)
  assert.is((await run(project, shop())).outcome, 'nothing')
})

test('A compiled bundle that reads what a foreign one made proves nothing either', async () => {
  const project = shopProject()
  await exec(project, forge(shop(), other('transform.clean', 'v + 1', '666')(shop())))
  const change = { 'transform.sums': { sql: 'SELECT CAST(sum(v) AS INTEGER) * 10 AS total FROM transform.clean' } }
  const steps = ['transform.sums', 'transform.both']
  await run(project, shop(change, { environment: 'dev', base: base(project), steps }))
  const result = await run(project, shop(change))
  assert.equal(withStatus(result, 'executed'), [...STEPS].sort())
  assert.is(await rowsOf(project, 'transform.both'), '[[320,"3"]]')
})

test.run()
