// Placeholders `{{ … }}`: their grammar, and those whose value is known only at a run, as SQL over variables, since a
// bundle holds no clock and no secret. `{{ run_date }}` → getvariable('run_date'), `{{ today(-7) }}` → a date seven days
// before it as text. Pure.

import { textLiteral, variable } from '../dialect/duckdb.ts'
import { lex, type Range, type Token } from './lexer.ts'
import type { Edit } from './spliced-text.ts'

export type Placeholder =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly string[] }

/** A value that the run supplies. */
export type RunParameter =
  /** `daysBefore`: a date, and so many days before it are meant. */
  | { readonly kind: 'variable'; readonly name: string; readonly daysBefore?: number }
  /** The run's date, moved; `unit` also says what is cut off: the first day of the month or year. */
  | { readonly kind: 'date'; readonly unit: 'day' | 'month' | 'year'; readonly offset: number }
  | { readonly kind: 'environment'; readonly name: string; readonly fallback: string | null }

/** Names of values that every run has. */
export const RUN_PARAMETERS: readonly string[] = ['end_date', 'run_date', 'run_id', 'run_timestamp', 'start_date']

const DATE_UNITS: Readonly<Record<string, 'day' | 'month' | 'year'>> = {
  today: 'day',
  month_start: 'month',
  year_start: 'year',
}

/** Names of functions and values that a placeholder may use besides parameters and snippets. */
export const BUILT_INS: readonly string[] = [
  ...RUN_PARAMETERS,
  ...Object.keys(DATE_UNITS),
  'yesterday',
  'env',
  'project_id',
  'workspace_path',
]

const NAME = /^[A-Za-z_][\w-]*(?:\.[\w-]+)*$/
const CALL = /^([A-Za-z_]\w*)\s*\(([\s\S]*)\)$/
const ENVIRONMENT_SHORT = /^env[:.]\s*([A-Za-z_]\w*)\s*(?:\|([\s\S]*))?$/
const ARGUMENT = /\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)"|([^,'"()]*?))\s*(,|$)/y

/** What stands between the braces (given with them), or undefined when it is no placeholder. */
export function parsePlaceholder(text: string): Placeholder | undefined {
  const inner = text.slice(2, -2).trim()
  const short = ENVIRONMENT_SHORT.exec(inner)
  if (short?.[1] !== undefined)
    return { kind: 'call', name: 'env', args: short[2] === undefined ? [short[1]] : [short[1], short[2].trim()] }
  if (NAME.test(inner)) return { kind: 'name', name: inner }
  const call = CALL.exec(inner)
  const args = call === null ? undefined : parseArguments(call[2] ?? '')
  return call?.[1] === undefined || args === undefined ? undefined : { kind: 'call', name: call[1], args }
}

/** Commas in quotes do not separate. */
function parseArguments(text: string): string[] | undefined {
  const args: string[] = []
  if (text.trim() === '') return args
  ARGUMENT.lastIndex = 0
  for (;;) {
    const match = ARGUMENT.exec(text)
    if (match === null) return undefined
    args.push(match[1]?.replaceAll("''", "'") ?? match[2]?.replaceAll('""', '"') ?? match[3] ?? '')
    if (match[4] === '') return args
  }
}

/** The run's value that a placeholder stands for; a sentence when its arguments are wrong; undefined when it is none. */
export function runParameter(placeholder: Placeholder): RunParameter | string | undefined {
  const args = placeholder.kind === 'call' ? placeholder.args : []
  const { name } = placeholder
  if (placeholder.kind === 'name' && RUN_PARAMETERS.includes(name)) return { kind: 'variable', name }
  if (name === 'yesterday')
    return args.length === 0 ? { kind: 'date', unit: 'day', offset: -1 } : "'yesterday' takes no argument."
  const unit = Object.hasOwn(DATE_UNITS, name) ? DATE_UNITS[name] : undefined
  if (unit !== undefined) {
    const offset = args[0] === undefined ? 0 : Number(args[0])
    if (args.length > 1 || !Number.isSafeInteger(offset) || args[0]?.trim() === '')
      return `'${name}' takes one whole number.`
    return { kind: 'date', unit, offset }
  }
  if (name !== 'env') return undefined
  if (args[0] === undefined || !/^[A-Za-z_]\w*$/.test(args[0]) || args.length > 2)
    return "'env' takes the name of an environment variable and, if wanted, a default."
  return { kind: 'environment', name: args[0], fallback: args[1] ?? null }
}

/** One spelling of each run parameter, without quotes where possible. */
export function spellParameter(parameter: RunParameter): string {
  switch (parameter.kind) {
    case 'variable':
      return `{{ ${parameter.name} }}`
    case 'date':
      return `{{ ${parameter.unit === 'day' ? 'today' : `${parameter.unit}_start`}(${parameter.offset}) }}`
    case 'environment':
      return parameter.fallback === null
        ? `{{ env.${parameter.name} }}`
        : `{{ env.${parameter.name}|${parameter.fallback} }}`
  }
}

/** The variable that the SQL of a parameter reads. */
export function variableOf(parameter: RunParameter): string {
  if (parameter.kind === 'date') return 'run_date'
  return parameter.kind === 'environment' ? `env.${parameter.name}` : parameter.name
}

/** The value as SQL: text, except for the run's timestamp. */
export function parameterSql(parameter: RunParameter): string {
  const value = variable(variableOf(parameter))
  if (parameter.kind === 'environment' && parameter.fallback !== null)
    return `coalesce(${value}, ${textLiteral(parameter.fallback)})`
  if (parameter.kind === 'variable' && parameter.daysBefore !== undefined)
    return `strftime(CAST(${value} AS DATE) - ${parameter.daysBefore}, '%Y-%m-%d')`
  if (parameter.kind !== 'date' || (parameter.unit === 'day' && parameter.offset === 0)) return value
  const date = `CAST(${value} AS DATE)`
  if (parameter.unit === 'day') return `strftime(${date} + (${parameter.offset}), '%Y-%m-%d')`
  return `strftime(date_trunc('${parameter.unit}', ${date}) + INTERVAL (${parameter.offset}) ${parameter.unit.toUpperCase()}, '%Y-%m-%d')`
}

const TYPES = new Set(
  'date time timestamp timestamptz timetz datetime timestamp_s timestamp_ms timestamp_ns interval varchar text string char integer int bigint smallint tinyint hugeint double float real decimal numeric boolean bool uuid json blob'.split(
    ' ',
  ),
)
const INTERVAL_UNIT =
  /^(?:year|month|week|day|hour|minute|second|millisecond|microsecond|quarter|decade|century|centuries|millennium|millennia)s?$/i

export interface RunParameterUse {
  readonly parameter: RunParameter
  readonly range: Range
}

/**
 * Edits that turn the run parameters of an SQL text into SQL; `inIdentifiers` are those that cannot be. `lookbackDays`: by
 * so much earlier the start date is.
 */
export function runParameterEdits(
  text: string,
  lookbackDays = 0,
  spell: (parameter: RunParameter) => string = parameterSql,
): {
  readonly edits: readonly Edit[]
  readonly uses: readonly RunParameterUse[]
  readonly inIdentifiers: readonly Range[]
} {
  const edits: Edit[] = []
  const uses: RunParameterUse[] = []
  const inIdentifiers: Range[] = []
  if (!text.includes('{{')) return { edits, uses, inIdentifiers }
  const tokens = lex(text).filter((token) => token.kind !== 'comment')
  tokens.forEach((token, i) => {
    const ranges = token.kind === 'placeholder' ? [token] : token.placeholders
    if (ranges.length === 0) return
    if (token.kind === 'quoted') inIdentifiers.push(...ranges)
    const found = ranges.flatMap((range) => {
      const placeholder = parsePlaceholder(text.slice(range.start, range.end))
      const parameter = placeholder === undefined ? undefined : runParameter(placeholder)
      if (parameter === undefined || typeof parameter === 'string') return []
      return [{ parameter: lookingBack(parameter, lookbackDays), range }]
    })
    uses.push(...found)
    if (found.length > 0 && token.kind !== 'quoted') edits.push(tokenEdit(tokens, i, text, found, spell))
  })
  return { edits, uses, inIdentifiers }
}

const lookingBack = (parameter: RunParameter, days: number): RunParameter =>
  days > 0 && parameter.kind === 'variable' && parameter.name === 'start_date'
    ? { ...parameter, daysBefore: days }
    : parameter

function tokenEdit(
  tokens: readonly Token[],
  i: number,
  text: string,
  uses: readonly RunParameterUse[],
  spell: (parameter: RunParameter) => string,
): Edit {
  const token = tokens[i] as Token
  const value =
    token.kind === 'placeholder'
      ? spell((uses[0] as RunParameterUse).parameter)
      : concatenation(token, text, uses, spell)
  const next = tokens[i + 1]
  const type = typeBefore(tokens, i, text)
  if (type === undefined) return { start: token.start, end: token.end, replacement: value }
  const name = text.slice(type.start, type.end)
  if (/^interval$/i.test(name) && next !== undefined && INTERVAL_UNIT.test(text.slice(next.start, next.end)))
    return { start: token.start, end: token.end, replacement: `(CAST(${value} AS BIGINT))` }
  return { start: type.start, end: token.end, replacement: `CAST(${value} AS ${name})` }
}

/** The type word before a literal: DATE '…', TIMESTAMP WITH TIME ZONE '…'. */
function typeBefore(tokens: readonly Token[], i: number, text: string): Range | undefined {
  const words = tokens
    .slice(Math.max(0, i - 4), i)
    .map((t) => (t.kind === 'word' ? text.slice(t.start, t.end).toLowerCase() : ''))
  const long = ['with', 'without'].includes(words.at(-3) ?? '') && words.at(-2) === 'time' && words.at(-1) === 'zone'
  const first = tokens[i - (long ? 4 : 1)]
  const last = tokens[i - 1]
  const word = long ? words.at(-4) : words.at(-1)
  if (first === undefined || last === undefined || word === undefined || !TYPES.has(word)) return undefined
  const before = tokens[tokens.indexOf(first) - 1]
  // `x::DATE '…'` and `t.date '…'` are something else.
  if (before !== undefined && ['.', '::'].includes(text.slice(before.start, before.end))) return undefined
  return { start: first.start, end: last.end }
}

/** The parts of a literal in its own quotes, put together. */
function concatenation(
  token: Token,
  text: string,
  uses: readonly RunParameterUse[],
  spell: (parameter: RunParameter) => string,
): string {
  const spelled = text.slice(token.start, token.end)
  const open = /^(?:\$\w*\$|[eEbBxX]?')/.exec(spelled)?.[0] ?? "'"
  const close = open.startsWith('$') ? open : "'"
  const parts: string[] = []
  let at = token.start + open.length
  const end = token.end - close.length
  for (const { parameter, range } of uses) {
    if (range.start > at) parts.push(open + text.slice(at, range.start) + close)
    parts.push(spell(parameter))
    at = range.end
  }
  if (end > at) parts.push(open + text.slice(at, end) + close)
  return parts.length === 1 ? (parts[0] ?? '') : `(${parts.join(' || ')})`
}
