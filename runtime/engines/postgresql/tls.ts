// sslmode and certificates → how the driver tries to connect, in libpq's order and meaning. `require` encrypts without
// asking who the server is, unless an authority is named; verify-ca checks the authority, verify-full the host's name too.
// Certificates of libpq's own places (~/.postgresql) are used where they exist. Reports PROFILE_INVALID.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { messageOf, RuntimeFailure } from '../../contract/failures.ts'
import type { PostgresqlConnection, SslMode } from './connection.ts'
import type { ClientConfig } from './driver.ts'

/** False: without TLS. */
export type Attempt = Exclude<ClientConfig['ssl'], undefined | true>

const ATTEMPTS: Readonly<Record<SslMode, readonly ('plain' | 'tls')[]>> = {
  disable: ['plain'],
  allow: ['plain', 'tls'],
  prefer: ['tls', 'plain'],
  require: ['tls'],
  'verify-ca': ['tls'],
  'verify-full': ['tls'],
}

/** What to try, in this order, until one is accepted. A socket of this machine needs no TLS. */
export function attempts(connection: PostgresqlConnection): readonly Attempt[] {
  if (connection.host.startsWith('/')) return [false]
  const ways = ATTEMPTS[connection.sslmode]
  return ways.map((way) => (way === 'plain' ? false : tlsOptions(connection)))
}

function tlsOptions(connection: PostgresqlConnection): ConnectionOptions {
  const { sslmode } = connection
  const authority = sslmode === 'disable' ? null : file(connection, 'sslrootcert', 'root.crt')
  const checks = sslmode.startsWith('verify') || (sslmode === 'require' && authority !== null)
  const own = clientCertificate(connection)
  return {
    ...own,
    ...(authority === null || !checks ? {} : { ca: authority }),
    rejectUnauthorized: checks,
    ...(sslmode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  }
}

function clientCertificate(connection: PostgresqlConnection): ConnectionOptions {
  const cert = file(connection, 'sslcert', 'postgresql.crt')
  if (cert === null) return {}
  const key = file(connection, 'sslkey', 'postgresql.key')
  if (key !== null) return { cert, key }
  throw new RuntimeFailure(
    'PROFILE_INVALID',
    `The connection '${connection.name}' has a certificate ('sslcert') without its key`,
    { connection: connection.name },
    { hints: ["Name the file of the key in 'sslkey'."] },
  )
}

function file(
  connection: PostgresqlConnection,
  field: 'sslrootcert' | 'sslcert' | 'sslkey',
  standard: string,
): Buffer | null {
  const named = connection[field]
  if (named === 'system') return null
  const path = named ?? join(connection.home, '.postgresql', standard)
  if (named === null && !existsSync(path)) return null
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new RuntimeFailure(
      'PROFILE_INVALID',
      `'${field}' of the connection '${connection.name}' cannot be read: ${messageOf(cause)}`,
      { connection: connection.name, field, path },
      { cause },
    )
  }
}
