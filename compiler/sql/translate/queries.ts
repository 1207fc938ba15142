// A query with its WITH clause: CTEs keep their names, a recursive one has the types of its first part.

import { quoteName } from '../../dialect/postgresql.ts'
import type { Tree } from '../../ports.ts'
import { child, children, foldCase, isTree, queryOf, text, texts } from '../tree.ts'
import { select } from './select.ts'
import { setOperation } from './set-operation.ts'
import { type KnownCte, ownShape, type Query, type Scope, type Translator } from './translator.ts'
import { commonType } from './types.ts'

const EMPTY: Query = { columns: [], render: () => '' }

interface WithClause {
  readonly ctes: KnownCte | null
  /** With its line break; '' when there is none. */
  readonly sql: string
}

export function query(t: Translator, node: Tree, outer: Scope | null, ctes: KnownCte | null): Query {
  const clause = withClause(t, node, outer, ctes)
  const body = bodyOf(t, node, outer, clause.ctes)
  return clause.sql === '' ? body : { ...body, render: (shape) => clause.sql + body.render(shape) }
}

function bodyOf(t: Translator, node: Tree, outer: Scope | null, ctes: KnownCte | null): Query {
  if (node.type === 'SELECT_NODE') return select(t, node, outer, ctes)
  if (node.type === 'SET_OPERATION_NODE') return setOperation(t, node, outer, ctes)
  t.refuse(node, text(node, 'type') || 'query', { message: 'This kind of query is not translated.' })
  return EMPTY
}

function withClause(t: Translator, node: Tree, outer: Scope | null, around: KnownCte | null): WithClause {
  let ctes = around
  let isRecursive = false
  const texted: string[] = []
  for (const entry of children(child(node, 'cte_map') ?? {}, 'map')) {
    const definition = isTree(entry.value) ? entry.value : {}
    const inner = queryOf(definition, 'query') ?? {}
    const name = text(entry, 'key')
    isRecursive ||= inner.type === 'RECURSIVE_CTE_NODE'
    const found =
      inner.type === 'RECURSIVE_CTE_NODE'
        ? recursive(t, inner, definition, name, outer, ctes)
        : plain(t, inner, definition, outer, ctes)
    const kept =
      { CTE_MATERIALIZE_ALWAYS: 'MATERIALIZED ', CTE_MATERIALIZE_NEVER: 'NOT MATERIALIZED ' }[
        text(definition, 'materialized')
      ] ?? ''
    texted.push(`${quoteName(name)} AS ${kept}(\n${found.sql}\n)`)
    ctes = { name: foldCase(name), spelled: name, columns: found.columns, outer: ctes }
  }
  return { ctes, sql: texted.length === 0 ? '' : `WITH ${isRecursive ? 'RECURSIVE ' : ''}${texted.join(',\n')}\n` }
}

type Cte = { readonly sql: string; readonly columns: KnownCte['columns'] }

function plain(t: Translator, node: Tree, definition: Tree, outer: Scope | null, ctes: KnownCte | null): Cte {
  const inner = t.query(node, outer, ctes)
  const columns = renamed(ownShape(inner), texts(definition, 'aliases'))
  return { sql: inner.render(columns), columns }
}

const renamed = (columns: KnownCte['columns'], names: readonly string[]): KnownCte['columns'] =>
  columns.map((column, i) => ({ name: names[i] ?? column.name, type: column.type }))

function recursive(
  t: Translator,
  node: Tree,
  definition: Tree,
  name: string,
  outer: Scope | null,
  around: KnownCte | null,
): Cte {
  const { ctes } = withClause(t, node, outer, around)
  const first = t.query(child(node, 'left') ?? {}, outer, ctes)
  const columns = renamed(
    ownShape(first),
    [...texts(definition, 'aliases'), ...texts(node, 'aliases')].slice(0, first.columns.length),
  )
  const self: KnownCte = { name: foldCase(name), spelled: name, columns, outer: ctes }
  const next = t.query(child(node, 'right') ?? {}, outer, self)
  for (const [i, { value }] of next.columns.entries()) {
    const type = columns[i]?.type ?? ''
    if (
      value.type !== '' &&
      type !== '' &&
      commonType({ sql: '', type }, value.literal === 'whole' ? { sql: '', type: value.type } : value) !== type
    )
      t.refuse(node, name, {
        message: `A column of '${name}' has the type ${type} in its first part and ${value.type} in the next.`,
        hint: 'Cast both to one type.',
      })
  }
  if (Array.isArray(node.key_targets) && node.key_targets.length > 0)
    t.refuse(node, 'USING KEY', { message: 'USING KEY does not exist on PostgreSQL.' })
  const operator = node.union_all === true ? 'UNION ALL' : 'UNION'
  return { sql: `${first.render(columns)}\n${operator}\n${next.render(columns)}`, columns }
}
