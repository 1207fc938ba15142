// The ledger's own schema, and clients that write at the same time.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { prettyJson } from '../../runtime/contract/canonical-json.ts'
import { MIGRATIONS } from '../../runtime/contract/ledger-migrations.ts'
import { Ledger, migrate } from '../../runtime/engines/postgresql/ledger.ts'
import { openSession } from '../../runtime/engines/postgresql/session.ts'
import { applies, does, ends } from '../support/cli.ts'
import { engineProject, transform } from '../support/engine-project.ts'
import { connectionTo } from '../support/postgres-connection.ts'
import { suite } from '../support/suite.ts'
import { newDatabase } from '../support/target-project.ts'
import { tempFolder } from '../support/temp.ts'

const test = suite('database engine: ledger')

const STRUCTURE = `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relnamespace = 'seeknal'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL SELECT p.proname, pg_get_function_identity_arguments(p.oid), md5(p.prosrc) FROM pg_proc p WHERE p.pronamespace = 'seeknal'::regnamespace ORDER BY 1, 2, 3`

test('A ledger of any earlier version becomes what a new one is, with all that it held', async () => {
  const fresh = await newDatabase('ledger')
  const made = await Ledger.open(connectionTo(fresh), 'shop')
  await made.make()
  await made.close()
  const wanted = await fresh.sql(STRUCTURE)
  for (let version = 1; version < MIGRATIONS.length; version += 1) {
    const database = await newDatabase('ledger')
    const session = await openSession(connectionTo(database))
    await migrate(session, version)
    await session.close()
    await database.sql(`INSERT INTO seeknal.projects VALUES ('old', 1);
      INSERT INTO seeknal.generations VALUES ('old', 1, '{}', '{}', '{}', 'b', '[]')`)
    const ledger = await Ledger.open(connectionTo(database), 'shop')
    assert.not.ok(ledger.isMade)
    await ledger.make()
    await ledger.close()
    assert.equal(await database.sql(STRUCTURE), wanted)
    assert.equal(await database.sql('SELECT project, number::int FROM seeknal.generations'), [
      { project: 'old', number: 1 },
    ])
  }
})

test('The server writes documents as seeknal does', async () => {
  const database = await newDatabase('documents')
  const ledger = await Ledger.open(connectionTo(database), 'shop')
  await ledger.make()
  await ledger.close()
  const long = 'x'.repeat(76)
  const values = [
    ...[{}, { b: [], a: {} }, { list: [1, true, null, 'a","b'] }, { tags: ['é', 'ü'.repeat(70)] }],
    ...[[long], [`${long}y`], [`${long}yz`]].map((tags) => ({ tags })),
    // A character beyond U+FFFF is two units of UTF-16.
    ...[38, 39, 40, 60].map((count) => ({ reasons: ['😀'.repeat(count)], nested: { 'ключ 😀': ['a'] } })),
  ]
  for (const value of values) {
    const text = JSON.stringify(value).replaceAll("'", "''")
    assert.equal(await database.sql(`SELECT seeknal.document('${text}'::jsonb) AS text`), [{ text: prettyJson(value) }])
  }
})

test('A ledger that a newer seeknal wrote is refused', async () => {
  const project = await engineProject()
  await does(project.folder, ['run'])
  await project.database.sql('INSERT INTO seeknal.migrations (version) VALUES (99)')
  assert.match((await ends(2, project.folder, ['run'])).all, /written by a newer seeknal: version 99/)
})

test('Of two clients that change one node, the second is refused', async () => {
  const project = await engineProject({ 'seeknal/one.yml': transform('one', [], 'SELECT 1 AS a') })
  await does(project.folder, ['run'])
  const other = project.copy()
  for (const [folder, name, value] of [
    [project.folder, 'left', '2'],
    [other.folder, 'right', '3'],
  ] as const) {
    writeFileSync(join(folder, 'seeknal/one.yml'), transform('one', [], `SELECT ${value} AS a`))
    await applies(folder, name)
  }
  await does(project.folder, ['promote', 'left'])
  assert.match((await ends(3, other.folder, ['promote', 'right'])).all, /transform\.one/)
  assert.match(await does(other.folder, ['env', 'list']), /left +promoted[\s\S]*right +stale/)
  assert.equal(await project.rows('SELECT a FROM analytics.one'), [['2']])
})

test('A bundle is executed and promoted where there is no project', async () => {
  const project = await engineProject()
  await does(project.folder, ['run'])
  project.write(
    'seeknal/daily.yml',
    transform('daily', ['transform.paid'], "SELECT day, count(*) AS n FROM ref('transform.paid') GROUP BY day"),
  )
  await does(project.folder, ['compile', '--env', 'dev', '--archive', 'dev.tar.gz'])
  const elsewhere = tempFolder('elsewhere')
  mkdirSync(elsewhere, { recursive: true })
  for (const file of ['dev.tar.gz', 'profiles.yml'])
    writeFileSync(
      join(elsewhere, file),
      await import('node:fs').then(({ readFileSync }) => readFileSync(join(project.folder, file))),
    )
  await does(elsewhere, ['exec', 'bundle', 'dev.tar.gz'])
  assert.equal(await project.rows('SELECT * FROM dev_analytics.daily ORDER BY 1'), [
    ['2026-03-01', '2'],
    ['2026-03-02', '1'],
  ])
  await does(elsewhere, ['exec', 'bundle', 'dev.tar.gz', '--phase', 'promote'])
  assert.equal(await project.rows('SELECT * FROM analytics.daily ORDER BY 1'), [
    ['2026-03-01', '2'],
    ['2026-03-02', '1'],
  ])
  assert.match(await does(project.folder, ['history']), /\* 2 .*promote dev/)
})

test.run()
