// A profile, and the connections of which the project itself says something → what `profile show` says of them: every value
// with the place that it came from, secrets as ***. Pure but for the password file.

import { REDACTED } from '../contract/secret.ts'
import { homeOf, type Profile } from '../profile.ts'
import { type Field, isSecretName, type OwnConnection } from './fields.ts'
import type { Entry } from './file.ts'
import { foundPassword } from './passwords.ts'
import { FIELD_ALIASES, POSTGRESQL_FIELDS, urlParts, WITHOUT_EFFECT } from './postgresql.ts'
import type { Variable, Variables } from './variables.ts'

export interface ShownField {
  readonly field: string
  /** Null: a variable is missing. */
  readonly value: string | number | boolean | null
  /** `profiles.yml:4`, `default`, `~/.pgpass`; with the variables that it was made of. */
  readonly from: string
  /** What is to be known about it, a sentence. */
  readonly note?: string
}

export interface ShownProfile {
  /** Null: there is none. */
  readonly profile: string | null
  readonly found: string | null
  readonly connections: readonly {
    readonly name: string
    readonly type: string
    readonly fields: readonly ShownField[]
  }[]
  readonly source_defaults: readonly { readonly source: string; readonly fields: readonly ShownField[] }[]
  readonly missing_variables: readonly string[]
  readonly warnings: readonly string[]
}

interface Shown {
  readonly profile: Profile | null
  readonly own: readonly OwnConnection[]
  readonly values: Variables
  readonly environment: Readonly<Record<string, string | undefined>>
}

export function shownProfile(shown: Shown): ShownProfile {
  const { profile, own } = shown
  const missing = new Set<string>()
  const show = (name: string, field: Field): ShownField => {
    for (const variable of field.variables) if (variable.from === 'missing') missing.add(variable.name)
    return shownField(field.file ?? profile?.shown ?? '', name, field)
  }
  const ofProfile = (profile?.connections ?? []).filter(({ name }) => own.every((other) => other.name !== name))
  const written = [
    ...ofProfile.map(({ name, type }) => ({ name, type, fields: profile?.fields(name) ?? NO_FIELDS })),
    ...own.map((connection) => ({
      name: connection.name,
      type: 'postgresql',
      fields: fieldsOver(profile, connection),
    })),
  ]
  const defaults = profile?.document.entries.get('source_defaults')
  return {
    profile: profile?.shown ?? null,
    found: profile?.why ?? null,
    connections: written.map(({ name, type, fields }) => ({
      name,
      type,
      fields: [
        ...[...fields].map(([field, value]) => show(field, value)),
        ...(type === 'postgresql' ? implied(fields, shown) : []),
      ],
    })),
    source_defaults: [...(defaults?.kind === 'mapping' ? defaults.entries : [])].map(([source, entry]) => ({
      source,
      fields: [...fieldsBelow(entry, shown.values)].map(([name, field]) => show(name, field)),
    })),
    missing_variables: [...missing].sort(),
    warnings: profile?.warnings ?? [],
  }
}

const NO_FIELDS: ReadonlyMap<string, Field> = new Map()

/** Of the connection of the profile with its name, else of the one that it names. */
function fieldsOver(profile: Profile | null, { name, over, fields }: OwnConnection): ReadonlyMap<string, Field> {
  const named = (profile?.connections ?? []).map((connection) => connection.name)
  const below = [name, over].find((candidate) => candidate !== null && named.includes(candidate))
  return new Map([...(below == null ? NO_FIELDS : (profile?.fields(below) ?? NO_FIELDS)), ...fields])
}

function fieldsBelow(entry: Entry, values: Variables): ReadonlyMap<string, Field> {
  const fields = new Map<string, Field>()
  if (entry.kind !== 'mapping') return fields
  for (const [name, value] of entry.entries) {
    if (value.kind !== 'value') continue
    const expanded = typeof value.value === 'string' ? values.expand(value.value) : null
    fields.set(name, { value: expanded?.text ?? value.value, at: value.at, variables: expanded?.variables ?? [] })
  }
  return fields
}

function shownField(file: string, name: string, { value, at, variables }: Field): ShownField {
  const isMissing = variables.some((variable) => variable.from === 'missing')
  const from = [`${file}:${at.line}`, ...variables.map(spelled)].join(', ')
  const note = WITHOUT_EFFECT.includes(name) ? { note: 'It has no effect: the operating system decides.' } : {}
  if (isMissing) return { field: name, value: null, from, ...note }
  const isSecret = variables.some((variable) => isSecretName(variable.name))
  return { field: name, value: isSecret ? REDACTED : redacted(name, value), from, ...note }
}

const spelled = ({ name, from }: Variable): string => `$${name} ${WHERE[from]}`

const WHERE = {
  environment: 'of the environment',
  '.env': 'of .env',
  default: 'by default',
  missing: 'is not set',
} as const

function redacted(name: string, value: Field['value']): string | number | boolean | null {
  if (value === null) return null
  if (isSecretName(name)) return value === '' ? '' : REDACTED
  if (typeof value !== 'string' || (name !== 'url' && !value.includes('://'))) return value
  // Of what is no URL nobody knows where in it a password stands.
  if (urlParts(value) === null) return REDACTED
  return value
    .replace(/:\/\/[^/?#]*@/, `://${REDACTED}@`)
    .replace(/([?&](?:[^=&]*(?:pass|secret|token)[^=&]*)=)[^&]*/gi, `$1${REDACTED}`)
}

/** Defaults, and a password that is found elsewhere; with a URL, which may have them all, none. */
function implied(written: ReadonlyMap<string, Field>, { values, environment }: Shown): readonly ShownField[] {
  const names = new Set(
    [...written].flatMap(([name, field]) => (field.value === null ? [] : [FIELD_ALIASES[name] ?? name])),
  )
  if (names.has('url')) return []
  const defaults = Object.entries(POSTGRESQL_FIELDS).flatMap(([field, value]) =>
    value === null || names.has(field) ? [] : [{ field, value, from: 'default' }],
  )
  const text = (name: string): string => String(written.get(name)?.value ?? POSTGRESQL_FIELDS[name] ?? '')
  const given = written.get('password')?.value
  if (given !== undefined && given !== null && given !== '') return defaults
  const owner = { host: text('host'), port: Number(text('port')), database: text('database'), user: text('user') }
  const variables = { ...environment, PGPASSWORD: values.get('PGPASSWORD') }
  const password = foundPassword(owner, variables, homeOf(environment))
  return password === null ? defaults : [...defaults, { field: 'password', value: REDACTED, from: password.from }]
}
