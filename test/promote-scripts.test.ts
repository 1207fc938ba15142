// promote.sh and rollback.sh of a bundle, run by sh without seeknal: the same production as `seeknal promote` and
// `seeknal rollback` make, and the same refusals.

import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { sha256 } from '../runtime/contract/canonical-json.ts'
import { does } from './support/cli.ts'
import { baseProject, goldenCase, projectOf } from './support/golden.ts'
import { prepared } from './support/prepared.ts'
import { suite } from './support/suite.ts'
import { tempFolder } from './support/temp.ts'

const test = suite('promotion by script')
const golden = goldenCase('added-column')

/** A project whose environment dev is applied, with its bundle in bundle/. */
const applied = prepared(async () => {
  const project = baseProject(golden) ?? ''
  await does(project, ['run'])
  cpSync(join(golden.folder, 'project/seeknal'), join(project, 'seeknal'), { recursive: true })
  await does(project, ['compile', '--env', 'dev', '--out', 'bundle'])
  await does(project, ['exec', 'bundle', 'bundle'])
  return project
})

const sh = (cwd: string, script: string, project = '.', path = process.env.PATH) =>
  spawnSync('sh', [script, project], { cwd, encoding: 'utf8', env: { ...process.env, PATH: path } })
const current = (project: string): string => readlinkSync(join(project, 'target/current'))

/** path → digest of every file of production. */
function production(project: string): Readonly<Record<string, string>> {
  const folder = join(project, 'target', current(project))
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    files
      .map((entry) => [
        join(entry.parentPath, entry.name).slice(folder.length),
        sha256(readFileSync(join(entry.parentPath, entry.name))),
      ])
      .sort(),
  )
}

test('It makes the production that the command makes, and then there is nothing to run', async () => {
  const [byScript, byCommand] = [await applied(), await applied()]
  const staged = readFileSync(join(byScript, 'target/environments/dev/promotion/generation/generation.json'), 'utf8')
  const done = sh(byScript, 'bundle/promote.sh')
  assert.is(done.status, 0, done.stderr)
  assert.is(current(byScript), 'generations/2')
  assert.is(readFileSync(join(byScript, 'target/current/generation.json'), 'utf8'), staged)
  await does(byCommand, ['promote', 'dev', '--yes'])
  assert.equal(production(byScript), production(byCommand))
  assert.equal(
    readdirSync(join(byScript, 'target/locks')).filter((name) => name.includes('production')),
    [],
  )
  assert.match(await does(byScript, ['run']), /No changes detected/)
})

test('Rolling back gives exactly what production was, and promoting twice is refused', async () => {
  const project = await applied()
  const before = production(project)
  assert.is(sh(project, 'bundle/promote.sh').status, 0)
  assert.is.not(JSON.stringify(production(project)), JSON.stringify(before))
  assert.is(sh(project, 'bundle/promote.sh').status, 2, 'what was applied has been used')
  assert.is(sh(project, 'bundle/rollback.sh').status, 0)
  assert.equal(production(project), before)
  assert.is(sh(project, 'bundle/rollback.sh').status, 3, 'production is not what this bundle made')
})

test('What a script promoted and took back stays a generation, and history tells of both', async () => {
  const project = await applied()
  assert.is(sh(project, 'bundle/promote.sh').status, 0)
  const promoted = production(project)
  assert.is(sh(project, 'bundle/rollback.sh').status, 0)
  await does(project, ['run'])
  assert.equal(readdirSync(join(project, 'target/generations')), ['1', '2', '3'])
  const told = JSON.parse(await does(project, ['history', '--json'])) as {
    generations: { record: { generation: number }; switches: { kind: string }[] }[]
  }
  const kinds = told.generations.map(({ record, switches }) => [record.generation, switches.map(({ kind }) => kind)])
  assert.equal(kinds.sort(), [
    [1, ['run', 'rollback']],
    [2, ['promote']],
    [3, ['run']],
  ])
  await does(project, ['rollback', '--to', '2', '--yes'])
  assert.equal(production(project), promoted)
})

test('A switch that was not noted, or noted in part, is noted by the script that finds it', async () => {
  const project = await applied()
  const log = join(project, 'target/journal/production.jsonl')
  assert.is(sh(project, 'bundle/promote.sh').status, 0)
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n')
  writeFileSync(log, `${lines[0]}\n${lines[1]?.slice(0, 20)}`)
  assert.is(sh(project, 'bundle/rollback.sh').status, 0)
  await does(project, ['run'])
  assert.equal(readdirSync(join(project, 'target/generations')), ['1', '2', '3'])
})

test('Without a log a script makes none: seeknal then keeps every generation that it finds', async () => {
  const project = await applied()
  const log = join(project, 'target/journal/production.jsonl')
  rmSync(log)
  assert.is(sh(project, 'bundle/promote.sh').status, 0)
  assert.is(existsSync(log), false)
  assert.is(sh(project, 'bundle/rollback.sh').status, 0)
  await does(project, ['run'])
  assert.equal(readdirSync(join(project, 'target/generations')), ['1', '2', '3'])
})

test('It runs from anywhere, in a project whose path needs quotes', async () => {
  const project = await applied()
  const odd = join(tempFolder(), "it's $HOME; a `b`")
  renameSync(project, odd)
  const done = sh('/', join(odd, 'bundle/promote.sh'), odd)
  assert.is(done.status, 0, done.stderr)
  assert.is(current(odd), 'generations/2')
})

test('When production moved, nothing changes', async () => {
  const project = await applied()
  appendFileSync(join(project, 'data/orders.csv'), 'A-9,C-1,2026-03-09 10:00:00,completed,1.00,1\n')
  await does(project, ['run', '--nodes', 'source.raw_orders'])
  const before = production(project)
  const refused = sh(project, 'bundle/promote.sh')
  assert.is(refused.status, 3, refused.stderr)
  assert.match(refused.stderr, 'generations/1')
  assert.equal(production(project), before)
})

test('Where mv can neither -T nor -h, the link is replaced all the same', async () => {
  const project = await applied()
  const tools = tempFolder('tools')
  writeFileSync(join(tools, 'mv'), '#!/bin/sh\ncase $1 in -T | -h) exit 64 ;; esac\nexec /bin/mv "$@"\n', {
    mode: 0o755,
  })
  const done = sh(project, 'bundle/promote.sh', '.', `${tools}:${process.env.PATH}`)
  assert.is(done.status, 0, done.stderr)
  assert.is(current(project), 'generations/2')
  assert.equal(readdirSync(join(project, 'target/generations')), ['1', '2'])
})

test('The first production can come from an environment', async () => {
  const project = projectOf(golden)
  await does(project, ['compile', '--env', 'dev', '--out', 'bundle'])
  await does(project, ['exec', 'bundle', 'bundle'])
  const done = sh(project, 'bundle/promote.sh')
  assert.is(done.status, 0, done.stderr)
  assert.is(readlinkSync(join(project, 'target/intermediate')), 'current/intermediate')
  assert.match(await does(project, ['run']), /No changes detected/)
  assert.is(sh(project, 'bundle/rollback.sh').status, 2, 'there is nothing to go back to')
})

test('A damaged or foreign environment and a held lock are refused, and the lock of another is left alone', async () => {
  const other = await applied()
  writeFileSync(join(other, 'target/environments/dev/promotion/generation/bundle.digest'), `${'0'.repeat(64)}\n`)
  assert.is(sh(other, 'bundle/promote.sh').status, 2)
  const damaged = await applied()
  writeFileSync(join(damaged, 'target/environments/dev/promotion/next'), '../../../x\n')
  assert.is(sh(damaged, 'bundle/promote.sh').status, 2)
  const held = await applied()
  const lock = join(held, 'target/locks/production.lock')
  writeFileSync(lock, 'someone')
  assert.is(sh(held, 'bundle/promote.sh').status, 3)
  assert.is(readFileSync(lock, 'utf8'), 'someone')
  for (const project of [other, damaged, held]) assert.is(current(project), 'generations/1')
})

test.run()
