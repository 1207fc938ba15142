// Keys of ORDER BY: NULLs last in both directions unless it is written otherwise, texts by code points.

import type { Tree } from '../../ports.ts'
import { child, text } from '../tree.ts'
import { isComparable, ordered } from './operators.ts'
import type { Scope, Translator } from './translator.ts'
import type { Typed } from './types.ts'

/** ` DESC NULLS LAST` and the like. */
export function direction(order: Tree): string {
  const isDescending = order.type === 'DESCENDING'
  const nullsFirst = /FIRST/.test(text(order, 'null_order'))
  // PostgreSQL puts NULLs last where it ascends and first where it descends.
  return `${isDescending ? ' DESC' : ''}${nullsFirst === isDescending ? '' : nullsFirst ? ' NULLS FIRST' : ' NULLS LAST'}`
}

/** One key; null: it is a literal, which orders nothing, or was refused. */
export function orderKey(t: Translator, order: Tree, value: Typed): string | null {
  if (value.type === '' || value.literal !== undefined) return null
  if (!isComparable(value.type)) {
    t.refuse(order, 'ORDER BY', { message: `Values of ${value.type} are not ordered the same on PostgreSQL.` })
    return null
  }
  if (value.type === 'VARCHAR') t.changed(order, 'texts ordered by code points')
  if (direction(order).includes('NULLS')) t.changed(order, 'place of NULLs written out')
  return ordered(value) + direction(order)
}

export const orderKeys = (t: Translator, orders: readonly Tree[], scope: Scope): readonly string[] =>
  orders.flatMap((order) => {
    const expression = child(order, 'expression')
    const key = expression === undefined ? null : orderKey(t, order, t.expression(expression, scope))
    return key === null ? [] : [key]
  })
