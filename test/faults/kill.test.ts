// A process that is killed at any journal entry or any step of a switch leaves production as it was or as it was to be,
// and the next run finishes.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { verifyHistory } from '../../runtime/history.ts'
import { FAULT_FILES, type Operation, perform } from '../support/fault-cases.ts'
import { copyOf } from '../support/prepared.ts'
import { rejects } from '../support/rejects.ts'
import { production, rowsOf } from '../support/runtime-project.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('kill')
const program = fileURLToPath(new URL('../programs/faulty-run/main.cjs', import.meta.url))

const faultyRun = (project: string, operation: Operation, at: number) =>
  spawnSync(process.execPath, [program, project, operation, String(at)], { encoding: 'utf8' })

/** Files that hold times or run ids. */
const DATED = ['.', 'generation.json', 'run_state.json']
const undated = (files: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !DATED.includes(path)))

/** Kills `operation` at each of its fault points, on a copy of a project on which `before` was done. */
async function killEverywhere(before: readonly Operation[], operation: Operation): Promise<number> {
  const project = tempProject(FAULT_FILES)
  for (const earlier of before) await perform(earlier, project)
  const old = production(project)
  const done = copyOf(project)
  const passed = faultyRun(done, operation, 0)
  assert.is(passed.status, 0, passed.stdout + passed.stderr)
  const points: string[] = JSON.parse(passed.stdout)
  const wanted = undated(production(done))
  for (let at = 1; at <= points.length; at++) {
    const what = `${operation}, killed at ${at} (${points[at - 1]})`
    const copy = copyOf(project)
    assert.is(faultyRun(copy, operation, at).signal, 'SIGKILL', what)
    const found = production(copy)
    if (found['.'] === old['.']) assert.equal(found, old, what)
    else assert.equal(undated(found), wanted, what)
    await perform(operation, copy)
    assert.equal(undated(production(copy)), wanted, what)
    assert.equal(await verifyHistory(copy), [], what)
    const left = (folder: string) =>
      existsSync(join(copy, 'target', folder)) ? readdirSync(join(copy, 'target', folder)) : []
    assert.equal([left('locks'), left('tmp')], [[], []], what)
  }
  return points.length
}

test('Killing a first run anywhere loses nothing', async () => {
  assert.ok((await killEverywhere([], 'first')) >= 13)
})

test('Killing a run that changes production leaves the old or the new generation', async () => {
  assert.ok((await killEverywhere(['first'], 'change')) >= 11)
})

test('Killing an apply leaves production alone, and the next apply finishes', async () => {
  await killEverywhere(['first'], 'apply')
})

test('Killing a promotion leaves the old or the new generation', async () => {
  assert.ok((await killEverywhere(['first', 'apply'], 'promote')) >= 4)
})

test('Killing a rollback leaves the old or the new generation', async () => {
  assert.ok((await killEverywhere(['first', 'change'], 'rollback')) >= 2)
})

test('Killing a run between an output and its check, or after the check, leaves both to the next run', async () => {
  assert.ok((await killEverywhere(['first'], 'checked')) >= 12)
  const project = tempProject(FAULT_FILES)
  await perform('first', project)
  const points: string[] = JSON.parse(faultyRun(copyOf(project), 'checked', 0).stdout)
  const at = points.indexOf('checked')
  assert.ok(at > points.indexOf('stored'))
  faultyRun(project, 'checked', at)
  const again: string[] = JSON.parse(faultyRun(project, 'checked', 0).stdout)
  assert.equal([again.includes('checked'), again.filter((point) => point === 'stored').length], [true, 1])
})

test('Killing a run whose check fails never lets the output through', async () => {
  const project = tempProject(FAULT_FILES)
  await perform('first', project)
  const old = production(project)
  let killed = 0
  for (let at = 1; ; at++) {
    const copy = copyOf(project)
    const ended = faultyRun(copy, 'unfit', at)
    assert.equal(production(copy), old, `killed at ${at}`)
    await rejects(() => perform('unfit', copy), 'CHECK_FAILED')
    assert.equal(production(copy), old, `run again after a kill at ${at}`)
    if (ended.signal !== 'SIGKILL') break
    killed = at
  }
  assert.ok(killed >= 6, `${killed} points`)
})

test('After a kill the outputs that were finished are taken from the store', async () => {
  const project = tempProject(FAULT_FILES)
  const points: string[] = JSON.parse(faultyRun(copyOf(project), 'first', 0).stdout)
  faultyRun(project, 'first', points.indexOf('kept') + 1)
  const again = faultyRun(project, 'first', 0)
  const passed: string[] = JSON.parse(again.stdout)
  assert.is(passed.filter((point) => point === 'stored').length, 0)
  assert.is(await rowsOf(project, 'transform.sums'), '[[30]]')
})

test.run()
