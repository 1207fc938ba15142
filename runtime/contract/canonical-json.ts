// One spelling of a JSON value: keys in code-unit order, no clock, no locale. Everything that is hashed or compared
// byte for byte goes through here. JSON.stringify is no substitute: it puts integer-like keys first.

import crypto from 'node:crypto'
import { asFingerprint, type Fingerprint } from './ids.ts'

/** Order of strings by UTF-16 code unit: the only order used for anything that is written. */
export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Without a comparison of its own, sort() is by code unit too, and much faster. */
export const sortedKeys = (value: object): string[] => Object.keys(value).sort()

/** Compact canonical text. `undefined` members are left out; other non-JSON values are a programming error. */
export function canonicalJson(value: unknown): string {
  const sorted = ordered(value)
  return sorted === UNORDERED ? slowText(value) : (JSON.stringify(sorted) ?? 'null')
}

/** Canonical text for people: two spaces of indent, arrays of scalars on one line when short, a final newline. */
export const prettyJson = (value: unknown): string => [...documentParts(value), '\n'].join('')

/** So many items of a list are written together: of a whole document no copy is to be in memory. */
const TOGETHER = 200

/** Put together once: a text of many megabytes is not to be copied from step to step. */
function documentParts(value: unknown): string[] {
  if (value === null || typeof value !== 'object' || !Object.values(value).some(isLong)) return [prettyText(value)]
  const parts: string[] = []
  for (const key of sortedKeys(value)) {
    const member = (value as Record<string, unknown>)[key]
    if (member === undefined) continue
    parts.push(parts.length === 0 ? '{\n' : ',\n')
    if (isLong(member)) parts.push(`  ${JSON.stringify(key)}: [\n`, ...longParts(member), '\n  ]')
    else parts.push(inside(prettyText({ [key]: member })))
  }
  return [...parts, '\n}']
}

const isLong = (value: unknown): value is readonly object[] =>
  Array.isArray(value) && value.length > TOGETHER && typeof value[0] === 'object' && value[0] !== null

/** Texts of items of long lists, as they stand in their document. */
const written = new WeakMap<object, string>()

/** The items as they stand in a list that is a member of the document. */
function longParts(items: readonly object[]): string[] {
  const parts: string[] = []
  for (let at = 0; at < items.length; ) {
    const known = written.get(items[at] ?? items)
    const end = known === undefined ? endOfUnknown(items, at) : at + 1
    parts.push(at === 0 ? '' : ',\n', known ?? inside(inside(prettyText([items.slice(at, end)]))))
    at = end
  }
  return parts
}

function endOfUnknown(items: readonly object[], start: number): number {
  const most = Math.min(items.length, start + TOGETHER)
  let end = start + 1
  while (end < most && !written.has(items[end] ?? items)) end++
  return end
}

/**
 * Takes down how the items of a long list are written that is the member `key` of a document, so that `prettyJson` need
 * not write them anew. `text` is what `prettyJson` gave of the document; no item may have been changed since.
 */
export function rememberItems(text: string, key: string, items: readonly object[]): void {
  if (!isLong(items)) return
  let at = text.indexOf(`\n  ${JSON.stringify(key)}: [\n`)
  for (const item of items) {
    const start = text.indexOf('\n    {', at) + 1
    // No text of JSON holds a line break: what is in the item stands deeper.
    const end = text.indexOf('\n    }', start) + '\n    }'.length
    if (start === 0 || end < start) return
    written.set(item, text.slice(start, end))
    at = end
  }
}

/** Takes down how an item is written, where another one's text is known; `change` makes it of that, or null. */
export function rememberAs(item: object, other: object, change: (text: string) => string | null): void {
  const known = written.get(other)
  const text = known === undefined ? null : change(known)
  if (text !== null) written.set(item, text)
}

export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * Where the item of a list that is a member of a document is written of which something stands at `at`; undefined: there is
 * none. `text` is what `prettyJson` gave of the document.
 */
export function itemAround(text: string, at: number): Span | undefined {
  const start = at === -1 ? 0 : text.lastIndexOf('\n    {\n', at) + 1
  const end = text.indexOf('\n    }', at)
  return start === 0 || end === -1 ? undefined : { start, end: end + '\n    }'.length }
}

/** How the member `key` of a document is written, which is an object with members; undefined: there is no such one. */
export function memberText(text: string, key: string): string | undefined {
  const name = `\n  ${JSON.stringify(key)}: `
  const start = text.indexOf(`${name}{\n`)
  const end = text.indexOf('\n  }', start)
  return start === -1 || end === -1 ? undefined : text.slice(start + name.length, end + '\n  }'.length)
}

/** Without the first and the last line. */
const inside = (text: string): string => text.slice(text.indexOf('\n') + 1, text.lastIndexOf('\n'))

function prettyText(value: unknown): string {
  const sorted = ordered(value)
  const text = sorted === UNORDERED ? slowText(value, '\n') : (JSON.stringify(sorted, null, 2) ?? 'null')
  return text.replace(SCALARS, oneLine)
}

const SHORT = 80
const SCALAR = String.raw`(?:"(?:[^"\\\n]|\\.)*"|-?\d[^,\n]*|true|false|null)`
/** An array of scalars over several lines. No text of JSON holds a line break, so none is mistaken for one. */
const SCALARS = new RegExp(String.raw`\[\n +(${SCALAR}(?:,\n +${SCALAR})*)\n *\]`, 'g')

function oneLine(whole: string, items: string): string {
  const short = `[${items.replace(/,\n +/g, ',')}]`
  return short.length <= SHORT ? short.replaceAll('","', '", "') : whole
}

const UNORDERED = Symbol()
const INDEX = /^(?:0|[1-9]\d*)$/
const NINE = 57

/**
 * The value with its members in order, for JSON.stringify, which is three times as fast as anything written here; itself
 * when they are in order already, UNORDERED when it has a key that JSON.stringify would move to the front.
 */
function ordered(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return orderedItems(value)
  const keys = Object.keys(value)
  let isSorted = true
  let before = ''
  for (const key of keys) {
    if (isMoved(key)) return UNORDERED
    if (key < before) isSorted = false
    before = key
  }
  const members = value as Readonly<Record<string, unknown>>
  let changed: Map<string, unknown> | undefined
  for (const key of keys) {
    const member = members[key]
    if (member === null || typeof member !== 'object') continue
    const copy = ordered(member)
    if (copy === UNORDERED) return UNORDERED
    if (copy === member) continue
    changed ??= new Map()
    changed.set(key, copy)
  }
  if (isSorted && changed === undefined) return value
  const copy: Record<string, unknown> = {}
  for (const key of isSorted ? keys : keys.sort()) copy[key] = changed?.get(key) ?? members[key]
  return copy
}

/** Whether JSON.stringify does not write such a key where it stands. */
const isMoved = (key: string): boolean => (key.charCodeAt(0) <= NINE ? INDEX.test(key) : key === '__proto__')

function orderedItems(items: readonly unknown[]): unknown {
  let copies: unknown[] | undefined
  for (let i = 0; i < items.length; i++) {
    const item = items[i]
    if (item === null || typeof item !== 'object') continue
    const copy = ordered(item)
    if (copy === UNORDERED) return UNORDERED
    if (copy !== item) {
      copies ??= items.slice()
      copies[i] = copy
    }
  }
  return copies ?? items
}

/** The same text for any keys; with `line`, a new line and the indent of the value, over several lines. */
function slowText(value: unknown, line?: string): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  const inner = line === undefined ? undefined : `${line}  `
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  const parts = Array.isArray(value)
    ? value.map((item) => slowText(item ?? null, inner))
    : sortedKeys(value).flatMap((key) => {
        const member = (value as Record<string, unknown>)[key]
        return member === undefined
          ? []
          : [`${JSON.stringify(key)}:${line === undefined ? '' : ' '}${slowText(member, inner)}`]
      })
  return parts.length === 0
    ? `${open}${close}`
    : `${open}${inner ?? ''}${parts.join(`,${inner ?? ''}`)}${line ?? ''}${close}`
}

/** SHA-256 of text (as UTF-8) or bytes, in hexadecimal. */
export const sha256 = (data: string | Uint8Array): Fingerprint => asFingerprint(hash(data))

const PART_LENGTH = 1 << 18

function hash(data: string | Uint8Array): string {
  if (typeof data === 'string' && data.length > PART_LENGTH) return hashOfLong(data)
  // In one call where Node has it (20.12): half the time for short texts, of which there are thousands.
  if (typeof crypto.hash === 'function') return crypto.hash('sha256', data, 'hex')
  return crypto.createHash('sha256').update(data).digest('hex')
}

/** Part by part: as UTF-8 the whole text would be in memory once more, in three times its space. */
function hashOfLong(text: string): string {
  const sum = crypto.createHash('sha256')
  for (let at = 0; at < text.length; ) {
    // The two halves of a character beyond U+FFFF stay together.
    const last = text.charCodeAt(at + PART_LENGTH - 1)
    const end = at + PART_LENGTH + (last >= 0xd800 && last <= 0xdbff ? 1 : 0)
    sum.update(text.slice(at, end))
    at = end
  }
  return sum.digest('hex')
}

/** SHA-256 of the canonical text of a value. */
export const fingerprintOf = (value: unknown): Fingerprint => sha256(canonicalJson(value))
