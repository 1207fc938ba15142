// What apply.sql does with tables of others: it writes targets, keeps rows of queries and of other databases, and takes columns as
// the server gives them; and what was pending is done first.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { pair, RUN, same, VARIABLES } from '../support/by-hand.ts'
import { does, ends } from '../support/cli.ts'
import { type EngineProject, ORDERS, querySource, transform } from '../support/engine-project.ts'
import { printed, runScript } from '../support/psql.ts'
import { suite } from '../support/suite.ts'
import { newDatabase, profileFor } from '../support/target-project.ts'

const test = suite('database engine: tables by hand')

const MODES: readonly string[] = [
  'mode: overwrite',
  'mode: append',
  'mode: upsert_by_key, unique_keys: [id]',
  'mode: incremental_by_time, time_column: day',
]
const inAllModes = (where: string): string => {
  const targets = MODES.map((mode, i) => `  - {type: postgresql, connection: warehouse, table: marts.t${i}, ${mode}}\n`)
  const sql = `SELECT id, "Customer ü" AS customer, amount / 3 AS third, day FROM ref('source.orders') WHERE ${where}`
  return transform('written', ['source.orders'], sql, `materializations:\n${targets.join('')}`)
}

/** Rows that one key does not tell apart. */
const TWICE = transform(
  'twice',
  ['transform.written'],
  "SELECT date '2026-03-01' AS day, part FROM ref('transform.written'), unnest(ARRAY[1, 2]) AS parts(part)",
  'materialization: {type: postgresql, connection: warehouse, table: marts.twice, mode: upsert_by_key, unique_keys: [day]}\n',
)

test('Tables that outputs are written to are written once, as each mode says, and so does a promotion', async () => {
  const { byCommand, byHand, both, execute } = await pair({
    'seeknal/orders.yml': ORDERS,
    'seeknal/written.yml': inAllModes('day IS NOT NULL'),
  })
  const named = (project: EngineProject): string =>
    transform(
      'named',
      ['transform.written'],
      "SELECT count(*) AS n FROM ref('transform.written')",
      `materialization: {type: postgresql, connection: warehouse, table: ${project.database.database}.marts.named}\n`,
    )
  const held = (project: EngineProject) =>
    Promise.all(
      MODES.map((_, i) => project.rows(`SELECT id FROM marts.t${i} ORDER BY id`).then((rows) => rows.flat().join(' '))),
    )
  await execute(null, 'the first run')
  await execute(null, 'the same again')
  assert.equal(await held(byHand), ['1 2 3', '1 2 3', '1 2 3', '1 2 3'])
  await both((project) => project.database.sql('UPDATE shop.orders SET id = 7 WHERE id = 1'))
  await execute(null, 'other rows')
  assert.equal(await held(byHand), ['2 3 7', '1 2 2 3 3 7', '1 2 3 7', '2 3 7'])
  // A table that is not there any more is the next run's affair only where its rows are others.
  await both((project) => project.write('seeknal/written.yml', inAllModes('id < 3')))
  await execute('dev', 'an environment')
  await execute('dev', 'the same environment again')
  await does(byCommand.folder, ['promote', 'dev'])
  const { failed, said } = await runScript(byHand.database, 'bundle/promote.sql', { cwd: byHand.folder })
  assert.not.ok(failed, said)
  await same(byCommand, byHand, 'a promotion')
  assert.equal(await held(byHand), ['2', '1 2 2 2 3 3 7', '1 2 3 7', '2 3'])
  await does(byCommand.folder, ['rollback', '--yes'])
  const back = await runScript(byHand.database, 'bundle/rollback.sql', { cwd: byHand.folder })
  assert.not.ok(back.failed, back.said)
  await same(byCommand, byHand, 'a way back')
  await both((project) => project.write('seeknal/twice.yml', TWICE))
  await both(({ folder }) => does(folder, ['compile', '--env', 'other', '--out', 'bundle']))
  const ended = await ends(1, byCommand.folder, ['exec', 'bundle', ...RUN, '--run-id', 'fails'])
  const byPsql = await runScript(byHand.database, 'bundle/apply.sql', {
    cwd: byHand.folder,
    variables: { ...VARIABLES, run_id: 'fails' },
  })
  assert.ok(byPsql.failed)
  for (const told of [ended.all, byPsql.said])
    assert.match(told, /one key 'day' of the output has more than one row[\s\S]*row_number\(\)/)
  await same(byCommand, byHand, 'a table that cannot be written')
  await both((project) => project.remove('seeknal/twice.yml'))
  await both((project) => project.write('seeknal/named.yml', named(project)))
  await both(({ folder }) => does(folder, ['compile', '--out', 'bundle']))
  for (let i = 0; i < 2; i += 1) {
    const done = await runScript(byHand.database, 'bundle/apply.sql', { cwd: byHand.folder, variables: VARIABLES })
    assert.not.ok(done.failed, done.said)
  }
  assert.match(await does(byHand.folder, ['run', ...RUN]), /No changes detected/)
})

test('Rows that are kept are those of the run: of queries with its values, and of another database as it prints them', async () => {
  const crm = await newDatabase('crm')
  await crm.sql(`CREATE TYPE mood AS ENUM ('glad', 'sad');
    CREATE TABLE people (id int, name text, born date, tags text[], feels mood);
    INSERT INTO people VALUES (1, E'a,"b"\\n', '2020-02-29', '{x,NULL}', 'glad'), (2, '', NULL, '{}', 'sad'), (3, NULL, '0044-03-15 BC', NULL, NULL)`)
  const query = `SELECT id, day, '{{ env.WHO|all }} on {{ run_date }}' AS label, '{{ month_start(-1) }}'::date AS since
    FROM shop.orders WHERE day < date '{{ run_date }}'`
  const { byHand, both, executeAgain } = await pair({
    'seeknal/seen.yml': querySource('seen', query),
    'seeknal/people.yml': querySource('people', "SELECT *, '{{ run_date }}'::date AS asked FROM people", 'crm'),
    'seeknal/glad.yml': transform(
      'glad',
      ['source.people', 'source.seen'],
      "SELECT p.id, p.feels, s.label, 'of {{ run_date }} and {{ today(-1) }}'::text AS said FROM ref('source.people') p JOIN ref('source.seen') s ON s.id = p.id",
    ),
  })
  const own = profileFor(crm).replace('connections:\n  warehouse:', '  crm:')
  await both((project) => project.write('profiles.yml', `${profileFor(project.database)}${own}`))
  const given = { variables: { env_WHO: 'we' }, env: { WHO: 'we' } }
  const executes = async (what: string): Promise<void> => {
    await both(({ folder }) => does(folder, ['compile', '--out', 'bundle']))
    mkdirSync(join(byHand.folder, 'loads'), { recursive: true })
    const asked = join(byHand.folder, 'bundle/extract/source.people.sql')
    const rows = await printed(crm, asked, { run_date: VARIABLES.run_date })
    writeFileSync(join(byHand.folder, 'loads/source.people.csv'), rows)
    await executeAgain(what, given)
  }
  await executes('the first run')
  assert.match(
    readFileSync(join(byHand.folder, 'bundle/apply.sql'), 'utf8'),
    /-f bundle\/extract\/source\.people\.sql > loads\/source\.people\.csv {4}\(connection 'crm'\)/,
  )
  assert.equal(await byHand.rows('SELECT label, said FROM analytics.glad ORDER BY id LIMIT 1'), [
    ['we on 2026-03-05', 'of 2026-03-05 and 2026-03-04'],
  ])
  await executes('the same rows')
  await crm.sql("UPDATE people SET feels = 'sad' WHERE id = 1")
  await executes('other rows there')
  await both(({ database }) => database.sql("INSERT INTO shop.orders VALUES (3, 'new', 1, '2026-03-04')"))
  await executes('other rows here')
  await crm.sql("UPDATE people SET feels = 'glad' WHERE id = 1")
  await executes('rows that there were before')
  const told = await does(byHand.folder, ['run', ...RUN, '--json'], { env: { WHO: 'we' } })
  const statuses = told.split('\n').flatMap((line) => (line.startsWith('{"node"') ? [JSON.parse(line).status] : []))
  assert.equal(statuses, ['cached', 'cached', 'cached'])
  rmSync(join(byHand.folder, 'loads'), { recursive: true })
  const generation = await byHand.rows('SELECT generation FROM seeknal.projects')
  const without = await runScript(byHand.database, 'bundle/apply.sql', {
    cwd: byHand.folder,
    variables: { ...VARIABLES, env_WHO: 'we' },
  })
  assert.ok(without.failed)
  assert.match(without.said, /loads\/source\.people\.csv/)
  assert.equal(await byHand.rows('SELECT generation FROM seeknal.projects'), generation)
})

test('Columns that only the server can tell are those that it gives', async () => {
  const { byHand, both, executeAgain } = await pair({ 'seeknal/orders.yml': ORDERS })
  await both(async (project) => {
    await does(project.folder, ['compile'])
    const profile = readFileSync(join(project.folder, 'profiles.yml'), 'utf8')
    project.write(
      'seeknal/odd.yml',
      transform(
        'odd',
        ['source.orders'],
        `SELECT id, amount, amount / 3 AS third, amount::numeric(40,2) AS wide, 0.001::numeric(2,4) AS small, 100::numeric(2,-2) AS tens, ARRAY[day] AS days, ARRAY[[1]] AS grid,
  now()::timestamp(3) AS at, time '10:00' AS hour, 'a'::bytea AS raw, ARRAY['a'::bytea] AS raws, '{}'::jsonb AS doc, point(1, 2) AS place, gen_random_uuid() IS NULL AS no FROM ref('source.orders')`,
        'columns:\n  - {name: id, tests: [not_null]}\n',
      ),
    )
    project.write(
      'seeknal/reader.yml',
      transform('reader', ['transform.odd'], "SELECT * FROM ref('transform.odd') WHERE id > 1"),
    )
    project.remove('profiles.yml')
    assert.match((await ends(0, project.folder, ['compile', '--out', 'bundle'])).all, /was not asked/)
    project.write('profiles.yml', profile)
  })
  const columns = JSON.parse(readFileSync(join(byHand.folder, 'bundle/manifest.json'), 'utf8')).nodes.map(
    (node: { id: string; columns: unknown }) => [node.id, node.columns === null],
  )
  assert.equal(columns, [
    ['source.orders', false],
    ['transform.odd', true],
    ['transform.reader', true],
  ])
  await executeAgain('late-bound nodes')
})

test('What was decided on where nothing is made within a transaction is done first', async () => {
  const { both, execute, byHand } = await pair({
    'seeknal/orders.yml': ORDERS,
    'seeknal/daily.yml': transform(
      'daily',
      ['source.orders'],
      "SELECT day, sum(amount) AS revenue, count(*) AS n FROM ref('source.orders') GROUP BY day",
    ),
  })
  await execute(null, 'the first run')
  // One statement was done before its client was killed, and one grants what is about a column that is gone.
  const statements = [
    'DROP VIEW analytics.gone RESTRICT',
    'CREATE OR REPLACE VIEW analytics.daily AS SELECT day, revenue, n FROM analytics.daily_before',
    'GRANT SELECT (gone) ON analytics.daily TO PUBLIC',
    'CREATE VIEW analytics.daily AS SELECT 1',
    "COMMENT ON VIEW analytics.daily IS 'it''s done'",
  ]
  await both(async ({ database }) => {
    await database.sql('CREATE VIEW analytics.daily_before AS SELECT * FROM analytics.daily WHERE false')
    await database.sql('DROP VIEW analytics.daily_before; CREATE TABLE analytics.daily_before AS TABLE analytics.daily')
    for (const statement of statements)
      await database.sql(
        `INSERT INTO seeknal.pending (project, lock, statement) VALUES ('shop', 'production', '${statement.replaceAll("'", "''")}')`,
      )
    await database.sql(
      "INSERT INTO seeknal.pending (project, lock, statement) VALUES ('shop', 'environment-dev', 'DROP TABLE analytics.other')",
    )
  })
  await execute(null, 'what was pending')
  assert.equal(await byHand.rows('SELECT * FROM seeknal.pending'), [])
  assert.equal(await byHand.rows("SELECT obj_description('analytics.daily'::regclass)"), [["it's done"]])
})

test.run()
