// One SELECT → its columns and what its row set depends on: WHERE, joins, grouping, HAVING, QUALIFY, DISTINCT, ORDER BY
// with LIMIT, and set-returning functions among its items.

import type { Tree } from '../../ports.ts'
import { child, children, columnParts, foldCase, isTree, ownTrees, pairs, text, texts } from '../tree.ts'
import { depsOf, mayBeFloat } from './expressions.ts'
import { traceFrom } from './from.ts'
import {
  type CteScope,
  columnOf,
  columnsNamed,
  type Deps,
  newScope,
  resolveName,
  type Scope,
  type ScopeRelation,
  type Trace,
  type TracedColumn,
  type TracedQuery,
  union,
  wholeRow,
} from './scope.ts'

export function traceSelect(node: Tree, parent: Scope | null, ctes: CteScope | null, trace: Trace): TracedQuery {
  const scope = newScope(parent, ctes)
  const rows = new Set<string>()
  const add = (deps: Deps): void => {
    for (const dep of deps) rows.add(dep)
  }
  const from = child(node, 'from_table')
  const shown = from === undefined ? [] : traceFrom(from, scope, rows, trace)
  const items = traceItems(children(node, 'select_list'), shown, scope, add, trace)
  for (const key of ['where_clause', 'having', 'qualify']) add(depsOf(node[key], scope, trace))
  for (const group of children(node, 'group_expressions')) add(placed(group, items, scope, trace))
  if (node.aggregate_handling === 'FORCE_AGGREGATES') for (const group of items.groups) add(group)
  for (const modifier of children(node, 'modifiers')) add(modifierDeps(modifier, items, scope, trace))
  return { columns: items.open === null ? items.columns : [], rows, open: items.open }
}

interface Items {
  readonly columns: readonly TracedColumn[]
  readonly open: Deps | null
  /** What GROUP BY ALL groups by. */
  readonly groups: readonly Deps[]
}

const allDeps = (items: Items): Deps => union(...items.columns.map((column) => column.deps), items.open ?? new Set())

function traceItems(
  list: readonly Tree[],
  shown: readonly ScopeRelation[],
  scope: Scope,
  addRows: (deps: Deps) => void,
  trace: Trace,
): Items {
  const columns: TracedColumn[] = []
  const groups: Deps[] = []
  let isOpen = false
  for (const item of list) {
    const own = ownTrees(item)
    const expanded = isStar(item) ? expandStar(item, shown, scope, trace) : traceItem(item, own, scope, trace)
    if (expanded === null) isOpen = true
    for (const column of expanded ?? []) {
      columns.push(column)
      if (item.alias !== undefined) scope.aliases.set(foldCase(column.name), column)
    }
    const deps = expanded === null ? depsOf(item, scope, trace) : union(...expanded.map((column) => column.deps))
    if (expanded === null) columns.push(columnOf(deps))
    if (!own.some((tree) => isCallOf(AGGREGATES, tree))) groups.push(deps)
    if (own.some((tree) => isCallOf(SET_RETURNING, tree))) addRows(deps)
  }
  const everything = isOpen ? union(...scope.relations.map(wholeRow), ...columns.map((column) => column.deps)) : null
  return { columns, open: everything, groups }
}

/** Enough for GROUP BY ALL: an aggregate that is missing here only makes the row set depend on more. */
const AGGREGATES: ReadonlySet<string> = new Set(
  (
    'any_value approx_count_distinct arg_max arg_min array_agg avg bool_and bool_or count count_if count_star countif first group_concat last ' +
    'list max max_by median min min_by mode quantile_cont quantile_disc stddev stddev_samp string_agg sum var_samp variance'
  ).split(' '),
)
const SET_RETURNING: ReadonlySet<string> = new Set(['unnest', 'unlist', 'generate_subscripts', 'regexp_split_to_table'])

const isCallOf = (names: ReadonlySet<string>, tree: Tree): boolean =>
  tree.class === 'FUNCTION' && names.has(text(tree, 'function_name'))

/** Null when the item may be any number of columns. `own` are its trees. */
function traceItem(item: Tree, own: readonly Tree[], scope: Scope, trace: Trace): readonly TracedColumn[] | null {
  if (own.some((tree) => tree.class === 'STAR')) return null
  if (SET_RETURNING.has(text(item, 'function_name')) && !unnestsList(item, scope)) return null
  const name = text(item, 'alias') || (columnParts(item)?.at(-1) ?? '')
  const isList = isListColumn(item, scope)
  return [{ name, deps: depsOf(item, scope, trace), float: floatOf(item, scope, trace), isList }]
}

/** An alias may be named like the column that it is made of: while it is being decided, it adds nothing to the answer. */
function floatOf(item: Tree | undefined, scope: Scope, trace: Trace): () => boolean {
  let deciding = false
  return () => {
    if (deciding) return false
    deciding = true
    try {
      return mayBeFloat(item, scope, trace)
    } finally {
      deciding = false
    }
  }
}

/** `unnest` of a struct makes a column of each field. */
function unnestsList(item: Tree, scope: Scope): boolean {
  const [argument, ...more] = children(item, 'children')
  if (argument === undefined || more.length > 0) return false
  if (argument.class === 'FUNCTION')
    return /^(list_|array_|string_split|str_split|split$|range$|generate_series$)/.test(text(argument, 'function_name'))
  return isListColumn(argument, scope)
}

function isListColumn(expression: Tree, scope: Scope): boolean {
  const parts = columnParts(expression)
  const columns = parts === undefined ? null : resolveName(parts, scope)
  return columns !== null && columns.length > 0 && columns.every((column) => column.isList)
}

const isStar = (item: Tree): boolean => item.class === 'STAR' && item.expr === undefined

/** Null when it is not known which columns there are. */
function expandStar(
  star: Tree,
  shown: readonly ScopeRelation[],
  scope: Scope,
  trace: Trace,
): readonly TracedColumn[] | null {
  const only = foldCase(text(star, 'relation_name'))
  const relations =
    only === '' ? shown : scope.relations.filter((relation) => relation.alias === only || relation.table === only)
  if (relations.length === 0 || relations.some((relation) => relation.open !== null)) return null
  const left = new Set(texts(star, 'exclude_list').map(foldCase))
  const replaced = new Map(pairs(star, 'replace_list').map((pair) => [foldCase(String(pair.key)), pair.value]))
  const names = new Map(
    pairs(star, 'rename_list').map((pair) => [renamedColumn(pair.key), String(pair.value)] as const),
  )
  if (!isPlain(star.exclude_list) || names.has('')) return null
  const columns: TracedColumn[] = []
  for (const relation of relations) {
    const qualified = excludedFrom(star, relation)
    for (const column of relation.columns) {
      const name = foldCase(column.name)
      if (left.has(name) || qualified.has(name) || (only === '' && scope.merged.get(relation)?.has(name))) continue
      const expression = replaced.get(name)
      const merged = expression === undefined ? mergedColumn(column, shown, scope) : undefined
      const value = merged ?? {
        deps: depsOf(expression, scope, trace),
        float: floatOf(asTree(expression), scope, trace),
      }
      columns.push({ ...column, ...value, name: names.get(name) ?? column.name })
    }
  }
  return columns
}

const asTree = (value: unknown): Tree | undefined => (isTree(value) ? value : undefined)
const isPlain = (list: unknown): boolean =>
  list === undefined || (Array.isArray(list) && list.every((item) => typeof item === 'string'))
const renamedColumn = (key: unknown): string => (isTree(key) ? foldCase(text(key, 'column')) : '')

const excludedFrom = (star: Tree, relation: ScopeRelation): ReadonlySet<string> =>
  new Set(
    children(star, 'qualified_exclude_list')
      .filter((entry) => ['', relation.alias, relation.table].includes(foldCase(text(entry, 'table'))))
      .map((entry) => foldCase(text(entry, 'column'))),
  )

/** A column that USING joins take from either side. */
function mergedColumn(column: TracedColumn, shown: readonly ScopeRelation[], scope: Scope): TracedColumn {
  const name = foldCase(column.name)
  const others = shown
    .filter((relation) => scope.merged.get(relation)?.has(name))
    .flatMap((relation) => columnsNamed(relation, name))
  return others.length === 0 ? column : { ...column, deps: union(column.deps, ...others.map((other) => other.deps)) }
}

/** An expression of GROUP BY, ORDER BY or DISTINCT ON, where a whole number is the place of an item. */
function placed(expression: Tree, items: Items, scope: Scope, trace: Trace): Deps {
  if (expression.class === 'STAR') return union(allDeps(items), depsOf(expression, scope, trace))
  const value = expression.class === 'CONSTANT' ? child(expression, 'value')?.value : undefined
  if (typeof value === 'number') return items.open ?? items.columns[value - 1]?.deps ?? allDeps(items)
  return depsOf(expression, scope, trace)
}

function modifierDeps(modifier: Tree, items: Items, scope: Scope, trace: Trace): Deps {
  const targets = children(modifier, 'distinct_on_targets')
  const orders = children(modifier, 'orders').map((order) => child(order, 'expression') ?? order)
  switch (modifier.type) {
    case 'DISTINCT_MODIFIER':
      return targets.length === 0
        ? allDeps(items)
        : union(...targets.map((target) => placed(target, items, scope, trace)))
    case 'ORDER_MODIFIER':
      return union(...orders.map((order) => placed(order, items, scope, trace)))
    default:
      return depsOf(modifier, scope, trace)
  }
}
