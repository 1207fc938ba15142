// A connection of the profile for a database of the test server, without a profile.

import { Secret } from '../../runtime/contract/secret.ts'
import type { PostgresqlConnection } from '../../runtime/engines/postgresql/connection.ts'
import type { TestDatabase } from './postgres.ts'

export function connectionTo(
  { host, port, database, user, password }: TestDatabase,
  others: Partial<PostgresqlConnection> = {},
): PostgresqlConnection {
  return {
    name: 'warehouse',
    type: 'postgresql',
    host,
    port,
    database,
    user,
    password: new Secret(password),
    schema: null,
    sslmode: 'prefer',
    sslrootcert: null,
    sslcert: null,
    sslkey: null,
    connectTimeoutS: 10,
    keepalives: true,
    keepalivesIdleS: 30,
    applicationName: 'seeknal',
    statementTimeoutMs: null,
    lockTimeoutMs: null,
    without: [],
    home: '/nonexistent',
    ...others,
  }
}
