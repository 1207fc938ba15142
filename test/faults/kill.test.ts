// A process that is killed at any journal entry or any step of a switch leaves production as it was or as it was to be,
// and the next run finishes.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { verifyHistory } from '../../runtime/history.ts'
import { FAULT_FILES, type Operation, perform } from '../support/fault-cases.ts'
import { requireAlike } from '../support/kill-states.ts'
import { copyOf } from '../support/prepared.ts'
import { rejects } from '../support/rejects.ts'
import { production } from '../support/runtime-project.ts'
import { suite } from '../support/suite.ts'
import { tempFolder, tempProject } from '../support/temp.ts'

const test = suite('kill')
const program = fileURLToPath(new URL('../programs/faulty-run/main.cjs', import.meta.url))

const faultyRun = (project: string, operation: Operation, at: number, ...copies: string[]) =>
  spawnSync(process.execPath, [program, project, operation, String(at), ...copies], { encoding: 'utf8' })

/** What the operation leaves of the project, when it is killed at one of its fault points; `ending`: how it ends when it is not. */
function faultStates(project: string, operation: Operation, ending = 0) {
  const [finished, copies] = [copyOf(project), tempFolder('killed')]
  const { status, stdout, stderr } = faultyRun(finished, operation, 0, copies)
  assert.is(status, ending, stdout + stderr)
  const folders = Array.from({ length: readdirSync(copies).length }, (_, i) => join(copies, String(i + 1)))
  const at = Math.ceil(folders.length / 2)
  const killed = copyOf(project)
  assert.is(faultyRun(killed, operation, at).signal, 'SIGKILL')
  requireAlike(killed, folders[at - 1] ?? '', `${operation}, killed at ${at}`)
  return { finished, folders, stdout }
}

/** Files that hold times or run ids. */
const DATED = ['.', 'generation.json', 'run_state.json']
const undated = (files: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !DATED.includes(path)))

interface Kill {
  readonly point: string
  /** The fault points that the operation passed when it was done again. */
  readonly again: readonly string[]
}

/** `operation`, killed at each of its fault points, after `before` was done. */
async function killEverywhere(before: readonly Operation[], operation: Operation): Promise<Kill[]> {
  const project = tempProject(FAULT_FILES)
  for (const earlier of before) await perform(earlier, project)
  const old = production(project)
  const { finished, folders, stdout } = faultStates(project, operation)
  const points: string[] = JSON.parse(stdout)
  const wanted = undated(production(finished))
  const kills: Kill[] = []
  for (const [i, copy] of folders.entries()) {
    const [point = '', again]: [string | undefined, string[]] = [points[i], []]
    const what = `${operation}, killed at ${i + 1} (${point})`
    const found = production(copy)
    if (found['.'] === old['.']) assert.equal(found, old, what)
    else assert.equal(undated(found), wanted, what)
    await perform(operation, copy, (passed) => again.push(passed))
    kills.push({ point, again })
    assert.equal(undated(production(copy)), wanted, what)
    assert.equal(await verifyHistory(copy), [], what)
    const left = (folder: string) =>
      existsSync(join(copy, 'target', folder)) ? readdirSync(join(copy, 'target', folder)) : []
    assert.equal([left('locks'), left('tmp')], [[], []], what)
  }
  return kills
}

test('Killing a first run anywhere loses nothing, and what was finished is taken from the store', async () => {
  const kills = await killEverywhere([], 'first')
  assert.ok(kills.length >= 13)
  const kept = kills.find(({ point }) => point === 'kept')
  assert.is(kept?.again.includes('stored'), false)
})

test('Killing a run that changes production leaves the old or the new generation', async () => {
  assert.ok((await killEverywhere(['first'], 'change')).length >= 11)
})

test('Killing an apply leaves production alone, and the next apply finishes', async () => {
  await killEverywhere(['first'], 'apply')
})

test('Killing a promotion leaves the old or the new generation', async () => {
  assert.ok((await killEverywhere(['first', 'apply'], 'promote')).length >= 4)
})

test('Killing a rollback leaves the old or the new generation', async () => {
  assert.ok((await killEverywhere(['first', 'change'], 'rollback')).length >= 2)
})

test('Killing a run between an output and its check, or after the check, leaves both to the next run', async () => {
  const kills = await killEverywhere(['first'], 'checked')
  assert.ok(kills.length >= 12)
  const points = kills.map(({ point }) => point)
  const at = points.indexOf('checked')
  assert.ok(at > points.indexOf('stored'))
  const { again = [] } = kills[at - 1] ?? {}
  assert.equal([again.includes('checked'), again.filter((point) => point === 'stored').length], [true, 1])
})

test('Killing a run whose check fails never lets the output through', async () => {
  const project = tempProject(FAULT_FILES)
  await perform('first', project)
  const old = production(project)
  const { folders } = faultStates(project, 'unfit', 1)
  for (const [i, copy] of folders.entries()) {
    assert.equal(production(copy), old, `killed at ${i + 1}`)
    await rejects(() => perform('unfit', copy), 'CHECK_FAILED')
    assert.equal(production(copy), old, `run again after a kill at ${i + 1}`)
  }
  assert.ok(folders.length >= 6, `${folders.length} points`)
})

test.run()
