// Functions of dates and times: parts of them, truncation, differences, intervals, texts. A part is a literal; PostgreSQL's
// EXTRACT gives `numeric`, DuckDB whole numbers or DOUBLE.

import { textLiteral } from '../../dialect/postgresql.ts'
import { child, children, text } from '../tree.ts'
import { cast } from './casts.ts'
import { argument, type Call, constantNumber, type Rule, refusedCall } from './functions.ts'
import { arithmetic } from './operators.ts'
import { isTime, isWhole, REFUSED, type Typed, typed } from './types.ts'

/** Names of parts that give whole numbers → PostgreSQL's. */
const PARTS: Readonly<Record<string, string>> = {
  year: 'year',
  years: 'year',
  quarter: 'quarter',
  month: 'month',
  months: 'month',
  week: 'week',
  weekofyear: 'week',
  day: 'day',
  days: 'day',
  dayofmonth: 'day',
  dow: 'dow',
  dayofweek: 'dow',
  weekday: 'dow',
  isodow: 'isodow',
  doy: 'doy',
  dayofyear: 'doy',
  isoyear: 'isoyear',
  hour: 'hour',
  hours: 'hour',
  minute: 'minute',
  minutes: 'minute',
  second: 'second',
  seconds: 'second',
}

const literalPart = (call: Call): string =>
  (call.args[0]?.literal === 'text' ? (call.args[0].value ?? '') : '').toLowerCase()

const notATime = (call: Call, value: Typed): Typed =>
  refusedCall(call, `'${call.name}' of ${value.type} is not translated.`, 'Cast to DATE or TIMESTAMP first.')

function part(call: Call, name: string, value: Typed | undefined): Typed {
  if (value === undefined || value.type === '') return REFUSED
  if (!isTime(value.type)) return notATime(call, value)
  if (name === 'epoch') return typed(`CAST(extract(epoch FROM ${value.sql}) AS double precision)`, 'DOUBLE')
  const known = PARTS[name]
  if (known === undefined) return refusedCall(call, `The part '${name}' of a date is not translated.`)
  const sub = known === 'second' ? `trunc(extract(second FROM ${value.sql}))` : `extract(${known} FROM ${value.sql})`
  // A date has no hours: EXTRACT refuses what DuckDB calls 0.
  const sql =
    value.type === 'DATE' && /hour|minute|second/.test(known)
      ? sub.replace(value.sql, `CAST(${value.sql} AS timestamp)`)
      : sub
  return typed(`CAST(${sql} AS bigint)`, 'BIGINT')
}

const TRUNCATED = /^(year|quarter|month|week|day|hour|minute|second)s?$/

const truncated: Rule = (call) => {
  const value = call.args[1]
  const name = TRUNCATED.exec(literalPart(call))?.[1]
  if (value === undefined || value.type === '') return REFUSED
  if (!isTime(value.type)) return notATime(call, value)
  if (name === undefined)
    return refusedCall(call, "'date_trunc' is translated with a literal part from year to second.")
  const type = value.type === 'DATE' ? 'TIMESTAMP' : value.type
  return typed(`date_trunc('${name}', ${cast(call.t, call.tree, value, type).sql})`, type)
}

/** How many boundaries of the part lie between: numbers of the part since a fixed beginning, subtracted. */
const difference: Rule = (call) => {
  const name = /^(year|quarter|month|day|hour|minute|second)s?$/.exec(literalPart(call))?.[1]
  const [, a, b] = call.args
  if (a === undefined || b === undefined || a.type === '' || b.type === '') return REFUSED
  if (
    a.type === 'TIMESTAMP WITH TIME ZONE' ||
    b.type === 'TIMESTAMP WITH TIME ZONE' ||
    !isTime(a.type) ||
    !isTime(b.type)
  )
    return notATime(call, isTime(a.type) && !a.type.endsWith('ZONE') ? b : a)
  if (name === undefined)
    return refusedCall(
      call,
      "'date_diff' is translated with a literal part: year, quarter, month, day, hour, minute or second.",
    )
  const number = (value: Typed): string =>
    sinceBeginning(name, value.type === 'DATE' ? `CAST(${value.sql} AS timestamp)` : value.sql)
  return typed(`CAST(${number(b)} - ${number(a)} AS bigint)`, 'BIGINT')
}

const SECONDS: Readonly<Record<string, number>> = { hour: 3600, minute: 60, second: 1 }

function sinceBeginning(name: string, sql: string): string {
  const year = `extract(year FROM ${sql})`
  if (name === 'year') return year
  if (name === 'quarter') return `(${year} * 4 + extract(quarter FROM ${sql}))`
  if (name === 'month') return `(${year} * 12 + extract(month FROM ${sql}))`
  if (name === 'day') return `CAST(${sql} AS date)`
  return `floor(extract(epoch FROM ${sql}) / ${SECONDS[name]})`
}

/** Codes of strftime → patterns of to_char. */
const CODES: Readonly<Record<string, string>> = {
  '%Y': 'YYYY',
  '%y': 'YY',
  '%m': 'MM',
  '%-m': 'FMMM',
  '%d': 'DD',
  '%-d': 'FMDD',
  '%H': 'HH24',
  '%-H': 'FMHH24',
  '%I': 'HH12',
  '%M': 'MI',
  '%S': 'SS',
  '%f': 'US',
  '%g': 'MS',
  '%j': 'DDD',
  '%p': 'AM',
  '%B': 'FMMonth',
  '%b': 'Mon',
  '%A': 'FMDay',
  '%a': 'Dy',
  '%G': 'IYYY',
  '%V': 'IW',
  '%u': 'ID',
  '%%': '"%"',
}

/** A format of strftime for to_char; null: it holds a code without counterpart. */
export function timeFormat(format: string): string | null {
  let result = ''
  for (const piece of format.match(/%-?[A-Za-z%]|[^%]+|%/g) ?? []) {
    const known = CODES[piece]
    if (known !== undefined) result += known
    else if (piece.startsWith('%')) return null
    else result += `"${piece.replace(/["\\]/g, '\\$&')}"`
  }
  return result
}

const formatted: Rule = (call) => {
  const at = call.args[0]?.literal === 'text' ? 0 : 1
  const [format, value] = [call.args[at], call.args[1 - at]]
  if (format === undefined || value === undefined || value.type === '') return REFUSED
  if (value.type !== 'DATE' && value.type !== 'TIMESTAMP') return notATime(call, value)
  const known = format.literal === 'text' ? timeFormat(format.value ?? '') : null
  if (known === null) return refusedCall(call, "This format of 'strftime' has a part that is not translated.")
  return typed(`to_char(${cast(call.t, call.tree, value, 'TIMESTAMP').sql}, ${textLiteral(known)})`, 'VARCHAR')
}

const named =
  (format: string): Rule =>
  (call) => {
    const [value] = call.args
    if (value === undefined || value.type === '') return REFUSED
    return isTime(value.type) ? typed(`to_char(${value.sql}, '${format}')`, 'VARCHAR') : notATime(call, value)
  }

const lastDay: Rule = (call) => {
  const [value] = call.args
  if (value === undefined || value.type === '') return REFUSED
  if (value.type !== 'DATE' && value.type !== 'TIMESTAMP') return notATime(call, value)
  const start = `date_trunc('month', ${cast(call.t, call.tree, value, 'TIMESTAMP').sql})`
  return typed(`CAST(${start} + interval '1 month' - interval '1 day' AS date)`, 'DATE')
}

const UNITS: Readonly<Record<string, string>> = {
  to_years: 'years',
  to_months: 'months',
  to_weeks: 'weeks',
  to_days: 'days',
  to_hours: 'hours',
  to_minutes: 'mins',
  to_seconds: 'secs',
}

/** `INTERVAL 3 DAYS` is parsed as to_days() of a truncated DOUBLE. */
const interval: Rule = (call) => {
  const unit = UNITS[call.name] ?? 'days'
  const written = child(children(call.tree, 'children')[0] ?? {}, 'child')
  const source =
    written !== undefined && text(written, 'function_name') === 'trunc'
      ? child(children(written, 'children')[0] ?? {}, 'child')
      : undefined
  const value = source === undefined ? call.args[0] : call.t.expression(source, call.scope)
  if (value === undefined || value.type === '') return REFUSED
  const count =
    value.literal === 'text' && /^-?\d+$/.test(value.value ?? '') ? Number(value.value) : constantNumber(value)
  if (count !== undefined) return typed(`interval '${count} ${unit}'`, 'INTERVAL')
  if (!isWhole(value.type))
    return refusedCall(call, `An interval of ${value.type} is not translated.`, 'Count it in whole numbers.')
  return typed(`make_interval(${unit} => ${cast(call.t, call.tree, value, 'INTEGER').sql})`, 'INTERVAL')
}

const makeDate: Rule = (call) =>
  call.args.length === 3
    ? typed(`make_date(${[0, 1, 2].map((i) => argument(call, i, 'INTEGER')).join(', ')})`, 'DATE')
    : refusedCall(call, "'make_date' is translated with year, month and day.")

const clock =
  (type: 'TIMESTAMP WITH TIME ZONE' | 'DATE' | 'TIMESTAMP'): Rule =>
  (call) => {
    const now = typed(call.t.meanings.runTimestamp, 'TIMESTAMP WITH TIME ZONE')
    return cast(call.t, call.tree, now, type)
  }

const epochOf =
  (factor: number): Rule =>
  (call) => {
    const [value] = call.args
    if (value === undefined || value.type === '') return REFUSED
    return value.type === 'DATE' || value.type === 'TIMESTAMP'
      ? typed(`CAST(trunc(extract(epoch FROM ${value.sql}) * ${factor}) AS bigint)`, 'BIGINT')
      : notATime(call, value)
  }

const single = (name: string): [string, Rule] => [name, (call) => part(call, name, call.args[0])]

export const DATES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...Object.keys(PARTS)
    .filter((name) => !name.endsWith('s'))
    .map(single),
  single('epoch'),
  ['epoch_ms', epochOf(1000)],
  ['epoch_us', epochOf(1_000_000)],
  ['date_part', (call) => part(call, literalPart(call), call.args[1])],
  ['datepart', (call) => part(call, literalPart(call), call.args[1])],
  ['date_trunc', truncated],
  ['datetrunc', truncated],
  ['date_diff', difference],
  ['datediff', difference],
  [
    'date_add',
    (call) =>
      call.args[1]?.type === 'INTERVAL'
        ? arithmetic(call.t, call.tree, '+', call.args)
        : refusedCall(call, "'date_add' is translated with an interval."),
  ],
  ['strftime', formatted],
  ['dayname', named('FMDay')],
  ['monthname', named('FMMonth')],
  ['last_day', lastDay],
  ['make_date', makeDate],
  ...Object.keys(UNITS).map((name): [string, Rule] => [name, interval]),
  ['now', clock('TIMESTAMP WITH TIME ZONE')],
  ['current_timestamp', clock('TIMESTAMP WITH TIME ZONE')],
  ['get_current_timestamp', clock('TIMESTAMP WITH TIME ZONE')],
  ['transaction_timestamp', clock('TIMESTAMP WITH TIME ZONE')],
  ['current_date', clock('DATE')],
  ['today', clock('DATE')],
  ['localtimestamp', clock('TIMESTAMP')],
  ['current_localtimestamp', clock('TIMESTAMP')],
])
