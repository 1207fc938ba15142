// LIKE and regular expressions. DuckDB's are RE2's, PostgreSQL's have another syntax and take the longest match: only
// patterns that are literals and whose every part means the same are translated, spelled so that no setting changes them.

import { textLiteral } from '../../dialect/postgresql.ts'
import { bare } from './casts.ts'
import { argument, letters, type Rule, refusedCall } from './functions.ts'
import { REFUSED, type Typed, typed } from './types.ts'

interface Pattern {
  readonly sql: string
  /** May match nothing at all. */
  readonly empty: boolean
  /** Has alternatives or repeated groups, where the longest match may be another than the first. */
  readonly branches: boolean
  readonly groups: number
}

const CLASSES: Readonly<Record<string, string>> = {
  d: '0-9',
  w: '0-9A-Za-z_',
  s: '\\t\\n\\f\\r ',
}
const ESCAPES = /^\\[.*+?^$()[\]{}|\\/-]/

/** The same pattern for PostgreSQL; null: a part of it is not known to mean the same. */
export function pattern(source: string): Pattern | null {
  let [sql, at, groups] = ['', 0, 0]
  let [empty, branches] = [true, false]
  const open: boolean[] = []
  while (at < source.length) {
    const rest = source.slice(at)
    const atom = atomAt(rest)
    if (atom !== null) {
      const repeat = /^(?:[*+?]|\{\d{1,2}(?:,\d{0,2})?\})(?![*+?{])/.exec(rest.slice(atom.length))?.[0] ?? ''
      if (
        /^[*+?{]/.test(rest.slice(atom.length + repeat.length)) ||
        (repeat === '' && /^[*+?{]/.test(rest.slice(atom.length)))
      )
        return null
      empty &&= /^([*?]|\{0)/.test(repeat)
      sql += atom.sql + repeat
      at += atom.length + repeat.length
      continue
    }
    const char = rest[0] ?? ''
    if (char === '(') {
      if (rest[1] === '?' && !rest.startsWith('(?:')) return null
      const isGroup = rest[1] !== '?'
      if (isGroup) groups++
      open.push(isGroup)
      sql += isGroup ? '(' : '(?:'
      at += isGroup ? 1 : 3
      continue
    }
    if (char === ')') {
      if (open.pop() === undefined) return null
      const repeat = /^[*+?]?/.exec(rest.slice(1))?.[0] ?? ''
      if (/^[*+?{]/.test(rest.slice(1 + repeat.length))) return null
      branches ||= repeat !== ''
      empty ||= repeat !== ''
      sql += `)${repeat}`
      at += 1 + repeat.length
      continue
    }
    if (char !== '|' && char !== '^' && char !== '$') return null
    if (/^[*+?{]/.test(rest.slice(1))) return null
    if (char === '|') [branches, empty] = [true, true]
    sql += char
    at++
  }
  return open.length > 0 ? null : { sql, empty, branches, groups }
}

/** A character, a class or a bracket; length in the source. */
function atomAt(rest: string): { readonly sql: string; readonly length: number } | null {
  const shorthand = /^\\([dws])/.exec(rest)
  if (shorthand !== null) return { sql: `[${CLASSES[shorthand[1] ?? '']}]`, length: 2 }
  if (ESCAPES.test(rest)) return { sql: rest.slice(0, 2), length: 2 }
  if (rest[0] === '.') return { sql: '[^\\n]', length: 1 }
  if (rest[0] === '[') return bracketAt(rest)
  const plain = /^[^\\()[\]{}|^$.*+?]/u.exec(rest)?.[0]
  return plain === undefined ? null : { sql: plain, length: plain.length }
}

function bracketAt(rest: string): { readonly sql: string; readonly length: number } | null {
  const found = /^\[(\^?)((?:[^\][\\^-]|-(?=\])|[A-Za-z0-9]-[A-Za-z0-9]|\\[dws.\-\]\\/])+)\]/u.exec(rest)
  if (found === null) return null
  const members = (found[2] ?? '').replace(/\\([dws])/g, (_, name: string) => CLASSES[name] ?? '')
  return { sql: `[${found[1]}${members}]`, length: found[0].length }
}

const translated: (call: Parameters<Rule>[0], at: number) => Pattern | null = (call, at) => {
  const source = call.args[at]
  const found = source?.literal === 'text' ? pattern(source.value ?? '') : null
  if (found === null)
    refusedCall(
      call,
      'This regular expression is not known to match the same on PostgreSQL.',
      'Only a literal without options of characters, classes, groups and greedy repetitions is translated.',
    )
  return found
}

const options = (call: Parameters<Rule>[0], at: number): string | null => {
  const value = call.args[at]
  return value === undefined ? '' : value.literal === 'text' ? (value.value ?? '') : null
}

const matches =
  (whole: boolean): Rule =>
  (call) => {
    const found = translated(call, 1)
    if (found === null) return REFUSED
    if (options(call, 2) !== '') return refusedCall(call, 'Options of a regular expression are not translated.')
    return typed(
      `(${argument(call, 0, 'VARCHAR')} ~ ${textLiteral(whole ? `^(?:${found.sql})$` : found.sql)})`,
      'BOOLEAN',
    )
  }

/** Whether the first match is the longest one, and not nothing. */
const oneMatch = (found: Pattern): boolean => !found.branches && !found.empty

const replaced: Rule = (call) => {
  const found = translated(call, 1)
  const by = call.args[2]
  if (found === null) return REFUSED
  const flags = options(call, 3)
  if (
    !oneMatch(found) ||
    by?.literal !== 'text' ||
    (flags !== '' && flags !== 'g') ||
    /\\[^0-9\\]|\\$/.test(by.value ?? '')
  )
    return refusedCall(
      call,
      'This replacement is not known to give the same on PostgreSQL.',
      'Alternatives, patterns that match nothing and options but g are not translated.',
    )
  const text = (by.value ?? '').replaceAll('\\0', '\\&')
  return typed(
    `regexp_replace(${argument(call, 0, 'VARCHAR')}, ${textLiteral(found.sql)}, ${textLiteral(text)}${flags === 'g' ? ", 'g'" : ''})`,
    'VARCHAR',
  )
}

const extracted: Rule = (call) => {
  const found = translated(call, 1)
  if (found === null) return REFUSED
  const group = call.args[2] === undefined ? '0' : call.args[2].value
  if (!oneMatch(found) || call.args.length > 3 || group === undefined || Number(group) > found.groups)
    return refusedCall(
      call,
      'This match is not known to be the same on PostgreSQL.',
      'Alternatives, patterns that match nothing and options are not translated.',
    )
  const value = argument(call, 0, 'VARCHAR')
  const part = `regexp_substr(${value}, ${textLiteral(found.sql)}, 1, 1, '', ${group})`
  return typed(`CASE WHEN ${value} IS NOT NULL THEN coalesce(${part}, '') END`, 'VARCHAR')
}

/** Without ESCAPE no character escapes. `~~*` compares in lower case. */
const like =
  (negated: boolean, ignoreCase: boolean): Rule =>
  (call) => {
    const [value, form, escaped] = call.args
    if (value === undefined || form === undefined || value.type === '' || form.type === '') return REFUSED
    const [a, b] = [argument(call, 0, 'VARCHAR'), argument(call, 1, 'VARCHAR')]
    if (escaped !== undefined && (escaped.literal !== 'text' || (escaped.value ?? '').length !== 1))
      return refusedCall(call, 'LIKE is translated with one literal character behind ESCAPE.')
    const [left, right] = ignoreCase
      ? [letters('lower', a), letters('lower', b)]
      : [a, form.literal === 'text' ? bare(form) : b]
    return typed(
      `(${left} ${negated ? 'NOT ' : ''}LIKE ${right} ESCAPE ${textLiteral(escaped?.value ?? '')})`,
      'BOOLEAN',
    )
  }

export const PATTERNS: ReadonlyMap<string, (call: Parameters<Rule>[0]) => Typed> = new Map([
  ['~~', like(false, false)],
  ['!~~', like(true, false)],
  ['like_escape', like(false, false)],
  ['not_like_escape', like(true, false)],
  ['~~*', like(false, true)],
  ['!~~*', like(true, true)],
  ['regexp_matches', matches(false)],
  ['regexp_full_match', matches(true)],
  ['regexp_replace', replaced],
  ['regexp_extract', extracted],
])
