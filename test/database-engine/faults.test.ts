// A client or a server that is gone in the middle: production is the old one or the new one, and the same command again brings
// what it would have brought.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does, ends } from '../support/cli.ts'
import { type EngineProject, engineProject, SHOP, transform } from '../support/engine-project.ts'
import { started } from '../support/held-command.ts'
import { killed } from '../support/killed-command.ts'
import { postgresServer } from '../support/postgres.ts'
import { command } from '../support/seeknal.ts'
import { suite } from '../support/suite.ts'

const test = suite('database engine: faults')

const daily = (columns: string): string =>
  transform('daily', ['transform.paid'], `SELECT day, ${columns} FROM ref('transform.paid') GROUP BY day`)

/** Production's views, which must be those of the ledger's generation; and what they show. */
async function production(project: EngineProject): Promise<string> {
  const [ledger] = await project.database.sql(
    'SELECT p.generation, seeknal.views_now(p.project)::text AS views FROM seeknal.projects p',
  )
  const views: { schema: string; name: string; query: string }[] = JSON.parse(String(ledger?.views ?? '[]'))
  for (const { schema, name, query } of views) {
    const [found] = await project.database.sql(`SELECT pg_get_viewdef('${schema}.${name}'::regclass) AS shown`)
    const table = /seeknal_store\.("[^"]+")/.exec(query)?.[1]
    if (table !== undefined)
      assert.ok(String(found?.shown).includes(table), `${schema}.${name} leads elsewhere than the ledger says`)
  }
  const rows = await project.rows('SELECT * FROM analytics.daily ORDER BY 1').catch(() => [])
  return JSON.stringify(rows)
}

/** Kills at every `step`-th message. */
async function killEverywhere(
  project: EngineProject,
  args: readonly string[],
  back: () => Promise<void>,
  step: number,
): Promise<number> {
  const old = await production(project)
  const { sent } = killed(project.folder, args, 0)
  const wanted = await production(project)
  assert.is.not(wanted, old)
  let kills = 0
  for (let at = 1; at <= sent; at += step) {
    await back()
    const before = await production(project)
    if (killed(project.folder, args, at).signal !== 'SIGKILL') continue
    kills += 1
    const found = await production(project)
    assert.ok(found === before || found === wanted, `killed at ${at} of ${sent}: ${found}`)
    await does(project.folder, [...args])
    assert.is(await production(project), wanted, `again after ${at} of ${sent}`)
  }
  return kills
}

test('A promotion that is killed anywhere is done or not done', async () => {
  const project = await engineProject()
  await does(project.folder, ['run'])
  project.write('seeknal/daily.yml', daily('max(amount) AS most'))
  await does(project.folder, ['env', 'plan', 'dev'])
  await does(project.folder, ['env', 'apply', 'dev'])
  const back = async (): Promise<void> => {
    await does(project.folder, ['rollback', '--to', '1', '--yes'])
    await does(project.folder, ['env', 'plan', 'dev'])
    await does(project.folder, ['env', 'apply', 'dev'])
  }
  assert.ok((await killEverywhere(project, ['promote', 'dev'], back, 17)) > 2)
})

test('A run that is killed anywhere leaves production as it was, or made anew', async () => {
  const project = await engineProject()
  await does(project.folder, ['run'])
  let turn = 0
  // Another definition each time: nothing is taken from the store.
  const back = async (): Promise<void> => {
    await does(project.folder, ['rollback', '--to', '1', '--yes'])
    turn += 1
    project.write(
      'seeknal/paid.yml',
      transform(
        'paid',
        ['source.orders'],
        `SELECT id, customer, amount, day FROM ref('source.orders') WHERE amount > 6 AND id > -${turn}`,
      ),
    )
  }
  project.write(
    'seeknal/paid.yml',
    transform('paid', ['source.orders'], "SELECT id, customer, amount, day FROM ref('source.orders') WHERE amount > 6"),
  )
  assert.ok((await killEverywhere(project, ['run'], back, 37)) > 2)
})

const SLOW = {
  ...SHOP,
  'seeknal/slow.yml': transform(
    'slow',
    ['transform.daily'],
    "SELECT d.day FROM ref('transform.daily') d, pg_sleep(120)",
  ),
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 30_000; waited += 50) {
    if (await isSo()) return
    await new Promise((resume) => setTimeout(resume, 50))
  }
  throw new Error('it did not happen')
}

const running = (project: EngineProject) =>
  project.database.sql(
    "SELECT query FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(120)%' AND pid <> pg_backend_pid()",
  )

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
