// A reader that goes away does not end the command that it read from, nor change how it ends.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, openSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { command } from '../support/seeknal.ts'
import { shop } from '../support/shop.ts'
import { skip } from '../support/skip.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/closed-output')

/** Runs the built command with streams that nobody reads, closed before the first write. */
const endsUnread = (folder: string, args: readonly string[]): Promise<number | string | null> =>
  new Promise((settle, fail) => {
    const child = spawn(process.execPath, [command, ...args], {
      cwd: folder,
      env: { ...process.env, HOME: join(folder, '.no-home') },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.destroy()
    child.stderr.destroy()
    child.on('error', fail)
    child.on('close', (code, signal) => settle(code ?? signal))
  })

test('A run whose output nobody reads goes on to its end', async () => {
  const folder = tempProject(shop)
  assert.is(await endsUnread(folder, ['run', '--json']), 0)
  assert.ok(existsSync(join(folder, 'target/current/intermediate/transform_daily.parquet')))
  assert.equal(readdirSync(join(folder, 'target/locks')), [])
})

test('A command whose output nobody reads ends with its own exit code', async () => {
  const folder = tempProject(shop)
  assert.is(await endsUnread(folder, ['plan', '--detailed-exitcode']), 2)
  writeFileSync(join(folder, 'seeknal/transforms/daily.yml'), 'kind: transform\nname: daily\ntransform: SELECT\n')
  assert.is(await endsUnread(folder, ['run']), 2)
})

test('An answer that the disk did not take is no success', async () => {
  if (!existsSync('/dev/full')) skip('there is no /dev/full here')
  const folder = tempProject(shop)
  const full = openSync('/dev/full', 'w')
  let said = ''
  const ended = await new Promise((settle) => {
    const child = spawn(process.execPath, [command, 'run'], { cwd: folder, stdio: ['ignore', full, 'pipe'] })
    child.stderr?.on('data', (chunk) => {
      said += chunk
    })
    child.on('close', settle)
  })
  assert.match(said, /✗ Cannot write to stdout: ENOSPC/)
  assert.is(ended, 1)
  assert.ok(existsSync(join(folder, 'target/current')), 'and the run itself was not stopped')
})

test('In a folder that was removed, a command says so', () => {
  const folder = join(tempProject(shop), 'gone')
  const { status, stdout, stderr } = spawnSync(
    'sh',
    ['-c', 'mkdir "$1" && cd "$1" && rmdir "$1" && exec "$2" "$3" plan', 'sh', folder, process.execPath, command],
    { encoding: 'utf8' },
  )
  assert.is(status, 2)
  assert.is(stdout, '')
  assert.match(stderr, /✗ The current folder is not there any more\.\n {2}hint: Change to one that is\.\n$/)
})

test.run()
