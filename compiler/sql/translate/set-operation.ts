// UNION, EXCEPT and INTERSECT, also by name: both sides in the order of columns and the types that DuckDB gives them.

import { quoteName } from '../../dialect/postgresql.ts'
import type { Tree } from '../../ports.ts'
import { child, children, foldCase, text } from '../tree.ts'
import { cast } from './casts.ts'
import { isGroupable } from './operators.ts'
import { orderKey } from './order.ts'
import { limitOf } from './select.ts'
import {
  freshAlias,
  type KnownCte,
  newScope,
  ownShape,
  type Query,
  type QueryColumn,
  type Scope,
  type Shape,
  type Translator,
} from './translator.ts'
import { commonType, REFUSED, type Typed } from './types.ts'

export function setOperation(t: Translator, node: Tree, outer: Scope | null, ctes: KnownCte | null): Query {
  const [left, right] = [
    t.query(child(node, 'left') ?? {}, outer, ctes),
    t.query(child(node, 'right') ?? {}, outer, ctes),
  ]
  const byName = text(node, 'setop_type') === 'UNION_BY_NAME'
  if (text(node, 'setop_type') === 'UNION_BY_NAME') t.changed(node, 'BY NAME as columns in one order')
  const sides = byName ? named(left, right) : pairs(left, right)
  const columns = sides.map(
    ({ name, a, b }): QueryColumn => ({ name, value: { sql: '', type: common(t, node, a, b) } }),
  )
  const operator =
    (text(node, 'setop_type') || 'UNION').replace('_BY_NAME', '') + (node.setop_all === false ? '' : ' ALL')
  if (!operator.endsWith('ALL')) for (const { value } of columns) checkComparable(t, node, value)
  const render = (shape: Shape): string => {
    const types = ownShape({ columns, render: () => '' })
    const part = (query: Query, side: 'a' | 'b'): string => oneSide(t, node, query, sides, side, types)
    const all = `(${part(left, 'a')})\n${operator}\n(${part(right, 'b')})`
    return around(t, node, all, columns, shape, outer)
  }
  return { columns, render }
}

function checkComparable(t: Translator, node: Tree, value: Typed): void {
  if (value.type !== '' && !isGroupable(value.type))
    t.refuse(node, text(node, 'setop_type'), {
      message: `Values of ${value.type} are not told apart the same on PostgreSQL.`,
    })
}

/** A column of the result and what it is of each side. */
interface Side {
  readonly name: string | null
  readonly a: Typed | null
  readonly b: Typed | null
}

const pairs = (left: Query, right: Query): readonly Side[] =>
  left.columns.map(({ name, value }, i) => ({ name, a: value, b: right.columns[i]?.value ?? null }))

function named(left: Query, right: Query): readonly Side[] {
  const find = (query: Query, name: string | null): Typed | null =>
    query.columns.find((column) => column.name !== null && name !== null && foldCase(column.name) === foldCase(name))
      ?.value ?? null
  return [
    ...left.columns.map(({ name, value }) => ({ name, a: value, b: find(right, name) })),
    ...right.columns
      .filter(({ name }) => find(left, name) === null)
      .map(({ name, value }) => ({ name, a: null, b: value })),
  ]
}

function common(t: Translator, node: Tree, a: Typed | null, b: Typed | null): string {
  const [x, y] = [a ?? b ?? REFUSED, b ?? a ?? REFUSED]
  if (x.type === '' || y.type === '') return ''
  // A literal is typed before the sides are brought together, NULL is not.
  const plain = (value: Typed): Typed => (value.literal === 'null' ? value : { sql: value.sql, type: value.type })
  const type = commonType(plain(x), plain(y))
  if (type !== null) return type
  t.refuse(node, text(node, 'setop_type'), {
    message: `${x.type} and ${y.type} have no type together that PostgreSQL gives the same values.`,
    hint: 'Cast them to one type.',
  })
  return ''
}

/** A side with the columns of the result; what it does not have is NULL. */
function oneSide(
  t: Translator,
  node: Tree,
  query: Query,
  sides: readonly Side[],
  side: 'a' | 'b',
  types: Shape,
): string {
  const isSame =
    query.columns.length === sides.length && sides.every((each, i) => each[side] === query.columns[i]?.value)
  if (isSame) return query.render(types)
  const own = ownShape(query).map((column, i) => ({
    ...column,
    type: types[sides.findIndex((each) => each[side] === query.columns[i]?.value)]?.type ?? column.type,
  }))
  const items = sides.map((each, i) => {
    const { name = '', type = '' } = types[i] ?? {}
    const at = query.columns.findIndex(({ value }) => value === each[side])
    const sql =
      at < 0
        ? cast(t, node, { sql: 'NULL', type: 'NULL', literal: 'null' }, type).sql
        : `side.${quoteName(own[at]?.name ?? '')}`
    return `${sql} AS ${quoteName(name)}`
  })
  return `SELECT ${items.join(', ')}\nFROM (\n${query.render(own)}\n) AS side`
}

/** ORDER BY and LIMIT of the whole, and the names and types that are asked for. */
function around(
  t: Translator,
  node: Tree,
  all: string,
  columns: readonly QueryColumn[],
  shape: Shape,
  outer: Scope | null,
): string {
  const own = ownShape({ columns, render: () => '' })
  const orders = children(children(node, 'modifiers').find((each) => each.type === 'ORDER_MODIFIER') ?? {}, 'orders')
  const limit = limitOf(t, node, orders.length > 0)
  const isOwn = own.every(({ name, type }, i) => name === shape[i]?.name && type === shape[i]?.type)
  if (children(node, 'modifiers').some((each) => each.type === 'DISTINCT_MODIFIER'))
    t.refuse(node, 'DISTINCT', { message: 'DISTINCT of a set operation is not translated.' })
  if (orders.length === 0 && limit === '' && isOwn) return all
  const scope = newScope(outer, null)
  const alias = freshAlias('united', scope)
  const values = own.map(({ name, type }) => ({ sql: `${alias}.${quoteName(name)}`, type }))
  const inside: Scope = {
    ...scope,
    relations: [
      { alias, schema: null, columns: columns.map(({ name }, i) => ({ name, value: values[i] ?? REFUSED })) },
    ],
  }
  const keys = orders.flatMap((order) => {
    const tree = child(order, 'expression') ?? {}
    if (tree.class === 'STAR') return values.flatMap((value) => orderKey(t, order, value) ?? [])
    const at = tree.class === 'CONSTANT' ? Number(child(tree, 'value')?.value) : 0
    return orderKey(t, order, values[at - 1] ?? t.expression(tree, inside)) ?? []
  })
  const items = values.map(
    (value, i) => `${cast(t, node, value, shape[i]?.type ?? '').sql} AS ${quoteName(shape[i]?.name ?? '')}`,
  )
  return [
    `SELECT ${items.join(', ')}`,
    `FROM (\n${all}\n) AS ${alias}`,
    keys.length === 0 ? '' : `ORDER BY ${keys.join(', ')}`,
    limit,
  ]
    .filter((line) => line !== '')
    .join('\n')
}
