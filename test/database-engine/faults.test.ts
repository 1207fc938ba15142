// A client or a server that is gone in the middle: production is the old one or the new one, and the same command again brings
// what it would have brought, to the last row, grant, index, comment and definition.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { applies, does, ends } from '../support/cli.ts'
import { type EngineProject, engineProject, transform } from '../support/engine-project.ts'
import { edited, running, SLOW, STEPS } from '../support/fault-project.ts'
import { started } from '../support/held-command.ts'
import { killEverywhere } from '../support/kill-at-changes.ts'
import { command } from '../support/seeknal.ts'
import { suite } from '../support/suite.ts'
import { until } from '../support/until.ts'

const test = suite('database engine: faults')

test('A run that is killed after any change leaves production as it was, or made anew', async () => {
  const kills = await killEverywhere(await edited(), ['run'])
  assert.ok(kills >= 9, String(kills))
})

test('Applying, promoting and going back, killed after any change, are done or not done', async () => {
  const project = await edited()
  await does(project.folder, ['env', 'plan', 'dev'])
  const kills: number[] = []
  for (const args of STEPS) kills.push(await killEverywhere(project, args))
  assert.ok(
    kills.every((count, i) => count >= (i === 0 ? 10 : 2)),
    String(kills),
  )
})

test('A promotion to another environment that is killed after any change is done or not done', async () => {
  const project = await edited()
  await applies(project.folder, 'dev')
  const kills = await killEverywhere(project, ['env', 'promote', 'dev', 'staging'])
  assert.ok(kills > 1, String(kills))
})

test('Independent nodes run side by side, and Ctrl-C ends their queries, whose comments say whose they are', async () => {
  const also = transform('also', ['transform.daily'], "SELECT d.day FROM ref('transform.daily') d, pg_sleep(120)")
  const project = await engineProject({ ...SLOW, 'seeknal/also.yml': also })
  const { pid, ended } = started(project.folder, ['run'])
  await until(async () => (await running(project)).length === 2)
  const queries = (await running(project)).map(({ query }) => String(query)).sort()
  for (const [i, node] of ['also', 'slow'].entries())
    assert.match(
      queries[i] ?? '',
      new RegExp(
        `^/\\* seeknal project=shop environment=production node=transform\\.${node} bundle=[0-9a-f]{64} \\*/ `,
      ),
    )
  process.kill(pid ?? 0, 'SIGINT')
  const { code, all } = await ended
  assert.is(code, 130, all)
  assert.match(all, /transform\.daily +2 rows/)
  await until(async () => (await sessions(project)).length === 0)
  for (const name of ['slow', 'also'])
    project.write(
      `seeknal/${name}.yml`,
      transform(name, ['transform.daily'], "SELECT d.day FROM ref('transform.daily') d, pg_sleep(0)"),
    )
  await does(project.folder, ['run'])
  assert.equal(await project.rows('SELECT count(*) FROM analytics.slow'), [['2']])
})

/** Of whoever else works in the project's database. */
const sessions = (project: EngineProject) =>
  project.database.sql(
    'SELECT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  )

test('Who writes is named to whoever comes second', async () => {
  const project = await engineProject(SLOW)
  const { pid, ended } = started(project.folder, ['run'])
  await until(async () => (await running(project)).length > 0)
  const other = project.copy()
  const refused = spawnSync(process.execPath, [command, 'run'], {
    cwd: other.folder,
    encoding: 'utf8',
    env: { ...process.env, HOME: other.folder },
  })
  assert.is(refused.status, 3, refused.stderr)
  assert.match(refused.stderr, new RegExp(`being written by 'seeknal run' \\(process ${pid} on `))
  const told = await ends(3, other.folder, ['unlock'])
  assert.match(told.all, new RegExp(`is held by 'seeknal run' \\(process ${pid} on `))
  process.kill(pid ?? 0, 'SIGSTOP')
  assert.match(await does(other.folder, ['unlock', '--force']), /The lock on production is removed/)
  process.kill(pid ?? 0, 'SIGKILL')
  await ended
  writeFileSync(
    join(other.folder, 'seeknal/slow.yml'),
    SLOW['seeknal/slow.yml'].replace('pg_sleep(120)', 'pg_sleep(0)'),
  )
  await does(other.folder, ['run', '--lock-timeout', '30s'])
})

test.run()
