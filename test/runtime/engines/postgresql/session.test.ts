import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { inspect } from 'node:util'
import * as assert from 'uvu/assert'
import { RuntimeFailure } from '../../../../runtime/contract/failures.ts'
import { Secret } from '../../../../runtime/contract/secret.ts'
import type { PostgresqlConnection } from '../../../../runtime/engines/postgresql/connection.ts'
import { openSession, type Session } from '../../../../runtime/engines/postgresql/session.ts'
import { certificates } from '../../../support/certificates.ts'
import { freePort } from '../../../support/ports.ts'
import { postgresServer, type TestDatabase } from '../../../support/postgres.ts'
import { connectionTo } from '../../../support/postgres-connection.ts'
import { rejects } from '../../../support/rejects.ts'
import { suite } from '../../../support/suite.ts'
import { until } from '../../../support/until.ts'

const test = suite('postgresql session')
const PASSWORD = "pa ss'w\\rd$#é"

let made: Promise<TestDatabase> | null = null

async function database(): Promise<TestDatabase> {
  const server = await postgresServer()
  made ??= server.create({ database: 'sessions', user: 'sessions', password: PASSWORD })
  return made
}

async function within<T>(connection: PostgresqlConnection, body: (session: Session) => Promise<T>): Promise<T> {
  const session = await openSession(connection)
  try {
    return await body(session)
  } finally {
    await session.close()
  }
}

const isTls = (connection: PostgresqlConnection): Promise<boolean> =>
  within(connection, async (session) => {
    const [row] = await session.rows('Asking', 'SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
    assert.is(String(session.tls), row?.ssl)
    return session.tls
  })

test('A session speaks UTC, ISO dates and every digit whatever the database is set to', async () => {
  const db = await database()
  await db.superuser(`ALTER ROLE sessions SET TimeZone = 'Asia/Jakarta'; ALTER ROLE sessions SET DateStyle = 'German';
    ALTER ROLE sessions SET extra_float_digits = -3; ALTER ROLE sessions SET bytea_output = 'escape'`)
  const [row] = await within(connectionTo(db), (session) =>
    session.rows(
      'Asking',
      `SELECT timestamptz '2026-01-31 12:00+07' AS at, date '2026-01-31' AS day, 0.1::float8 + 0.2 AS f,
        bytea '\\x00ff' AS b, 9007199254740993::int8 AS i, current_setting('application_name') AS name`,
    ),
  )
  assert.equal(row, {
    at: '2026-01-31 05:00:00+00',
    day: '2026-01-31',
    f: '0.30000000000000004',
    b: '\\x00ff',
    i: '9007199254740993',
    name: 'seeknal',
  })
})

test('Schema, name and limits of a connection are those of its session', async () => {
  const db = await database()
  await db.sql('CREATE SCHEMA IF NOT EXISTS "My Schema"; CREATE TABLE IF NOT EXISTS "My Schema".t AS SELECT 1 AS n')
  const connection = connectionTo(db, {
    schema: 'My Schema',
    applicationName: 'nightly',
    statementTimeoutMs: 1000,
    lockTimeoutMs: 300,
  })
  await within(connection, async (session) => {
    assert.equal(await session.rows('Asking', 'SELECT n FROM t'), [{ n: '1' }])
    assert.equal(await session.rows('Asking', "SELECT current_setting('application_name') AS n"), [{ n: 'nightly' }])
    const slow = await rejects(() => session.rows('Reading', 'SELECT pg_sleep(60)'), 'QUERY_FAILED')
    assert.match(slow.hints.join(), /'statement_timeout' of the connection 'warehouse'/)
    await within(connectionTo(db), async (other) => {
      await other.rows('Locking', 'BEGIN')
      await other.rows('Locking', 'LOCK TABLE "My Schema".t')
      const blocked = await rejects(() => session.rows('Reading', 'SELECT n FROM t'), 'QUERY_FAILED')
      assert.match(blocked.hints.join(), /'lock_timeout'/)
    })
  })
})

test('Every sslmode means what it means to libpq', async () => {
  const db = await database()
  const tls = await certificates()
  const [ca, other] = [join(tls, 'ca.crt'), join(tls, 'other.crt')]
  assert.is(await isTls(connectionTo(db, { sslmode: 'disable' })), false)
  assert.is(await isTls(connectionTo(db, { sslmode: 'allow' })), false)
  assert.is(await isTls(connectionTo(db, { sslmode: 'prefer' })), true)
  assert.is(await isTls(connectionTo(db, { sslmode: 'require' })), true)
  assert.is(await isTls(connectionTo(db, { sslmode: 'require', sslrootcert: ca })), true)
  await refused(connectionTo(db, { sslmode: 'require', sslrootcert: other }))
  assert.is(await isTls(connectionTo(db, { sslmode: 'verify-ca', sslrootcert: ca })), true)
  await refused(connectionTo(db, { sslmode: 'verify-ca', sslrootcert: other }))
  await refused(connectionTo(db, { sslmode: 'verify-ca' }))
  // The certificate is for `localhost`, not for the address.
  await refused(connectionTo(db, { sslmode: 'verify-full', sslrootcert: ca }))
  assert.is(await isTls(connectionTo(db, { sslmode: 'verify-full', sslrootcert: ca, host: 'localhost' })), true)
  assert.is(await isTls(connectionTo(db, { host: (await postgresServer()).socketFolder, sslmode: 'require' })), false)
})

test('A role may be let in by its certificate, and only with it', async () => {
  const db = await database()
  await db.superuser('CREATE ROLE certified LOGIN; GRANT CONNECT ON DATABASE sessions TO certified')
  const tls = await certificates()
  const [sslcert, sslkey] = [join(tls, 'client.crt'), join(tls, 'client.key')]
  const certified = { user: 'certified', password: null, sslmode: 'require' } as const
  assert.is(await isTls(connectionTo(db, { ...certified, sslcert, sslkey })), true)
  await refused(connectionTo(db, certified))
  await rejects(() => openSession(connectionTo(db, { ...certified, sslcert })), 'PROFILE_INVALID')
  await rejects(() => openSession(connectionTo(db, { ...certified, sslcert: '/nowhere.crt' })), 'PROFILE_INVALID')
})

test('A failure says what is wrong and never the password', async () => {
  const db = await database()
  const password = 'not-the-password-%42'
  const cases: readonly (readonly [Partial<PostgresqlConnection>, RegExp])[] = [
    [{}, /password authentication failed for user "sessions"/],
    [{ database: 'nowhere' }, /password authentication failed/],
    [{ port: await freePort() }, /ECONNREFUSED/],
    [{ host: 'nowhere.invalid' }, /nowhere\.invalid/],
    [{ database: password }, /./],
  ]
  for (const [others, message] of cases) {
    const failure = await rejects(
      () => openSession(connectionTo(db, { ...others, password: new Secret(password) })),
      'CONNECTION_FAILED',
    )
    assert.match(failure.message, message)
    assert.match(failure.message, /^The connection 'warehouse' to /)
    noSecret(failure, others.database === password ? 'only-elsewhere' : password)
  }
  const wrongDatabase = await rejects(() => openSession(connectionTo(db, { database: 'nowhere' })), 'CONNECTION_FAILED')
  assert.match(wrongDatabase.hints.join(), /Check 'database'/)
  noSecret(wrongDatabase, PASSWORD)
})

/** Less than where nothing is said, on a machine that is busy with other things. */
const MUCH_MS = 9000

test('A server that does not answer is given up after connect_timeout', async () => {
  const db = await database()
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const address = silent.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const started = performance.now()
  const failure = await rejects(() => openSession(connectionTo(db, { port, connectTimeoutS: 1 })), 'CONNECTION_FAILED')
  assert.ok(performance.now() - started < MUCH_MS)
  assert.match(failure.hints.join(), /'connect_timeout' says how long to wait/)
  silent.close()
})

test('What answers as no PostgreSQL does is given up, too', async () => {
  const db = await database()
  const other = createServer((socket) => {
    socket.on('error', () => {})
    socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
  }).listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const started = performance.now()
  await rejects(() => openSession(connectionTo(db, { port, connectTimeoutS: 1 })), 'CONNECTION_FAILED')
  assert.ok(performance.now() - started < MUCH_MS)
  other.close()
})

/** Until a session sleeps. */
const asleep = (db: TestDatabase): Promise<void> =>
  until(
    async () => (await db.superuser("SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length > 0,
    'sleeping',
  )

test('What a session is doing can be cancelled, and it goes on', async () => {
  const db = await database()
  await within(connectionTo(db), async (session) => {
    const asked = session.rows('Reading', 'SELECT pg_sleep(60)')
    const failure = rejects(() => asked, 'QUERY_FAILED')
    await asleep(db)
    await session.cancel()
    assert.match((await failure).message, /canceling statement due to user request/)
    assert.equal(await session.rows('Asking', 'SELECT 1 AS n'), [{ n: '1' }])
  })
})

test('A connection that is lost is said to be lost', async () => {
  const db = await database()
  await within(connectionTo(db), async (session) => {
    const asked = rejects(() => session.rows('Reading', 'SELECT pg_sleep(60)'), 'CONNECTION_FAILED')
    await asleep(db)
    await db.superuser("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)'")
    assert.match((await asked).message, /^Reading failed: the connection 'warehouse' to .* was lost/)
    await rejects(() => session.rows('Reading', 'SELECT 1'), 'CONNECTION_FAILED')
  })
})

async function refused(connection: PostgresqlConnection): Promise<void> {
  await rejects(() => openSession(connection), 'CONNECTION_FAILED')
}

function noSecret(failure: RuntimeFailure, secret: string): void {
  assert.instance(failure, RuntimeFailure)
  const cause = failure.cause instanceof Error ? failure.cause : new Error('no cause')
  const seen = [
    failure.message,
    failure.stack,
    inspect(failure, { depth: 20, showHidden: true }),
    JSON.stringify(failure),
  ]
  for (const text of [...seen, cause.message, cause.stack, JSON.stringify(cause), JSON.stringify(failure.facts)])
    assert.not.ok(String(text).includes(secret), String(text))
}

test.run()
