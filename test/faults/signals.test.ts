// A command that is told to end leaves neither a lock nor a folder behind, and says with its exit code by what it was.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as assert from 'uvu/assert'
import { does, ends } from '../support/cli.ts'
import { command, seeknal } from '../support/seeknal.ts'
import { suite } from '../support/suite.ts'
import { tempFolder, tempProject } from '../support/temp.ts'
import { until } from '../support/until.ts'

const test = suite('signals')

const FILES = {
  'seeknal_project.yml': 'name: slow\nversion: "1.0.0"\nprofile: default\nconfig-version: 1\n',
  'seeknal/quick.yml': 'kind: transform\nname: quick\ntransform: SELECT 1 AS n\n',
  'seeknal/slow.yml':
    'kind: transform\nname: slow\ninputs:\n  - ref: transform.quick\ntransform: |\n  SELECT count(*) AS n FROM transform.quick, range(10000000) a, range(100000) b\n',
}

const started = (cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess =>
  spawn(process.execPath, [command, ...args], {
    cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, HOME: join(cwd, '.no-home'), ...env },
  })

const program = pathToFileURL(fileURLToPath(new URL('../programs/listens.js', import.meta.url))).href

/** The same, once it listens to signals: before that, one ends it as it ends any process. */
async function listening(cwd: string, args: readonly string[]): Promise<ChildProcess> {
  const sign = join(tempFolder('listens'), 'sign')
  const child = started(cwd, args, { NODE_OPTIONS: `--import=${program}`, LISTENS_SIGN: sign })
  await until(() => existsSync(sign), 'listening')
  return child
}

/** How a process ended: its exit code, or the signal that killed it. */
const ending = (child: ChildProcess): Promise<number | string | null> =>
  new Promise((resume) => child.once('close', (code, signal) => resume(code ?? signal)))

const left = (project: string) =>
  ['locks', 'tmp'].map((folder) => readdirSync(join(project, 'target', folder)).filter((name) => !name.startsWith('.')))

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)
  test(`A run that gets ${signal} winds up and ends with ${code}, and the next one goes on`, async () => {
    const project = tempProject(FILES)
    const child = started(project, ['run'])
    let said = ''
    child.stdout?.on('data', (data) => (said += data))
    await until(() => said.includes('transform.quick'))
    assert.ok(existsSync(join(project, 'target/locks/production.lock')))
    child.kill(signal)
    assert.is(await ending(child), code)
    assert.equal(left(project), [[], []])
    writeFileSync(
      join(project, 'seeknal/slow.yml'),
      FILES['seeknal/slow.yml'].replace(', range(10000000) a, range(100000) b', ''),
    )
    assert.match(await does(project, ['run']), /1 executed, 1 reused/)
  })

test('A command that only waits ends at once, and leaves the lock of another alone', async () => {
  const project = tempProject({ ...FILES, 'target/locks/production.lock': 'of another' })
  const waiting = await listening(project, ['run', '--lock-timeout', '60s'])
  const reading = await listening(project, ['repl', '--exec', '-'])
  await sleep(300)
  for (const child of [waiting, reading]) child.kill('SIGTERM')
  assert.equal(await Promise.all([ending(waiting), ending(reading)]), [143, 143])
  assert.is(readFileSync(join(project, 'target/locks/production.lock'), 'utf8'), 'of another')
})

test('A query of the REPL is interrupted, and leaves nothing', async () => {
  const project = tempProject({ ...FILES, 'seeknal/slow.yml': FILES['seeknal/quick.yml'].replace('quick', 'slow') })
  await does(project, ['run'])
  // While the session opens, just before the query starts, and in the middle of it.
  for (const ms of [0, 50, 100, 200, 1000]) {
    const child = await listening(project, [
      'repl',
      '--exec',
      'SELECT count(*) FROM range(10000000) a, range(100000) b',
    ])
    await sleep(ms)
    child.kill('SIGTERM')
    assert.is(await ending(child), 143, `${ms} ms`)
    assert.equal(left(project), [[], []])
  }
})

test('unlock removes what a killed run left, and asks for force only where the holder may be at work', async () => {
  const project = tempProject(FILES)
  const child = started(project, ['run'])
  const lock = join(project, 'target/locks/production.lock')
  await until(() => existsSync(lock))
  await ends(3, project, ['unlock'])
  child.kill('SIGKILL')
  assert.is(await ending(child), 'SIGKILL')
  assert.ok(existsSync(lock))
  const unlocked = seeknal(project, ['unlock', '--json'])
  assert.is(unlocked.code, 0, unlocked.all)
  assert.is(JSON.parse(unlocked.out).removed, true)
  assert.not.ok(existsSync(lock))
  assert.match(await does(project, ['unlock']), /Nobody holds/)
})

test.run()
