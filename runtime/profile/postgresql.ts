// The fields of a connection of type postgresql → the connection that the driver uses. Every field may also stand in `url`
// (postgresql://user:password@host:port/database?sslmode=…); a field beside it wins. Reports PROFILE_INVALID.

import { isAbsolute, join } from 'node:path'
import { nearest } from '../contract/diagnostics.ts'
import { Secret } from '../contract/secret.ts'
import { CAPABILITIES, type PostgresqlConnection, SSL_MODES } from '../engines/postgresql/connection.ts'
import { type Field, FieldReader } from './fields.ts'
import { mistake, type Position } from './file.ts'
import { foundPassword } from './passwords.ts'

/** Every field that a connection of this type may have, with its default; null: none. */
export const POSTGRESQL_FIELDS: Readonly<Record<string, string | number | boolean | null>> = {
  type: 'postgresql',
  url: null,
  host: 'localhost',
  port: 5432,
  database: 'postgres',
  user: 'postgres',
  password: null,
  schema: 'public',
  sslmode: 'prefer',
  sslrootcert: null,
  sslcert: null,
  sslkey: null,
  connect_timeout: 10,
  keepalives: true,
  keepalives_idle: 30,
  keepalives_interval: null,
  keepalives_count: null,
  application_name: 'seeknal',
  statement_timeout: null,
  lock_timeout: null,
  without: null,
}

/** Other spellings of a field. */
export const FIELD_ALIASES: Readonly<Record<string, string>> = {
  dbname: 'database',
  search_path: 'schema',
  username: 'user',
}

/** Fields that are understood and have no effect: the driver leaves them to the operating system. */
export const WITHOUT_EFFECT: readonly string[] = ['keepalives_interval', 'keepalives_count']

export interface ConnectionSource {
  readonly name: string
  /** The profile, as it is shown. */
  readonly file: string
  /** Folder that relative paths start from. */
  readonly folder: string
  readonly at: Position
  readonly fields: ReadonlyMap<string, Field>
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly home: string
}

/** Throws PROFILE_INVALID. */
export function postgresqlConnection(source: ConnectionSource): PostgresqlConnection {
  const { name, file, environment, home } = source
  const reader = new FieldReader(file, `the connection '${name}'`, withUrl(source))
  const text = (field: string, fallback: string, ...others: readonly string[]): string => {
    const value = reader.text(field, ...others) ?? fallback
    if (value.trim() === '' || value.includes('\0'))
      throw mistake(file, source.at, `'${field}' of the connection '${name}' is empty.`)
    return value
  }
  const path = (field: string): string | null => {
    const value = reader.text(field)
    if (value === null || value === '' || value === 'system') return value === '' ? null : value
    if (value.startsWith('~/')) return join(home, value.slice(2))
    return isAbsolute(value) ? value : join(source.folder, value)
  }
  const address = {
    host: text('host', 'localhost'),
    port: reader.integer('port', 1, 65_535) ?? 5432,
    database: text('database', 'postgres', 'dbname'),
    user: text('user', 'postgres', 'username'),
  }
  const password = reader.text('password')
  return {
    ...address,
    name,
    type: 'postgresql',
    password:
      password === null || password === ''
        ? (foundPassword(address, environment, home)?.password ?? null)
        : new Secret(password),
    schema: schemaOf(reader, source),
    sslmode: reader.choice('sslmode', SSL_MODES) ?? 'prefer',
    sslrootcert: path('sslrootcert'),
    sslcert: path('sslcert'),
    sslkey: path('sslkey'),
    connectTimeoutS: reader.integer('connect_timeout', 0, 86_400) ?? 10,
    keepalives: reader.boolean('keepalives') ?? true,
    keepalivesIdleS: reader.integer('keepalives_idle', 0, 86_400) ?? 30,
    applicationName: text('application_name', 'seeknal'),
    statementTimeoutMs: reader.milliseconds('statement_timeout'),
    lockTimeoutMs: reader.milliseconds('lock_timeout'),
    without: reader.choices('without', CAPABILITIES),
    home,
  }
}

/** Of tables without one: a search path of several would leave open which it is. Throws PROFILE_INVALID. */
function schemaOf(reader: FieldReader, { name, file, at }: ConnectionSource): string | null {
  const schema = reader.text('schema', 'search_path') || null
  if (schema?.includes(','))
    throw mistake(
      file,
      at,
      `'search_path' of the connection '${name}' names several schemas; name one, and tables of the others with their schema.`,
    )
  return schema
}

/** Fields that no connection of this type has, with the nearest that it may have. Pure. */
export function unknownFields(
  names: Iterable<string>,
): readonly { readonly name: string; readonly near: string | undefined }[] {
  const known = [...Object.keys(POSTGRESQL_FIELDS), ...Object.keys(FIELD_ALIASES), 'description']
  return [...names].filter((name) => !known.includes(name)).map((name) => ({ name, near: nearest(name, known) }))
}

/** The fields, and those of the URL that have no field. */
function withUrl(source: ConnectionSource): ReadonlyMap<string, Field> {
  const field = source.fields.get('url')
  if (field === undefined || field.value === null) return source.fields
  const missing = field.variables.find((variable) => variable.from === 'missing')
  // Said by whoever reads a field: the URL stands for all of them.
  if (missing !== undefined) {
    new FieldReader(source.file, `the connection '${source.name}'`, source.fields).text('url')
  }
  const parts = urlParts(String(field.value))
  if (parts === null)
    throw mistake(source.file, field.at, `'url' of the connection '${source.name}' is no URL of PostgreSQL.`, [
      'Write postgresql://user@host:5432/database, special characters of a password as %XX.',
    ])
  const unknown = unknownFields(parts.keys())[0]
  if (unknown !== undefined)
    throw mistake(
      source.file,
      field.at,
      `'url' of the connection '${source.name}' has the parameter '${unknown.name}', which is not known.`,
      unknown.near === undefined ? [] : [`Did you mean '${unknown.near}'?`],
    )
  const fields = new Map<string, Field>()
  for (const [name, value] of parts) fields.set(name, { ...field, value, variables: [] })
  for (const [name, own] of source.fields) if (own.value !== null) fields.set(FIELD_ALIASES[name] ?? name, own)
  return fields
}

/** Null: it is none. The message of the platform's own parser holds the whole URL, so that nothing of it is kept. */
export function urlParts(text: string): ReadonlyMap<string, string> | null {
  if (!/^postgres(ql)?:\/\//.test(text)) return null
  const parts = new Map<string, string>()
  const add = (name: string, value: string): void => {
    if (value !== '') parts.set(name, value)
  }
  try {
    const url = new URL(text)
    add('host', decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1'))
    add('port', url.port)
    add('user', decodeURIComponent(url.username))
    add('password', decodeURIComponent(url.password))
    add('database', decodeURIComponent(url.pathname.replace(/^\//, '')))
    for (const [name, value] of url.searchParams) add(FIELD_ALIASES[name] ?? name, value)
  } catch {
    return null
  }
  return parts
}
