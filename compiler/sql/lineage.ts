// A query's tree and its inputs' columns → for each output column, and for the row set, the input columns that it
// depends on. A sound superset: null when anything is not understood, which means all columns of all inputs.
// Row set: filters, joins, grouping, DISTINCT, set operations, QUALIFY, LIMIT and the order that it cuts.

import { byCodeUnit } from '../../runtime/contract/canonical-json.ts'
import { type Column, columnRefText, type Lineage } from '../../runtime/contract/manifest.ts'
import type { Relation, Tree } from '../ports.ts'
import {
  type CteScope,
  columnOf,
  type Deps,
  relationOf,
  type Scope,
  type ScopeRelation,
  type Trace,
  type TracedQuery,
  union,
} from './lineage/scope.ts'
import { traceSelect } from './lineage/select.ts'
import { traceSetOperation } from './lineage/set-operation.ts'
import { child, children, foldCase, isTree, queryOf, text, texts } from './tree.ts'

export interface Traced {
  readonly lineage: Lineage
  /** Whether SUM or AVG adds up what may be floating-point numbers. */
  readonly floatSums: boolean
}

/** `tree` is one statement; `outputs` are its columns as the engine names them. Pure. */
export function traceColumns(tree: Tree, relations: readonly Relation[], outputs: readonly Column[]): Traced | null {
  const node = child(tree, 'node')
  if (node === undefined) return null
  const trace: Trace = {
    inputs: new Map(
      relations.map((relation) => [foldCase(`${relation.schema}.${relation.name}`), asScopeRelation(relation)]),
    ),
    lost: false,
    floatSums: false,
    query: (inner, parent, ctes) => traceQuery(inner, parent, ctes, trace),
  }
  const query = trace.query(node, null, null)
  const isSame = query.open !== null || sameNames(query, outputs)
  if (trace.lost || !isSame) return null
  const columns = outputs.map((output, i) => [output.name, refs(query.open ?? query.columns[i]?.deps ?? new Set())])
  return { lineage: { rows: refs(query.rows), columns: Object.fromEntries(columns) }, floatSums: trace.floatSums }
}

const SEPARATOR = '\0'

/** Made once a relation: a popular input is read by many. */
const scopeRelations = new WeakMap<Relation, ScopeRelation>()

function asScopeRelation(relation: Relation): ScopeRelation {
  const made = scopeRelations.get(relation) ?? makeScopeRelation(relation)
  scopeRelations.set(relation, made)
  return made
}

function makeScopeRelation(relation: Relation): ScopeRelation {
  const node = `${relation.schema}.${relation.name}`
  return relationOf({
    alias: foldCase(relation.name),
    schema: foldCase(relation.schema),
    table: foldCase(relation.name),
    columns: relation.columns.map((column) => ({
      name: column.name,
      deps: new Set([node + SEPARATOR + column.name]),
      float: () => /\b(FLOAT|DOUBLE)\b/.test(column.type),
      isList: column.type.endsWith(']'),
    })),
    open: null,
  })
}

/** A disagreement with the engine about names means that something was misread. */
const sameNames = (query: TracedQuery, outputs: readonly Column[]): boolean =>
  query.columns.length === outputs.length &&
  query.columns.every((column, i) => column.name === '' || foldCase(column.name) === foldCase(outputs[i]?.name ?? ''))

const refs = (deps: Deps): string[] =>
  [...deps].sort(byCodeUnit).map((dep) => {
    const [node = '', column = ''] = dep.split(SEPARATOR)
    return columnRefText({ node, column })
  })

const LOST: TracedQuery = { columns: [], rows: new Set(), open: new Set() }

function traceQuery(node: Tree, parent: Scope | null, outer: CteScope | null, trace: Trace): TracedQuery {
  const ctes = withCtes(node, parent, outer, trace)
  switch (node.type) {
    case 'SELECT_NODE':
      return traceSelect(node, parent, ctes, trace)
    case 'SET_OPERATION_NODE':
      return traceSetOperation(node, parent, ctes, trace)
    default:
      trace.lost = true
      return LOST
  }
}

function withCtes(node: Tree, parent: Scope | null, outer: CteScope | null, trace: Trace): CteScope | null {
  let ctes = outer
  const map = child(node, 'cte_map')
  for (const entry of map === undefined ? [] : children(map, 'map')) {
    const definition = isTree(entry.value) ? entry.value : {}
    const visible = ctes
    let known: TracedQuery | undefined
    const query = (): TracedQuery => {
      known ??= traceCte(definition, parent, visible, trace)
      return known
    }
    ctes = { name: foldCase(text(entry, 'key')), query, outer: visible }
  }
  return ctes
}

function traceCte(definition: Tree, parent: Scope | null, ctes: CteScope | null, trace: Trace): TracedQuery {
  const node = queryOf(definition, 'query')
  if (node === undefined) {
    trace.lost = true
    return LOST
  }
  const query =
    node.type === 'RECURSIVE_CTE_NODE' ? traceRecursive(node, parent, ctes, trace) : trace.query(node, parent, ctes)
  return renamedQuery(query, texts(definition, 'aliases'))
}

const renamedQuery = (query: TracedQuery, names: readonly string[]): TracedQuery => ({
  ...query,
  columns: query.columns.map((column, i) => ({ ...column, name: names[i] ?? column.name })),
})

/** Every column of every round may depend on everything that any round reads. */
function traceRecursive(node: Tree, parent: Scope | null, outer: CteScope | null, trace: Trace): TracedQuery {
  const [left, right] = [child(node, 'left'), child(node, 'right')]
  if (left === undefined || right === undefined) {
    trace.lost = true
    return LOST
  }
  const ctes = withCtes(node, parent, outer, trace)
  const names = texts(node, 'aliases')
  const first = renamedQuery(trace.query(left, parent, ctes), names)
  const self: CteScope = { name: foldCase(text(node, 'cte_name')), query: () => first, outer: ctes }
  const next = trace.query(right, parent, self)
  const all = union(
    ...[first, next].flatMap((query) => [
      query.rows,
      query.open ?? new Set<string>(),
      ...query.columns.map((c) => c.deps),
    ]),
  )
  if (first.open !== null || next.open !== null) return { columns: [], rows: all, open: all }
  return { columns: first.columns.map((column) => columnOf(all, column.name)), rows: all, open: null }
}
