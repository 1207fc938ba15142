// What a connection of type postgresql says, every field with a value: what the driver connects with. Times in seconds or
// milliseconds as named. Made of a profile by runtime/profile/.

import type { Secret } from '../../contract/secret.ts'

export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type SslMode = (typeof SSL_MODES)[number]

/** What a server, or what a role may do on it, can lack. */
export const CAPABILITIES = ['advisory_locks', 'temp_tables', 'create_schema', 'ddl_in_transactions'] as const
export type Capability = (typeof CAPABILITIES)[number]

export interface PostgresqlConnection {
  /** As the profile names it. */
  readonly name: string
  readonly type: 'postgresql'
  /** A host, or the folder of the server's socket. */
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  /** Null: the server asks for none. */
  readonly password: Secret | null
  /** The schema of tables that are named without one, and the search path. Null: `public`, and the server's search path. */
  readonly schema: string | null
  readonly sslmode: SslMode
  /** Absolute paths; null: libpq's own places, where they exist. `system`: the authorities that Node.js knows. */
  readonly sslrootcert: string | null
  readonly sslcert: string | null
  readonly sslkey: string | null
  /** 0: no limit. */
  readonly connectTimeoutS: number
  readonly keepalives: boolean
  readonly keepalivesIdleS: number
  readonly applicationName: string
  /** Null: the server's. */
  readonly statementTimeoutMs: number | null
  readonly lockTimeoutMs: number | null
  /** What is not used, even if it seems to be there. */
  readonly without: readonly Capability[]
  /** Of the user who runs the command: where libpq's own files are. */
  readonly home: string
}

/** The schema of a table that is named without one. */
export const DEFAULT_SCHEMA = 'public'

/** Where it leads to, without a secret: `shop on db.example:5432`. */
export const addressOf = ({ host, port, database }: PostgresqlConnection): string =>
  host.startsWith('/') ? `${database} at ${host}, port ${port}` : `${database} on ${host}:${port}`
