// Servers that lack something, or roles that may not use it: what fails is made to fail on the real server, and the journey to
// production and back is the same.

import { join } from 'node:path'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { applies, does, ends } from '../support/cli.ts'
import { type EngineProject, engineProject, SHOP, transform } from '../support/engine-project.ts'
import { running, SLOW } from '../support/fault-project.ts'
import { started } from '../support/held-command.ts'
import { suite } from '../support/suite.ts'
import { profileFor } from '../support/target-project.ts'
import { until } from '../support/until.ts'

const test = suite('database engine: capabilities')

const NO_ADVISORY_LOCKS = `DO $$ DECLARE f regprocedure; BEGIN
  FOR f IN SELECT oid FROM pg_proc WHERE proname LIKE 'pg%advisory%' LOOP EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f); END LOOP;
END $$`

const DAILY = "SELECT day, count(*) AS n FROM ref('transform.paid') GROUP BY day"
const daily = (project: EngineProject): Promise<(string | null)[][]> =>
  project.rows('SELECT * FROM analytics.daily ORDER BY 1')

const FIRST = [
  ['2026-03-01', '30.5', '2'],
  ['2026-03-02', '5.25', '1'],
]
const SECOND = [
  ['2026-03-01', '2'],
  ['2026-03-02', '1'],
]

/** From nothing to production, to another by an environment, and back. */
async function journey(project: EngineProject): Promise<void> {
  const { folder } = project
  await does(folder, ['run'])
  assert.equal(await daily(project), FIRST)
  await project.database.sql(
    "COMMENT ON VIEW analytics.daily IS 'a day'; CREATE VIEW shop.days AS SELECT day FROM analytics.daily",
  )
  project.write('seeknal/daily.yml', transform('daily', ['transform.paid'], DAILY))
  await applies(folder, 'dev')
  assert.equal(await project.rows('SELECT * FROM dev_analytics.daily ORDER BY 1'), SECOND)
  assert.equal(await daily(project), FIRST)
  await does(folder, ['promote', 'dev'])
  assert.equal(await daily(project), SECOND)
  assert.equal(await project.rows("SELECT obj_description('analytics.daily'::regclass), count(*) FROM shop.days"), [
    ['a day', '2'],
  ])
  await does(folder, ['rollback', '--yes'])
  assert.equal(await daily(project), FIRST)
  await does(folder, ['env', 'delete', 'dev', '--yes'])
  await does(folder, ['clean', '--keep', '1']).catch(() => does(folder, ['clean']))
  assert.match(await does(folder, ['history']), /\* 1 /)
}

test('Where advisory locks may not be used, leases keep writers apart', async () => {
  const project = await engineProject()
  await project.database.superuser(NO_ADVISORY_LOCKS)
  assert.match(
    await does(project.folder, ['connection', 'test', 'warehouse']),
    /Without advisory_locks: .* uses leases/,
  )
  await journey(project)
  assert.equal(await project.rows('SELECT lock FROM seeknal.leases'), [])
  const other = project.copy()
  project.write('seeknal/slow.yml', SLOW['seeknal/slow.yml'])
  const first = started(project.folder, ['run'])
  await until(async () => (await running(project)).length > 0)
  assert.match((await ends(3, other.folder, ['run'])).all, /being written by 'seeknal run' \(process \d+ on /)
  assert.match((await ends(3, other.folder, ['clean'])).all, /written by/)
  process.kill(first.pid ?? 0, 'SIGKILL')
  await first.ended
  // Nobody was heard of for a minute.
  await project.database.sql("UPDATE seeknal.leases SET expires_at = now() - interval '1 second'")
  await does(other.folder, ['run'])
})

test('A client with leases and one with advisory locks keep each other out, and who lost a lease commits nothing', async () => {
  const slow = SLOW['seeknal/slow.yml'].replace('pg_sleep(120)', 'pg_advisory_xact_lock_shared(7)')
  const project = await engineProject()
  await does(project.folder, ['run'])
  const leasing = project.copy()
  leasing.write('profiles.yml', profileFor(project.database, '    without: advisory_locks\n'))
  const writers = [
    [project, leasing],
    [leasing, project],
  ] as const
  for (const [writer, other] of writers) {
    writer.write('seeknal/slow.yml', SLOW['seeknal/slow.yml'])
    const first = started(writer.folder, ['run'])
    await until(async () => (await running(project)).length > 0)
    assert.is((await ends(3, other.folder, ['run', '--full'])).code, 3)
    assert.match((await ends(3, other.folder, ['clean'])).all, /written by/)
    process.kill(first.pid ?? 0, 'SIGINT')
    assert.is((await first.ended).code, 130)
    writer.remove('seeknal/slow.yml')
  }
  leasing.write('seeknal/slow.yml', slow)
  const gate = new pg.Client({ ...project.database, ssl: false })
  gate.on('error', () => {})
  await gate.connect()
  await gate.query('SELECT pg_advisory_lock(7)')
  const robbed = started(leasing.folder, ['run'])
  await until(
    async () => (await project.rows("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'")).length > 0,
    'waiting at the gate',
  )
  await does(project.folder, ['unlock', '--force'])
  await gate.end()
  const { code, all } = await robbed.ended
  assert.is(code, 3, all)
  assert.match(all, /The lock was lost/)
  assert.equal(await project.rows("SELECT generation, to_regclass('analytics.slow') FROM seeknal.projects"), [
    ['1', null],
  ])
})

test('A role without the right to make schemas binds by temporary tables, and one without either is told what was not asked', async () => {
  const project = await engineProject()
  const { database, folder } = project
  await does(folder, ['run'])
  const { user, database: name } = database
  await database.superuser(
    `REVOKE ALL ON DATABASE ${name} FROM PUBLIC, ${user}; GRANT CONNECT, TEMPORARY ON DATABASE ${name} TO ${user}`,
  )
  project.write(
    'seeknal/daily.yml',
    transform('daily', ['transform.paid'], DAILY.replace('count(*)', 'count(nothing)')),
  )
  assert.match((await ends(2, folder, ['plan'])).all, /daily\.yml:\d+:\d+[\s\S]*column "nothing" does not exist/)
  project.write('seeknal/daily.yml', transform('daily', ['transform.paid'], DAILY))
  assert.not.match(await does(folder, ['compile', '--out', 'bundle']), /was not asked/)
  await database.superuser(`REVOKE TEMPORARY ON DATABASE ${name} FROM ${user}`)
  project.write('seeknal/daily.yml', transform('daily', ['transform.paid'], DAILY.replace('AS n', 'AS m')))
  const said = (await ends(0, folder, ['compile', '--out', join('bundle')])).all
  assert.match(
    said,
    /was not asked whether it takes the SQL of transform\.daily: the role may make neither schemas nor temporary/,
  )
})

/** Things are made and removed by statements that are transactions of their own, and the whole message. */
const NO_DDL_IN_TRANSACTIONS = `CREATE FUNCTION public.refuse_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $f$
BEGIN
  IF now() <> statement_timestamp() OR current_query() !~* '^\\s*(/\\*.*?\\*/\\s*)?(create|drop|alter|comment|grant|revoke)\\M'
    OR tg_tag <> 'CREATE FUNCTION' AND current_query() ~* ';\\s*(create|drop|alter|select)\\M.*seeknal_(store|next)' THEN
    RAISE EXCEPTION 'no % in a transaction: %', tg_tag, left(current_query(), 200);
  END IF;
END $f$;
CREATE EVENT TRIGGER refuse_ddl ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'CREATE VIEW', 'CREATE SCHEMA',
  'DROP TABLE', 'DROP VIEW', 'DROP SCHEMA', 'ALTER VIEW', 'CREATE FUNCTION') EXECUTE FUNCTION public.refuse_ddl()`

const STEPWISE = '    without: ddl_in_transactions\n'
const stepwise = async (): Promise<EngineProject> => {
  const project = await engineProject()
  project.write('profiles.yml', profileFor(project.database, STEPWISE))
  await project.database.superuser(NO_DDL_IN_TRANSACTIONS)
  return project
}

test('Where nothing is made within a transaction, the generation is committed first, and the views follow in steps', async () => {
  const project = await stepwise()
  await journey(project)
  assert.equal(await project.rows('SELECT statement FROM seeknal.pending'), [])
  const plain = project.copy()
  plain.write('profiles.yml', profileFor(project.database))
  assert.match((await ends(1, plain.folder, ['run', '--full'])).all, /no CREATE|no DROP/)
})

test('What a client that was killed had decided on is done by the next command', async () => {
  const project = await stepwise()
  const { folder, database } = project
  await does(folder, ['run'])
  await database.sql(
    'CREATE VIEW shop.days AS SELECT day FROM analytics.daily; GRANT SELECT ON analytics.daily TO PUBLIC',
  )
  project.write('seeknal/daily.yml', transform('daily', ['transform.paid'], DAILY))
  await applies(folder, 'dev')
  const { host, port, database: name, user, password } = database
  const reader = new pg.Client({ host, port, database: name, user, password, ssl: false })
  await reader.connect()
  // As long as it reads, the view stays as it is.
  await reader.query('BEGIN; SELECT FROM analytics.daily')
  const promoting = started(folder, ['promote', 'dev'])
  await until(async () => (await database.sql('SELECT FROM seeknal.pending')).length > 0)
  assert.equal(await project.rows('SELECT generation FROM seeknal.projects'), [['2']])
  process.kill(promoting.pid ?? 0, 'SIGKILL')
  await promoting.ended
  await reader.query('COMMIT')
  await reader.end()
  await until(async () => (await sessionsOf(project)) === 0)
  assert.match(await does(project.copy().folder, ['history']), /\* 2 /)
  assert.equal(await daily(project), SECOND)
  assert.equal(await project.rows('SELECT statement FROM seeknal.pending'), [])
  assert.equal(
    await project.rows(
      "SELECT count(*), has_table_privilege('public', 'analytics.daily', 'SELECT') AS may FROM shop.days",
    ),
    [['2', 'true']],
  )
})

const sessionsOf = async ({ database }: EngineProject): Promise<number> =>
  (await database.sql('SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'))
    .length

test('What a connection is without is a list of known names', async () => {
  const project = await engineProject(SHOP)
  project.write('profiles.yml', profileFor(project.database, '    without: advisory_lock\n'))
  assert.match((await ends(2, project.folder, ['run'])).all, /Did you mean 'advisory_locks'/)
})

test.run()
