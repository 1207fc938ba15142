// A command that is told to end leaves neither a lock nor a folder behind, and says with its exit code by what it was.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does, ends } from '../support/cli.ts'
import { command, seeknal } from '../support/seeknal.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('signals')

const FILES = {
  'seeknal_project.yml': 'name: slow\nversion: "1.0.0"\nprofile: default\nconfig-version: 1\n',
  'seeknal/quick.yml': 'kind: transform\nname: quick\ntransform: SELECT 1 AS n\n',
  'seeknal/slow.yml':
    'kind: transform\nname: slow\ninputs:\n  - ref: transform.quick\ntransform: |\n  SELECT count(*) AS n FROM transform.quick, range(10000000) a, range(100000) b\n',
}

const started = (cwd: string, args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [command, ...args], {
    cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, HOME: join(cwd, '.no-home') },
  })

/** How a process ended: its exit code, or the signal that killed it. */
const ending = (child: ChildProcess): Promise<number | string | null> =>
  new Promise((resume) => child.once('close', (code, signal) => resume(code ?? signal)))

async function until(isSo: () => boolean): Promise<void> {
  for (let waited = 0; waited < 20_000; waited += 20) {
    if (isSo()) return
    await new Promise((resume) => setTimeout(resume, 20))
  }
  throw new Error('it did not happen')
}

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
  const waiting = started(project, ['run', '--lock-timeout', '60s'])
  const reading = started(project, ['repl', '--exec', '-'])
  await new Promise((resume) => setTimeout(resume, 2000))
  for (const child of [waiting, reading]) child.kill('SIGTERM')
  assert.equal(await Promise.all([ending(waiting), ending(reading)]), [143, 143])
  assert.is(readFileSync(join(project, 'target/locks/production.lock'), 'utf8'), 'of another')
})

test('A query of the REPL is interrupted, and leaves nothing', async () => {
  const project = tempProject({ ...FILES, 'seeknal/slow.yml': FILES['seeknal/quick.yml'].replace('quick', 'slow') })
  await does(project, ['run'])
  // While the session opens, just before the query starts, and in the middle of it.
  for (const ms of [200, 300, 400, 500, 1500]) {
    const child = started(project, ['repl', '--exec', 'SELECT count(*) FROM range(10000000) a, range(100000) b'])
    await new Promise((resume) => setTimeout(resume, ms))
    child.kill('SIGTERM')
    // Before the command listens, a signal ends it as it ends any process.
    const how = await ending(child)
    assert.ok(how === 143 || (ms < 1500 && how === 'SIGTERM'), String(how))
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
