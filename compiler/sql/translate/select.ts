// One SELECT: its list, grouping, filters, order and limit. QUALIFY, DISTINCT ON and an order of DISTINCT rows become a query
// around it; `GROUP BY ALL`, ordinals and names of the SELECT list are written out.

import { quoteName, writtenType } from '../../dialect/postgresql.ts'
import type { Tree } from '../../ports.ts'
import { child, children, columnParts, foldCase, text } from '../tree.ts'
import { cast } from './casts.ts'
import { type From, fromClause } from './from.ts'
import { byName, groupBy, groupKey } from './groups.ts'
import { type Item, selectItems } from './items.ts'
import { isGroupable, truth } from './operators.ts'
import { direction, orderKey } from './order.ts'
import {
  freshAlias,
  type KnownCte,
  newScope,
  ownShape,
  type Query,
  type Scope,
  type Shape,
  type Translator,
} from './translator.ts'
import type { Typed } from './types.ts'

/** A SELECT in parts; what stands around it decides which are written where. */
interface Parts {
  readonly t: Translator
  readonly node: Tree
  readonly items: readonly Item[]
  readonly scope: Scope
  /** FROM, WHERE, GROUP BY and HAVING. */
  readonly body: string
  readonly limit: string
  readonly orders: readonly Tree[]
  readonly distinct: boolean
  readonly distinctOn: readonly Tree[]
}

const modifier = (node: Tree, type: string): Tree | undefined =>
  children(node, 'modifiers').find((each) => each.type === type)

export function select(t: Translator, node: Tree, outer: Scope | null, ctes: KnownCte | null): Query {
  const base = newScope(outer, ctes)
  const from = fromClause(t, child(node, 'from_table'), base)
  const scope: Scope = { ...base, relations: from.relations, merged: from.merged, broken: from.broken }
  if (child(node, 'sample') !== undefined)
    t.refuse(node, 'SAMPLE', { message: 'Which rows a sample has differs from engine to engine.' })
  const items = selectItems(t, node, from, scope)
  const distinct = modifier(node, 'DISTINCT_MODIFIER')
  const orders = children(modifier(node, 'ORDER_MODIFIER') ?? {}, 'orders')
  const parts: Parts = {
    t,
    node,
    items,
    scope,
    body: bodyOf(t, node, from, items, scope),
    limit: limitOf(t, node, orders.length > 0),
    orders,
    distinct: distinct !== undefined && children(distinct, 'distinct_on_targets').length === 0,
    distinctOn: distinct === undefined ? [] : children(distinct, 'distinct_on_targets'),
  }
  if (parts.distinct) for (const { value, tree } of items) checkDistinct(t, tree, value)
  const columns = items.map(({ name, value }) => ({ name, value }))
  const isWrapped = parts.distinctOn.length > 0 || child(node, 'qualify') !== undefined || parts.distinct
  return { columns, render: isWrapped ? wrapped(parts) : plain(parts) }
}

function checkDistinct(t: Translator, tree: Tree, value: Typed): void {
  if (value.type !== '' && !isGroupable(value.type))
    t.refuse(tree, 'DISTINCT', { message: `Values of ${value.type} are not told apart the same on PostgreSQL.` })
}

function bodyOf(t: Translator, node: Tree, from: From, items: readonly Item[], scope: Scope): string {
  const where = child(node, 'where_clause')
  const having = child(node, 'having')
  const filters = [...from.filters, ...(where === undefined ? [] : [truth(t, where, t.expression(where, scope))])]
  const lines = [
    from.sql === '' ? '' : `FROM ${from.sql}`,
    filters.length === 0 ? '' : `WHERE ${filters.join(' AND ')}`,
    groupBy(t, node, items, scope),
    having === undefined ? '' : `HAVING ${truth(t, having, t.expression(having, scope))}`,
  ]
  return lines.filter((line) => line !== '').join('\n')
}

/** Names of the SELECT list win in ORDER BY. */
function orderedBy(t: Translator, tree: Tree, items: readonly Item[], scope: Scope): Typed {
  const parts = columnParts(tree)
  const name = parts?.length === 1 ? foldCase(parts[0] ?? '') : undefined
  const item = name === undefined ? undefined : items.find((each) => each.name !== null && foldCase(each.name) === name)
  return item?.value ?? byName(t, tree, items, scope)
}

const isAll = (orders: readonly Tree[]): boolean =>
  orders.length === 1 && child(orders[0] ?? {}, 'expression')?.class === 'STAR'

/** Values that rows are ordered by, each with its order. */
function sortKeys({ t, items, scope, orders }: Parts): readonly { readonly order: Tree; readonly value: Typed }[] {
  const [first] = orders
  if (first !== undefined && isAll(orders)) {
    t.changed(first, 'ORDER BY ALL written out')
    return items.map(({ value }) => ({ order: first, value }))
  }
  return orders.map((order) => ({ order, value: orderedBy(t, child(order, 'expression') ?? {}, items, scope) }))
}

export function limitOf(t: Translator, node: Tree, isOrdered: boolean): string {
  if (modifier(node, 'LIMIT_PERCENT_MODIFIER') !== undefined) {
    t.refuse(node, 'LIMIT %', { message: 'A LIMIT in percent does not exist on PostgreSQL.' })
    return ''
  }
  const found = modifier(node, 'LIMIT_MODIFIER')
  if (found === undefined) return ''
  const part = (key: 'limit' | 'offset'): string | null => {
    const tree = child(found, key)
    if (tree === undefined) return null
    const value = t.expression(tree, newScope(null, null))
    if (value.literal === 'whole') return `${key.toUpperCase()} ${value.value}`
    t.refuse(tree, key.toUpperCase(), { message: `${key.toUpperCase()} is translated with a literal number.` })
    return null
  }
  const words = [part('limit'), part('offset')].filter((each) => each !== null)
  if (!isOrdered && words.join() !== 'LIMIT 0' && words.length > 0)
    t.refuse(node, 'LIMIT', {
      code: 'TRANSLATE_ORDER_NOT_SAID',
      message: 'Which rows LIMIT keeps depends on their order, which nothing says.',
      hint: 'Write ORDER BY.',
    })
  return words.join(' ')
}

const listed = (
  t: Translator,
  items: readonly { readonly value: Typed; readonly tree: Tree }[],
  shape: Shape,
): string =>
  items
    .map(({ value, tree }, i) => {
      const { name = '', type = '' } = shape[i] ?? {}
      const sql = exactly(t, tree, value, type)
      return sql.endsWith(`.${quoteName(name)}`) && /^[^ (]+$/.test(sql) ? sql : `${sql} AS ${quoteName(name)}`
    })
    .join(', ')

/** A decimal that is computed has the digits of its type only by a cast. */
function exactly(t: Translator, tree: Tree, value: Typed, type: string): string {
  const isPlain = /^[^ (\d][^ (]*$/.test(value.sql)
  if (value.type === type && (writtenType(type) ?? '').startsWith('numeric(') && !isPlain)
    return `CAST(${value.sql} AS ${writtenType(type)})`
  return value.literal === undefined && value.type === type ? value.sql : cast(t, tree, value, type).sql
}

const lines = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('\n')

const plain =
  (parts: Parts) =>
  (shape: Shape): string => {
    const { t, items, body, limit } = parts
    const keys = sortKeys(parts).flatMap(({ order, value }) => orderKey(t, order, value) ?? [])
    return lines(
      `SELECT ${listed(t, items, shape)}`,
      body,
      keys.length === 0 ? '' : `ORDER BY ${keys.join(', ')}`,
      limit,
    )
  }

/** `SELECT … FROM (SELECT …, what is asked of the rows) WHERE …`. */
const wrapped =
  (parts: Parts) =>
  (shape: Shape): string => {
    const { t, node, items, scope, body, limit, distinctOn } = parts
    const own = ownShape({ columns: items, render: () => '' })
    const alias = freshAlias('selected', scope)
    const helpers: string[] = []
    const helper = (sql: string, name: string): string => {
      const free = quoteName(own.some((column) => column.name === name) ? `${name} of the query` : name)
      helpers.push(`${sql} AS ${free}`)
      return `${alias}.${free}`
    }
    const conditions: string[] = []
    const qualify = child(node, 'qualify')
    if (qualify !== undefined) {
      t.changed(qualify, 'QUALIFY as a filter of a subquery')
      conditions.push(helper(truth(t, qualify, t.expression(qualify, scope)), 'qualified'))
    }
    if (distinctOn.length > 0) conditions.push(`${helper(firstOfEach(parts, qualify), 'first_of_each')} = 1`)
    const keys = sortKeys(parts).flatMap(({ order, value }, i) => {
      if (orderKey(t, order, value) === null) return []
      const at = items.findIndex((item) => item.value.sql === value.sql)
      if (at < 0 && parts.distinct)
        t.refuse(order, 'ORDER BY', { message: 'DISTINCT rows are ordered by their own columns only.' })
      const sql = at < 0 ? helper(value.sql, `order_${i + 1}`) : `${alias}.${quoteName(own[at]?.name ?? '')}`
      return [(value.type === 'VARCHAR' ? `${sql} COLLATE "C"` : sql) + direction(order)]
    })
    const outer = items.map(({ tree }, i) => ({
      tree,
      value: { sql: `${alias}.${quoteName(own[i]?.name ?? '')}`, type: own[i]?.type ?? '' },
    }))
    const inner = lines(
      `SELECT ${parts.distinct && qualify === undefined ? 'DISTINCT ' : ''}${[listed(t, items, own), ...helpers].join(', ')}`,
      body,
    )
    return lines(
      `SELECT ${parts.distinct && qualify !== undefined ? 'DISTINCT ' : ''}${listed(t, outer, shape)}`,
      `FROM (\n${inner}\n) AS ${alias}`,
      conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`,
      keys.length === 0 ? '' : `ORDER BY ${keys.join(', ')}`,
      limit,
    )
  }

function firstOfEach({ t, node, scope, distinctOn, orders, items }: Parts, qualify: Tree | undefined): string {
  if (orders.length === 0)
    t.refuse(node, 'DISTINCT ON', {
      code: 'TRANSLATE_ORDER_NOT_SAID',
      message: 'Which row DISTINCT ON keeps depends on their order, which nothing says.',
      hint: 'Write ORDER BY.',
    })
  if (qualify !== undefined || text(node, 'aggregate_handling') === 'FORCE_AGGREGATES' || isAll(orders))
    t.refuse(node, 'DISTINCT ON', {
      message: 'DISTINCT ON together with QUALIFY, GROUP BY ALL or ORDER BY ALL is not translated.',
    })
  t.changed(node, 'DISTINCT ON as row_number() = 1')
  const groups = distinctOn.map((tree) => groupKey(t, tree, byName(t, tree, items, scope)))
  const keys = orders.flatMap(
    (order) => orderKey(t, order, orderedBy(t, child(order, 'expression') ?? {}, items, scope)) ?? [],
  )
  return `row_number() OVER (PARTITION BY ${groups.join(', ')} ORDER BY ${keys.join(', ')})`
}
