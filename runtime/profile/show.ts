// A profile → what `profile show` says of it: every value with the place that it came from, secrets as ***. Pure but for
// the password file.

import { REDACTED } from '../contract/secret.ts'
import { homeOf, type Profile } from '../profile.ts'
import { type Field, isSecretName } from './fields.ts'
import type { Entry } from './file.ts'
import { foundPassword } from './passwords.ts'
import { FIELD_ALIASES, POSTGRESQL_FIELDS, urlParts, WITHOUT_EFFECT } from './postgresql.ts'
import type { Variable } from './variables.ts'

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
  readonly profile: string
  readonly found: string
  readonly connections: readonly {
    readonly name: string
    readonly type: string
    readonly fields: readonly ShownField[]
  }[]
  readonly source_defaults: readonly { readonly source: string; readonly fields: readonly ShownField[] }[]
  readonly missing_variables: readonly string[]
  readonly warnings: readonly string[]
}

export function shownProfile(
  profile: Profile,
  environment: Readonly<Record<string, string | undefined>>,
): ShownProfile {
  const missing = new Set<string>()
  const show = (name: string, field: Field): ShownField => {
    for (const variable of field.variables) if (variable.from === 'missing') missing.add(variable.name)
    return shownField(profile.shown, name, field)
  }
  const connections = profile.connections.map(({ name, type }) => {
    const written = profile.fields(name)
    const fields = [...written].map(([field, value]) => show(field, value))
    return {
      name,
      type,
      fields: type === 'postgresql' ? [...fields, ...implied(written, profile, environment)] : fields,
    }
  })
  const defaults = profile.document.entries.get('source_defaults')
  return {
    profile: profile.shown,
    found: profile.why,
    connections,
    source_defaults: [...(defaults?.kind === 'mapping' ? defaults.entries : [])].map(([source, entry]) => ({
      source,
      fields: [...fieldsBelow(entry, profile)].map(([name, field]) => show(name, field)),
    })),
    missing_variables: [...missing].sort(),
    warnings: profile.warnings,
  }
}

function fieldsBelow(entry: Entry, profile: Profile): ReadonlyMap<string, Field> {
  const fields = new Map<string, Field>()
  if (entry.kind !== 'mapping') return fields
  for (const [name, value] of entry.entries) {
    if (value.kind !== 'value') continue
    const expanded = typeof value.value === 'string' ? profile.values.expand(value.value) : null
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
function implied(
  written: ReadonlyMap<string, Field>,
  profile: Profile,
  environment: Readonly<Record<string, string | undefined>>,
): readonly ShownField[] {
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
  const variables = { ...environment, PGPASSWORD: profile.values.get('PGPASSWORD') }
  const password = foundPassword(owner, variables, homeOf(environment))
  return password === null ? defaults : [...defaults, { field: 'password', value: REDACTED, from: password.from }]
}
