// `state_backend:` of seeknal_project.yml, and that of the profile before it, field by field → the connection of the database
// that keeps the state, or null: target/ itself. What is wrong in the project is the compiler's to report: it counts as not
// said. Reports PROFILE_INVALID.

import { RuntimeFailure } from './contract/failures.ts'
import { FieldReader, fieldsOf } from './profile/fields.ts'
import { type Entry, mistake } from './profile/file.ts'
import type { Profile } from './profile.ts'

/** `database` is another word for `postgresql`. */
export const STATE_BACKENDS: readonly string[] = ['file', 'postgresql', 'database']

const FIELDS: readonly string[] = ['type', 'connection']
const EXAMPLE = 'Write state_backend: {type: postgresql, connection: NAME}, in the profile or in the project.'

interface Said {
  readonly type?: string
  readonly connection?: string
}

/** `entry`: of the project. Null: the state is in files. */
export function stateConnection(entry: Entry | undefined, profile: Profile | null): string | null {
  const said = { ...written(entry), ...(profile === null ? {} : ofProfile(profile)) }
  if (said.type === undefined || said.type === 'file') return null
  if (said.connection !== undefined) return said.connection
  throw new RuntimeFailure(
    'PROFILE_INVALID',
    "'state_backend' is a database, and no connection says which.",
    { key: 'state_backend' },
    { hints: [EXAMPLE] },
  )
}

const known = (text: unknown): text is string => typeof text === 'string' && STATE_BACKENDS.includes(text)

function written(entry: Entry | undefined): Said {
  const fields = entry?.kind === 'mapping' ? entry.entries : new Map([['type', entry]])
  const text = (name: string): string | undefined => {
    const value = fields.get(name)
    return value?.kind === 'value' && typeof value.value === 'string' ? value.value : undefined
  }
  const [type, connection] = [text('type'), text('connection')]
  return { ...(known(type) ? { type } : {}), ...(connection === undefined ? {} : { connection }) }
}

function ofProfile({ document, values, shown }: Profile): Said {
  const entry = document.entries.get('state_backend')
  if (entry === undefined || (entry.kind === 'value' && entry.value === null)) return {}
  const wrong = (what: string): RuntimeFailure =>
    mistake(shown, entry.at, `'state_backend' is ${what}; expected is one of: ${STATE_BACKENDS.join(', ')}.`, [EXAMPLE])
  if (entry.kind === 'list') throw wrong('a list')
  if (entry.kind === 'value') {
    const { text } = values.expand(entry.written)
    if (!known(text)) throw wrong(`'${entry.written}'`)
    return { type: text }
  }
  const other = [...entry.entries.keys()].find((field) => !FIELDS.includes(field))
  if (other !== undefined)
    throw mistake(shown, entry.at, `'state_backend' has the field '${other}'; it knows: ${FIELDS.join(', ')}.`)
  const reader = new FieldReader(shown, "'state_backend'", fieldsOf(entry, values))
  const [type, connection] = FIELDS.map((field) => reader.text(field))
  if (type != null && !known(type)) throw wrong(`'${type}'`)
  return { ...(type == null ? {} : { type }), ...(connection == null ? {} : { connection }) }
}
