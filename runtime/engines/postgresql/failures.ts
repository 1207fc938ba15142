// What the driver threw → a failure of the world with a code, the server's SQLSTATE among its facts, and nothing secret in
// message, facts or cause. Reports CONNECTION_FAILED, QUERY_FAILED, INTERRUPTED.

import { type FailureCode, messageOf, RuntimeFailure } from '../../contract/failures.ts'
import { withoutSecrets } from '../../contract/secret.ts'
import { addressOf, type PostgresqlConnection } from './connection.ts'
import { DatabaseError } from './driver.ts'

/** The server's code of what went wrong, or the system's (`ECONNREFUSED`); null: neither said one. */
export const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null

/** Codes with which a session ends, whatever it was doing: the connection is gone. */
const LOST = /^(08...|57P0[123]|ECONNRESET|EPIPE|ETIMEDOUT|ECONNREFUSED)$/

/** Whether the connection itself is gone, not just what was asked on it. */
const isLost = (error: unknown): boolean => {
  const code = codeOf(error)
  if (code !== null) return LOST.test(code)
  return error instanceof Error && /Connection terminated|not queryable|Connection ended/i.test(error.message)
}

/** The connection could not be made. */
export function connectionFailure(error: unknown, connection: PostgresqlConnection): RuntimeFailure {
  if (error instanceof RuntimeFailure) return error
  const message = `The connection '${connection.name}' to ${addressOf(connection)} failed: ${reason(error, connection)}`
  const facts = { connection: connection.name, host: connection.host, port: connection.port, reason: codeOf(error) }
  return new RuntimeFailure('CONNECTION_FAILED', message, facts, {
    cause: bare(error, connection),
    hints: connectionHints(error, connection),
  })
}

/** Something that was asked on an open connection went wrong; `what` begins the message: 'Reading source.orders'. */
export function serverFailure(
  error: unknown,
  connection: PostgresqlConnection,
  what: string,
  code: FailureCode = 'QUERY_FAILED',
): RuntimeFailure {
  if (error instanceof RuntimeFailure) return error
  if (isLost(error)) {
    const message = `${what} failed: the connection '${connection.name}' to ${addressOf(connection)} was lost: ${reason(error, connection)}`
    const facts = { connection: connection.name, reason: codeOf(error) }
    const hints = [`Go on when the server can be reached again: \`seeknal connection test ${connection.name}\`.`]
    return new RuntimeFailure('CONNECTION_FAILED', message, facts, { cause: bare(error, connection), hints })
  }
  const facts: Record<string, unknown> = { connection: connection.name, sqlstate: codeOf(error) }
  if (error instanceof DatabaseError && error.position !== undefined) facts.position = Number(error.position)
  const hints =
    error instanceof DatabaseError && error.hint !== undefined
      ? [withoutSecrets(error.hint, [connection.password])]
      : []
  return new RuntimeFailure(code, `${what} failed: ${reason(error, connection)}`, facts, {
    cause: bare(error, connection),
    hints: [...hints, ...timeoutHints(error, connection), ...rightHints(error, connection)],
  })
}

function reason(error: unknown, { password }: PostgresqlConnection): string {
  // Several addresses of one host: each has its own error.
  const first = error instanceof AggregateError ? (error.errors[0] ?? error) : error
  const said = messageOf(first) || String(codeOf(first))
  const text = isWithoutPassword(first) ? 'the server asks for a password, and there is none' : said
  const detail = first instanceof DatabaseError && (first.detail ?? '') !== '' ? ` (${first.detail})` : ''
  return withoutSecrets(`${text}${detail}`.replace(/[.\s]+$/, ''), [password])
}

/** What the driver says of it speaks of the protocol. */
const isWithoutPassword = (error: unknown): boolean => /client password must be a/.test(messageOf(error))

/** What the driver attaches to its errors (the client, its configuration) stays out of logs. */
function bare(error: unknown, connection: PostgresqlConnection): Error {
  const cause = new Error(reason(error, connection))
  cause.stack = withoutSecrets(error instanceof Error ? (error.stack ?? '') : '', [connection.password])
  return cause
}

function connectionHints(error: unknown, { name, sslmode }: PostgresqlConnection): readonly string[] {
  const code = codeOf(error)
  if (code === '28P01') return [`Check 'user' and 'password' of the connection '${name}' in the profile.`]
  if (code === '28000') return ["The server's pg_hba.conf decides who may connect from here, and whether with TLS."]
  if (code === '3D000') return [`Check 'database' of the connection '${name}' in the profile.`]
  if (code === '53300')
    return [
      'Fewer sessions are opened with `--max-workers 1`; the limits are those of the server, the database and the role.',
    ]
  if (isWithoutPassword(error))
    return [
      `Give the connection '${name}' a 'password', or set PGPASSWORD, or write it to ~/.pgpass, which nobody else may read (chmod 600).`,
    ]
  if (code === null && /timeout/i.test(messageOf(error)))
    return [
      `Check 'host' and 'port' of the connection '${name}' in the profile; 'connect_timeout' says how long to wait.`,
    ]
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'ETIMEDOUT')
    return [`Check 'host' and 'port' of the connection '${name}' in the profile.`]
  if (/certificate|self.signed|altname/i.test(messageOf(error)) && sslmode.startsWith('verify'))
    return ["'sslrootcert' names the authority that signed the server's certificate."]
  if (/does not support SSL/.test(messageOf(error)))
    return [`The server has no TLS; 'sslmode: ${sslmode}' asks for it.`]
  return []
}

/** What a role or a server does not allow, and no text can hold. */
function rightHints(error: unknown, { name, user }: PostgresqlConnection): readonly string[] {
  const code = codeOf(error)
  if (code === '42501')
    return [`The role '${user}' of the connection '${name}' lacks the right, which a GRANT of the owner gives.`]
  if (code === '22021')
    return ['PostgreSQL keeps no NUL character, nor what is no UTF-8, in a text: leave it out of the data.']
  if (code === '25006') return [`The connection '${name}' leads to a database that may only be read.`]
  return []
}

function timeoutHints(error: unknown, { name }: PostgresqlConnection): readonly string[] {
  const code = codeOf(error)
  if (code === '55P03')
    return [`Another session holds the lock. 'lock_timeout' of the connection '${name}' says how long to wait.`]
  if (code === '57014' && /statement timeout/.test(messageOf(error)))
    return [`'statement_timeout' of the connection '${name}' says how long a statement may take.`]
  return []
}
