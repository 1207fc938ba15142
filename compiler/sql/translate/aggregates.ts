// Aggregates. What depends on the order of rows is translated with an ORDER BY only: without
// one, neither engine promises which rows come first.

import type { Tree } from '../../ports.ts'
import { child, children, foldCase, ownTrees, text } from '../tree.ts'
import { cast } from './casts.ts'
import { argument, type Call, refusedCall } from './functions.ts'
import { isComparable, ordered, truth, unordered } from './operators.ts'
import { orderKeys } from './order.ts'
import { decimalOf, isFloat, isList, isNumber, isWhole, REFUSED, type Typed, typed } from './types.ts'

/** An aggregate's call with what stands behind its arguments. */
export interface AggregateCall extends Call {
  readonly distinct: string
  /** ` ORDER BY …`, or ''. */
  readonly order: string
  /** Conditions of FILTER. */
  readonly filters: readonly string[]
  /** ` OVER (…)`, or ''. */
  readonly over: string
}

type AggregateRule = (call: AggregateCall) => Typed

/** The call of an aggregate of PostgreSQL, with FILTER and OVER. */
const call = (c: AggregateCall, sql: string, more: readonly string[] = []): string => {
  const filters = [...c.filters, ...more]
  return `${sql}${filters.length === 0 ? '' : ` FILTER (WHERE ${filters.join(' AND ')})`}${c.over}`
}

const needsOrder = (c: AggregateCall): Typed =>
  c.t.refuse(c.tree, c.name, {
    code: 'TRANSLATE_ORDER_NOT_SAID',
    message: `What '${c.name}' gives depends on the order of the rows, which nothing says.`,
    hint: `Write ${c.name}(… ORDER BY …).`,
  })

const count: AggregateRule = (c) => {
  if (c.args.length === 0) return typed(call(c, 'count(*)'), 'BIGINT')
  const [value] = c.args
  if (value === undefined || value.type === '') return REFUSED
  if (c.distinct !== '' && !isComparable(value.type)) return notOf(c, value)
  return typed(call(c, `count(${c.distinct}${value.sql})`), 'BIGINT')
}

const notOf = (c: AggregateCall, value: Typed): Typed =>
  refusedCall(c, `'${c.name}' of ${value.type} is not translated.`)

const sum: AggregateRule = (c) => {
  const [value] = c.args
  if (value === undefined || value.type === '') return REFUSED
  const exact = decimalOf(value.type)
  if (exact !== null)
    return typed(
      `CAST(${call(c, `sum(${c.distinct}${value.sql})`)} AS numeric(38,${exact.scale}))`,
      `DECIMAL(38,${exact.scale})`,
    )
  if (isFloat(value.type)) return typed(call(c, `sum(${c.distinct}${argument(c, 0, 'DOUBLE')})`), 'DOUBLE')
  if (!isWhole(value.type) && value.type !== 'BOOLEAN') return notOf(c, value)
  const added = value.type === 'BOOLEAN' ? argument(c, 0, 'INTEGER') : value.sql
  return typed(`CAST(${call(c, `sum(${c.distinct}${added})`)} AS numeric(38,0))`, 'HUGEINT')
}

/** A sum divided by a count, as DuckDB does it. */
const avg: AggregateRule = (c) => {
  const [value] = c.args
  if (value === undefined || value.type === '') return REFUSED
  if (!isNumber(value.type)) return notOf(c, value)
  const added = isFloat(value.type) ? argument(c, 0, 'DOUBLE') : value.sql
  const [total, number] = [call(c, `sum(${c.distinct}${added})`), call(c, `count(${c.distinct}${added})`)]
  return typed(`(CAST(${total} AS double precision) / CAST(${number} AS double precision))`, 'DOUBLE')
}

const extreme =
  (name: 'min' | 'max'): AggregateRule =>
  (c) => {
    const [value] = c.args
    if (value === undefined || value.type === '') return REFUSED
    if (c.args.length > 1) return refusedCall(c, `'${name}' of several values is not translated.`)
    if (value.type === 'BOOLEAN')
      return typed(call(c, `${name === 'min' ? 'bool_and' : 'bool_or'}(${value.sql})`), 'BOOLEAN')
    if (!isComparable(value.type) || /^(UUID|BLOB|NULL)$/.test(value.type)) return notOf(c, value)
    return typed(unordered(call(c, `${name}(${ordered(value)})`), value.type), value.type)
  }

/** The first of the values in the order that is written. */
const first =
  (skipsNulls: boolean): AggregateRule =>
  (c) => {
    const [value] = c.args
    if (value === undefined || value.type === '') return REFUSED
    if (c.order === '') return needsOrder(c)
    if (isList(value.type) || value.type === 'NULL' || c.distinct !== '') return notOf(c, value)
    return typed(
      `(${call(c, `array_agg(${value.sql}${c.order})`, skipsNulls ? [`${value.sql} IS NOT NULL`] : [])})[1]`,
      value.type,
    )
  }

/** Rows with a NULL in either are left out. */
const argOf =
  (way: 'ASC' | 'DESC'): AggregateRule =>
  (c) => {
    const [value, by] = c.args
    if (value === undefined || by === undefined || value.type === '' || by.type === '') return REFUSED
    if (c.args.length > 2 || c.over !== '' || isList(value.type) || value.type === 'NULL' || !isComparable(by.type))
      return notOf(c, value)
    const sql = `array_agg(${value.sql} ORDER BY ${ordered(by)} ${way})`
    return typed(`(${call(c, sql, [`${by.sql} IS NOT NULL`, `${value.sql} IS NOT NULL`])})[1]`, value.type)
  }

const joined: AggregateRule = (c) => {
  const [value, separator] = c.args
  if (value === undefined || value.type === '') return REFUSED
  if (c.order === '') return needsOrder(c)
  if (separator !== undefined && separator.literal !== 'text')
    return refusedCall(c, `'${c.name}' is translated with a literal separator.`)
  const sql =
    c.distinct === '' ? argument(c, 0, 'VARCHAR') : ordered({ sql: argument(c, 0, 'VARCHAR'), type: 'VARCHAR' })
  const all = call(c, `string_agg(${c.distinct}${sql}, ${separator?.bare ?? "','"}${c.order})`)
  return typed(c.distinct === '' ? all : unordered(all, 'VARCHAR'), 'VARCHAR')
}

const listed: AggregateRule = (c) => {
  const [value] = c.args
  if (value === undefined || value.type === '') return REFUSED
  if (c.order === '') return needsOrder(c)
  if (isList(value.type) || value.type === 'NULL') return notOf(c, value)
  const sql = c.distinct === '' ? value.sql : ordered(value)
  return typed(call(c, `array_agg(${c.distinct}${sql}${c.order})`), `${value.type}[]`)
}

const countIf: AggregateRule = (c) => {
  const [value] = c.args
  if (value === undefined || value.type === '') return REFUSED
  // A sum of ones and zeros: NULL where there are no rows.
  return typed(
    `CAST(${call(c, `sum(CASE WHEN ${truth(c.t, c.tree, value)} THEN 1 ELSE 0 END)`)} AS numeric(38,0))`,
    'HUGEINT',
  )
}

const truths =
  (name: 'bool_and' | 'bool_or'): AggregateRule =>
  (c) =>
    typed(call(c, `${name}(${argument(c, 0, 'BOOLEAN')})`), 'BOOLEAN')

const statistics =
  (name: string): AggregateRule =>
  (c) =>
    typed(call(c, `${name}(${c.distinct}${c.args.map((_, i) => argument(c, i, 'DOUBLE')).join(', ')})`), 'DOUBLE')

/** `percentile_cont(0.5) WITHIN GROUP (ORDER BY x)` has the values in its order. */
function withinGroup({ t, tree, scope, args }: AggregateCall): readonly Typed[] | null {
  const [order, second] = children(child(tree, 'order_bys') ?? {}, 'orders')
  const value = order === undefined ? undefined : child(order, 'expression')
  if (args.length !== 1 || value === undefined || second !== undefined || /DESC/.test(text(order ?? {}, 'type')))
    return null
  return [t.expression(value, scope), ...args]
}

/** `at`: the part of the values below, a literal. */
const quantile =
  (kind: 'cont' | 'disc', at?: string): AggregateRule =>
  (c) => {
    const [value, fraction] = withinGroup(c) ?? c.args
    if (value === undefined || value.type === '') return REFUSED
    const part = at ?? fraction?.sql ?? ''
    if (!/^(0(\.\d+)?|1(\.0+)?)$/.test(part) || c.distinct !== '' || c.over !== '')
      return refusedCall(c, `'${c.name}' is translated with a literal part from 0 to 1, without DISTINCT and OVER.`)
    if (kind === 'disc')
      return isComparable(value.type)
        ? typed(
            unordered(call(c, `percentile_disc(${part}) WITHIN GROUP (ORDER BY ${ordered(value)})`), value.type),
            value.type,
          )
        : notOf(c, value)
    if (!isWhole(value.type) && value.type !== 'DOUBLE')
      return refusedCall(c, `'${c.name}' of ${value.type} is not translated.`, 'Cast to DOUBLE first.')
    return typed(
      call(c, `percentile_cont(${part}) WITHIN GROUP (ORDER BY ${cast(c.t, c.tree, value, 'DOUBLE').sql})`),
      'DOUBLE',
    )
  }

const RULES: ReadonlyMap<string, AggregateRule> = new Map<string, AggregateRule>([
  ['count', count],
  ['count_star', count],
  ['sum', sum],
  ['avg', avg],
  ['mean', avg],
  ['min', extreme('min')],
  ['max', extreme('max')],
  ['any_value', first(true)],
  ['first', first(false)],
  ['arbitrary', first(false)],
  ['arg_max', argOf('DESC')],
  ['argmax', argOf('DESC')],
  ['max_by', argOf('DESC')],
  ['arg_min', argOf('ASC')],
  ['argmin', argOf('ASC')],
  ['min_by', argOf('ASC')],
  ['string_agg', joined],
  ['group_concat', joined],
  ['listagg', joined],
  ['list', listed],
  ['array_agg', listed],
  ['count_if', countIf],
  ['countif', countIf],
  ['bool_and', truths('bool_and')],
  ['bool_or', truths('bool_or')],
  ...['stddev', 'stddev_samp', 'stddev_pop', 'variance', 'var_samp', 'var_pop', 'corr', 'covar_pop', 'covar_samp'].map(
    (name): [string, AggregateRule] => [name, statistics(name)],
  ),
  ['median', quantile('cont', '0.5')],
  ['quantile_cont', quantile('cont')],
  ['quantile_disc', quantile('disc')],
  ['quantile', quantile('disc')],
])

/** Aggregates that are not translated, which must be known as aggregates nevertheless. */
const OTHERS: ReadonlySet<string> = new Set(
  'approx_count_distinct approx_quantile approx_top_k arg_max_null arg_min_null bit_and bit_or bit_xor bitstring_agg entropy favg fsum geomean histogram histogram_exact kahan_sum kurtosis kurtosis_pop last mad mode product reservoir_quantile sem skewness sumkahan regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy wavg weighted_avg'.split(
    ' ',
  ),
)

export const isAggregate = (name: string): boolean => RULES.has(name) || OTHERS.has(name)

/** Whether an expression has an aggregate of the query that it stands in. */
export const hasAggregate = (tree: Tree): boolean =>
  ownTrees(tree).some((each) => each.class === 'FUNCTION' && isAggregate(foldCase(text(each, 'function_name'))))

/** A call of an aggregate; `over` is its window. */
export function aggregate(c: Call, over: string): Typed {
  const rule = RULES.get(c.name)
  if (rule === undefined)
    return refusedCall(c, `'${c.name}' has no counterpart that is known to give the same on PostgreSQL.`)
  const { t, tree, scope } = c
  const orders = children(child(tree, 'order_bys') ?? {}, 'orders').concat(children(tree, 'arg_orders'))
  if (over !== '' && (tree.distinct === true || orders.length > 0))
    return refusedCall(c, 'DISTINCT and ORDER BY in an aggregate over a window are not translated.')
  const keys = orderKeys(t, orders, scope)
  const filter = child(tree, 'filter') ?? child(tree, 'filter_expr')
  const filters = filter === undefined ? [] : [truth(t, filter, t.expression(filter, scope))]
  return rule({
    ...c,
    distinct: tree.distinct === true ? 'DISTINCT ' : '',
    order: keys.length === 0 ? '' : ` ORDER BY ${keys.join(', ')}`,
    filters,
    over,
  })
}
