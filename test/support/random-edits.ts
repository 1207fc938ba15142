// Random queries in PostgreSQL's dialect over HOSTILE's tables, and edits of them: a query is made of parts, each of which is
// picked from spellings that look as if they were the same. Some are, some are only on one engine, some on none.

import type { Random } from './random.ts'

type Spellings = readonly [string, ...string[]]

const ITEMS: readonly Spellings[] = [
  ['t.i + 1', '1 + t.i', 't.i + 1/1', 't.i - -1'],
  ['t.i * 2', 't.i + t.i', 't.i * (4/2)', '2 * t.i'],
  ['t.i / 2', 't.i * 0.5', 't.i / 2.0'],
  ['1/2', '0.5', '0', '1/2.0'],
  ['t.s', 't.s::text', 't."s"', "t.s || ''", 't.s::varchar(1)'],
  ["t.s = 'A'", "t.s IN ('A')", "t.s = 'a'", "upper(t.s) = 'A'", "t.s LIKE 'A'"],
  ["t.s < 'b'", "'b' > t.s", "t.s <= 'a'"],
  ['coalesce(t.d, 0)', 'coalesce(t.d, 0.000)', 'CASE WHEN t.d IS NULL THEN 0 ELSE t.d END'],
  ['t.d', 't.d::numeric(10,3)', 't.d::numeric', 't.d * 1', 't.d + 0', 't.d * 1.0'],
  ["CASE t.i WHEN 7 THEN 'x' END", "CASE WHEN t.i = 7 THEN 'x' END", "CASE WHEN t.i = 7 THEN 'x' ELSE NULL END"],
  ['t.x / 2', 't.x * 0.5', 't.x / 2.0'],
  ['length(t.s)', 'length(t.s)::bigint', 'char_length(t.s)', 'octet_length(t.s)'],
  ['extract(year FROM t.dt)', 'extract(year FROM t.ts)', "date_part('year', t.dt)"],
  ['row_number() OVER (ORDER BY t.k)', 'row_number() OVER (ORDER BY t.k NULLS LAST)', 'rank() OVER (ORDER BY t.k)'],
  ['round(t.d, 1)', 'round(t.d * 1.0, 1)', 't.d::numeric(10,1)'],
  ['nullif(t.i, 7)', 'CASE WHEN t.i = 7 THEN NULL ELSE t.i END'],
  ['(SELECT max(u.i) FROM source.u)', '(SELECT max(o.i) FROM source.u AS o)'],
]
const GROUPED: readonly Spellings[] = [
  ['sum(t.i)', 'sum(t.i + 0)', 'sum(t.i::bigint)'],
  ['count(*)', 'count(1)', 'sum(1)', 'count(t.i)'],
  ['sum(t.d)', 'sum(t.d::numeric(10,3))', 'sum(coalesce(t.d, 0))', 'coalesce(sum(t.d), 0)'],
  ['max(t.s)', 'max(t.s COLLATE "C")'],
  ['avg(t.i)', 'sum(t.i) / count(t.i)', 'sum(t.i) * 1.0 / count(t.i)'],
  ['bool_or(t.ok)', 'max(t.ok::int) = 1'],
  ['min(t.d)', 'min(t.d) FILTER (WHERE true)', 'min(DISTINCT t.d)'],
]
const FROMS: readonly Spellings[] = [
  ['source.t', 'source.t AS t', '(SELECT * FROM source.t) AS t', '(SELECT DISTINCT * FROM source.t) AS t'],
  [
    'source.t JOIN source.u USING (k)',
    'source.t JOIN source.u AS u ON t.k = u.k',
    'source.t AS t, source.u AS u WHERE t.k = u.k',
    'source.t LEFT JOIN source.u USING (k)',
  ],
]
const FILTERS: readonly Spellings[] = [
  ['t.i > 0', '0 < t.i', 'NOT (t.i <= 0)', 't.i >= 1'],
  ['t.i IN (7, -7)', 't.i = 7 OR t.i = -7', "t.i = ANY ('{7,-7}')"],
  ["t.dt >= '2020-01-01'", "t.dt >= DATE '2020-01-01'", "t.dt > '2019-12-31'"],
  ["t.s <> ''", "t.s != ''", 'length(t.s) > 0'],
  ['t.x > 1', 't.x > 1.0', 'NOT t.x <= 1'],
  ['t.ok', 't.ok = true', 't.ok IS TRUE'],
  ['t.d BETWEEN 0 AND 2', 't.d >= 0 AND t.d <= 2'],
]
const ENDS: readonly Spellings[] = [
  ['', 'ORDER BY 1', 'ORDER BY t.k DESC'],
  ['ORDER BY t.k LIMIT 4', 'ORDER BY t.k NULLS LAST LIMIT 4', 'ORDER BY t.k ASC LIMIT 4'],
  ['ORDER BY t.i, t.k LIMIT 3', 'ORDER BY t.i DESC, t.k LIMIT 3', 'ORDER BY t.i DESC NULLS LAST, t.k LIMIT 3'],
  ['ORDER BY t.s, t.k LIMIT 3', 'ORDER BY t.s COLLATE "C", t.k LIMIT 3'],
]

/** The parts of a query: which group of spellings each is of, and which spelling it has. */
interface Parts {
  readonly grouped: boolean
  readonly items: readonly Chosen[]
  readonly from: Chosen
  readonly filters: readonly Chosen[]
  readonly end: Chosen
  /** Whether all of it stands in a WITH clause. */
  readonly wrapped: boolean
}

interface Chosen {
  readonly of: Spellings
  readonly at: number
}

const spelled = ({ of, at }: Chosen): string => of[at] ?? of[0]

function chosen(random: Random, groups: readonly Spellings[]): Chosen {
  const of = groups[random.between(0, groups.length - 1)] ?? ['']
  return { of, at: random.chance(0.6) ? 0 : random.between(0, of.length - 1) }
}

const some = (random: Random, groups: readonly Spellings[], least: number, most: number): readonly Chosen[] =>
  Array.from({ length: random.between(least, most) }, () => chosen(random, groups))

function textOf({ grouped, items, from, filters, end, wrapped }: Parts): string {
  const list = items.map((item, i) => `${spelled(item)} AS c${i}`)
  const table = spelled(from)
  const conditions = filters.map(spelled).map((filter) => `(${filter})`)
  const where =
    conditions.length === 0 ? '' : `${table.includes(' WHERE ') ? 'AND' : 'WHERE'} ${conditions.join(' AND ')}`
  const key = grouped ? 't.si' : 't.k'
  const tail = grouped ? 'GROUP BY t.si' : spelled(end)
  const sql = `SELECT ${[`${key} AS key`, ...list].join(', ')} FROM ${table} ${where} ${tail}`
  return wrapped ? `WITH c AS (${sql}) SELECT * FROM c` : sql
}

export interface Edit {
  readonly old: string
  readonly now: string
  readonly columns: readonly string[]
}

export function randomEdit(random: Random): Edit {
  const grouped = random.chance(0.3)
  const old: Parts = {
    grouped,
    items: some(random, grouped ? GROUPED : ITEMS, 1, 3),
    from: chosen(random, FROMS),
    filters: some(random, FILTERS, 0, 2),
    end: chosen(random, ENDS),
    wrapped: random.chance(0.2),
  }
  const again = (one: Chosen): Chosen =>
    random.chance(0.7) ? one : { of: one.of, at: random.between(0, one.of.length - 1) }
  const filters = old.filters.map(again)
  const now: Parts = {
    grouped,
    items: old.items.map(again),
    from: again(old.from),
    filters: random.chance(0.2) ? filters.reverse() : filters,
    end: again(old.end),
    wrapped: random.chance(0.2) ? !old.wrapped : old.wrapped,
  }
  return { old: textOf(old), now: textOf(now), columns: ['key', ...old.items.map((_, i) => `c${i}`)] }
}
