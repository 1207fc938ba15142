// Random expressions of everything that is translated, over the columns of the hostile table `source.t`: functions,
// operators and casts by type of their result.

import type { Decisions } from './random-expressions.ts'

type Kind = 'INTEGER' | 'BIGINT' | 'DECIMAL' | 'DOUBLE' | 'VARCHAR' | 'DATE' | 'TIMESTAMP' | 'BOOLEAN'

const LEAVES: Readonly<Record<Kind, readonly string[]>> = {
  INTEGER: ['i', 'k', 'si', '0', '1', '2', '-3', 'NULL::INTEGER'],
  BIGINT: ['b', '10000000000', '5::BIGINT', 'k::BIGINT'],
  DECIMAL: ['d', '1.5', '0.05', '-2.25', '2.50::DECIMAL(8,2)', 'p'],
  DOUBLE: ['x', '0.5::DOUBLE', '-1.25::DOUBLE', '1e3', '0::DOUBLE'],
  VARCHAR: ['s', 'v', "'a'", "''", "'Ab c'", "'12'", 'NULL::VARCHAR'],
  DATE: ['dt', "DATE '2020-02-29'", "DATE '1969-12-31'", 'current_date'],
  TIMESTAMP: ['ts', "TIMESTAMP '2020-01-31 23:59:59.5'", "TIMESTAMP '1969-12-31 12:00:00'"],
  BOOLEAN: ['ok', 'TRUE', 'FALSE', 'NULL::BOOLEAN'],
}

type Of = (kind: Kind) => string
type Pick = (values: readonly (string | number)[]) => string | number

const NUMBERS: readonly Kind[] = ['INTEGER', 'BIGINT', 'DECIMAL', 'DOUBLE']

const FORMS: Readonly<Record<Kind, readonly ((of: Of, pick: Pick) => string)[]>> = {
  INTEGER: [
    (of, pick) => `(${of('INTEGER')} ${pick(['+', '-', '*', '%', '//'])} ${of('INTEGER')})`,
    (of) => `CAST(${of('DECIMAL')} AS INTEGER)`,
    (of) => `CAST(${of('DOUBLE')} AS INTEGER)`,
    (of) => `TRY_CAST(${of('BIGINT')} AS INTEGER)`,
    (of) => `TRY_CAST(${of('VARCHAR')} AS INTEGER)`,
    (of) => `CAST(${of('BOOLEAN')} AS INTEGER)`,
    (of) => `abs(${of('INTEGER')})`,
    (of) => `coalesce(${of('INTEGER')}, ${of('INTEGER')})`,
    (of) => `nullif(${of('INTEGER')}, ${of('INTEGER')})`,
    (of) => `sign(${of('DECIMAL')})::INTEGER`,
    (of, pick) => `${pick(['greatest', 'least'])}(${of('INTEGER')}, ${of('INTEGER')})`,
  ],
  BIGINT: [
    (of, pick) => `(${of('BIGINT')} ${pick(['+', '-', '%', '//'])} ${of('INTEGER')})`,
    (of) => `length(${of('VARCHAR')})`,
    (of) => `strlen(${of('VARCHAR')})`,
    (of) => `strpos(${of('VARCHAR')}, ${of('VARCHAR')})`,
    (of, pick) =>
      `${pick(['year', 'month', 'day', 'quarter', 'week', 'dayofweek', 'isodow', 'dayofyear', 'hour', 'second', 'isoyear'])}(${of('TIMESTAMP')})`,
    (of, pick) =>
      `date_part('${pick(['year', 'month', 'dow', 'doy', 'hour', 'minute', 'second', 'week'])}', ${of('DATE')})`,
    (of, pick) =>
      `date_diff('${pick(['day', 'month', 'year', 'quarter', 'hour', 'minute', 'second'])}', ${of('TIMESTAMP')}, ${of('TIMESTAMP')})`,
    (of) => `(${of('DATE')} - ${of('DATE')})`,
    (of) => `epoch_ms(${of('TIMESTAMP')})`,
    (of) => `CAST(${of('DOUBLE')} AS BIGINT)`,
  ],
  DECIMAL: [
    (of, pick) => `(${of('DECIMAL')} ${pick(['+', '-', '*'])} ${of('DECIMAL')})`,
    (of, pick) => `(${of('DECIMAL')} ${pick(['+', '-', '*', '%'])} ${of('INTEGER')})`,
    (of, pick) => `round(${of('DECIMAL')}, ${pick([0, 1, 2])})`,
    (of, pick) => `${pick(['floor', 'ceil', 'trunc', 'abs', '-', 'round'])}(${of('DECIMAL')})`,
    (of, pick) => `CAST(${of('DOUBLE')} AS DECIMAL(18,${pick([0, 1, 2, 3])}))`,
    (of, pick) => `CAST(${of('DECIMAL')} AS DECIMAL(${pick(['18,1', '20,0', '18,3'])}))`,
    (of) => `CAST(${of('INTEGER')} AS DECIMAL(12,2))`,
    (of) => `coalesce(${of('DECIMAL')}, ${of('INTEGER')})`,
    (of, pick) => `${pick(['greatest', 'least'])}(${of('DECIMAL')}, ${of('INTEGER')})`,
    (of) => `CASE WHEN ${of('BOOLEAN')} THEN ${of('DECIMAL')} ELSE ${of('INTEGER')} END`,
    (of) => `nullif(${of('DECIMAL')}, ${of('INTEGER')})`,
  ],
  DOUBLE: [
    (of, pick) => `(${of('DOUBLE')} ${pick(['+', '-', '*', '/'])} ${of('DOUBLE')})`,
    (of) => `(${of('INTEGER')} / ${of('INTEGER')})`,
    (of) => `(${of('DECIMAL')} / ${of('INTEGER')})`,
    (of) => `(${of('DOUBLE')} * ${of('DECIMAL')})`,
    (of, pick) => `round(${of('DOUBLE')}, ${pick([0, 1, 2, 3])})`,
    (of, pick) => `${pick(['floor', 'ceil', 'trunc', 'abs', '-', 'round'])}(${of('DOUBLE')})`,
    (of) => `CAST(${of('DECIMAL')} AS DOUBLE)`,
    (of) => `TRY_CAST(${of('VARCHAR')} AS DOUBLE)`,
    (of) => `epoch(${of('TIMESTAMP')})`,
    (of, pick) => `${pick(['greatest', 'least', 'coalesce', 'nullif'])}(${of('DOUBLE')}, ${of('DOUBLE')})`,
    (of) => `sqrt(abs(${of('INTEGER')}::BIGINT))`,
  ],
  VARCHAR: [
    (of, pick) => `(${of('VARCHAR')} || ${of(pick(['INTEGER', 'VARCHAR', 'DATE', 'BOOLEAN', 'BIGINT']) as Kind)})`,
    (of, pick) => `${pick(['upper', 'lower', 'trim', 'ltrim', 'rtrim', 'md5'])}(${of('VARCHAR')})`,
    (of, pick) =>
      `CAST(${of(pick(['INTEGER', 'BIGINT', 'DATE', 'TIMESTAMP', 'BOOLEAN', 'DECIMAL']) as Kind)} AS VARCHAR)`,
    (of, pick) => `substr(${of('VARCHAR')}, ${pick([-2, 0, 1, 2, 3])})`,
    (of, pick) => `substr(${of('VARCHAR')}, ${pick([0, 1, 2])}, ${pick([0, 1, 2])})`,
    (of, pick) => `${pick(['left', 'right'])}(${of('VARCHAR')}, ${pick([-2, -1, 0, 1, 2])})`,
    (of) => `replace(${of('VARCHAR')}, ${of('VARCHAR')}, ${of('VARCHAR')})`,
    (of, pick) => `${pick(['lpad', 'rpad'])}(${of('VARCHAR')}, ${pick([0, 1, 4])}, 'xy')`,
    (of, pick) => `split_part(${of('VARCHAR')}, ${pick(["'a'", "' '", "','"])}, ${pick([-1, 1, 2])})`,
    (of) => `concat(${of('VARCHAR')}, ${of('INTEGER')}, ${of('VARCHAR')})`,
    (of, pick) => `${pick(['greatest', 'least', 'coalesce', 'nullif'])}(${of('VARCHAR')}, ${of('VARCHAR')})`,
    (of, pick) =>
      `strftime(${of('TIMESTAMP')}, '${pick(['%Y-%m-%d', '%H:%M:%S.%f', '%j %y %b', '%A %-d. %B %p %I', '%G-W%V-%u'])}')`,
    (of) => `CASE WHEN ${of('BOOLEAN')} THEN ${of('VARCHAR')} ELSE ${of('VARCHAR')} END`,
    (of) => `translate(${of('VARCHAR')}, 'ab', 'x')`,
  ],
  DATE: [
    (of, pick) => `(${of('DATE')} ${pick(['+', '-'])} ${pick([0, 1, 31, 366])})`,
    (of) => `CAST(${of('TIMESTAMP')} AS DATE)`,
    (of) => `last_day(${of('DATE')})`,
    (of, pick) => `${pick(['greatest', 'least', 'coalesce', 'nullif'])}(${of('DATE')}, ${of('DATE')})`,
  ],
  TIMESTAMP: [
    (of, pick) =>
      `(${of('TIMESTAMP')} ${pick(['+', '-'])} INTERVAL ${pick([1, 13, 40])} ${pick(['MONTH', 'DAY', 'HOUR', 'YEAR', 'MINUTE', 'WEEK'])})`,
    (of, pick) => `(${of('DATE')} ${pick(['+', '-'])} INTERVAL ${pick([1, 11])} ${pick(['MONTH', 'DAY', 'HOUR'])})`,
    (of, pick) =>
      `date_trunc('${pick(['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second'])}', ${of(pick(['TIMESTAMP', 'DATE']) as Kind)})`,
    (of) => `CAST(${of('DATE')} AS TIMESTAMP)`,
  ],
  BOOLEAN: [
    (of, pick) =>
      `(${of(pick(NUMBERS) as Kind)} ${pick(['=', '<', '>=', '<>', 'IS DISTINCT FROM'])} ${of(pick(NUMBERS) as Kind)})`,
    (of, pick) =>
      `(${of('VARCHAR')} ${pick(['=', '<', '>=', '<>', 'LIKE', 'ILIKE', 'IS NOT DISTINCT FROM'])} ${of('VARCHAR')})`,
    (of, pick) => `(${of('DATE')} ${pick(['=', '<', '>='])} ${of(pick(['DATE', 'TIMESTAMP']) as Kind)})`,
    (of, pick) => `(${of('BOOLEAN')} ${pick(['AND', 'OR', '='])} ${of('BOOLEAN')})`,
    (of) => `(NOT ${of('BOOLEAN')})`,
    (of) => `(${of('VARCHAR')} BETWEEN ${of('VARCHAR')} AND ${of('VARCHAR')})`,
    (of, pick) => `(${of(pick(NUMBERS) as Kind)} IN (${of('INTEGER')}, ${of('DECIMAL')}))`,
    (of, pick) => `${pick(['contains', 'starts_with', 'ends_with'])}(${of('VARCHAR')}, ${of('VARCHAR')})`,
    (of, pick) => `(${of(pick(['VARCHAR', 'DATE', 'DOUBLE']) as Kind)} IS NULL)`,
  ],
}

const KINDS = Object.keys(FORMS) as readonly Kind[]

function value(d: Decisions, kind: Kind, depth: number): string {
  if (depth === 0 || d.chance('leaf', 25)) return d.pick('leaf value', LEAVES[kind])
  let next = 0
  const of: Of = (inner) => value(d.at(`arg${next++}`), inner, depth - 1)
  const pick: Pick = (values) => d.pick(`pick${next++}`, values)
  return d.pick('form', FORMS[kind])(of, pick)
}

/** A query of a few expressions over `source.t` and `source.u`, or of aggregates of them. */
export function valuesQuery(d: Decisions): string {
  const items = [0, 1].map((i) => value(d.at(`item${i}`), d.pick(`kind${i}`, KINDS), 3))
  const from = `FROM source.t LEFT JOIN (SELECT k AS uk, v, p FROM source.u WHERE k < 5) ON k = uk`
  const where = d.chance('where', 40) ? ` WHERE ${value(d.at('where'), 'BOOLEAN', 2)}` : ''
  if (!d.chance('grouped', 25))
    return `SELECT k, ${items.map((item, i) => `${item} AS v${i}`).join(', ')} ${from}${where}`
  const aggregate = d.pick('aggregate', [
    'min',
    'max',
    'count',
    'count(DISTINCT',
    'sum',
    'avg',
    'arg_max',
    'quantile_disc',
    'list',
  ])
  const of = value(
    d.at('of'),
    d.pick('of kind', aggregate === 'sum' || aggregate === 'avg' ? (['INTEGER', 'BIGINT', 'DECIMAL'] as const) : KINDS),
    2,
  )
  const call = {
    'count(DISTINCT': `count(DISTINCT ${of})`,
    arg_max: `arg_max(${of}, k)`,
    quantile_disc: `quantile_disc(${of}, 0.5)`,
    list: `list(${of} ORDER BY k)`,
  }[aggregate]
  return `SELECT ${items[0]} AS g, ${call ?? `${aggregate}(${of})`} AS v, count(*) AS n ${from}${where} GROUP BY ALL`
}
