// What an expression depends on, and whether its values may be floating point. Any member of a tree that is not treated
// here is walked through, so that a new kind of expression still finds the columns in it.

import type { Tree } from '../../ports.ts'
import { child, children, columnParts, everyTree, foldCase, isTree, queryOf, text } from '../tree.ts'
import { type Deps, resolveName, type Scope, type Trace, type TracedColumn, wholeRow } from './scope.ts'

/** Input columns that the value of an expression (or list of them) depends on, subqueries and their row sets included. */
export function depsOf(value: unknown, scope: Scope, trace: Trace): Deps {
  const deps = new Set<string>()
  collect(value, scope, trace, deps)
  return deps
}

const addAll = (deps: Set<string>, more: Iterable<string>): void => {
  for (const dep of more) deps.add(dep)
}

function collect(value: unknown, scope: Scope, trace: Trace, deps: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) collect(item, scope, trace, deps)
  if (!isTree(value)) return
  const parts = columnParts(value)
  if (parts !== undefined) {
    for (const column of resolved(parts, scope, trace)) addAll(deps, column.deps)
    return
  }
  if (value.class === 'STAR' || value.class === 'POSITIONAL_REFERENCE')
    for (const relation of scope.relations) addAll(deps, wholeRow(relation))
  if (value.class === 'SUBQUERY') collectSubquery(value, scope, trace, deps)
  if (isFloatSum(value, scope, trace)) trace.floatSums = true
  const inner = value.class === 'LAMBDA' ? withParameters(scope, value) : scope
  for (const key in value) if (key !== 'subquery') collect(value[key], inner, trace, deps)
}

function resolved(parts: readonly string[], scope: Scope, trace: Trace): readonly TracedColumn[] {
  const columns = resolveName(parts, scope)
  if (columns === null) trace.lost = true
  return columns ?? []
}

function collectSubquery(subquery: Tree, scope: Scope, trace: Trace, deps: Set<string>): void {
  const node = queryOf(subquery, 'subquery')
  if (node === undefined) {
    trace.lost = true
    return
  }
  const query = trace.query(node, scope, scope.ctes)
  addAll(deps, query.rows)
  if (subquery.subquery_type === 'EXISTS') return
  for (const column of query.columns) addAll(deps, column.deps)
  if (query.open !== null) addAll(deps, query.open)
}

function withParameters(scope: Scope, lambda: Tree): Scope {
  const names = everyTree(lambda.lhs)
    .flatMap((tree) => columnParts(tree) ?? [])
    .map(foldCase)
  return { ...scope, parameters: new Set([...scope.parameters, ...names]) }
}

const SUMS: ReadonlySet<string> = new Set(['sum', 'avg', 'mean'])

function isFloatSum(tree: Tree, scope: Scope, trace: Trace): boolean {
  const isCall = tree.class === 'FUNCTION' || tree.class === 'WINDOW'
  return isCall && SUMS.has(text(tree, 'function_name')) && mayBeFloat(children(tree, 'children')[0], scope, trace)
}

/** Functions whose result has the type of an argument. */
const KEEP_TYPE: ReadonlySet<string> = new Set(
  (
    '+ - * % // abs any_value arbitrary arg_max arg_min ceil ceiling coalesce first first_value floor greatest if ifnull lag last last_value ' +
    'lead least max max_by min min_by mode nth_value nullif round sum trunc unnest'
  ).split(' '),
)
/** Functions that never give a floating-point number. */
const NO_FLOAT: ReadonlySet<string> = new Set(
  (
    '|| ~~ !~~ concat count count_if count_star countif date_diff datediff day dense_rank hash hour instr length len lower ' +
    'minute month ntile quarter rank regexp_matches row_number second sign strftime strlen strpos trim upper week year'
  ).split(' '),
)
const BOOLEAN_OPERATORS: ReadonlySet<unknown> = new Set([
  'OPERATOR_NOT',
  'OPERATOR_IS_NULL',
  'OPERATOR_IS_NOT_NULL',
  'COMPARE_IN',
  'COMPARE_NOT_IN',
])

/** False only when the values are certainly no FLOAT or DOUBLE. */
export function mayBeFloat(tree: Tree | undefined, scope: Scope, trace: Trace): boolean {
  if (tree === undefined) return true
  const any = (trees: readonly (Tree | undefined)[]): boolean => trees.some((t) => mayBeFloat(t, scope, trace))
  switch (tree.class) {
    case 'COMPARISON':
    case 'CONJUNCTION':
    case 'BETWEEN':
      return false
    case 'CONSTANT':
      return isFloatType(child(tree, 'value'))
    case 'CAST':
      return isFloatType(child(tree, 'cast_type'))
    case 'COLUMN_REF':
      return resolveName(columnParts(tree) ?? [], scope)?.some((column) => column.float()) ?? true
    case 'CASE':
      return any([...children(tree, 'case_checks').map((check) => child(check, 'then_expr')), child(tree, 'else_expr')])
    case 'OPERATOR':
      return !BOOLEAN_OPERATORS.has(tree.type) && any(children(tree, 'children'))
    case 'SUBQUERY':
      return tree.subquery_type === 'SCALAR' && scalarMayBeFloat(tree, scope, trace)
    case 'FUNCTION':
    case 'WINDOW': {
      const name = text(tree, 'function_name')
      return !NO_FLOAT.has(name) && (!KEEP_TYPE.has(name) || any(children(tree, 'children')))
    }
    default:
      return true
  }
}

function scalarMayBeFloat(subquery: Tree, scope: Scope, trace: Trace): boolean {
  const node = queryOf(subquery, 'subquery')
  return node === undefined || (trace.query(node, scope, scope.ctes).columns[0]?.float() ?? true)
}

const isFloatType = (tree: Tree | undefined): boolean =>
  everyTree(tree).some((t) => t.id === 'DOUBLE' || t.id === 'FLOAT' || t.id === 'UNBOUND')
