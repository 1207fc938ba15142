import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { buildSync } from 'esbuild'
import * as assert from 'uvu/assert'
import { suite } from './support/suite.ts'
import { tempFolder, writeFiles } from './support/temp.ts'
import { until } from './support/until.ts'

const test = suite('run')

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly last: string
}

/** Builds test files (path → body) and gives the arguments that start the runner over them. */
function runnerFor(bodies: Readonly<Record<string, string>>): string[] {
  const folder = tempFolder('runner')
  writeFiles(folder, Object.fromEntries(Object.entries(bodies).map(([path, body]) => [path, `${imports}\n${body}`])))
  buildSync({
    entryPoints: {
      run: resolve('test/run.ts'),
      'programs/test-files': resolve('test/programs/test-files.ts'),
      ...Object.fromEntries(Object.keys(bodies).map((path) => [`built/${path.slice(0, -3)}`, join(folder, path)])),
    },
    outdir: join(folder, 'runner'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    sourcemap: 'linked',
    logLevel: 'error',
  })
  return [join(folder, 'runner/run.js'), `--tests=${join(folder, 'runner/built')}`]
}

/** Runs the runner over test files and gives what it printed and its exit code. */
function runnerOverFiles(bodies: Readonly<Record<string, string>>, ...args: string[]): Ran {
  const run = spawnSync(process.execPath, [...runnerFor(bodies), ...args], { encoding: 'utf8' })
  return { code: run.status, out: run.stdout + run.stderr, last: run.stdout.trimEnd().split('\n').at(-1) ?? '' }
}

const runnerOver = (body: string, ...args: string[]): Ran => runnerOverFiles({ 'some.test.ts': body }, ...args)

const imports = `import { suite } from ${JSON.stringify(resolve('test/support/suite.ts'))}
import { skip } from ${JSON.stringify(resolve('test/support/skip.ts'))}
const test = suite('some')`

test('A file whose tests all pass is green and counted', () => {
  const run = runnerOver(`test('a', () => {}); test('b', async () => {}); test.run()`)
  assert.is(run.last, '2 passed, 0 failed, 0 skipped')
  assert.is(run.code, 0)
})

test('A failed test is red, and its message is shown with its place in the source', () => {
  const run = runnerOver(`test('a', () => { throw new Error('the moon is not cheese') }); test.run()`)
  assert.is(run.last, '0 passed, 1 failed, 0 skipped')
  assert.is(run.code, 1)
  assert.match(run.out, /the moon is not cheese/)
  assert.match(run.out, /\/some\.test\.ts:4:\d+/)
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

const PASSING = `test('a', () => {}); test.run()`

test('Of files that run in one process each is judged alone, and one that ends the process takes no other with it', () => {
  for (const [body, ending] of [
    ['process.exit(0)', '1 of 1 tests did not run to their end'],
    ['process.kill(process.pid, "SIGKILL")', 'ended with SIGKILL'],
    ['return new Promise(() => {})', '1 of 1 tests did not run to their end'],
  ]) {
    const ends = `test('a', () => { ${body} }); test.run()`
    const names = ['a', 'b', 'd', 'e', 'f'].map((name) => [`compiler/${name}.test.ts`, PASSING])
    const run = runnerOverFiles({ ...Object.fromEntries(names), 'compiler/c.test.ts': ends })
    assert.is(run.last, '5 passed, 1 failed, 0 skipped', run.out)
    assert.match(run.out, new RegExp(`compiler/c: .*${ending}`))
  }
  const forgotten = runnerOverFiles({ 'compiler/a.test.ts': `test('a', () => {})`, 'compiler/b.test.ts': PASSING })
  assert.match(forgotten.out, /FAILED compiler\/a [\s\S]*suite 'some' was never run/)
  assert.is(forgotten.last, '1 passed, 2 failed, 0 skipped')
})

test('What a run that was killed has left the next one takes away, and never what a run has that goes on', async () => {
  const root = tempFolder('root')
  const env = { ...process.env, TMPDIR: root }
  const waits = runnerFor({ 'some.test.ts': `test('a', () => new Promise((end) => setTimeout(end, 1e6))); test.run()` })
  const passes = runnerFor({ 'some.test.ts': PASSING })
  const first = spawn(process.execPath, waits, { env, stdio: 'ignore' })
  await until(async () => readdirSync(root).some((name) => existsSync(join(root, name, 'owner'))))
  const left = readdirSync(root)
  const other = mkdtempSync(join(root, 'seeknal-'))
  const next = () => spawnSync(process.execPath, passes, { env }).status
  assert.is(next(), 0)
  assert.equal(readdirSync(root).sort(), [...left, basename(other)].sort())
  const ended = once(first, 'exit')
  first.kill('SIGKILL')
  await ended
  assert.is(next(), 0)
  // Tried on Linux only.
  if (process.platform === 'linux') assert.equal(readdirSync(root), [basename(other)])
})

test('What the process of several files does after them is red', () => {
  const run = runnerOverFiles({
    'compiler/a.test.ts': `process.on('exit', () => { process.exitCode = 7 }); ${PASSING}`,
  })
  assert.match(run.out, /lane: the process that ran the files of a lane ended with 7/)
  assert.is(run.code, 1)
})

test.run()
