// A process that is killed at any journal entry or any step of a switch leaves production as it was or as it was to be,
// and the next run finishes.

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { verifyHistory } from '../../runtime/history.ts'
import { FAULT_FILES, type Operation, perform } from '../support/fault-cases.ts'
import { production, rowsOf } from '../support/runtime-project.ts'
import { suite } from '../support/suite.ts'
import { tempFolder, tempProject } from '../support/temp.ts'

const test = suite('kill')
const program = fileURLToPath(new URL('../programs/faulty-run.js', import.meta.url))

const faultyRun = (project: string, operation: Operation, at: number) =>
  spawnSync(process.execPath, [program, project, operation, String(at)], { encoding: 'utf8' })

/** Files that hold times or run ids. */
const DATED = ['.', 'generation.json', 'run_state.json']
const undated = (files: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !DATED.includes(path)))

function copyOf(project: string): string {
  const copy = join(tempFolder('killed'), 'project')
  cpSync(project, copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  return copy
}

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
