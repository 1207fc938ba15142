// Two writers at once: one works, the other is refused and told who works. A lock outlives its holder only until somebody looks.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { acquireLock, forceUnlock, type Holder, lockHolder } from '../../runtime/store/locks.ts'
import { openStore } from '../../runtime/store/store.ts'
import { FAULT_FILES, perform } from '../support/fault-cases.ts'
import { rejects } from '../support/rejects.ts'
import { rowsOf, run, shop, shopProject } from '../support/runtime-project.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'
import { until } from '../support/until.ts'

const test = suite('concurrent')
const program = fileURLToPath(new URL('../programs/faulty-run/main.cjs', import.meta.url))

async function startedRun(project: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, project, 'slow', '0'], { stdio: 'ignore' })
  const locks = join(project, 'target/locks')
  // Alone: the file that it was linked from is gone.
  await until(() => existsSync(locks) && readdirSync(locks).join() === 'production.lock', 'the start of the other run')
  return child
}

const ended = (child: ChildProcess) => new Promise((resume) => child.once('exit', resume))

test('Of two runs at once one works; the other is refused and names the holder, or waits', async () => {
  const project = tempProject(FAULT_FILES)
  const child = await startedRun(project)
  const failure = await rejects(() => perform('first', project), 'STATE_LOCKED')
  const holder = failure.facts.holder as Holder
  assert.is(holder.pid, child.pid)
  assert.is(holder.command, 'test slow')
  assert.ok(failure.message.includes(String(child.pid)))
  setTimeout(() => child.kill('SIGKILL'), 300)
  const result = await run(project, shop(), { lockTimeoutMs: 60_000, select: (node) => node.id === 'source.raw' })
  assert.is(result.outcome, 'done')
})

test('The lock of a process that was killed is taken over', async () => {
  const project = tempProject(FAULT_FILES)
  const child = await startedRun(project)
  child.kill('SIGKILL')
  await ended(child)
  assert.ok(existsSync(join(project, 'target/locks/production.lock')))
  await perform('first', project)
  assert.is(await rowsOf(project, 'transform.sums'), '[[30]]')
  assert.equal(readdirSync(join(project, 'target/locks')), [])
})

test('Many processes that want a dead lock get it one after the other', async () => {
  const project = shopProject()
  const child = await startedRun(project)
  child.kill('SIGKILL')
  await ended(child)
  const store = openStore(project)
  let inside = 0
  const work = async () => {
    const lock = await acquireLock(store, 'production', { command: 'test', timeoutMs: 60_000 })
    inside += 1
    assert.is(inside, 1)
    await new Promise((resume) => setTimeout(resume, 5))
    inside -= 1
    lock.release()
  }
  await Promise.all(Array.from({ length: 8 }, work))
})

test('A holder that cannot be proven gone keeps its lock until it is forced', async () => {
  const project = shopProject()
  await run(project, shop())
  const store = openStore(project)
  const lock = await acquireLock(store, 'production', { command: 'seeknal run' })
  const file = join(project, 'target/locks/production.lock')
  const holder = JSON.parse(readFileSync(file, 'utf8'))
  const elsewhere = { ...holder, id: 'other', host: 'elsewhere', pid: 999_999_999 }
  writeFileSync(file, JSON.stringify(elsewhere))
  const failure = await rejects(() => run(project, shop(), { full: true }), 'STATE_LOCKED')
  assert.match(failure.hints.join(' '), /unlock --force/)
  lock.release()
  assert.is(lockHolder(store, 'production')?.id, 'other')
  writeFileSync(file, 'not a lock file')
  await rejects(() => run(project, shop(), { full: true }), 'STATE_LOCKED')
  assert.ok(forceUnlock(store, 'production'))
  assert.is((await run(project, shop(), { full: true })).outcome, 'done')
})

test('A process with the same number but another start is not the holder', async () => {
  const project = shopProject()
  const store = openStore(project)
  const lock = await acquireLock(store, 'production', { command: 'seeknal run' })
  const file = join(project, 'target/locks/production.lock')
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), start: '1' }))
  assert.is((await run(project, shop())).outcome, 'done')
  lock.release()
})

test('An environment and production are written at the same time', async () => {
  const project = shopProject()
  const lock = await acquireLock(openStore(project), 'environment-dev', { command: 'seeknal env apply dev' })
  assert.is((await run(project, shop())).outcome, 'done')
  lock.release()
})

test.run()
