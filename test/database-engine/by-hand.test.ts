// apply.sql, promote.sql and rollback.sql, run by psql without seeknal: they leave what the commands leave, to the last grant and
// the last row of the ledger, and the commands go on from there.

import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { nextSchema } from '../../runtime/contract/table-steps.ts'
import { Ledger } from '../../runtime/engines/postgresql/ledger.ts'
import { ODD_TABLES, pair, RUN, same, VARIABLES } from '../support/by-hand.ts'
import { does, ends } from '../support/cli.ts'
import {
  type EngineProject,
  engineProject,
  ORDERS,
  querySource,
  tableSource,
  transform,
} from '../support/engine-project.ts'
import { alone } from '../support/fault-project.ts'
import { connectionTo } from '../support/postgres-connection.ts'
import { byPsql, interpreted, needsPsql, runScript } from '../support/psql.ts'
import { suite } from '../support/suite.ts'
import { type Comparison, differences, wholeDatabase } from '../support/whole-database.ts'

const test = suite('database engine: by hand')

const CHECKS =
  'columns:\n  - {name: id, tests: [not_null, unique]}\n  - {name: customer, tests: [{type: not_null, severity: warn}]}\n'
const paid = (where: string, more = CHECKS): string =>
  transform(
    'paid',
    ['source.orders'],
    `SELECT id, "Customer ü" AS customer, amount, day -- only what's paid\nFROM ref('source.orders')\nWHERE ${where}`,
    more,
  )
const daily = (columns: string): string =>
  transform('daily', ['transform.paid'], `SELECT day, ${columns} FROM ref('transform.paid') GROUP BY day`)

/** Makes temporary objects, of the same names in each node. */
const inSteps = (name: string): string =>
  transform(
    name,
    ['transform.paid'],
    `CREATE TEMP TABLE kept AS SELECT id, amount FROM ref('transform.paid') WHERE day <= '{{ run_date }}'::date;
CREATE INDEX ON kept (id);
CREATE TEMP VIEW large AS SELECT * FROM kept WHERE amount > 6; -- don't; stop
UPDATE kept SET amount = amount + 1;
SELECT id, amount, '${name}'::text AS made_by FROM large`,
  )

/** Sources of tables, checks, rows that only themselves decide, the clock, a parameter, several statements, a table in place of a view, nothing at all. */
const FILES = {
  'seeknal/orders.yml': ORDERS,
  'seeknal/nothing.yml': tableSource('nothing', 'shop.nothing'),
  'seeknal/paid.yml': paid('amount > 0'),
  'seeknal/daily.yml': daily('sum(amount) AS revenue, count(*) AS n'),
  'seeknal/first.yml': transform('first', ['transform.paid'], "SELECT id, customer FROM ref('transform.paid') LIMIT 2"),
  'seeknal/after_first.yml': transform(
    'after_first',
    ['transform.first'],
    "SELECT count(*) AS n FROM ref('transform.first')",
    'publish: table\n',
  ),
  'seeknal/some_steps.yml': inSteps('some_steps'),
  'seeknal/more_steps.yml': inSteps('more_steps'),
  'seeknal/made_on.yml': transform(
    'made_on',
    ['source.nothing'],
    "SELECT a, '{{ run_date }}'::date AS on_day, now() AS at FROM ref('source.nothing')",
  ),
}

test('apply.sql leaves what executing the bundle leaves, in production and in an environment', async () => {
  const { byCommand, byHand, both, execute } = await pair(FILES)
  await execute(null, 'the first run')
  const planned = await does(byHand.folder, ['plan'])
  assert.is(planned, await does(byCommand.folder, ['plan']))
  await execute(null, 'the same again')
  await both((project) => project.write('seeknal/paid.yml', paid('amount > 6')))
  await execute(null, 'a change')
  await both((project) => {
    project.write('seeknal/daily.yml', daily('max(amount) AS most'))
    project.remove('seeknal/made_on.yml')
    project.write(
      'seeknal/more.yml',
      transform(
        'more',
        ['transform.daily', 'transform.first'],
        "SELECT d.day, f.id FROM ref('transform.daily') d, ref('transform.first') f",
      ),
    )
  })
  await execute('dev', 'an environment')
  await execute('dev', 'the same environment again')
  await both(({ folder }) => does(folder, ['promote', 'dev']))
  await same(byCommand, byHand, 'a promotion of what was applied by hand')
  await both(({ folder }) => does(folder, ['rollback', '--yes']))
  await same(byCommand, byHand, 'a way back')
  assert.match(await does(byHand.folder, ['history']), /dev/)
})

/** The rows that `load/source.regions.sql` of the bundle reads, as it would be done by hand. */
function layOut(project: EngineProject): void {
  mkdirSync(join(project.folder, 'loads'), { recursive: true })
  writeFileSync(join(project.folder, 'loads/source.regions.csv'), 'ann,north\n"bob\'s ""x""",\n')
}

const WITH_FILES = {
  ...FILES,
  'seeknal/regions.yml':
    'kind: source\nname: regions\nsource: csv\ntable: data/regions.csv\ncolumns: {customer: VARCHAR, region: VARCHAR}\n',
  'data/regions.csv': 'customer,region\nann,north\n"bob\'s ""x""",\n',
  'seeknal/by_region.yml': transform(
    'by_region',
    ['transform.paid', 'source.regions'],
    "SELECT r.region, sum(p.amount) AS revenue FROM ref('transform.paid') p JOIN ref('source.regions') r USING (customer) GROUP BY r.region",
  ),
}

/** What stands for the contents of files, and for all that is made of them: only seeknal can tell. */
const FILE_CONTENTS: Comparison = {
  without: [
    'command',
    'report.md',
    'data',
    'digest',
    'fingerprint',
    'inputs',
    'proof',
    'sha256',
    'relation',
    'run_state',
  ],
}

test('Rows of files are copied by psql, or as it would; what was in them is looked at by the next run', async () => {
  const { byCommand, byHand, both } = await pair(WITH_FILES)
  await both(({ folder }) => does(folder, ['compile', '--out', 'bundle']))
  await does(byCommand.folder, ['exec', 'bundle', ...RUN, '--run-id', 'run-1'])
  layOut(byHand)
  const variables = { ...VARIABLES, run_id: 'run-1', bundle: join(byHand.folder, 'bundle'), root: byHand.folder }
  const done = await interpreted(byHand.database, join(byHand.folder, 'bundle/apply.sql'), { cwd: '/', variables })
  assert.not.ok(done.failed, done.said)
  const plain: Comparison = { ...FILE_CONTENTS, ledgerWithout: ['generations', 'outputs'] }
  await same(byCommand, byHand, 'but for what stands for the contents of files', plain)
  assert.equal(
    await byHand.rows('SELECT region, revenue FROM analytics.by_region ORDER BY 1'),
    await byCommand.rows('SELECT region, revenue FROM analytics.by_region ORDER BY 1'),
  )
  const told = await does(byHand.folder, ['run', ...RUN, '--json'])
  const statuses = Object.fromEntries(
    told.split('\n').flatMap((line) => {
      const { node, status } = line.startsWith('{"node"') ? JSON.parse(line) : { node: '', status: '' }
      return node === '' ? [] : [[node, status]]
    }),
  )
  assert.equal(
    ['source.regions', 'transform.by_region', 'transform.paid'].map((node) => statuses[node]),
    ['executed', 'executed', 'cached'],
  )
  assert.match(await does(byHand.folder, ['run', ...RUN]), /No changes detected|Nothing/)
})

/** Runs apply.sql to its refusal, after which nothing is another. */
async function refused(
  project: EngineProject,
  what: RegExp,
  variables: Readonly<Record<string, string>> = VARIABLES,
): Promise<void> {
  const before = await wholeDatabase(project.database)
  const { failed, said } = await runScript(project.database, 'bundle/apply.sql', { cwd: project.folder, variables })
  assert.ok(failed, 'it was not refused')
  assert.match(said, what)
  assert.is(differences(before, await wholeDatabase(project.database)), '')
}

test('apply.sql refuses a production that moved, another writer, a changed file, and a missing value', async () => {
  const files = {
    ...FILES,
    'seeknal/named.yml': transform(
      'named',
      ['source.nothing'],
      "SELECT a, '{{ env.REGION }}'::text AS region FROM ref('source.nothing')",
    ),
  }
  const project = await engineProject(files, ODD_TABLES)
  await does(project.folder, ['compile', '--out', 'bundle'])
  await refused(project, /env_REGION has no value/)
  const variables = { ...VARIABLES, env_REGION: 'north' }
  const done = await runScript(project.database, 'bundle/apply.sql', { cwd: project.folder, variables })
  assert.not.ok(done.failed, done.said)
  const other = project.copy()
  other.write('seeknal/paid.yml', paid('amount > 6'))
  await does(other.folder, ['run', ...RUN], { env: { REGION: 'north' } })
  await refused(project, /production is not what this bundle was compiled against[\s\S]*Compile it again/, variables)
  await does(project.folder, ['compile', '--out', 'bundle'])
  const ledger = await Ledger.open(connectionTo(project.database), 'shop')
  await ledger.lock('production', "'seeknal run' (process 7)", 0)
  await refused(project, /production of project shop is being written by 'seeknal run' \(process 7\)/, variables)
  await ledger.close()
  const engine = (from: string, to: string) =>
    project.database.sql(
      `UPDATE seeknal.generations SET run_state = replace(run_state, '"engine": "${from}', '"engine": "${to}')`,
    )
  await engine('postgresql', 'duckdb')
  await refused(project, /the state in the database is of a project that the engine duckdb executes/, variables)
  await engine('duckdb', 'postgresql')
  appendFileSync(join(project.folder, 'bundle/review.md'), 'Nobody reviewed this.\n')
  await refused(project, /the bundle is not what bundle\.json says: review\.md/, variables)
  await project.database.sql(
    'ALTER TABLE shop.orders ADD c char(5); ALTER TABLE shop.orders RENAME day TO old; ALTER TABLE shop.orders RENAME c TO day',
  )
  await does(project.folder, ['compile', '--out', 'bundle'])
  const ended = await runScript(project.database, 'bundle/apply.sql', { cwd: project.folder, variables })
  assert.ok(ended.failed)
  assert.match(
    ended.said,
    /columns of source\.orders are no longer those that it was compiled with: day date → character\(5\)/,
  )
})

test('A check that fails ends apply.sql, and production and what is applied stay as they were', async () => {
  const { byCommand, byHand, both } = await pair(FILES)
  await both(({ folder }) => does(folder, ['run', ...RUN, '--run-id', 'run-1']))
  await both(async (project) => {
    project.write('seeknal/paid.yml', paid('true').replace('SELECT id,', 'SELECT nullif(id, 2) AS id,'))
    await does(project.folder, ['compile', '--env', 'dev', '--out', 'bundle'])
  })
  assert.match(
    (await ends(1, byCommand.folder, ['exec', 'bundle', ...RUN, '--run-id', 'run-2'])).all,
    /not_null\(id\) for 1 row/,
  )
  const { failed, said } = await runScript(byHand.database, 'bundle/apply.sql', {
    cwd: byHand.folder,
    variables: { ...VARIABLES, run_id: 'run-2' },
  })
  assert.ok(failed)
  assert.match(said, /the output of transform\.paid fails not_null\(id\) for 1 rows/)
  // The output of the node that failed is in the store of both; readers that were to come are not.
  await same(byCommand, byHand, 'a check that failed')
  assert.match((await ends(1, byHand.folder, ['promote', 'dev'])).all, /fails the check not_null/)
})

/** Only in what the session keeps for itself. */
const NOTED = /seeknal\.(begin_(step|source|target|checks)|finish_checks|fails_checks|fails_target|filled|let_go)\(/

/** Numbers of the statements after which something is there that was not before; of a transaction the last and its COMMIT. */
function changes(statements: readonly string[]): readonly number[] {
  let isOpen = false
  return statements.flatMap((sql, i) => {
    if (sql.startsWith('BEGIN')) isOpen = true
    else if (sql === 'COMMIT') isOpen = false
    const isLast = statements[i + 1] === 'COMMIT'
    const isAlone = !isOpen && /^COMMIT|seeknal\./.test(sql) && !NOTED.test(sql)
    return isLast || isAlone ? [i + 1] : []
  })
}

test('apply.sql that is stopped after any change and started again leaves what it leaves undisturbed', async () => {
  const files = {
    'seeknal/orders.yml': ORDERS,
    'seeknal/paid.yml': paid(
      'amount > 0',
      `${CHECKS}materialization: {type: postgresql, connection: warehouse, table: marts.paid, mode: append}\n`,
    ),
    'seeknal/days.yml': querySource('days', "SELECT day FROM shop.orders WHERE day < '{{ run_date }}'"),
  }
  const variables = { ...VARIABLES, run_id: 'run-1' }
  const [undisturbed, stopped] = [await engineProject(files, ODD_TABLES), await engineProject(files, ODD_TABLES)]
  const options = { cwd: undisturbed.folder, variables }
  await does(undisturbed.folder, ['compile', '--out', 'bundle'])
  const { failed, said, sent = [] } = await interpreted(undisturbed.database, 'bundle/apply.sql', options)
  assert.not.ok(failed, said)
  // What the stopped one has finished is found in the store.
  const found: Comparison = { replaced: [[/"(executed|reused|done|nothing)"/g, '"made"']] }
  const wanted = await wholeDatabase(undisturbed.database, found)
  const next = ['source', 'transform'].map((kind) => nextSchema('shop', kind))
  const schemas = ['seeknal', 'seeknal_store', 'analytics', 'analytics_source', 'marts', ...next]
  const points = changes(sent)
  assert.ok(points.length > 10, String(points))
  for (const at of points) {
    const what = `stopped at ${at}: ${sent[at - 1]?.slice(0, 80)}`
    await stopped.database.sql(`DROP SCHEMA IF EXISTS ${schemas.join(', ')} CASCADE`)
    await interpreted(stopped.database, 'bundle/apply.sql', { ...options, stopAt: at })
    await alone(stopped)
    const [seen] = await stopped.database.sql("SELECT to_regclass('analytics.paid') IS NOT NULL AS there")
    assert.is(seen?.there, at >= sent.lastIndexOf('COMMIT') + 1, what)
    const again = await interpreted(stopped.database, 'bundle/apply.sql', options)
    assert.not.ok(again.failed, `${what}: ${again.said}`)
    assert.is(differences(wanted, await wholeDatabase(stopped.database, found)), '', what)
  }
})

test('psql does what the tests do where there is none', async () => {
  needsPsql()
  const [byPsqlItself, asItWould] = [
    await engineProject(WITH_FILES, ODD_TABLES),
    await engineProject(WITH_FILES, ODD_TABLES),
  ]
  const variables = { ...VARIABLES, run_id: 'run-1' }
  for (const [project, run] of [
    [byPsqlItself, byPsql],
    [asItWould, interpreted],
  ] as const) {
    await does(project.folder, ['compile', '--out', 'bundle'])
    layOut(project)
    const { failed, said } = await run(project.database, 'bundle/apply.sql', { cwd: project.folder, variables })
    assert.not.ok(failed, said)
  }
  await same(byPsqlItself, asItWould, 'both ways', {})
})

test.run()
