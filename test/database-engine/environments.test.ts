// Environments of a project that PostgreSQL executes: planned, applied, promoted and taken back, by commands and by hand.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { applies, cli, does, ends, rowsOf } from '../support/cli.ts'
import { type EngineProject, engineProject, preparedEngineProject, transform } from '../support/engine-project.ts'
import { runScript } from '../support/psql.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('database engine: environments')

const daily = (sql: string): string =>
  transform('daily', ['transform.paid'], `${sql} FROM ref('transform.paid') GROUP BY day`)
const MOST = daily('SELECT day, max(amount) AS most')

/** Production of the shop, and an applied environment in which one node is another. */
async function appliedAnew(): Promise<EngineProject> {
  const project = await engineProject()
  await does(project.folder, ['run'])
  project.write('seeknal/daily.yml', MOST)
  await applies(project.folder, 'dev')
  return project
}
const applied = preparedEngineProject(appliedAnew)

const columnsOf = (schema: string): string =>
  `SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_schema = '${schema}' AND table_name = 'daily'`

test('An environment costs its own nodes only, and production does not see it', async () => {
  const project = await applied()
  assert.equal(await project.rows(columnsOf('dev_analytics')), [['day,most']])
  assert.equal(await project.rows(columnsOf('analytics')), [['day,revenue,n']])
  const views = "SELECT table_name FROM information_schema.views WHERE table_schema LIKE 'dev%'"
  assert.equal(await project.rows(views), [['daily']])
  assert.match(await does(project.folder, ['env', 'apply', 'dev']), /Nothing left to do/)
  assert.match(await does(project.folder, ['env', 'list']), /dev +applied/)
  const [{ size_bytes }] = JSON.parse(await does(project.folder, ['env', 'list', '--json']))
  assert.ok([8192, 16384].includes(size_bytes), String(size_bytes))
})

test('A promotion leads the views to what was applied, and going back is exact', async () => {
  const project = await applied()
  const before = await project.rows('SELECT * FROM analytics.daily ORDER BY 1')
  assert.match(await does(project.folder, ['env', 'promote', 'dev']), /generation 2 \(was 1\)/)
  assert.equal(await project.rows('SELECT * FROM analytics.daily ORDER BY 1'), [
    ['2026-03-01', '20'],
    ['2026-03-02', '5.25'],
  ])
  assert.match(await does(project.folder, ['run']), /No changes detected/)
  await applies(project.folder, 'dev')
  assert.match(await does(project.folder, ['promote', 'dev']), /^✓ Nothing to promote: production, generation 2/)
  assert.match(await does(project.folder, ['rollback', '--yes']), /generation 1 again/)
  assert.equal(await project.rows('SELECT * FROM analytics.daily ORDER BY 1'), before)
})

async function runs(project: EngineProject, file: string): Promise<void> {
  const { failed, said } = await runScript(project.database, file)
  assert.not.ok(failed, said)
}

test('promote.sql and rollback.sql leave what the commands leave', async () => {
  const [byHand, byCommand] = [await applied(), await appliedAnew()]
  const bundle = join(byHand.folder, 'target/environments/dev/bundle')
  await runs(byHand, join(bundle, 'promote.sql'))
  await does(byCommand.folder, ['promote', 'dev'])
  const views =
    "SELECT table_schema, table_name, view_definition FROM information_schema.views WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
  const plain = (rows: (string | null)[][]) => JSON.stringify(rows).replaceAll(/__[0-9a-f]{16}/g, '__')
  const ledger = `SELECT p.generation, g.number, g.record::jsonb->>'kind', g.record::jsonb->>'environment', s.kind, s.to_generation, e.documents->>'env_config.json' LIKE '%promoted%'
    FROM seeknal.projects p JOIN seeknal.generations g USING (project) JOIN seeknal.switches s ON s.to_generation = g.number JOIN seeknal.environments e ON e.project = p.project ORDER BY 2, s.id`
  const same = async (): Promise<void> => {
    assert.is(plain(await byHand.rows(views)), plain(await byCommand.rows(views)))
    assert.equal(await byHand.rows(ledger), await byCommand.rows(ledger))
  }
  await same()
  assert.match(await does(byHand.folder, ['run']), /No changes detected/)
  await runs(byHand, join(bundle, 'rollback.sql'))
  await does(byCommand.folder, ['rollback', '--yes'])
  await same()
})

test('promote.sql refuses what was not applied, and when production moved', async () => {
  const project = await applied()
  const script = join(project.folder, 'target/environments/dev/bundle/promote.sql')
  project.write('seeknal/daily.yml', daily('SELECT day, count(*) AS n'))
  await does(project.folder, ['run'])
  const moved = await runScript(project.database, script)
  assert.ok(moved.failed)
  assert.match(moved.said, /production is not what this bundle was planned against/)
  const other = await engineProject()
  await does(other.folder, ['run'])
  other.write('seeknal/daily.yml', MOST)
  await does(other.folder, ['env', 'plan', 'dev'])
  const unapplied = await runScript(other.database, join(other.folder, 'target/environments/dev/bundle/promote.sql'))
  assert.ok(unapplied.failed)
  assert.match(unapplied.said, /is not applied/)
})

test('A promotion is refused when production moved under it', async () => {
  const project = await applied()
  const other = project.copy()
  other.write(
    'seeknal/paid.yml',
    transform('paid', ['source.orders'], "SELECT id, customer, amount, day FROM ref('source.orders') WHERE amount > 6"),
  )
  other.write('seeknal/daily.yml', daily('SELECT day, sum(amount) AS revenue, count(*) AS n'))
  await does(other.folder, ['run'])
  const refused = await ends(3, project.folder, ['promote', 'dev'])
  assert.match(refused.all, /production moved/i)
  assert.match((await ends(3, project.folder, ['env', 'apply', 'dev'])).all, /moved/)
})

test('What depends on a view whose columns change is made again with it', async () => {
  const project = await applied()
  await project.database.sql(`CREATE ROLE ${project.database.database}_reader`).catch(() => {})
  await project.database.superuser(`CREATE ROLE ${project.database.database}_reader`).catch(() => {})
  const reader = `${project.database.database}_reader`
  await project.database.sql(`GRANT SELECT ON analytics.daily TO ${reader};
    COMMENT ON VIEW analytics.daily IS 'by day';
    COMMENT ON COLUMN analytics.daily.day IS 'the day';
    CREATE VIEW shop.days AS SELECT day FROM analytics.daily;
    GRANT SELECT ON shop.days TO ${reader};
    CREATE VIEW shop.last AS SELECT max(day) AS day FROM shop.days;
    CREATE MATERIALIZED VIEW shop.kept AS SELECT day FROM shop.days;
    CREATE UNIQUE INDEX kept_day ON shop.kept (day);
    CREATE FUNCTION shop.how_many() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM shop.days; END`)
  await does(project.folder, ['promote', 'dev'])
  assert.equal(await project.rows(columnsOf('analytics')), [['day,most']])
  assert.equal(
    await project.rows(`SELECT has_table_privilege('${reader}', 'analytics.daily', 'SELECT') AS a, has_table_privilege('${reader}', 'shop.days', 'SELECT') AS b,
      obj_description('analytics.daily'::regclass), col_description('analytics.daily'::regclass, 1), shop.how_many(), (SELECT day FROM shop.last) AS c, (SELECT count(*) FROM shop.kept) AS d,
      (SELECT count(*) FROM pg_indexes WHERE indexname = 'kept_day') AS e`),
    [['true', 'true', 'by day', 'the day', '2', '2026-03-02', '2', '1']],
  )
})

test('What cannot be made again stops the promotion, and is named', async () => {
  const project = await applied()
  await project.database.sql('CREATE VIEW shop.revenues AS SELECT revenue FROM analytics.daily')
  const refused = await ends(1, project.folder, ['promote', 'dev'])
  assert.match(refused.all, /shop\.revenues cannot be made again/)
  assert.equal(await project.rows(columnsOf('analytics')), [['day,revenue,n']])
  assert.equal(await project.rows('SELECT count(*) FROM shop.revenues'), [['2']])
  await project.database.sql('DROP VIEW shop.revenues')
  await does(project.folder, ['promote', 'dev'])
})

test('Deleting an environment takes its views and schemas, and nothing of others', async () => {
  const project = await applied()
  await project.database.sql('CREATE TABLE dev_analytics.mine (a int)')
  const out = await does(project.folder, ['env', 'delete', 'dev', '--yes'])
  assert.match(out, /dev_analytics\.daily/)
  assert.equal(await project.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'dev%'"), [['dev_analytics']])
  assert.equal(
    await project.rows(
      "SELECT relname FROM pg_class WHERE relnamespace = 'dev_analytics'::regnamespace AND relkind IN ('r', 'v')",
    ),
    [['mine']],
  )
  await ends(2, project.folder, ['promote', 'dev'])
})

test('A table of somebody else is never written over', async () => {
  const project = await engineProject()
  await project.database.sql('CREATE SCHEMA analytics; CREATE TABLE analytics.daily (a int)')
  const refused = await ends(1, project.folder, ['run'])
  assert.match(refused.all, /analytics\.daily is there already/)
})

test('A promotion to another environment makes it what this one is, without making anything', async () => {
  const project = await applied()
  const tables =
    "SELECT relname FROM pg_class WHERE relnamespace = 'seeknal_store'::regnamespace AND relkind = 'r' ORDER BY 1"
  const before = await project.rows(tables)
  const planned = await does(project.folder, ['env', 'promote', 'dev', 'staging-2', '--dry-run'])
  assert.match(planned, /would have a new plan, and outputs:\n {2}~ transform\.daily\n {2}1 output replaced/)
  assert.equal(await project.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'staging%'"), [])
  const out = await does(project.folder, ['env', 'promote', 'dev', 'staging-2'])
  assert.match(out, /✓ Environment 'staging-2' is what 'dev' is now/)
  assert.equal(await project.rows(tables), before)
  assert.equal(await project.rows(columnsOf('staging_2_analytics')), [['day,most']])
  assert.equal(
    await project.rows('SELECT * FROM staging_2_analytics.daily ORDER BY 1'),
    await project.rows('SELECT * FROM dev_analytics.daily ORDER BY 1'),
  )
  const list = await does(project.folder, ['env', 'list'])
  assert.match(list, /dev +promoted[\s\S]*staging-2 +applied/)
  assert.match(await does(project.folder, ['env', 'promote', 'dev', 'staging-2']), /has all of 'dev' already/)
  // As if it had been planned and applied there.
  const other = project
  assert.match(await does(other.folder, ['env', 'apply', 'staging-2']), /Nothing left to do/)
  const bundle = readFileSync(join(other.folder, 'target/environments/staging-2/bundle/bundle.json'), 'utf8')
  const compiled = join(other.folder, 'bundle')
  await does(other.folder, ['compile', '--env', 'staging-2', '--out', compiled])
  assert.is(bundle, readFileSync(join(compiled, 'bundle.json'), 'utf8'))
  assert.match((await ends(2, other.folder, ['env', 'promote', 'dev', 'dev'])).err, /cannot be promoted to itself/)
  assert.match(
    (await ends(2, other.folder, ['env', 'promote', 'dev', 'analytics'])).err,
    /production has the schema 'analytics'/,
  )
  // What the other has of its own is not lost in silence.
  other.write(
    'seeknal/paid.yml',
    transform('paid', ['source.orders'], "SELECT id, customer, amount, day FROM ref('source.orders') WHERE amount > 7"),
  )
  await applies(other.folder, 'own')
  assert.match(
    (await ends(3, other.folder, ['env', 'promote', 'dev', 'own'])).err,
    /has changes that 'dev' does not have: transform\.paid/,
  )
  await runs(project, join(compiled, 'promote.sql'))
  assert.equal(await project.rows(columnsOf('analytics')), [['day,most']])
  assert.match(await does(other.folder, ['env', 'list']), /staging-2 +promoted/)
  await does(other.folder, ['env', 'delete', 'staging-2', '--yes'])
  assert.equal(await project.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'staging%'"), [])
})

test('Where a bundle was executed without a project, outputs and production are found all the same', async () => {
  const project = await applied()
  await does(project.folder, ['compile', '--out', 'bundle'])
  const elsewhere = tempProject({
    'profiles.yml': readFileSync(join(project.folder, 'profiles.yml'), 'utf8'),
    'data/regions.csv': readFileSync(join(project.folder, 'data/regions.csv'), 'utf8'),
  })
  await does(elsewhere, ['exec', 'bundle', join(project.folder, 'bundle')])
  assert.match(await does(elsewhere, ['history']), /\* 2 +.* run/)
  assert.equal(await rowsOf(elsewhere, 'SELECT count(*) FROM transform.daily'), [['2']])
  assert.match(await does(elsewhere, ['inspect', 'daily']), /most/)
  assert.match(await does(elsewhere, ['env', 'list']), /dev +applied/)
  // Production has what the environment has by now, by the project's own run.
  assert.match(await does(elsewhere, ['env', 'promote', 'dev', '--rematerialize', '--force']), /generation 3 \(was 2\)/)
  assert.match(await does(elsewhere, ['rollback', '--to', '1', '--yes']), /generation 1 again/)
  assert.equal(await project.rows(columnsOf('analytics')), [['day,revenue,n']])
})

test('history --verify checks the ledger, the bundles and the tables from end to end', async () => {
  const project = await applied()
  await does(project.folder, ['promote', 'dev'])
  await does(project.folder, ['rollback', '--yes'])
  const verified = () => cli(project.folder, ['history', '--verify'])
  const [table = []] = await project.rows(
    "SELECT relname FROM pg_class WHERE relnamespace = 'seeknal_store'::regnamespace AND relname LIKE 'transform.by_region%'",
  )
  assert.match((await verified()).all, /✓ 2 generations verified\./)
  const kept = 'CREATE TABLE shop.kept AS SELECT * FROM'
  const changes: [string, string, RegExp][] = [
    [
      "UPDATE seeknal.generations SET run_state = run_state || ' ' WHERE number = 2",
      "UPDATE seeknal.generations SET run_state = rtrim(run_state, ' ') WHERE number = 2",
      /generation 2: run_state\.json was changed/,
    ],
    [
      "UPDATE seeknal.generations SET record = record || ' ' WHERE number = 1",
      "UPDATE seeknal.generations SET record = rtrim(record, ' ') WHERE number = 1",
      /generation 2: generation 1 is not the one that it was made on/,
    ],
    [
      `${kept} seeknal.bundles; UPDATE seeknal.bundles SET files = jsonb_set(files, '{review.md}', '"nothing"')`,
      'UPDATE seeknal.bundles b SET files = k.files FROM shop.kept k WHERE k.digest = b.digest; DROP TABLE shop.kept',
      /generation 1: the bundle that made it: .*review\.md[\s\S]*generation 2: the bundle/,
    ],
    [
      `${kept} seeknal.bundles; DELETE FROM seeknal.bundles`,
      'INSERT INTO seeknal.bundles SELECT * FROM shop.kept; DROP TABLE shop.kept',
      /generation 1: the bundle [0-9a-f]{12} that made it is gone/,
    ],
    [
      `${kept} seeknal_store."${table[0]}"; DELETE FROM seeknal_store."${table[0]}" WHERE region = 'north'`,
      `DELETE FROM seeknal_store."${table[0]}"; INSERT INTO seeknal_store."${table[0]}" SELECT * FROM shop.kept; DROP TABLE shop.kept`,
      /generation 1: the output of transform\.by_region was changed[\s\S]*generation 2: the output of transform\.by_region/,
    ],
    [
      'CREATE OR REPLACE VIEW analytics.daily AS SELECT day, revenue, n FROM (VALUES (current_date, 1::numeric, 1::bigint)) v(day, revenue, n)',
      'DROP VIEW analytics.daily',
      /generation 1: the view analytics\.daily leads elsewhere/,
    ],
    [
      'DELETE FROM seeknal.switches WHERE id = (SELECT max(id) FROM seeknal.switches)',
      'SELECT',
      /generation 1: the view analytics\.daily is missing[\s\S]*the last switch was not to it|the last switch was not to it[\s\S]*is missing/,
    ],
  ]
  for (const [sql, undo, said] of changes) {
    await project.database.sql(sql)
    const { code, all } = await verified()
    assert.match(all, said, all)
    assert.is(code, 1)
    await project.database.sql(undo)
  }
  const { generations, problems } = JSON.parse((await cli(project.folder, ['history', '--verify', '--json'])).out)
  assert.equal([generations.length, problems.length], [2, 2])
})

test('Cleaning removes old versions, and keeps what can be gone back to', async () => {
  const project = await engineProject()
  const tables = async () =>
    Number(
      (
        await project.rows(
          "SELECT count(*) FROM pg_class WHERE relnamespace = 'seeknal_store'::regnamespace AND relkind = 'r'",
        )
      )[0]?.[0],
    )
  await does(project.folder, ['run'])
  const first = await tables()
  for (const columns of ['max(amount) AS a', 'min(amount) AS b', 'count(*) AS c']) {
    project.write('seeknal/daily.yml', daily(`SELECT day, ${columns}`))
    await does(project.folder, ['run'])
  }
  assert.is(await tables(), first + 3)
  assert.match(
    await does(project.folder, ['clean', '--keep', '2', '--dry-run']),
    /Would remove 2 generations, 2 tables/,
  )
  assert.match(await does(project.folder, ['clean', '--keep', '2']), /Removed 2 generations, 2 tables, 2 bundles/)
  assert.is(await tables(), first + 1)
  await does(project.folder, ['rollback', '--yes'])
  assert.equal(await project.rows(columnsOf('analytics')), [['day,b']])
  assert.match((await ends(2, project.folder, ['rollback', '--to', '1', '--yes'])).all, /no generation 1/)
})

test('The state of one engine is not taken for that of another', async () => {
  const project = await engineProject({ 'seeknal/one.yml': transform('one', [], 'SELECT 1 AS a') })
  await does(project.folder, ['run'])
  project.write('seeknal_project.yml', 'name: shop\nversion: "1.0.0"\n')
  for (const args of [['run'], ['history'], ['promote', 'dev']])
    assert.match((await ends(2, project.folder, args)).all, /target\/ is a copy of the state/)
  const files = await engineProject({
    'seeknal_project.yml': 'name: shop\nversion: "1.0.0"\n',
    'seeknal/one.yml': transform('one', [], 'SELECT 1 AS a'),
  })
  await does(files.folder, ['run'])
  files.write(
    'seeknal_project.yml',
    'name: shop\nversion: "1.0.0"\nengine: {type: postgresql, connection: warehouse}\ndialect: postgresql\n',
  )
  assert.match((await ends(2, files.folder, ['run'])).all, /target\/ holds the state of another engine/)
  // The same by the profile alone, right after a run that found nothing to do.
  files.write('seeknal_project.yml', 'name: shop\nversion: "1.0.0"\n')
  await does(files.folder, ['run'])
  const profile = readFileSync(join(files.folder, 'profiles.yml'), 'utf8')
  files.write('profiles.yml', `${profile}engine: {type: postgresql, connection: warehouse}\n`)
  assert.match((await ends(2, files.folder, ['run'])).all, /target\/ holds the state of another engine/)
})

test.run()
