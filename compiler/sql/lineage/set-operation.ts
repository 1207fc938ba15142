// UNION, EXCEPT and INTERSECT → columns by position or by name. All but UNION ALL compare whole rows, so the row set
// depends on every column.

import type { Tree } from '../../ports.ts'
import { child, children, columnParts, foldCase } from '../tree.ts'
import { depsOf } from './expressions.ts'
import {
  type CteScope,
  type Deps,
  NO_DEPS,
  newScope,
  type Scope,
  type Trace,
  type TracedColumn,
  type TracedQuery,
  union,
} from './scope.ts'

export function traceSetOperation(node: Tree, parent: Scope | null, ctes: CteScope | null, trace: Trace): TracedQuery {
  const sides = [child(node, 'left'), child(node, 'right')].map((side) => side && trace.query(side, parent, ctes))
  const [left, right] = sides
  if (left === undefined || right === undefined) {
    trace.lost = true
    return { columns: [], rows: NO_DEPS, open: NO_DEPS }
  }
  const isOpen = left.open !== null || right.open !== null
  const columns = node.setop_type === 'UNION_BY_NAME' ? byName(left, right) : byPosition(left, right)
  if (columns === null && !isOpen) trace.lost = true
  const everything = union(
    ...[left, right].flatMap((side) => [side.open ?? NO_DEPS, ...side.columns.map((column) => column.deps)]),
  )
  const isUnionAll = /^UNION/.test(String(node.setop_type)) && node.setop_all !== false
  const known = isOpen ? [] : (columns ?? [])
  const rows = union(
    left.rows,
    right.rows,
    isUnionAll ? NO_DEPS : everything,
    modifierDeps(node, known, everything, parent, ctes, trace),
  )
  return { columns: known, rows, open: isOpen ? everything : null }
}

const both = (left: TracedColumn, right: TracedColumn): TracedColumn => ({
  ...left,
  deps: union(left.deps, right.deps),
  float: () => left.float() || right.float(),
  isList: left.isList && right.isList,
})

function byPosition(left: TracedQuery, right: TracedQuery): readonly TracedColumn[] | null {
  if (left.columns.length !== right.columns.length) return null
  return left.columns.map((column, i) => both(column, right.columns[i] ?? column))
}

/** Null when a column has no name that is known here. */
function byName(left: TracedQuery, right: TracedQuery): readonly TracedColumn[] | null {
  const columns = new Map(left.columns.map((column) => [foldCase(column.name), column]))
  for (const column of right.columns) {
    const same = columns.get(foldCase(column.name))
    columns.set(foldCase(column.name), same === undefined ? column : both(same, column))
  }
  return columns.has('') ? null : [...columns.values()]
}

function modifierDeps(
  node: Tree,
  columns: readonly TracedColumn[],
  everything: Deps,
  parent: Scope | null,
  ctes: CteScope | null,
  trace: Trace,
): Deps {
  const scope = newScope(parent, ctes)
  return union(
    ...children(node, 'modifiers').flatMap((modifier) => {
      if (modifier.type === 'DISTINCT_MODIFIER') return [everything]
      if (modifier.type !== 'ORDER_MODIFIER') return [depsOf(modifier, scope, trace)]
      return children(modifier, 'orders').map((order) => orderedBy(child(order, 'expression'), columns) ?? everything)
    }),
  )
}

/** A name or a place among the output columns; undefined for any other expression. */
function orderedBy(expression: Tree | undefined, columns: readonly TracedColumn[]): Deps | undefined {
  const parts = expression && columnParts(expression)
  if (parts?.length === 1) return columns.find((column) => foldCase(column.name) === foldCase(parts[0] ?? ''))?.deps
  const place = expression?.class === 'CONSTANT' ? child(expression, 'value')?.value : undefined
  return typeof place === 'number' ? columns[place - 1]?.deps : undefined
}
