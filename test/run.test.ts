import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { buildSync } from 'esbuild'
import * as assert from 'uvu/assert'
import { suite } from './support/suite.ts'
import { tempFolder, writeFiles } from './support/temp.ts'

const test = suite('run')

/** Builds one test file of `body`, runs the runner over it and gives what it printed and its exit code. */
function runnerOver(
  body: string,
  ...args: string[]
): { readonly code: number | null; readonly out: string; readonly last: string } {
  const folder = tempFolder('runner')
  writeFiles(folder, { 'some.test.ts': `${imports}\n${body}` })
  build(join(folder, 'some.test.ts'), join(folder, 'built'))
  build(resolve('test/run.ts'), join(folder, 'runner'))
  const run = spawnSync(
    process.execPath,
    [join(folder, 'runner/run.js'), `--tests=${join(folder, 'built')}`, ...args],
    {
      encoding: 'utf8',
    },
  )
  return { code: run.status, out: run.stdout + run.stderr, last: run.stdout.trimEnd().split('\n').at(-1) ?? '' }
}

const imports = `import { suite } from ${JSON.stringify(resolve('test/support/suite.ts'))}
import { skip } from ${JSON.stringify(resolve('test/support/skip.ts'))}
const test = suite('some')`

const build = (entry: string, outdir: string) =>
  buildSync({ entryPoints: [entry], outdir, bundle: true, format: 'esm', platform: 'node', logLevel: 'error' })

test('A file whose tests all pass is green and counted', () => {
  const run = runnerOver(`test('a', () => {}); test('b', async () => {}); test.run()`)
  assert.is(run.last, '2 passed, 0 failed, 0 skipped')
  assert.is(run.code, 0)
})

test('A failed test is red, and its message is shown', () => {
  const run = runnerOver(`test('a', () => { throw new Error('the moon is not cheese') }); test.run()`)
  assert.is(run.last, '0 passed, 1 failed, 0 skipped')
  assert.is(run.code, 1)
  assert.match(run.out, /the moon is not cheese/)
})

test('A suite that is never run is red', () => {
  const run = runnerOver(`test('a', () => {})`)
  assert.is(run.code, 1)
  assert.match(run.out, /suite 'some' was never run/)
})

test('A hook that throws is red', () => {
  for (const hook of ['before', 'after']) {
    const run = runnerOver(`test('a', () => {}); test.${hook}(() => { throw new Error('no disk') }); test.run()`)
    assert.is(run.code, 1, hook)
    assert.match(run.out, new RegExp(`the '${hook}' hook of suite 'some' threw`))
  }
})

test('A test that ends the process or waits for ever is red', () => {
  for (const body of ['process.exit(0)', 'return new Promise(() => {})']) {
    const run = runnerOver(`test('a', () => { ${body} }); test('b', () => {}); test.run()`)
    assert.is(run.code, 1, body)
    assert.match(run.out, /2 of 2 tests did not run to their end/)
  }
})

test('A file without tests and a filter that matches nothing are red', () => {
  assert.is(runnerOver('test.run()').code, 1)
  const run = runnerOver(`test('a', () => {}); test.run()`, 'nothing-is-called-so')
  assert.is(run.code, 1)
  assert.is(run.last, '0 passed, 0 failed, 0 skipped')
})

test('What was skipped is said with its reason', () => {
  const run = runnerOver(`test('a', () => {}); test('b', () => skip('there is no server here')); test.run()`)
  assert.is(run.last, '1 passed, 0 failed, 1 skipped')
  assert.match(run.out, /some: b: there is no server here/)
})

test.run()
