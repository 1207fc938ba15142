// A connection of the profile → an open session whose texts mean the same on every server: UTC, ISO dates, digits without
// loss. A session is ended by close(), and what it is doing is cancelled on the server by cancel(). Reports
// CONNECTION_FAILED and what failures.ts reports.

import { Socket } from 'node:net'
import { SESSION_SETTINGS } from '../../contract/extract.ts'
import type { Secret } from '../../contract/secret.ts'
import type { PostgresqlConnection } from './connection.ts'
import { Client, type ClientConfig, TEXT_VALUES } from './driver.ts'
import { codeOf, connectionFailure, serverFailure } from './failures.ts'
import { type Attempt, attempts } from './tls.ts'

export type Row = Readonly<Record<string, string | null>>

export interface Session {
  readonly connection: PostgresqlConnection
  /** For statements that stream. */
  readonly client: Client
  /** `18.4`. */
  readonly serverVersion: string
  readonly tls: boolean
  /** Runs one statement, after those that were asked before; every value is the server's text. `what` begins the message of a failure. */
  rows(what: string, sql: string, values?: readonly (string | null)[]): Promise<readonly Row[]>
  /** Tells the server to stop what this session is doing. Never fails. */
  cancel(): Promise<void>
  /** Never fails. */
  close(): Promise<void>
}

export async function openSession(connection: PostgresqlConnection): Promise<Session> {
  const link = await connected(connection)
  try {
    return new OpenSession(connection, link, await prepared(link.client, connection))
  } catch (error) {
    await ended(link)
    throw connectionFailure(error, connection)
  }
}

interface Link {
  readonly client: Client
  readonly socket: Socket
  readonly tls: boolean
}

/** How long a server may take to say good-bye. */
const END_MS = 5000

/** Never fails, and never waits for a server that says nothing. */
async function ended({ client, socket }: Link): Promise<void> {
  const timer = setTimeout(() => socket.destroy(), END_MS)
  await client.end().catch(() => {})
  clearTimeout(timer)
}

async function connected(connection: PostgresqlConnection): Promise<Link> {
  const ways = attempts(connection)
  for (const [i, way] of ways.entries()) {
    const socket = new Socket()
    const client = new Client({ ...configOf(connection, way), stream: () => socket })
    // A connection that is lost while nothing is asked must not end the process; the next statement fails by it.
    client.on('error', () => {})
    try {
      await client.connect()
      return { client, socket, tls: way !== false }
    } catch (error) {
      // What is at the other end may be no PostgreSQL: nothing is asked of it any more.
      socket.destroy()
      if (i === ways.length - 1 || !mayDiffer(error)) throw connectionFailure(error, connection)
    }
  }
  throw connectionFailure(new Error('there is no way to connect'), connection)
}

/** Whether the same with or without TLS may be accepted: libpq asks again where the server refused the way, not the user. */
function mayDiffer(error: unknown): boolean {
  const code = codeOf(error)
  if (code === '28000') return true
  if (code !== null && /^(E[A-Z]+|[0-9A-Z]{5})$/.test(code)) return code === 'EPROTO' || code === 'ECONNRESET'
  return !(error instanceof Error && /timeout/i.test(error.message))
}

const configOf = (connection: PostgresqlConnection, ssl: Attempt): ClientConfig => ({
  host: connection.host,
  port: connection.port,
  database: connection.database,
  user: connection.user,
  // Without one the driver would look for others of its own.
  password: async () => revealed(connection.password),
  ssl,
  connectionTimeoutMillis: connection.connectTimeoutS * 1000,
  keepAlive: connection.keepalives,
  keepAliveInitialDelayMillis: connection.keepalivesIdleS * 1000,
  application_name: connection.applicationName,
  options: '',
  types: TEXT_VALUES,
})

const revealed = (secret: Secret | null): string => secret?.reveal() ?? ''

async function prepared(
  client: Client,
  connection: PostgresqlConnection,
): Promise<{ readonly version: string; readonly pid: string }> {
  const settings: Record<string, string> = { ...SESSION_SETTINGS }
  if (connection.schema !== null) settings.search_path = client.escapeIdentifier(connection.schema)
  if (connection.statementTimeoutMs !== null) settings.statement_timeout = String(connection.statementTimeoutMs)
  if (connection.lockTimeoutMs !== null) settings.lock_timeout = String(connection.lockTimeoutMs)
  const names = Object.keys(settings)
  const calls = names.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, false)`)
  const values = names.flatMap((name) => [name, settings[name] ?? ''])
  await client.query({ text: `SELECT ${calls.join(', ')}`, values })
  const answer = await client.query<{ version: string; pid: string; number: string }>(
    "SELECT current_setting('server_version') AS version, current_setting('server_version_num') AS number, pg_backend_pid() AS pid",
  )
  const { version = '', pid = '', number = '0' } = answer.rows[0] ?? {}
  // So that the server stops by itself when this process is killed; not every system can look.
  if (Number(number) >= 140_000)
    await client.query("SELECT set_config('client_connection_check_interval', '2s', false)").catch(() => {})
  return { version: version.split(' ')[0] ?? version, pid }
}

class OpenSession implements Session {
  readonly connection: PostgresqlConnection
  readonly client: Client
  readonly serverVersion: string
  readonly tls: boolean
  readonly #link: Link
  readonly #pid: string
  /** Ends with the statement that was asked last. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(connection: PostgresqlConnection, link: Link, facts: { readonly version: string; readonly pid: string }) {
    this.connection = connection
    this.client = link.client
    this.serverVersion = facts.version
    this.tls = link.tls
    this.#link = link
    this.#pid = facts.pid
  }

  rows(what: string, sql: string, values: readonly (string | null)[] = []): Promise<readonly Row[]> {
    // Several ask at the same time, and the driver takes one statement after the other.
    const asked = this.#last.then(async () => {
      try {
        return (await this.client.query<Row>({ text: sql, values: [...values] })).rows
      } catch (error) {
        throw serverFailure(error, this.connection, what)
      }
    })
    this.#last = asked.catch(() => {})
    return asked
  }

  async cancel(): Promise<void> {
    try {
      const link = await connected(this.connection)
      await link.client.query({ text: 'SELECT pg_cancel_backend($1)', values: [this.#pid] }).catch(() => {})
      await ended(link)
    } catch {
      // Whoever cancels goes on in any case; the server notices that nobody listens.
    }
  }

  async close(): Promise<void> {
    await ended(this.#link)
  }
}
