// A profile: connections and defaults of sources, resolved with the variables of the process and of .env. A connection is
// resolved when it is asked for, so that a variable of another one may be missing. The fingerprint covers every value that
// is no secret. Reports PROFILE_INVALID, PROFILE_NOT_FOUND.

import { homedir } from 'node:os'
import { dirname } from 'node:path'
import { fingerprintOf } from './contract/canonical-json.ts'
import { nearest } from './contract/diagnostics.ts'
import { RuntimeFailure } from './contract/failures.ts'
import type { EnvironmentName, Fingerprint } from './contract/ids.ts'
import type { PostgresqlConnection } from './engines/postgresql/connection.ts'
import { type Field, FieldReader, fieldOf, fieldsOf, isSecretName, type OwnConnection } from './profile/fields.ts'
import { type Entry, type Mapping, mistake, readProfileText } from './profile/file.ts'
import { type Located, locateProfile } from './profile/locate.ts'
import { postgresqlConnection, unknownFields, urlParts } from './profile/postgresql.ts'
import { type Variables, variablesOf } from './profile/variables.ts'
import { readIfThere } from './store/files.ts'

export interface ProfileRequest {
  /** `--profile`. */
  readonly explicit: string | undefined
  /** Null: production. */
  readonly environment: EnvironmentName | null
  /** The project's folder. */
  readonly root: string
  readonly cwd: string
  readonly variables: Readonly<Record<string, string | undefined>>
}

/** A value of a profile that is no secret. */
export type ProfileValue = string | number | boolean

export interface Profile {
  /** Relative to the project, or below `~`. */
  readonly shown: string
  /** Why it is this file, in words. */
  readonly why: string
  /** With --profile. */
  readonly isNamed: boolean
  /** SHA-256 of what it says, resolved, without any secret. */
  readonly fingerprint: Fingerprint
  /** Mistakes that stop nothing, a sentence each, with their place. */
  readonly warnings: readonly string[]
  /** Name and type of every connection, sorted. */
  readonly connections: readonly { readonly name: string; readonly type: string }[]
  readonly document: Mapping
  readonly values: Variables
  /** Fields of a connection as they are written, variables put in. Throws PROFILE_INVALID when there is none. */
  fields(name: string): ReadonlyMap<string, Field>
  /** Throws PROFILE_INVALID. The fields of `own` go before those of the profile. */
  connection(name: string, own?: OwnConnection): PostgresqlConnection
  /** By connection: the schema of tables without one, of those that say it. */
  schemas(): Readonly<Record<string, string>>
  /** Defaults of a type of source (`postgresql`, `json`), resolved. Throws PROFILE_INVALID. */
  sourceDefaults(type: string): Readonly<Record<string, ProfileValue>>
}

/** Parts of a profile that belong to other tools or to what is not built yet. */
const SECTIONS: readonly string[] = [
  'connections',
  'source_defaults',
  'engine',
  'state_backend',
  'materialization',
  'starrocks',
  'publish',
  'target',
  'defaults',
]

/** Other names of a type of source. */
const TYPE_ALIASES: Readonly<Record<string, readonly string[]>> = { postgresql: ['postgres'], json: ['jsonl'] }

/** A default for these would reach every source of the type. */
const NO_DEFAULT: readonly string[] = ['table', 'query']

export const homeOf = (variables: Readonly<Record<string, string | undefined>>): string => variables.HOME ?? homedir()

/** Null: there is none, and none was asked for. */
export function resolveProfile(request: ProfileRequest): Profile | null {
  const home = homeOf(request.variables)
  const located = locateProfile({ ...request, home })
  if (located === null) return null
  const document = readProfileText(readIfThere(located.path) ?? '', located.shown)
  return new ReadProfile(located, document, request, home)
}

class ReadProfile implements Profile {
  readonly shown: string
  readonly why: string
  readonly isNamed: boolean
  readonly fingerprint: Fingerprint
  readonly warnings: readonly string[]
  readonly connections: Profile['connections']
  readonly document: Mapping
  readonly values: Variables
  readonly #folder: string
  readonly #environment: ProfileRequest['variables']
  readonly #home: string

  constructor(located: Located, document: Mapping, request: ProfileRequest, home: string) {
    this.shown = located.shown
    this.why = located.why
    this.isNamed = request.explicit !== undefined
    this.document = document
    this.values = variablesOf(request.variables, request.root)
    this.#folder = dirname(located.path)
    this.#environment = request.variables
    this.#home = home
    const all = this.#section('connections')
    this.connections = [...(all?.entries ?? [])]
      .map(([name, entry]) => ({ name, type: typeOf(mappingOf(entry), this.values) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    this.warnings = this.#warnings()
    this.fingerprint = fingerprintOf(withoutSecretValues(document, this.values))
  }

  fields(name: string): ReadonlyMap<string, Field> {
    return fieldsOf(this.#mapping(name), this.values)
  }

  connection(name: string, own?: OwnConnection): PostgresqlConnection {
    const mapping = this.#mapping(name)
    const type = typeOf(mapping, this.values)
    if (type !== 'postgresql')
      throw mistake(
        this.shown,
        mapping.at,
        `The connection '${name}' has the type '${type}', which is not supported yet.`,
      )
    for (const [field, entry] of mapping.entries)
      if (entry.kind !== 'value')
        throw mistake(
          this.shown,
          entry.at,
          `'${field}' of the connection '${name}' is a ${entry.kind}; a text was expected.`,
        )
    return postgresqlConnection({
      name: own?.name ?? name,
      file: this.shown,
      folder: this.#folder,
      at: mapping.at,
      fields: new Map([...fieldsOf(mapping, this.values), ...(own?.fields ?? [])]),
      environment: { ...this.#environment, PGPASSWORD: this.values.get('PGPASSWORD') },
      home: this.#home,
    })
  }

  schemas(): Readonly<Record<string, string>> {
    const found = [...(this.#section('connections')?.entries ?? [])].flatMap(([name, entry]) => {
      const fields = fieldsOf(mappingOf(entry), this.values)
      const inUrl = urlParts(String(fields.get('url')?.value ?? ''))?.get('schema')
      const schema = fields.get('schema')?.value ?? fields.get('search_path')?.value ?? inUrl
      return typeof schema === 'string' && schema !== '' ? [[name, schema] as const] : []
    })
    return Object.fromEntries(found)
  }

  sourceDefaults(type: string): Readonly<Record<string, ProfileValue>> {
    const all = this.#section('source_defaults')
    const names = [type, ...(TYPE_ALIASES[type] ?? [])]
    const defaults = names.map((name) => all?.entries.get(name)).find((entry) => entry !== undefined)
    if (defaults === undefined || (defaults.kind === 'value' && defaults.value === null)) return {}
    if (defaults.kind !== 'mapping')
      throw mistake(this.shown, defaults.at, `The defaults of '${type}' sources are no mapping of fields.`)
    const values: Record<string, ProfileValue> = {}
    const reader = new FieldReader(this.shown, `the defaults of ${type} sources`, fieldsOf(defaults, this.values))
    for (const [name, entry] of defaults.entries) {
      if (NO_DEFAULT.includes(name))
        throw mistake(this.shown, entry.at, `A default for '${name}' would reach every ${type} source.`, [
          `Write '${name}' in each source.`,
        ])
      if (isSecretName(name))
        throw mistake(this.shown, entry.at, `'${name}' does not belong into source_defaults.`, [
          'Name a connection: `connection: …`, and give it the secret below `connections:`.',
        ])
      const field = fieldOf(entry, this.values)
      const text = reader.text(name)
      if (field !== null && text !== null) values[name] = typeof field.value === 'string' ? text : (field.value ?? text)
    }
    return values
  }

  #section(name: string): Mapping | null {
    const entry = this.document.entries.get(name)
    if (entry === undefined || (entry.kind === 'value' && entry.value === null)) return null
    if (entry.kind === 'mapping') return entry
    throw mistake(this.shown, entry.at, `'${name}' is no mapping.`)
  }

  #mapping(name: string): Mapping {
    const all = this.#section('connections')
    const found = all?.entries.get(name)
    if (found?.kind === 'mapping') return found
    const names = this.connections.map((connection) => connection.name)
    if (found !== undefined) throw mistake(this.shown, found.at, `The connection '${name}' is no mapping of fields.`)
    throw unknownConnection(name, this.shown, names)
  }

  #warnings(): readonly string[] {
    const warnings: string[] = []
    const say = (entry: Entry, what: string, near: string | undefined): void => {
      const hint = near === undefined ? '' : ` Did you mean '${near}'?`
      warnings.push(
        `${this.shown}:${entry.at.line}:${entry.at.column}: ${what} is not known here; it is ignored.${hint}`,
      )
    }
    for (const [name, entry] of this.document.entries)
      if (!SECTIONS.includes(name)) say(entry, `'${name}'`, nearest(name, SECTIONS))
    for (const [connection, entry] of this.#section('connections')?.entries ?? []) {
      if (entry.kind !== 'mapping' || typeOf(entry, this.values) !== 'postgresql') continue
      for (const { name, near } of unknownFields(entry.entries.keys()))
        say(entry.entries.get(name) ?? entry, `'${name}' of the connection '${connection}'`, near)
    }
    return warnings
  }
}

/** Throws: there is no such connection. `profile` null: there is no profile at all. */
export function unknownConnection(name: string, profile: string | null, names: readonly string[]): RuntimeFailure {
  const near = nearest(name, names)
  const list = names.length === 0 ? 'It has none.' : `Its connections: ${names.join(', ')}.`
  const hints =
    profile === null
      ? ['Write it below `connections:` in profiles.yml, or name a profile with --profile.']
      : [near === undefined ? list : `Did you mean '${near}'?`]
  const ofSource = name.startsWith('source.')
    ? [`What a source says itself of its server is in no bundle: there '${name}' has to be in the profile.`]
    : []
  const where = profile === null ? 'there is no profile' : `the profile '${profile}' does not have it`
  return new RuntimeFailure(
    'PROFILE_INVALID',
    `The connection '${name}' is not known: ${where}.`,
    { connection: name },
    { hints: [...ofSource, ...hints] },
  )
}

const mappingOf = (entry: Entry): Mapping =>
  entry.kind === 'mapping' ? entry : { kind: 'mapping', entries: new Map(), at: entry.at }

function typeOf(mapping: Mapping, variables: Variables): string {
  const type = fieldsOf(mapping, variables).get('type')?.value
  if (type === undefined || type === null || type === 'postgres') return 'postgresql'
  return String(type)
}

/** The resolved document as JSON; what is secret is left out, what is missing is named. Pure but for the variables. */
function withoutSecretValues(entry: Entry, variables: Variables): unknown {
  if (entry.kind === 'list') return entry.items.map((item) => withoutSecretValues(item, variables))
  if (entry.kind === 'mapping')
    return Object.fromEntries(
      [...entry.entries]
        .filter(([name]) => !isSecretName(name))
        .map(([name, value]) => [name, withoutSecretValues(value, variables)]),
    )
  const field = fieldOf(entry, variables)
  const missing = field?.variables.find((variable) => variable.from === 'missing')
  if (missing !== undefined) return { missing: missing.name }
  return withoutPassword(field?.value ?? null)
}

/** An URL without its password. Pure. */
function withoutPassword(value: string | number | boolean | null): unknown {
  if (typeof value !== 'string' || !value.includes('://')) return value
  const parts = urlParts(value)
  // Of an URL that is none of ours nothing is known but where its password would be.
  if (parts === null) return value.replace(/:\/\/[^@/]*@/, '://***@')
  return Object.fromEntries([...parts].filter(([name]) => !isSecretName(name)))
}
