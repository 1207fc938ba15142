// The pipe between the engine and a target ends for both, whichever goes first.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { makeRowPipe } from '../../runtime/execute/row-pipe.ts'
import { takeAwayWhatIsLeft } from '../../runtime/store/leaving.ts'
import { suite } from '../support/suite.ts'
import { tempFolder } from '../support/temp.ts'

const test = suite('row pipe')

test('a writer that comes when the reader has gone is told so, and waits for nobody', async () => {
  const pipe = await makeRowPipe(join(tempFolder('pipe'), 'rows'))
  pipe.stream.destroy()
  const writer = spawn('/bin/sh', ['-c', 'trap "" PIPE; yes rows > "$1"', 'sh', pipe.path], { stdio: 'ignore' })
  const ended = once(writer, 'exit').then(([code]) => code)
  assert.is(await Promise.race([ended, sleep(60_000, 'waits', { ref: false })]), 1)
  pipe.remove()
})

test('a writer ends when the process leaves, however much it had to say', async () => {
  const pipe = await makeRowPipe(join(tempFolder('pipe'), 'rows'))
  const writer = spawn('/bin/sh', ['-c', 'trap "" PIPE; yes rows > "$1"', 'sh', pipe.path], { stdio: 'ignore' })
  const ended = once(writer, 'exit').then(([code]) => code)
  assert.is(await Promise.race([ended, sleep(300, 'waits', { ref: false })]), 'waits')
  takeAwayWhatIsLeft()
  assert.is(await Promise.race([ended, sleep(60_000, 'waits', { ref: false })]), 1)
  pipe.remove()
})

test('what is written is read to its end, however late the writer comes', async () => {
  const pipe = await makeRowPipe(join(tempFolder('pipe'), 'rows'))
  const chunks: Buffer[] = []
  pipe.stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  spawn('/bin/sh', ['-c', 'sleep 0.2; echo one > "$1"', 'sh', pipe.path], { stdio: 'ignore' })
  await once(pipe.stream, 'end')
  pipe.remove()
  assert.is(Buffer.concat(chunks).toString(), 'one\n')
})

test.run()
