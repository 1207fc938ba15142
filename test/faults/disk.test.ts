// A full disk, a limit on file sizes, a read-only target/: a clear error, nothing lost, and the next run finishes. The
// file systems are mounted in a name space of the child process; where that is not allowed the test says that it did not run.

import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { FAULT_FILES, type Operation, perform } from '../support/fault-cases.ts'
import { prepared } from '../support/prepared.ts'
import { production, rowsOf } from '../support/runtime-project.ts'
import { skip } from '../support/skip.ts'
import { suite } from '../support/suite.ts'
import { tempFolder, tempProject } from '../support/temp.ts'

const test = suite('disk')
const program = fileURLToPath(new URL('../programs/faulty-run/main.cjs', import.meta.url))

interface Answer {
  readonly status: number | null
  readonly code: string
  readonly message: string
  readonly hints: readonly string[]
}

/** Runs a shell script in which `"$NODE" "$PROGRAM" …` does an operation; its last line of output is the answer. */
function scripted(
  script: string,
  variables: Readonly<Record<string, string>>,
  wrapper: readonly string[] = [],
): Answer {
  const [command = 'sh', ...args] = [...wrapper, 'sh', '-c', script]
  const child = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, NODE: process.execPath, PROGRAM: program, ...variables },
  })
  const last = child.stdout.trim().split('\n').at(-1) ?? ''
  assert.ok(last.startsWith('{'), `${child.stdout}${child.stderr}`)
  return { status: child.status, ...JSON.parse(last) }
}

/** What makes a mount name space here. */
function mountSpace(): readonly string[] {
  const probe = tempFolder('probe')
  for (const wrapper of [
    ['unshare', '-m'],
    ['unshare', '-Urm'],
  ]) {
    const [command = '', ...args] = wrapper
    if (spawnSync(command, [...args, 'mount', '-t', 'tmpfs', 'tmpfs', probe]).status === 0) return wrapper
  }
  return skip(
    'mounting a file system in a name space of one process is not allowed here; it runs where `unshare -m` or `unshare -Urm` works',
  )
}

const projectWithProduction = prepared(async () => {
  const project = tempProject(FAULT_FILES)
  await perform('first', project)
  return project
})

const run = (project: string, operation: Operation) => ({ PROJECT: project, OPERATION: operation })

test('A read-only target/ is named, and production stays', async () => {
  const wrapper = mountSpace()
  const project = await projectWithProduction()
  const before = production(project)
  const script =
    'mount --bind "$PROJECT/target" "$PROJECT/target" && mount -o remount,ro,bind "$PROJECT/target" && exec "$NODE" "$PROGRAM" "$PROJECT" "$OPERATION" 0'
  const answer = scripted(script, run(project, 'change'), wrapper)
  assert.equal([answer.status, answer.code], [1, 'STATE_IO'])
  assert.ok(answer.message.includes(join(project, 'target')), answer.message)
  assert.match(answer.hints.join(' '), /read-only/)
  assert.equal(production(project), before)
  await perform('change', project)
  assert.is(await rowsOf(project, 'transform.sums'), '[[60]]')
})

test('A full disk is named with what to do, nothing is lost, and the run finishes when there is space', async () => {
  const wrapper = mountSpace()
  const project = await projectWithProduction()
  const kept = tempFolder('kept')
  // target/ is copied onto a disk of 3 MB and back, so that what the failed run leaves can be looked at.
  const script = [
    'cp -a "$PROJECT/target" "$KEPT/before" && mount -t tmpfs -o size=3m tmpfs "$PROJECT/target" && cp -a "$KEPT/before/." "$PROJECT/target"',
    '"$NODE" "$PROGRAM" "$PROJECT" "$OPERATION" 0',
    'code=$?; cp -a "$PROJECT/target" "$KEPT/after"; exit $code',
  ].join('\n')
  const answer = scripted(script, { ...run(project, 'large'), KEPT: kept }, wrapper)
  assert.equal([answer.status, answer.code], [1, 'STATE_IO'])
  assert.match(answer.hints.join(' '), /space/)
  const after = tempFolder('after')
  mkdirSync(join(after, 'data'))
  spawnSync('cp', ['-a', join(kept, 'after'), join(after, 'target')])
  spawnSync('cp', ['-a', `${join(project, 'data')}/.`, join(after, 'data')])
  assert.equal(production(after), production(project))
  await perform('large', after)
  assert.is(await rowsOf(after, 'transform.sums'), '[[60]]')
})

test('A limit on the size of files is named, and production stays', async () => {
  const project = await projectWithProduction()
  const before = production(project)
  const answer = scripted('ulimit -f 2000; exec "$NODE" "$PROGRAM" "$PROJECT" "$OPERATION" 0', run(project, 'large'))
  assert.equal([answer.status, answer.code], [1, 'STATE_IO'])
  assert.equal(production(project), before)
  await perform('large', project)
  assert.is(await rowsOf(project, 'transform.sums'), '[[60]]')
})

test.run()
