// Which engine executes a project: `engine:` of seeknal_project.yml, and that of the profile before it, field by field. Without
// a schema it is that of the connection. What is wrong in the project is the compiler's to report: it counts as not said.
// And where its state is: in the database that executes, or where `state_backend:` says. Reports PROFILE_INVALID.

import { join } from 'node:path'
import { DEFAULT_OUTPUT_SCHEMA, ENGINES, type EngineChoice, type EngineName } from './contract/engines.ts'
import { RuntimeFailure } from './contract/failures.ts'
import { FieldReader, fieldsOf } from './profile/fields.ts'
import { type Entry, type Mapping, mistake, readProfileText } from './profile/file.ts'
import type { Profile } from './profile.ts'
import { stateConnection } from './state-backend.ts'
import { readIfThere } from './store/files.ts'

export interface ProjectEngine extends EngineChoice {
  /** Of the project; '': it is not known, or not needed. */
  readonly project: string
  /** Connection to the database that keeps the state; null: target/ itself. */
  readonly ledger: string | null
}

const FILES: EngineChoice = { name: 'duckdb', connection: null, schema: null }
const FILE = 'seeknal_project.yml'
const FIELDS: readonly string[] = ['type', 'connection', 'schema']

export function projectEngine(root: string, profile: Profile | null): ProjectEngine {
  const chosen = profile === null ? {} : ofProfile(profile)
  const text = readIfThere(join(root, FILE)) ?? ''
  // Most projects say nothing of it: nothing is parsed for them.
  const isSaid = chosen.name !== undefined || profile?.document.entries.has('state_backend') === true
  if (!isSaid && !NOT_FILES.test(text)) return { ...FILES, project: '', ledger: null }
  const document = projectDocument(text)
  const name = document?.entries.get('name')
  const own = written(document?.entries.get('engine'))
  const engine = { ...FILES, ...own, ...chosen }
  const schema = engine.schema ?? connectionSchema(profile, engine.connection)
  const ledger = ledgerOf(engine, document?.entries.get('state_backend'), profile)
  return { ...engine, schema, ledger, project: name?.kind === 'value' ? name.written : '' }
}

/** What a project says that has another engine, or its state elsewhere. */
const NOT_FILES = /\bengine\b|\bstate_backend\b(?!\s*:\s*["']?file\b)/

/** An engine that is a database keeps the state beside its tables. */
function ledgerOf(engine: EngineChoice, said: Entry | undefined, profile: Profile | null): string | null {
  const { isDatabase, title } = ENGINES[engine.name]
  if (!isDatabase) return stateConnection(said, profile)
  const state = engine.connection === null ? null : stateConnection(said, profile)
  if (state === null || state === engine.connection) return engine.connection
  throw new RuntimeFailure(
    'PROFILE_INVALID',
    `'state_backend' names the connection '${state}', and the engine ${title} keeps its state where it executes: '${engine.connection}'.`,
    { key: 'state_backend' },
    { hints: ["Leave 'state_backend' out."] },
  )
}

/** The same where a profile that cannot be read is an error only if something needs it. */
export function findEngine(root: string, find: () => Profile | null): ProjectEngine {
  let profile: Profile | null = null
  try {
    profile = find()
  } catch (error) {
    const isNeeded = isElsewhere(root)
    if (!(error instanceof RuntimeFailure) || isNeeded) throw error
  }
  return projectEngine(root, profile)
}

/** Where the state of a project is that is shared by machines. */
export interface StatePlace {
  readonly project: string
  readonly connection: string
  /** Production's schema of what transforms make; null: outputs are files. */
  readonly schema: string | null
}

/**
 * Null: the state is target/ itself. `engine` executes; where it is no database, production and its environments have one
 * state, which only production's profile says. `production` null: it was asked for the engine.
 */
export function stateOf(
  root: string,
  engine: ProjectEngine,
  production: (() => Profile | null) | null,
): StatePlace | null {
  if (ENGINES[engine.name].isDatabase) {
    const { project, connection, schema } = engine
    return connection === null ? null : { project, connection, schema: schema ?? DEFAULT_OUTPUT_SCHEMA }
  }
  const found = production === null ? engine : findEngine(root, production)
  if (ENGINES[found.name].isDatabase || found.ledger === null) return null
  const project = found.project === '' ? engine.project : found.project
  return { project, connection: found.ledger, schema: null }
}

/** Whether the project alone says that its state, and so what executes, cannot be known without the profile. */
function isElsewhere(root: string): boolean {
  try {
    const { name, ledger } = projectEngine(root, null)
    return ENGINES[name].isDatabase || ledger !== null
  } catch {
    return true
  }
}

function projectDocument(text: string): Mapping | null {
  try {
    return readProfileText(text, FILE)
  } catch (error) {
    if (error instanceof RuntimeFailure && error.code === 'PROFILE_INVALID') return null
    throw error
  }
}

type Said = { -readonly [Key in keyof EngineChoice]?: EngineChoice[Key] }

const engineNamed = (text: unknown): EngineName | undefined =>
  typeof text === 'string' && Object.hasOwn(ENGINES, text) ? (text as EngineName) : undefined

/** What the project says, without a complaint. */
function written(entry: Entry | undefined): Said {
  const said: Said = {}
  const fields = entry?.kind === 'mapping' ? entry.entries : new Map([['type', entry]])
  for (const [field, value] of fields) {
    const text = value?.kind === 'value' ? value.value : null
    const name = field === 'type' ? engineNamed(text) : undefined
    if (name !== undefined) said.name = name
    if ((field === 'connection' || field === 'schema') && typeof text === 'string') said[field] = text
  }
  return said
}

function ofProfile({ document, values, shown }: Profile): Said {
  const entry = document.entries.get('engine')
  if (entry === undefined || (entry.kind === 'value' && entry.value === null)) return {}
  const known = Object.keys(ENGINES)
  const wrong = (at: Entry['at'], what: string): RuntimeFailure =>
    mistake(shown, at, `'engine' is ${what}; expected is one of: ${known.join(', ')}.`, [
      'Write engine: {type: postgresql, connection: NAME, schema: NAME}.',
    ])
  if (entry.kind === 'list') throw wrong(entry.at, 'a list')
  if (entry.kind === 'value') {
    const name = engineNamed(values.expand(entry.written).text)
    if (name === undefined) throw wrong(entry.at, `'${entry.written}'`)
    return { name }
  }
  const other = [...entry.entries.keys()].find((field) => !FIELDS.includes(field))
  if (other !== undefined)
    throw mistake(shown, entry.at, `'engine' has the field '${other}'; it knows: ${FIELDS.join(', ')}.`)
  const reader = new FieldReader(shown, "'engine'", fieldsOf(entry, values))
  const [type, connection, schema] = FIELDS.map((field) => reader.text(field))
  const name = type == null ? undefined : engineNamed(type)
  if (type != null && name === undefined) throw wrong(entry.at, `'${type}'`)
  return {
    ...(name === undefined ? {} : { name }),
    ...(connection == null ? {} : { connection }),
    ...(schema == null ? {} : { schema }),
  }
}

/** The schema of tables that a connection's user names without one, where it says one. */
function connectionSchema(profile: Profile | null, connection: string | null): string | null {
  if (connection === null || profile?.connections.some(({ name }) => name === connection) !== true) return null
  const fields = profile.fields(connection)
  const value = (fields.get('schema') ?? fields.get('search_path'))?.value
  return typeof value === 'string' && value !== '' ? value : null
}
