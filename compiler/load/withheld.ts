// Where a source's server is, said in the project: the values may be secret, and none of them is compiled. From here on the
// document has *** in their place, or the one variable that a value is; whoever connects reads the file again. Pure.

import type { Json, LoadedDocument } from '../load.ts'

/** In place of a value. */
export const WITHHELD = '***'

/** What of a connection a source may say itself. */
export const CONNECTION_FIELD_NAMES = [
  'host',
  'port',
  'database',
  'user',
  'password',
  'sslmode',
  'connect_timeout',
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
] as const

/** Also what is refused. */
const NAMES: readonly string[] = [...CONNECTION_FIELD_NAMES, 'url']

/** Whether a text may hold a value that is withheld; no copy of it is kept then. */
export const mayBeWithheld = (text: string): boolean => text.includes('postgres') && FIELD.test(text)

const FIELD = new RegExp(`(?:${NAMES.join('|')})["']?\\s*:`)

/** Keys of what an anchor may hold for a password. */
const SECRET_NAME = /pass|pw|secret|token|credential|url/i

/** One variable, without a default. */
const VARIABLE = /^\s*(?:\$\{\w+\}|\{\{\s*env(?:[.:]\s*\w+|\(\s*(?:'\w+'|"\w+"|\w+)\s*\))\s*\}\})\s*$/

export function withoutConnection(document: LoadedDocument): LoadedDocument {
  const { kind, source, params } = document.value
  if (kind !== 'source' || !String(source).startsWith('postgres')) return document
  if (params === undefined || params === null || typeof params !== 'object' || isList(params)) return document
  if (!NAMES.some((name) => Object.hasOwn(params, name))) return document
  const kept = Object.entries(params).map(([name, value]) => [name, NAMES.includes(name) ? withheld(value) : value])
  const secrets = [params.password, params.url].filter((value) => withheld(value ?? null) === WITHHELD)
  const sources = Object.entries(document.sources).filter(([pointer]) => !isWithheld(pointer))
  const others = Object.entries(document.value).map(([name, value]) => [name, withoutAnchored(name, value, secrets)])
  return {
    ...document,
    value: { ...Object.fromEntries(others), params: withoutAnchored('', Object.fromEntries(kept), secrets) },
    sources: Object.fromEntries(sources),
  }
}

function withheld(value: Json): Json {
  if (value === null || (typeof value === 'string' && VARIABLE.test(value))) return value
  if (typeof value !== 'object') return WITHHELD
  return Array.isArray(value) ? [] : {}
}

/** What an alias or a merged mapping put into `params` stands elsewhere too. */
function withoutAnchored(name: string, value: Json, secrets: readonly unknown[]): Json {
  if (value === null || typeof value !== 'object')
    return SECRET_NAME.test(name) && secrets.includes(value) ? WITHHELD : value
  if (isList(value)) return value.map((item) => withoutAnchored(name, item, secrets))
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutAnchored(key, inner, secrets)]))
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)

const isWithheld = (pointer: string): boolean =>
  NAMES.some((name) => pointer === `/params/${name}` || pointer.startsWith(`/params/${name}/`))
