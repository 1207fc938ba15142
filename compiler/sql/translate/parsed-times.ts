// Functions that make times: texts read by a format, numbers of seconds, buckets. DuckDB reads a number as long as its code
// allows, takes space around a text, and for a space in the format any space of at least one character.

import { textLiteral } from '../../dialect/postgresql.ts'
import { cast } from './casts.ts'
import { argument, type Call, type Rule, refusedCall } from './functions.ts'
import { isWhole, REFUSED, type Typed, typed } from './types.ts'

interface Code {
  /** Where another number follows at once, and where none does. */
  readonly fixed: string
  readonly loose: string
}

/** The year has four digits: PostgreSQL takes fewer for another one. */
const YEAR = '(?!0000)[0-9]{4}'
const CODES: Readonly<Record<string, Code>> = {
  Y: { fixed: YEAR, loose: YEAR },
  m: { fixed: '[0-9]{2}', loose: '[0-9]{1,2}' },
  d: { fixed: '[0-9]{2}', loose: '[0-9]{1,2}' },
  // PostgreSQL takes 24:00 and a sixtieth second.
  H: { fixed: '[01][0-9]|2[0-3]', loose: '[01]?[0-9]|2[0-3]' },
  M: { fixed: '[0-5][0-9]', loose: '[0-5]?[0-9]' },
  S: { fixed: '[0-5][0-9]', loose: '[0-5]?[0-9]' },
}
const SPACE = String.raw`[ \t\n\v\f\r]`

interface Format {
  readonly pattern: string
  /** The same with years that DuckDB alone understands. */
  readonly wide: string
  /** What the groups of the pattern are put together to: `\1-\2-\3 00:00:00`. */
  readonly written: string
}

/** Null: it has codes or an order of them that is not translated. */
function formatOf(format: string): Format | null {
  const pieces = format.match(/%.|[^%]/gsu) ?? []
  const groups = new Map<string, number>()
  let [pattern, wide] = [`^${SPACE}*`, `^${SPACE}*`]
  for (const [i, piece] of pieces.entries()) {
    const code = piece.startsWith('%') && piece !== '%' ? CODES[piece.slice(1)] : undefined
    if (code === undefined) {
      if (piece.startsWith('%') || /[\p{Nd}\p{L}]/u.test(piece)) return null
      const literal = /\s/.test(piece) ? `${SPACE}+` : `\\${piece}`
      if (/\s/.test(piece) && piece !== ' ') return null
      pattern += literal
      wide += literal
      continue
    }
    const name = piece.slice(1)
    if (groups.has(name)) return null
    groups.set(name, groups.size + 1)
    const next = pieces[i + 1]
    const own = next?.startsWith('%') ? code.fixed : code.loose
    pattern += `(${own})`
    wide += `(${name === 'Y' ? `[0-9]{${next?.startsWith('%') ? '4' : '1,4'}}` : own})`
  }
  if (!groups.has('Y')) return null
  const part = (name: string, otherwise: string): string => (groups.has(name) ? `\\${groups.get(name)}` : otherwise)
  return {
    pattern: `${pattern}${SPACE}*$`,
    wide: `${wide}${SPACE}*$`,
    written: `${part('Y', '')}-${part('m', '01')}-${part('d', '01')} ${part('H', '00')}:${part('M', '00')}:${part('S', '00')}`,
  }
}

const parsed =
  (isTried: boolean): Rule =>
  (call) => {
    const [value, written] = call.args
    if (value === undefined || value.type === '') return REFUSED
    const format = written?.literal === 'text' ? formatOf(written.value ?? '') : null
    if (format === null)
      return refusedCall(
        call,
        `'${call.name}' is translated with a literal format of %Y, %m, %d, %H, %M, %S and signs between them.`,
      )
    const sql = argument(call, 0, 'VARCHAR')
    const pattern = textLiteral(format.pattern)
    const text = `regexp_replace(${sql}, ${pattern}, ${textLiteral(format.written)})`
    const wrong = (what: string): string => `${textLiteral(`${what} ${written?.value ?? ''}: `)} || ${sql}`
    if (!isTried)
      return typed(
        `CAST(CASE WHEN ${sql} ~ ${pattern} THEN ${text} ELSE ${wrong('not written as')} END AS timestamp)`,
        'TIMESTAMP',
      )
    const found = `CASE WHEN pg_input_is_valid(${text}, 'timestamp') THEN CAST(${text} AS timestamp) END`
    const other = `WHEN ${sql} ~ ${textLiteral(format.wide)} THEN CAST(${wrong('not read the same on PostgreSQL as')} AS timestamp)`
    return typed(`CASE WHEN ${sql} ~ ${pattern} THEN ${found} ${other} END`, 'TIMESTAMP')
  }

const STEP = /^interval '([1-9]\d*) (week|day|hour|min|minute|sec|second)s?'$/

/** Both count from the Monday 2000-01-03; months are counted in another way. */
const bucket: Rule = (call) => {
  const [step, value] = call.args
  if (step === undefined || value === undefined || step.type === '' || value.type === '') return REFUSED
  const unit = STEP.exec(step.sql)?.[2] ?? ''
  const isDate = value.type === 'DATE'
  const isKnown = value.type === 'TIMESTAMP' || (isDate && (unit === 'day' || unit === 'week'))
  if (unit === '' || !isKnown || call.args.length > 2)
    return refusedCall(
      call,
      `'${call.name}' is translated of a TIMESTAMP with a literal interval of weeks, days, hours, minutes or seconds.`,
      'Use date_trunc() for months.',
    )
  const binned = `date_bin(${step.sql}, ${cast(call.t, call.tree, value, 'TIMESTAMP').sql}, timestamp '2000-01-03')`
  return typed(isDate ? `CAST(${binned} AS date)` : binned, value.type)
}

const ofSeconds: Rule = (call) => {
  const [value] = call.args
  if (value === undefined || value.type === '') return REFUSED
  return isWhole(value.type) && value.type !== 'HUGEINT'
    ? typed(`to_timestamp(CAST(${value.sql} AS double precision))`, 'TIMESTAMP WITH TIME ZONE')
    : refusedCall(call, `'to_timestamp' of ${value.type} is not translated.`, 'Cast to BIGINT first.')
}

/** Other zones change with the data that each engine has of them. */
const inUtc = (call: Call): Typed => {
  const [zone, value] = call.args
  if (value === undefined || value.type === '') return REFUSED
  const other = { TIMESTAMP: 'TIMESTAMP WITH TIME ZONE', 'TIMESTAMP WITH TIME ZONE': 'TIMESTAMP' }[value.type]
  return zone?.literal === 'text' && zone.value === 'UTC' && other !== undefined
    ? typed(`(${value.sql} AT TIME ZONE 'UTC')`, other)
    : refusedCall(call, "A time zone is translated where it is 'UTC', of a TIMESTAMP.")
}

export const PARSED_TIMES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['strptime', parsed(false)],
  ['try_strptime', parsed(true)],
  ['time_bucket', bucket],
  ['to_timestamp', ofSeconds],
  ['timezone', inUtc],
])
