// One spelling of a JSON value: keys in code-unit order, no clock, no locale. Everything that is hashed or compared
// byte for byte goes through here. JSON.stringify is no substitute: it puts integer-like keys first.

import { createHash } from 'node:crypto'
import { asFingerprint, type Fingerprint } from './ids.ts'

/** Order of strings by UTF-16 code unit: the only order used for anything that is written. */
export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export const sortedKeys = (value: object): string[] => Object.keys(value).sort(byCodeUnit)

/** Compact canonical text. `undefined` members are left out; other non-JSON values are a programming error. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((v) => canonicalJson(v ?? null)).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const members = sortedKeys(value)
      .map((key) => [key, (value as Record<string, unknown>)[key]] as const)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`)
    return `{${members.join(',')}}`
  }
  return JSON.stringify(value) ?? 'null'
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
    const short = canonicalJson(value)
    if (short.length <= 80 && value.every((v) => v === null || typeof v !== 'object')) return short.replaceAll('","', '", "')
    return `[\n${value.map((v) => inner + pretty(v ?? null, inner)).join(',\n')}\n${indent}]`
  }
  const members = sortedKeys(value)
    .map((key) => [key, (value as Record<string, unknown>)[key]] as const)
    .filter(([, member]) => member !== undefined)
  if (members.length === 0) return '{}'
  return `{\n${members.map(([key, member]) => `${inner}${JSON.stringify(key)}: ${pretty(member, inner)}`).join(',\n')}\n${indent}}`
}

/** SHA-256 of text (as UTF-8) or bytes, in hexadecimal. */
export const sha256 = (data: string | Uint8Array): Fingerprint =>
  asFingerprint(createHash('sha256').update(data).digest('hex'))

/** SHA-256 of the canonical text of a value. */
export const fingerprintOf = (value: unknown): Fingerprint => sha256(canonicalJson(value))
