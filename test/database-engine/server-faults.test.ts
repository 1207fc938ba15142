// A server that stops at once in the middle, and comes back: production is the old one or the new one, and the same command again
// brings what it would have brought.

import * as assert from 'uvu/assert'
import { does } from '../support/cli.ts'
import { engineProject } from '../support/engine-project.ts'
import { edited, running, SLOW, STEPS } from '../support/fault-project.ts'
import { started } from '../support/held-command.ts'
import { killEverywhere } from '../support/kill-at-changes.ts'
import { postgresServer } from '../support/postgres.ts'
import { suite } from '../support/suite.ts'
import { until } from '../support/until.ts'

const test = suite('database engine: server faults')

test('A run that the server stops in, after any change, leaves production as it was, or made anew', async () => {
  const kills = await killEverywhere(await edited(), ['run'], { server: true })
  assert.ok(kills >= 9, String(kills))
})

test('Applying, promoting and going back that the server stops in, after any change, are done or not done', async () => {
  const project = await edited()
  await does(project.folder, ['env', 'plan', 'dev'])
  const kills: number[] = []
  for (const args of STEPS) kills.push(await killEverywhere(project, args, { server: true }))
  assert.ok(
    kills.every((count, i) => count >= (i === 0 ? 10 : 2)),
    String(kills),
  )
})

test('A server that crashes in the middle leaves production as it was, and the next run goes on', async () => {
  const project = await engineProject(SLOW)
  const { ended } = started(project.folder, ['run'])
  await until(async () => (await running(project)).length > 0)
  const server = await postgresServer()
  await server.stop('SIGKILL')
  const { code, all } = await ended
  assert.is(code, 1, all)
  assert.match(all, /connection 'warehouse'.*(was lost|failed)/)
  await server.start()
  assert.equal(await project.rows('SELECT count(*) FROM seeknal.generations'), [['0']])
  project.write('seeknal/slow.yml', SLOW['seeknal/slow.yml'].replace('pg_sleep(120)', 'pg_sleep(0)'))
  await does(project.folder, ['run'])
  assert.equal(await project.rows('SELECT count(*) FROM analytics.slow'), [['2']])
})

test.run()
