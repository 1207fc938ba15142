// One spelling of a JSON value: keys in code-unit order, no clock, no locale. Everything that is hashed or compared
// byte for byte goes through here. JSON.stringify is no substitute: it puts integer-like keys first.

import crypto from 'node:crypto'
import { asFingerprint, type Fingerprint } from './ids.ts'

/** Order of strings by UTF-16 code unit: the only order used for anything that is written. */
export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Without a comparison of its own, sort() is by code unit too, and much faster. */
export const sortedKeys = (value: object): string[] => Object.keys(value).sort()

const isScalar = (value: unknown): boolean => value === null || typeof value !== 'object'

/** Members in order, `undefined` left out. */
function members(value: object): [string, unknown][] {
  const found: [string, unknown][] = []
  for (const key of sortedKeys(value)) {
    const member = (value as Record<string, unknown>)[key]
    if (member !== undefined) found.push([key, member])
  }
  return found
}

// Texts of megabytes: built by appending, since joining arrays of parts costs several times as much.

/** Compact canonical text. `undefined` members are left out; other non-JSON values are a programming error. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  let text = ''
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === '' ? '' : ','}${canonicalJson(item ?? null)}`
    return `[${text}]`
  }
  for (const [key, member] of members(value))
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`
  return `{${text}}`
}

/** Canonical text for people: two spaces of indent, arrays of scalars on one line when short, a final newline. */
export function prettyJson(value: unknown): string {
  return `${pretty(value, '\n')}\n`
}

const SHORT = 80

/** `line` is a new line and the indent of the value. */
function pretty(value: unknown, line: string): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  const inner = `${line}  `
  let text = ''
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]'
    if (value.every(isScalar)) {
      const short = canonicalJson(value)
      if (short.length <= SHORT) return short.replaceAll('","', '", "')
    }
    for (const item of value) text += `${text === '' ? '' : ','}${inner}${pretty(item ?? null, inner)}`
    return `[${text}${line}]`
  }
  for (const [key, member] of members(value))
    text += `${text === '' ? '' : ','}${inner}${JSON.stringify(key)}: ${pretty(member, inner)}`
  return text === '' ? '{}' : `{${text}${line}}`
}

/** SHA-256 of text (as UTF-8) or bytes, in hexadecimal. */
export const sha256 = (data: string | Uint8Array): Fingerprint => asFingerprint(hash(data))

/** In one call where Node has it (20.12): half the time for short texts, of which there are thousands. */
const hash: (data: string | Uint8Array) => string =
  typeof crypto.hash === 'function'
    ? (data) => crypto.hash('sha256', data, 'hex')
    : (data) => crypto.createHash('sha256').update(data).digest('hex')

/** SHA-256 of the canonical text of a value. */
export const fingerprintOf = (value: unknown): Fingerprint => sha256(canonicalJson(value))
