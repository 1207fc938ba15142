// Bundles whose sources are in a database: executed elsewhere with a profile of that place, and by hand with psql and duckdb.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import * as assert from 'uvu/assert'
import { extractedQuery, extractText } from '../../../runtime/contract/extract.ts'
import { does, ends, rowsOf } from '../../support/cli.ts'
import { Session } from '../../support/duckdb.ts'
import { postgresServer, type TestDatabase } from '../../support/postgres.ts'
import { databaseProject, passwordOf, profileOf, sourceOf, transformOf } from '../../support/postgres-project.ts'
import { skip } from '../../support/skip.ts'
import { suite } from '../../support/suite.ts'
import { tempFolder, tempProject, writeFiles } from '../../support/temp.ts'

const test = suite('cli/postgresql/bundles')

let made: Promise<TestDatabase> | null = null

async function database(): Promise<TestDatabase> {
  const server = await postgresServer()
  made ??= server.create({ database: 'bundles', user: 'bundles', password: 'bundles-secret' }).then(async (db) => {
    await db.sql(`CREATE TABLE t (id int, amount numeric(10,2), note text, tags text[], raw bytea, at timestamptz);
        INSERT INTO t VALUES (1, 1.50, E'a\\n"b"', '{x,NULL}', '\\x00ff', '2026-03-01 12:00+07'), (2, NULL, '', NULL, NULL, NULL)`)
    return db
  })
  return made
}

const files = {
  'seeknal/t.yml': sourceOf('t', 'connection: warehouse\ntable: public.t\n'),
  'seeknal/ids.yml': sourceOf(
    'ids',
    "connection: warehouse\nquery: SELECT note FROM t WHERE at < DATE '{{ run_date }}' OR at IS NULL\n",
  ),
  'seeknal/mart.yml': transformOf(
    'mart',
    ['source.t'],
    "SELECT sum(amount) AS total, count(*) AS n FROM ref('source.t')",
  ),
}

test('A bundle names the connections that it needs, and nothing of where they lead', async () => {
  const db = await database()
  const folder = databaseProject(db, files)
  await does(folder, ['compile'], passwordOf(db))
  const contract = JSON.parse(readFileSync(join(folder, 'bundle/bundle.json'), 'utf8'))
  assert.equal(contract.requires.connections, [{ name: 'warehouse', type: 'postgresql' }])
  const step = contract.steps.find((s: { id: string }) => s.id === 'source.t')
  assert.equal(step.extract, {
    connection: 'warehouse',
    file: 'extract/source.t.sql',
    types: {
      id: 'integer',
      amount: 'numeric(10,2)',
      note: 'text',
      tags: 'text[]',
      raw: 'bytea',
      at: 'timestamp with time zone',
    },
  })
  for (const path of Object.keys(contract.files))
    assert.not.match(
      readFileSync(join(folder, 'bundle', path), 'utf8'),
      new RegExp(`127\\.0\\.0\\.1|${db.port}|sources-secret`),
    )
})

test('A bundle is executed elsewhere with the profile of that place', async () => {
  const db = await database()
  const folder = databaseProject(db, files)
  await does(folder, ['compile', '--archive', 'b.tar.gz', '--out', 'b'], passwordOf(db))
  const other = await (await postgresServer()).create({
    database: 'elsewhere',
    user: 'elsewhere',
    password: 'else-secret',
  })
  await other.sql(`CREATE TABLE t (id int, amount numeric(10,2), note text, tags text[], raw bytea, at timestamptz);
    INSERT INTO t VALUES (7, 70, 'z', NULL, NULL, NULL)`)
  const there = tempProject({ 'seeknal_project.yml': 'name: there\n', 'there.yml': profileOf(other) })
  const archive = join(folder, 'b.tar.gz')
  const { err } = await ends(1, there, ['exec', 'bundle', archive, '--continue-on-error'])
  assert.match(err, "The connection 'warehouse' is not known: there is no profile.")
  await does(there, ['exec', 'bundle', archive, '--profile', 'there.yml', '--date', '2026-03-05'], passwordOf(other))
  assert.equal(await rowsOf(there, 'SELECT * FROM transform.mart'), [['70.00', '1']])
  assert.match(
    await does(there, ['exec', 'bundle', archive, '--profile', 'there.yml', '--date', '2026-03-05'], passwordOf(other)),
    /Nothing to execute/,
  )
  writeFiles(there, { 'there.yml': profileOf(other).replace('warehouse', 'warehous') })
  const unknown = await ends(2, there, ['exec', 'bundle', archive, '--profile', 'there.yml'], passwordOf(other))
  assert.match(unknown.err, "Did you mean 'warehous'?")
})

test('A bundle that asks a database for more than a SELECT is refused', async () => {
  const cases = [
    "SELECT 1) TO PROGRAM 'touch /tmp/pwned'; --",
    'WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone',
    'SELECT 1; DROP TABLE t',
    'DROP TABLE t',
  ]
  const { extractRows } = await import('../../../runtime/engines/postgresql/extract.ts')
  const { connectionTo } = await import('../../support/postgres-connection.ts')
  const { rejects } = await import('../../support/rejects.ts')
  const db = await database()
  for (const query of cases) {
    assert.equal(extractedQuery(extractText(query, 2)), { query, options: 'several' })
    const request = {
      node: 'source.t',
      connection: connectionTo(db),
      options: 'several' as const,
      types: {},
      folder: tempFolder(),
      growth: null,
    }
    await rejects(() => extractRows({ ...request, query, from: 't' }), 'STATEMENT_REFUSED')
    await rejects(() => extractRows({ ...request, query: 'SELECT id FROM t', from: query }), 'STATEMENT_REFUSED')
  }
  const writes = { query: "SELECT nextval('s')::text FROM t", from: 't' }
  await db.sql('CREATE SEQUENCE IF NOT EXISTS s')
  const refused = await rejects(
    () =>
      extractRows({
        ...writes,
        node: 'source.t',
        connection: connectionTo(db),
        options: 'several',
        types: {},
        folder: tempFolder(),
        growth: null,
      }),
    'QUERY_FAILED',
  )
  assert.match(refused.message, /read-only transaction/)
  assert.is(extractedQuery(`DROP TABLE t;\n${extractText('SELECT 1', 1)}`), null)
  assert.is(extractedQuery(extractText('SELECT 1', 1).replace('READ ONLY', 'READ WRITE')), null)
})

/** Runs an extract file as psql does, without it. */
async function byDriver(db: TestDatabase, text: string): Promise<string> {
  const client = new pg.Client(db.url)
  await client.connect()
  const [before = '', rest = ''] = text.split(/^(?=COPY \()/m)
  const copy = rest.slice(0, rest.lastIndexOf(';\nCOMMIT;')).replaceAll(":'run_date'", "'2026-03-05'")
  await client.query(before)
  const chunks: Buffer[] = []
  for await (const chunk of client.query(copyTo(copy))) chunks.push(chunk)
  await client.query('COMMIT')
  await client.end()
  return Buffer.concat(chunks).toString()
}

function byPsql(db: TestDatabase, file: string): string {
  const uri = `postgresql://${db.user}@${db.host}:${db.port}/${db.database}`
  const ended = spawnSync('psql', ['-Xq', '-v', 'ON_ERROR_STOP=1', '-v', 'run_date=2026-03-05', '-f', file, uri], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, PGPASSWORD: db.password },
  })
  assert.is(ended.status, 0, ended.stderr)
  return ended.stdout
}

/** The outputs that apply.sql gives from what `extract` gives are those of a run. */
async function sameByHand(db: TestDatabase, extract: (file: string, text: string) => Promise<string> | string) {
  const folder = databaseProject(db, files)
  await does(folder, ['run', '--date', '2026-03-05'], passwordOf(db))
  await does(folder, ['compile'])
  for (const id of ['source.t', 'source.ids']) {
    const file = join(folder, 'bundle/extract', `${id}.sql`)
    writeFiles(folder, { [`extracts/${id}/rows.csv`]: await extract(file, readFileSync(file, 'utf8')) })
  }
  mkdirSync(join(folder, 'outputs'))
  const session = await Session.open()
  const roots = { outputs: join(folder, 'outputs'), extracts: join(folder, 'extracts'), run_date: '2026-03-05' }
  for (const [name, value] of Object.entries(roots)) await session.rows(`SET VARIABLE ${name} = '${value}'`)
  await session.script(readFileSync(join(folder, 'bundle/apply.sql'), 'utf8'))
  for (const name of ['source_t', 'source_ids', 'transform_mart']) {
    const byHand = `'${join(folder, 'outputs', name)}.parquet'`
    const ours = `'${join(folder, 'target/current/intermediate', name)}.parquet'`
    const rows = await session.rows(
      `(FROM ${byHand} EXCEPT ALL FROM ${ours}) UNION ALL (FROM ${ours} EXCEPT ALL FROM ${byHand})`,
    )
    assert.equal(rows, [], name)
    assert.not.equal(await session.rows(`FROM ${ours}`), [])
  }
}

test('Extract files and apply.sql alone give the tables of a run', async () => {
  const db = await database()
  await sameByHand(db, (_, text) => byDriver(db, text))
})

test('So do psql and what it writes', async () => {
  const db = await database()
  if (spawnSync('psql', ['--version']).status !== 0) skip('psql is not installed here; it runs where it is')
  await sameByHand(db, (file) => byPsql(db, file))
})

test.run()
