// When a source in a database is read, what runs because of it, and how much of it is read again.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does, ends, records, rowsOf } from '../../support/cli.ts'
import { postgresServer, type TestDatabase } from '../../support/postgres.ts'
import { databaseProject, passwordOf, profileOf, sourceOf, transformOf } from '../../support/postgres-project.ts'
import { suite } from '../../support/suite.ts'
import { writeFiles } from '../../support/temp.ts'

const test = suite('cli/postgresql/due')

let made: Promise<TestDatabase> | null = null

async function database(): Promise<TestDatabase> {
  const server = await postgresServer()
  made ??= server.create({ database: 'due', user: 'due', password: 'due-secret' })
  return made
}

/** node → status of a run. */
async function ran(folder: string, db: TestDatabase, ...args: string[]): Promise<Record<string, unknown>> {
  const lines = records(await does(folder, ['run', '--json', ...args], passwordOf(db)))
  return Object.fromEntries(lines.flatMap(({ node, status }) => (typeof node === 'string' ? [[node, status]] : [])))
}

const generationOf = (folder: string): string => readFileSync(join(folder, 'target/current/generation.json'), 'utf8')

test('A table is looked at each time; its readers run only when rows changed that they read', async () => {
  const db = await database()
  await db.sql("CREATE TABLE t1 (id int, name text, note text); INSERT INTO t1 VALUES (1, 'a', 'x'), (2, 'b', 'y')")
  const folder = databaseProject(db, {
    'seeknal/t1.yml': sourceOf('t1', 'connection: warehouse\ntable: public.t1\n'),
    'seeknal/names.yml': transformOf('names', ['source.t1'], "SELECT id, name FROM ref('source.t1')"),
    'seeknal/notes.yml': transformOf('notes', ['source.t1'], "SELECT id, note FROM ref('source.t1')"),
  })
  assert.equal(await ran(folder, db), {
    'source.t1': 'executed',
    'transform.names': 'executed',
    'transform.notes': 'executed',
  })
  const first = generationOf(folder)
  assert.match(await does(folder, ['run'], passwordOf(db)), /No changes detected/)
  assert.is(generationOf(folder), first)
  // The same rows in another order are the same.
  await db.sql("DELETE FROM t1 WHERE id = 1; INSERT INTO t1 VALUES (1, 'a', 'x')")
  assert.match(await does(folder, ['run'], passwordOf(db)), /No changes detected/)
  await db.sql("UPDATE t1 SET note = 'z' WHERE id = 2")
  assert.equal(await ran(folder, db), {
    'source.t1': 'executed',
    'transform.names': 'cached',
    'transform.notes': 'executed',
  })
  // Back to what it was: all is in the store.
  await db.sql("UPDATE t1 SET note = 'y' WHERE id = 2")
  assert.equal(await ran(folder, db), {
    'source.t1': 'reused',
    'transform.names': 'cached',
    'transform.notes': 'reused',
  })
  assert.equal(await ran(folder, db, '--full'), {
    'source.t1': 'executed',
    'transform.names': 'executed',
    'transform.notes': 'executed',
  })
  const plan = await does(folder, ['run', '--dry-run'], passwordOf(db))
  assert.match(plan, /source\.t1.*its table is looked at again/)
  assert.match(plan, /transform\.names.*depends on the rows of source\.t1/)
})

test('A source that is wanted once a day is not asked again that day', async () => {
  const db = await database()
  await db.sql('CREATE TABLE t2 (id int); INSERT INTO t2 VALUES (1)')
  const folder = databaseProject(db, {
    'seeknal/t2.yml': sourceOf('t2', 'connection: warehouse\ntable: public.t2\nvolatile: day\n'),
  })
  assert.equal(await ran(folder, db, '--run-timestamp', '2026-03-01T06:00:00Z'), { 'source.t2': 'executed' })
  await db.sql('INSERT INTO t2 VALUES (2)')
  const again = await does(folder, ['run', '--run-timestamp', '2026-03-01T18:00:00Z'])
  assert.match(again, /No changes detected/)
  assert.equal(await ran(folder, db, '--run-timestamp', '2026-03-02T06:00:00Z'), { 'source.t2': 'executed' })
})

test('Of a table that grows only the end is read again, and the rest of what is stored stays', async () => {
  const db = await database()
  await db.sql(`CREATE TABLE t3 (id int, at timestamptz, v text);
    INSERT INTO t3 SELECT i, timestamptz '2026-03-01' + i * interval '1 hour', 'old' FROM generate_series(1, 100) i;
    INSERT INTO t3 VALUES (101, NULL, 'no time'), (102, 'infinity', 'forever')`)
  const folder = databaseProject(db, {
    'seeknal/t3.yml': sourceOf(
      't3',
      'connection: warehouse\ntable: public.t3\nfreshness: {time_column: at, lookback: 2h}\n',
    ),
    'seeknal/mart.yml': transformOf(
      'mart',
      ['source.t3'],
      "SELECT count(*) AS n, max(id) AS last FROM ref('source.t3')",
    ),
  })
  await ran(folder, db)
  assert.match(await does(folder, ['run'], passwordOf(db)), /No changes detected/)
  // Late with the same time, new, changed within the lookback, gone from its end, changed without a time, and changed
  // too long ago to be seen.
  await db.sql(`INSERT INTO t3 VALUES (103, timestamptz '2026-03-01' + interval '100 hours', 'late'), (104, timestamptz '2026-03-09', 'new');
    UPDATE t3 SET v = 'changed' WHERE id IN (98, 99, 101, 5); DELETE FROM t3 WHERE id = 100`)
  assert.equal(await ran(folder, db), { 'source.t3': 'executed', 'transform.mart': 'executed' })
  assert.equal(
    await rowsOf(
      folder,
      'SELECT id, v FROM source.t3 WHERE id IN (5, 97, 98, 99, 100, 101, 102, 103, 104) ORDER BY id',
    ),
    [
      ['5', 'old'],
      ['97', 'old'],
      ['98', 'changed'],
      ['99', 'changed'],
      ['101', 'changed'],
      ['102', 'forever'],
      ['103', 'late'],
      ['104', 'new'],
    ],
  )
  assert.equal(await rowsOf(folder, 'SELECT count(*), count(DISTINCT id) FROM source.t3'), [['103', '103']])
  // A full run reads it all.
  await ran(folder, db, '--full')
  assert.equal(await rowsOf(folder, 'SELECT v FROM source.t3 WHERE id = 5'), [['changed']])
  // So does another definition.
  await db.sql("UPDATE t3 SET v = 'again' WHERE id = 6")
  writeFiles(folder, {
    'seeknal/t3.yml': sourceOf(
      't3',
      'connection: warehouse\ntable: public.t3\nfreshness: {time_column: at, lookback: 3h}\n',
    ),
  })
  await ran(folder, db)
  assert.equal(await rowsOf(folder, 'SELECT v FROM source.t3 WHERE id = 6'), [['again']])
})

test('Only a part is asked of the server where a table grows', async () => {
  const db = await database()
  await db.sql('CREATE TABLE t4 (id int, n bigint); INSERT INTO t4 SELECT i, i FROM generate_series(1, 1000) i')
  const folder = databaseProject(db, {
    'seeknal/t4.yml': sourceOf('t4', 'connection: warehouse\ntable: public.t4\nfreshness: {time_column: n}\n'),
  })
  await ran(folder, db)
  await db.sql('UPDATE t4 SET id = -id WHERE n < 1000; INSERT INTO t4 VALUES (1001, 1001)')
  await ran(folder, db)
  assert.equal(await rowsOf(folder, 'SELECT count(*), min(id) FROM source.t4'), [['1001', '1']])
})

test('A changed column is an error that shows it until it is accepted', async () => {
  const db = await database()
  await db.sql('CREATE TABLE t5 (id int, amount numeric(10,2), gone text); INSERT INTO t5 VALUES (1, 1.5, NULL)')
  const folder = databaseProject(db, {
    'seeknal/t5.yml': sourceOf('t5', 'connection: warehouse\ntable: public.t5\n'),
  })
  await ran(folder, db)
  const before = generationOf(folder)
  await db.sql('ALTER TABLE t5 ALTER amount TYPE numeric(12,4), DROP gone, ADD more int')
  const { err } = await ends(1, folder, ['run'], passwordOf(db))
  assert.match(err, 'amount numeric(10,2) → numeric(12,4), - gone text')
  assert.match(err, 'seeknal lock --accept')
  assert.is(generationOf(folder), before)
  const { out } = await ends(1, folder, ['lock'], passwordOf(db))
  assert.match(out, '+ source.t5.more INTEGER')
  assert.match(out, '- source.t5.gone')
  assert.match(out, '~ source.t5.amount DECIMAL(10,2) → DECIMAL(12,4)')
  await does(folder, ['lock', '--accept'], passwordOf(db))
  await ran(folder, db)
  assert.equal(await rowsOf(folder, 'SELECT id, amount, more FROM source.t5'), [['1', '1.5000', '']])
})

test('Without the server the lock file answers; without either the error says so', async () => {
  const db = await database()
  await db.sql('CREATE TABLE t6 (id int)')
  const source = sourceOf('t6', 'connection: warehouse\ntable: public.t6\n')
  const folder = databaseProject(db, { 'seeknal/t6.yml': source })
  await ran(folder, db)
  const lock = readFileSync(join(folder, 'seeknal.lock.json'), 'utf8')
  const alone = (files: Record<string, string>) =>
    databaseProject(db, { 'seeknal/t6.yml': source, 'profiles.yml': profileOf({ ...db, port: 1 }), ...files })
  await does(alone({ 'seeknal.lock.json': lock }), ['compile'])
  const { err } = await ends(2, alone({}), ['compile'], passwordOf(db))
  assert.match(err, /BIND_SOURCE_UNREACHABLE/)
  assert.match(err, /ECONNREFUSED/)
  const noProfile = alone({ 'profiles.yml': '' })
  assert.match((await ends(2, noProfile, ['compile'])).err, "The connection 'warehouse' is not known")
  // What the lock holds was observed for another question.
  const other = source.replace('public.t6', 'public.t7')
  assert.match(
    (await ends(2, alone({ 'seeknal.lock.json': lock, 'seeknal/t6.yml': other }), ['compile'])).err,
    /UNREACHABLE/,
  )
})

test('What the server refuses of a query is shown where it stands', async () => {
  const db = await database()
  const query = 'query: |\n  -- é\n  SELECT id,\n    nmae\n  FROM public.t1\n'
  const folder = databaseProject(db, { 'seeknal/q.yml': sourceOf('q', `connection: warehouse\n${query}`) })
  await db.sql('CREATE TABLE IF NOT EXISTS t1 (id int, name text, note text)')
  const { err } = await ends(2, folder, ['run'], passwordOf(db))
  assert.match(err, 'seeknal/q.yml:8:5: The server refuses it')
  assert.match(err, 'column "nmae" does not exist')
  const missing = databaseProject(db, {
    'seeknal/m.yml': sourceOf('m', 'connection: warehouse\ntable: public.nowhere\n'),
  })
  assert.match((await ends(2, missing, ['run'], passwordOf(db))).err, 'seeknal/m.yml:5:8')
})

test('Parameters of the run and of the project are put into a query', async () => {
  const db = await database()
  await db.sql(
    "CREATE TABLE t8 (day date, region text); INSERT INTO t8 SELECT date '2026-03-01' + i, 'e''u' FROM generate_series(0, 9) i",
  )
  const folder = databaseProject(db, {
    'seeknal/p.yml': sourceOf(
      'p',
      `connection: warehouse
query: |
  SELECT day, '{{ env.WHO }}-{{ env.NOBODY|nobody }}' AS who FROM t8
  WHERE day > DATE '{{ today(-3) }}' AND day <= '{{ run_date }}' AND region = '{{ region }}' AND day >= CAST({{ month_start }} AS date)
params: {region: "e'u"}
`,
    ),
  })
  const env = { ...passwordOf(db).env, WHO: 'it"s me' }
  await does(folder, ['run', '--date', '2026-03-05'], { env })
  assert.equal(await rowsOf(folder, 'SELECT day, who FROM source.p ORDER BY day'), [
    ['2026-03-03', '"it""s me-nobody"'],
    ['2026-03-04', '"it""s me-nobody"'],
    ['2026-03-05', '"it""s me-nobody"'],
  ])
})

test('Defaults of the profile name the connection and the schema; the node goes before them, and null is nothing', async () => {
  const db = await database()
  await db.sql('CREATE SCHEMA other; CREATE TABLE other.t9 (a int); CREATE TABLE public.t9 (b int)')
  const defaults = 'source_defaults:\n  postgres: {connection: warehouse, schema: other}\n'
  const folder = databaseProject(db, {
    'profiles.yml': profileOf(db, defaults),
    'seeknal/a.yml': sourceOf('a', 'table: t9\nparams: {connection: null, schema: null}\n'),
    'seeknal/b.yml': sourceOf('b', 'table: t9\nparams: {schema: public}\n'),
    'seeknal/c.yml': sourceOf('c', 'table: public.t9\n'),
  })
  await ran(folder, db)
  const columns = async (name: string) =>
    (await does(folder, ['repl', '--exec', `FROM source.${name}`, '--format', 'csv'])).trim()
  assert.equal([await columns('a'), await columns('b'), await columns('c')], ['a', 'b', 'b'])
  writeFiles(folder, {
    'profiles.yml': profileOf(db, 'source_defaults:\n  postgresql: {connection: warehouse, table: t9}\n'),
  })
  assert.match(
    (await ends(2, folder, ['run'], passwordOf(db))).err,
    /profiles\.yml:10:\d+: A default for 'table' would reach every postgresql source/,
  )
})

test.run()
