// One spelling of a JSON value: keys in code-unit order, no clock, no locale. Everything that is hashed or compared
// byte for byte goes through here. JSON.stringify is no substitute: it puts integer-like keys first.

import { createHash } from 'node:crypto'
import { asFingerprint, type Fingerprint } from './ids.ts'

/** Order of strings by UTF-16 code unit: the only order used for anything that is written. */
export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export const sortedKeys = (value: object): string[] => Object.keys(value).sort(byCodeUnit)

/** Members that are JSON, in canonical order. */
function* members(value: object): Generator<readonly [key: string, member: unknown]> {
  for (const key of sortedKeys(value)) {
    const member = (value as Record<string, unknown>)[key]
    if (member !== undefined) yield [key, member]
  }
}

const isScalar = (value: unknown): boolean => value === null || typeof value !== 'object'

/** Compact canonical text. `undefined` members are left out; other non-JSON values are a programming error. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map((v) => canonicalJson(v ?? null)).join(',')}]`
  let text = ''
  for (const [key, member] of members(value)) {
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`
  }
  return `{${text}}`
}

/** Canonical text for people: two spaces of indent, arrays of scalars on one line when short, a final newline. */
export function prettyJson(value: unknown): string {
  return `${pretty(value, '')}\n`
}

function pretty(value: unknown, indent: string): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  const inner = `${indent}  `
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]'
    const short = value.every(isScalar) ? canonicalJson(value) : null
    if (short !== null && short.length <= 80) return short.replaceAll('","', '", "')
    return `[\n${value.map((v) => inner + pretty(v ?? null, inner)).join(',\n')}\n${indent}]`
  }
  let text = ''
  for (const [key, member] of members(value)) {
    text += `${text === '' ? '' : ',\n'}${inner}${JSON.stringify(key)}: ${pretty(member, inner)}`
  }
  return text === '' ? '{}' : `{\n${text}\n${indent}}`
}

/** SHA-256 of text (as UTF-8) or bytes, in hexadecimal. */
export const sha256 = (data: string | Uint8Array): Fingerprint =>
  asFingerprint(createHash('sha256').update(data).digest('hex'))

/** SHA-256 of the canonical text of a value. */
export const fingerprintOf = (value: unknown): Fingerprint => sha256(canonicalJson(value))
