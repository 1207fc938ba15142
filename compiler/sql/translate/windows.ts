// Functions over windows: ranks, neighbours, aggregates. The order of a window says where NULLs stand and orders texts by
// code points; what depends on an order that is not written is refused.

import { child, children, text } from '../tree.ts'
import { aggregate } from './aggregates.ts'
import { cast } from './casts.ts'
import { argument, type Call, constantNumber, refusedCall } from './functions.ts'
import { comparable } from './operators.ts'
import { orderKeys } from './order.ts'
import { isWhole, REFUSED, type Typed, typed } from './types.ts'

const RANKS: Readonly<Record<string, string>> = {
  row_number: 'BIGINT',
  rank: 'BIGINT',
  dense_rank: 'BIGINT',
  rank_dense: 'BIGINT',
  percent_rank: 'DOUBLE',
  cume_dist: 'DOUBLE',
}

const BOUNDS: Readonly<Record<string, string>> = {
  UNBOUNDED_PRECEDING: 'UNBOUNDED PRECEDING',
  UNBOUNDED_FOLLOWING: 'UNBOUNDED FOLLOWING',
  CURRENT_ROW_ROWS: 'CURRENT ROW',
  CURRENT_ROW_RANGE: 'CURRENT ROW',
  CURRENT_ROW_GROUPS: 'CURRENT ROW',
  EXPR_PRECEDING_ROWS: 'PRECEDING',
  EXPR_FOLLOWING_ROWS: 'FOLLOWING',
  EXPR_PRECEDING_RANGE: 'PRECEDING',
  EXPR_FOLLOWING_RANGE: 'FOLLOWING',
  EXPR_PRECEDING_GROUPS: 'PRECEDING',
  EXPR_FOLLOWING_GROUPS: 'FOLLOWING',
}

/** A function over a window. */
export function windowed(c: Call): Typed {
  const { t, tree, name, scope } = c
  if (tree.ignore_nulls === true) return refusedCall(c, 'IGNORE NULLS does not exist on PostgreSQL.')
  const orders = children(tree, 'orders')
  const partitions = children(tree, 'partitions').map((each) => {
    const [key] = comparable(t, each, [t.expression(each, scope)]) ?? []
    return key?.sql ?? 'NULL'
  })
  const keys = orderKeys(t, orders, scope)
  const frame = frameOf(c)
  if (frame === null) return REFUSED
  const isOrdered =
    /^(row_number|rank|dense_rank|rank_dense|percent_rank|cume_dist|ntile|lag|lead|first|first_value|last|last_value|nth_value)$/.test(
      name,
    )
  if (keys.length === 0 && (isOrdered || / ROWS /.test(` ${frame} `)))
    return t.refuse(tree, name, {
      code: 'TRANSLATE_ORDER_NOT_SAID',
      message: `What '${name}' gives depends on the order of the rows, which nothing says.`,
      hint: 'Write OVER (… ORDER BY …).',
    })
  const parts = [
    partitions.length === 0 ? '' : `PARTITION BY ${partitions.join(', ')}`,
    keys.length === 0 ? '' : `ORDER BY ${keys.join(', ')}`,
    frame,
  ]
  return over(c, ` OVER (${parts.filter((part) => part !== '').join(' ')})`)
}

function over(c: Call, window: string): Typed {
  const { t, tree, name, args, scope } = c
  const rank = RANKS[name]
  if (rank !== undefined) return typed(`${name === 'rank_dense' ? 'dense_rank' : name}()${window}`, rank)
  if (name === 'ntile') return typed(`CAST(ntile(${argument(c, 0, 'INTEGER')})${window} AS bigint)`, 'BIGINT')
  const [value] = args
  if (name === 'lag' || name === 'lead') {
    const [offset, fallback] = [child(tree, 'offset_expr'), child(tree, 'default_expr')]
    if (value === undefined || value.type === '') return REFUSED
    const by = offset === undefined ? undefined : cast(t, offset, t.expression(offset, scope), 'INTEGER').sql
    const other = fallback === undefined ? undefined : cast(t, fallback, t.expression(fallback, scope), value.type).sql
    return typed(
      `${name}(${[value.sql, by ?? (other === undefined ? undefined : '1'), other].filter((part) => part !== undefined).join(', ')})${window}`,
      value.type,
    )
  }
  const plain = name === 'first' ? 'first_value' : name === 'last' ? 'last_value' : name
  if (plain === 'first_value' || plain === 'last_value')
    return value === undefined || value.type === '' ? REFUSED : typed(`${plain}(${value.sql})${window}`, value.type)
  if (plain === 'nth_value')
    return value === undefined || value.type === ''
      ? REFUSED
      : typed(`nth_value(${value.sql}, ${argument(c, 1, 'INTEGER')})${window}`, value.type)
  return aggregate(c, window)
}

/** The frame where it is not the default one; null: it was refused. */
function frameOf(c: Call): string | null {
  const { t, tree, scope } = c
  const [start, end] = [text(tree, 'start') || 'UNBOUNDED_PRECEDING', text(tree, 'end') || 'CURRENT_ROW_RANGE']
  const exclude =
    { CURRENT_ROW: ' EXCLUDE CURRENT ROW', GROUP: ' EXCLUDE GROUP', TIES: ' EXCLUDE TIES' }[
      text(tree, 'exclude_clause')
    ] ?? ''
  if (start === 'UNBOUNDED_PRECEDING' && end === 'CURRENT_ROW_RANGE' && exclude === '') return ''
  const unit = /_(ROWS|GROUPS)$/.exec(start)?.[1] ?? /_(ROWS|GROUPS)$/.exec(end)?.[1] ?? 'RANGE'
  const bound = (which: string, key: 'start_expr' | 'end_expr'): string | null => {
    const words = BOUNDS[which]
    const offset = child(tree, key)
    if (words === undefined) return null
    if (offset === undefined) return words
    const value = t.expression(offset, scope)
    const isFit = which.endsWith('_RANGE') ? fitsRange(c, value) : constantNumber(value) !== undefined
    return isFit ? `${value.sql} ${words}` : null
  }
  const [from, to] = [bound(start, 'start_expr'), bound(end, 'end_expr')]
  if (from === null || to === null) {
    refusedCall(
      c,
      'This frame of a window is not translated.',
      'Write ROWS or GROUPS with literal numbers, or RANGE with a literal that fits one column of the order.',
    )
    return null
  }
  return `${unit} BETWEEN ${from} AND ${to}${exclude}`
}

/** A distance from the one value that the order goes by: an interval of times, a whole number of such. */
function fitsRange({ t, tree, scope }: Call, offset: Typed): boolean {
  const [order, second] = children(tree, 'orders')
  const key = order === undefined ? undefined : child(order, 'expression')
  if (key === undefined || second !== undefined) return false
  const { type } = t.expression(key, scope)
  if (type === 'DATE' || type === 'TIMESTAMP') return /^interval '\d+ [a-z]+'$/.test(offset.sql)
  return isWhole(type) && type !== 'HUGEINT' && type !== 'TINYINT' && (constantNumber(offset) ?? -1) >= 0
}
