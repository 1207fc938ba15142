// A bundle that says something else of its checks than its manifest is refused; one that asks something else than the
// project would is executed, and what came out of it is not taken for an answer to the project's question.

import * as assert from 'uvu/assert'
import { verify } from '../../runtime/bundle/verify.ts'
import type { Bundle, BundleFile, CheckStep } from '../../runtime/contract/bundle.ts'
import { prettyJson } from '../../runtime/contract/canonical-json.ts'
import { readProduction } from '../../runtime/store/generations.ts'
import { openStore } from '../../runtime/store/store.ts'
import { type Forgery, forge } from '../support/forge.ts'
import { rejects } from '../support/rejects.ts'
import { exec, run, SHOP, shop, shopProject, withStatus } from '../support/runtime-project.ts'
import { suite } from '../support/suite.ts'

const test = suite('forged checks')

const honest = (fails = 'v > 1000') =>
  shop({ 'transform.clean': { ...SHOP['transform.clean'], checks: [{ id: 'small', fails }] } })

const opened = (bundle: Bundle) =>
  verify(new Map([...bundle.files].map(([path, text]) => [path, Buffer.from(text)])), 'the bundle')

const steps = (contract: BundleFile, change: (step: CheckStep) => readonly BundleFile['steps'][number][]): Forgery => ({
  contract: { steps: contract.steps.flatMap((step) => (step.kind === 'check' ? change(step) : [step])) },
})

const manifest = (bundle: ReturnType<typeof honest>, change: (node: object) => object): Forgery => ({
  files: {
    'manifest.json': prettyJson({
      ...bundle.manifest,
      nodes: bundle.manifest.nodes.map((node) => (node.id === 'transform.clean' ? change(node) : node)),
    }),
  },
})

const forgeries: Readonly<Record<string, (bundle: ReturnType<typeof honest>) => Forgery>> = {
  'whose step lists a check with another severity': ({ contract }) =>
    steps(contract, (step) => [{ ...step, checks: step.checks.map((c) => ({ ...c, severity: 'warn' as const })) }]),
  'whose step lists no check of the manifest': ({ contract }) =>
    steps(contract, (step) => [{ ...step, checks: step.checks.map((c) => ({ ...c, id: 'other' })) }]),
  'that leaves the step of its checks out': ({ contract }) => ({
    ...steps(contract, () => []),
  }),
  'that checks another node': ({ contract }) =>
    steps(contract, (step) => [{ ...step, inputs: [{ node: 'source.raw', from: 'bundle' as const }] }]),
  "that checks production's output where it makes one": ({ contract }) =>
    steps(contract, (step) => [{ ...step, inputs: [{ node: step.node, from: 'production' as const }] }]),
  'that checks before the output is made': ({ contract }) => ({
    contract: {
      steps: [
        ...contract.steps.filter((s) => s.kind === 'check').map((s) => ({ ...s, depends_on: [] })),
        ...contract.steps.filter((s) => s.kind === 'build'),
      ],
    },
  }),
  'that checks twice': ({ contract }) => steps(contract, (step) => [step, step]),
  'with a check of another name': ({ contract }) =>
    steps(contract, (step) => [{ ...step, id: 'x', file: 'apply/transform.clean.sql' }]),
  'whose manifest has other checks than their fingerprint': (bundle) =>
    manifest(bundle, (node) => ({ ...node, checks_fingerprint: 'a'.repeat(64) })),
  'whose manifest has a fingerprint and no checks': (bundle) =>
    manifest(bundle, (node) => ({ ...node, checks: undefined })),
}

test('A bundle with checks is opened', () => {
  assert.is(opened(honest()).contract.steps.length, 6)
})

for (const [what, forgery] of Object.entries(forgeries)) {
  test(`A bundle ${what} is refused although its digests fit`, async () => {
    const bundle = honest()
    await rejects(() => opened(forge(bundle, forgery(bundle))), 'BUNDLE_INVALID')
  })
}

test('A bundle that asks less than it says passes by its own question only: the next run asks its own', async () => {
  const project = shopProject()
  const bundle = honest('v > 15')
  const file = 'apply/transform.clean.check.sql'
  const text = bundle.files.get(file) ?? ''
  assert.ok(text.includes('v > 15'))
  const lenient = forge(bundle, { files: { [file]: text.replace('v > 15', 'v > 1500') } })
  assert.is((await exec(project, lenient)).outcome, 'done')
  assert.is(readProduction(openStore(project))?.state.checks?.['transform.clean']?.results[0]?.status, 'passed')
  const own = await run(project, bundle)
  assert.is(own.outcome, 'failed')
  assert.equal(withStatus(own, 'failed'), ['transform.clean'])
})

test('SQL that answers for other checks than the bundle lists fails its node', async () => {
  for (const sql of [
    "SELECT 'other', 'error', 0;\n",
    "SELECT 'small', 'error', 0 WHERE false;\n",
    "SELECT 'small', 'error', 0 FROM range(2);\n",
  ]) {
    const result = await exec(shopProject(), forge(honest(), { files: { 'apply/transform.clean.check.sql': sql } }))
    assert.equal(withStatus(result, 'failed'), ['transform.clean'], sql)
  }
})

test.run()
