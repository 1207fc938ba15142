// A FROM clause → the relations that it brings into scope, in the order of a star, and what its joins make the row set
// depend on. Relations read from the side (LATERAL) see those before them.

import type { Tree } from '../../ports.ts'
import { child, children, foldCase, queryOf, text, texts } from '../tree.ts'
import { depsOf } from './expressions.ts'
import {
  columnOf,
  columnsNamed,
  type Deps,
  findCte,
  NO_DEPS,
  newScope,
  relationOf,
  type Scope,
  type ScopeRelation,
  type Trace,
  type TracedColumn,
  type TracedQuery,
  union,
  wholeRow,
} from './scope.ts'

type Rows = Set<string>

/** Pushes the relations of `ref` to `scope`, and returns those that a star shows. Adds to `rows`. */
export function traceFrom(ref: Tree, scope: Scope, rows: Rows, trace: Trace): readonly ScopeRelation[] {
  switch (ref.type) {
    case 'EMPTY':
      return []
    case 'JOIN':
      return traceJoin(ref, scope, rows, trace)
    case 'BASE_TABLE':
      return [push(traceTable(ref, scope, rows, trace), ref, scope)]
    case 'SUBQUERY': {
      const node = queryOf(ref, 'subquery')
      return [push(node && asRelation(trace.query(node, scope, scope.ctes), rows), ref, scope)]
    }
    case 'EXPRESSION_LIST':
      return [push(traceValues(ref, scope, rows, trace), ref, scope)]
    case 'TABLE_FUNCTION':
      return [push(traceFunction(ref, scope, rows, trace), ref, scope)]
    case 'PIVOT':
    case 'SHOW_REF':
      return [push(traceWhole(ref, scope, rows, trace), ref, scope)]
    default:
      trace.lost = true
      return []
  }
}

type Body = Pick<ScopeRelation, 'columns' | 'open'> &
  Partial<Pick<ScopeRelation, 'alias' | 'schema' | 'table' | 'byName'>>

const NOTHING: Body = { columns: [], open: NO_DEPS }

/** Adds the relation under its alias, columns renamed as the reference says. */
function push(body: Body = NOTHING, ref: Tree, scope: Scope): ScopeRelation {
  const names = texts(ref, 'column_name_alias')
  const about = {
    alias: foldCase(text(ref, 'alias') || (body.alias ?? '')),
    schema: body.schema ?? '',
    table: body.table ?? '',
    columns: renamed(body.columns, names),
    open: body.open,
  }
  const relation = relationOf(about, names.length === 0 ? body.byName : undefined)
  scope.relations.push(relation)
  return relation
}

export const renamed = (columns: readonly TracedColumn[], names: readonly string[]): readonly TracedColumn[] =>
  names.length === 0 ? columns : columns.map((column, i) => ({ ...column, name: names[i] ?? column.name }))

function asRelation(query: TracedQuery, rows: Rows): Body {
  for (const dep of query.rows) rows.add(dep)
  return query
}

function traceTable(ref: Tree, scope: Scope, rows: Rows, trace: Trace): Body {
  const schema = foldCase(text(ref, 'schema_name'))
  const table = foldCase(text(ref, 'table_name'))
  const cte = schema === '' ? findCte(table, scope.ctes) : null
  if (cte !== null) return { ...asRelation(cte.query(), rows), alias: table }
  const input = trace.inputs.get(`${schema}.${table}`)
  if (input === undefined || text(ref, 'catalog_name') !== '') trace.lost = true
  return input ?? NOTHING
}

function traceValues(ref: Tree, scope: Scope, rows: Rows, trace: Trace): Body {
  const lists = Array.isArray(ref.values) ? ref.values.filter((list) => Array.isArray(list)) : []
  const width = lists[0]?.length ?? 0
  const names = texts(ref, 'expected_names')
  const columns = Array.from({ length: width }, (_, i): TracedColumn => {
    const deps = depsOf(
      lists.map((list) => list[i]),
      scope,
      trace,
    )
    for (const dep of deps) rows.add(dep)
    return columnOf(deps, names[i] ?? `col${i}`)
  })
  return { columns, open: null, alias: 'valueslist' }
}

/** Functions that make one column, named after them. */
const ONE_COLUMN: ReadonlySet<string> = new Set(['unnest', 'range', 'generate_series'])

function traceFunction(ref: Tree, scope: Scope, rows: Rows, trace: Trace): Body {
  const call = child(ref, 'function')
  const name = call === undefined ? '' : text(call, 'function_name')
  const query = queryOf(ref, 'subquery')
  const deps = union(
    depsOf(call, scope, trace),
    query === undefined ? NO_DEPS : wholeQuery(trace.query(query, scope, scope.ctes)),
  )
  for (const dep of deps) rows.add(dep)
  const isSimple =
    ONE_COLUMN.has(name) && call !== undefined && (name !== 'unnest' || children(call, 'children').length === 1)
  if (!isSimple || ref.with_ordinality !== undefined) return { columns: [], open: deps, alias: name }
  return { columns: [columnOf(deps, name)], open: null, alias: name }
}

const wholeQuery = (query: TracedQuery): Deps =>
  union(query.rows, query.open ?? NO_DEPS, ...query.columns.map((column) => column.deps))

/** PIVOT, UNPIVOT, SUMMARIZE: every column and every row may depend on everything below. */
function traceWhole(ref: Tree, scope: Scope, rows: Rows, trace: Trace): Body {
  const inner = newScope(scope, scope.ctes)
  const source = child(ref, 'source')
  if (source !== undefined) traceFrom(source, inner, rows, trace)
  const query = child(ref, 'query')
  const shown = query === undefined ? NO_DEPS : wholeQuery(trace.query(query, scope, scope.ctes))
  if (source === undefined && query === undefined) trace.lost = true
  const { source: _, query: __, ...rest } = ref
  const deps = union(shown, ...inner.relations.map(wholeRow), depsOf(rest, inner, trace))
  for (const dep of deps) rows.add(dep)
  if (ref.type === 'SHOW_REF') trace.floatSums = true
  return { columns: [], open: deps }
}

function traceJoin(ref: Tree, scope: Scope, rows: Rows, trace: Trace): readonly ScopeRelation[] {
  const left = traceSide(ref, 'left', scope, rows, trace)
  const right = traceSide(ref, 'right', scope, rows, trace)
  for (const dep of depsOf(ref.condition, scope, trace)) rows.add(dep)
  const shared =
    ref.ref_type === 'NATURAL' ? commonNames(left, right, trace) : texts(ref, 'using_columns').map(foldCase)
  if (shared.length > 0) mergeColumns(shared, left, right, scope, rows, trace)
  if (ref.join_type !== 'SEMI' && ref.join_type !== 'ANTI') return [...left, ...right]
  for (const relation of right) scope.relations.splice(scope.relations.indexOf(relation), 1)
  return left
}

function mergeColumns(
  names: readonly string[],
  left: readonly ScopeRelation[],
  right: readonly ScopeRelation[],
  scope: Scope,
  rows: Rows,
  trace: Trace,
): void {
  for (const relation of [...left, ...right]) {
    if (relation.open !== null) trace.lost = true
    for (const name of names)
      for (const column of columnsNamed(relation, name)) for (const dep of column.deps) rows.add(dep)
  }
  for (const relation of right) scope.merged.set(relation, new Set([...(scope.merged.get(relation) ?? []), ...names]))
}

function traceSide(
  ref: Tree,
  side: 'left' | 'right',
  scope: Scope,
  rows: Rows,
  trace: Trace,
): readonly ScopeRelation[] {
  const inner = child(ref, side)
  if (inner === undefined) trace.lost = true
  return inner === undefined ? [] : traceFrom(inner, scope, rows, trace)
}

function commonNames(left: readonly ScopeRelation[], right: readonly ScopeRelation[], trace: Trace): readonly string[] {
  const names = (side: readonly ScopeRelation[]): ReadonlySet<string> =>
    new Set(side.flatMap((relation) => relation.columns.map((column) => foldCase(column.name))))
  if ([...left, ...right].some((relation) => relation.open !== null)) trace.lost = true
  const others = names(right)
  return [...names(left)].filter((name) => others.has(name))
}
