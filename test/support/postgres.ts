// A real PostgreSQL server for test files: started in about half a second on a free port, one a test process, stopped and
// removed when the process ends, however it ends (a watcher notices that its standard input was closed). Every database
// has a role of its own that owns it and connects with a password. TLS is on, with a certificate for `localhost` signed by
// an authority of the tests; the role `certified` may also connect by a certificate (certificates.ts).

import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, copyFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readIfThere } from '../../runtime/store/files.ts'
import { afterEachFile } from './after-file.ts'
import { certificates } from './certificates.ts'
import { type Access, asked, forgetSessions } from './kept-sessions.ts'
import { freePort } from './ports.ts'
import { newDataDirectory, OWNER, owned, programs, SUPERUSER_PASSWORD } from './postgres-files.ts'
import { lastingFolder } from './temp.ts'

const SETTINGS = [
  'fsync=off',
  'full_page_writes=off',
  'autovacuum=off',
  'scram_iterations=1',
  'max_wal_size=256MB',
  'shared_buffers=64MB',
  'io_method=sync',
  // In the data directory, and so gone with it.
  'dynamic_shared_memory_type=mmap',
  'ssl=on',
  'ssl_cert_file=server.crt',
  'ssl_key_file=server.key',
  'ssl_ca_file=ca.crt',
]
/** A machine that is busy with other things takes its time. */
const START_TIMEOUT_MS = 120_000

export interface TestDatabase {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
  readonly url: string
  /** Runs `sql`, one or several statements, as the owner; gives the rows of the last. */
  sql(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>
  /** The same as the superuser, in the same database. */
  superuser(sql: string): Promise<Record<string, unknown>[]>
}

export interface PostgresServer {
  readonly port: number
  /** Where the server's socket is. */
  readonly socketFolder: string
  /** Makes a database and its owner. Names: letters, digits and `_`. */
  create(names: { database: string; user: string; password: string }): Promise<TestDatabase>
  /** `SIGKILL` is a crash, `SIGINT` a fast stop. Resolves when the server is gone. */
  stop(signal: 'SIGKILL' | 'SIGINT'): Promise<void>
  /** After `stop` or `gone`: on the same data and port. */
  start(): Promise<void>
  /** Of its first process. */
  pid(): number
  /** Resolves when the server is gone, which somebody else has stopped. */
  gone(): Promise<void>
  /** Runs `sql` as the superuser, in no database of a test. */
  admin(sql: string): Promise<Record<string, unknown>[]>
}

let running: Promise<PostgresServer> | null = null

/** What a file made on the server is not the next one's, nor is a server that it has stopped. */
afterEachFile(async () => {
  const server = await running?.catch(() => null)
  if (server == null) return
  if (server.pid() === 0) running = null
  else await empty(server)
})

async function empty({ admin }: PostgresServer): Promise<void> {
  const databases = await admin(
    "SELECT quote_ident(datname) AS name FROM pg_database WHERE datname <> 'postgres' AND NOT datistemplate",
  )
  for (const { name } of databases) await admin(`DROP DATABASE ${name} WITH (FORCE)`)
  const roles = await admin(
    "SELECT quote_ident(rolname) AS name FROM pg_roles WHERE rolname <> 'postgres' AND rolname !~ '^pg_'",
  )
  for (const { name } of roles) await admin(`DROP ROLE ${name}`)
}

/**
 * This process's server. Skips the running test where there is no PostgreSQL for this platform. `settings` go before those
 * that make tests fast; whoever asks first decides.
 */
export function postgresServer(settings: readonly string[] = []): Promise<PostgresServer> {
  const folder = programs()
  running ??= startServer(folder, settings)
  return running
}

async function startServer(folder: string, own: readonly string[]): Promise<PostgresServer> {
  const home = lastingFolder('pg')
  owned(home)
  chmodSync(home, 0o755)
  const data = newDataDirectory(home)
  const tls = await certificates()
  for (const name of ['ca.crt', 'server.crt', 'server.key']) {
    copyFileSync(join(tls, name), join(data, name))
    chmodSync(join(data, name), 0o600)
    owned(join(data, name))
  }
  writeFileSync(join(data, 'pg_hba.conf'), HOSTS)
  let port = await freePort()
  const admin = (sql: string) =>
    asked({ host: '127.0.0.1', port, database: 'postgres', user: 'postgres', password: SUPERUSER_PASSWORD }, sql)
  let isStarted = false
  const server: PostgresServer = {
    get port() {
      return port
    },
    socketFolder: home,
    async start() {
      await ready({ home, data }, async (said) => {
        if (!isStarted && /could not bind|could not create any TCP/.test(said)) port = await freePort()
        return watched(folder, home, data, port, own)
      })
      isStarted = true
    },
    async stop(signal) {
      const pid = serverPid(data)
      if (pid === null) return
      process.kill(pid, signal)
      while (isAlive(pid)) await sleep(10)
      await server.gone()
    },
    pid: () => serverPid(data) ?? 0,
    async gone() {
      while (serverPid(data) !== null) await sleep(10)
      await forgetSessions()
      rmSync(join(data, 'postmaster.pid'), { force: true })
    },
    admin,
    async create({ database, user, password }) {
      await admin(`CREATE ROLE ${user} LOGIN PASSWORD '${password.replaceAll("'", "''")}'`)
      // Files are cheaper to copy than to log.
      await admin(`CREATE DATABASE ${database} OWNER ${user} STRATEGY file_copy`)
      return databaseAt({ host: '127.0.0.1', port, database, user, password })
    },
  }
  process.on('exit', () => stopNow(data))
  await server.start()
  return server
}

const HOSTS = `local all all scram-sha-256
hostssl all certified all cert
host all all all scram-sha-256
`

/**
 * Starts the server under a shell that kills it as soon as this process is gone, and ends when the server has ended.
 */
function watched(folder: string, home: string, data: string, port: number, own: readonly string[]): ChildProcess {
  const settings = [
    ...SETTINGS,
    ...own,
    `unix_socket_directories=${home}`,
    `port=${port}`,
    'listen_addresses=127.0.0.1',
  ]
  const script = `exec 3<&0; "$@" >"$LOG" 2>&1 </dev/null 3<&- & server=$!
{ cat <&3 >/dev/null; kill -QUIT $server; } & watcher=$!
exec 3<&-; wait $server; kill -KILL $watcher`
  const args = [join(folder, 'postgres'), '-D', data, ...settings.flatMap((setting) => ['-c', setting])]
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', ...args], {
    ...OWNER,
    detached: true,
    env: { LOG: join(home, 'server.log'), PATH: process.env.PATH ?? '', TZ: 'Asia/Jakarta' },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.unref()
  watcher.once('exit', () => watcher.stdin?.end())
  // Its end is what is watched for; an error on it is that the watcher is gone.
  watcher.stdin?.on('error', () => {})
  if (watcher.stdin !== null && 'unref' in watcher.stdin && typeof watcher.stdin.unref === 'function')
    watcher.stdin.unref()
  return watcher
}

/**
 * Starts the server until it takes connections; again when it ended: after a crash its memory is in use until its last
 * process is gone. `begin` gets what the last one said.
 */
async function ready(
  at: { home: string; data: string },
  begin: (said: string) => Promise<ChildProcess>,
): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS
  const said = () => readIfThere(join(at.home, 'server.log')) ?? ''
  let watcher = await begin('')
  while (!isReady(at.data)) {
    if (Date.now() > deadline) throw new Error(`PostgreSQL did not start: ${said()}`)
    const isOver = watcher.exitCode !== null || watcher.signalCode !== null
    await sleep(isOver ? 100 : 10)
    if (isOver) watcher = await begin(said())
  }
}

/** As PostgreSQL's own programs ask: the last line of its file. */
const isReady = (data: string): boolean =>
  serverPid(data) !== null && /^ready\s*$/m.test(readIfThere(join(data, 'postmaster.pid')) ?? '')

/** Null where there is none, also while a server that stops removes its file, between a look and a read. */
function serverPid(data: string): number | null {
  const pid = Number.parseInt(readIfThere(join(data, 'postmaster.pid')) ?? '', 10)
  return Number.isInteger(pid) && pid > 1 && isAlive(pid) ? pid : null
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** At the end of the process, so that its temporary folder can be removed. */
function stopNow(data: string): void {
  const pid = serverPid(data)
  if (pid === null) return
  process.kill(pid, 'SIGQUIT')
  const wait = new Int32Array(new SharedArrayBuffer(4))
  for (let i = 0; i < 300 && isAlive(pid); i += 1) Atomics.wait(wait, 0, 0, 10)
}

function databaseAt(access: Access): TestDatabase {
  const { host, port, database, user, password } = access
  return {
    ...access,
    url: `postgresql://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`,
    sql: (sql, values) => asked(access, sql, values),
    superuser: (sql) => askedAsSuperuser(access, sql),
  }
}

/** Alone in the database: what is asked so is who is connected, or changes who may be. */
async function askedAsSuperuser(access: Access, sql: string): Promise<Record<string, unknown>[]> {
  await forgetSessions(access.database)
  return asked({ ...access, user: 'postgres', password: SUPERUSER_PASSWORD }, sql).finally(() =>
    forgetSessions(access.database),
  )
}
