// Reading syntax trees of the engine (DuckDB's json_serialize_sql): members by name, whole-tree walks. The shape belongs
// to the pinned engine; a member that is missing had its default value. Positions count bytes of UTF-8.

import type { Tree } from '../ports.ts'

export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The member as a tree, or undefined. */
export function child(tree: Tree, key: string): Tree | undefined {
  const value = tree[key]
  return isTree(value) ? value : undefined
}

/** The member as a list of trees; empty when it is missing. */
export function children(tree: Tree, key: string): readonly Tree[] {
  const value = tree[key]
  return Array.isArray(value) ? value.filter(isTree) : []
}

/** The member as text; '' when it is missing. */
export function text(tree: Tree, key: string): string {
  const value = tree[key]
  return typeof value === 'string' ? value : ''
}

/** The member as a list of texts; empty when it is missing. */
export function texts(tree: Tree, key: string): readonly string[] {
  const value = tree[key]
  return Array.isArray(value) ? value.filter((v) => typeof v === 'string') : []
}

/** Every tree below and including `value`, parents first. */
export const everyTree = (value: unknown): readonly Tree[] => gathered(value, '', [])

/** Like everyTree, without what is inside subqueries. */
export const ownTrees = (value: unknown): readonly Tree[] => gathered(value, 'subquery', [])

function gathered(value: unknown, without: string, trees: Tree[]): Tree[] {
  if (Array.isArray(value)) for (const item of value) gathered(item, without, trees)
  else if (isTree(value)) {
    trees.push(value)
    for (const key in value) if (key !== without) gathered(value[key], without, trees)
  }
  return trees
}

/** Parts of a column reference (`t.amount` → ['t', 'amount']), or undefined for anything else. */
export const columnParts = (tree: Tree): readonly string[] | undefined =>
  tree.class === 'COLUMN_REF' ? texts(tree, 'column_names') : undefined

/** Pairs of a serialised map: CTEs, `REPLACE` and `RENAME` lists. */
export function pairs(tree: Tree, key: string): readonly { readonly key: unknown; readonly value: unknown }[] {
  const value = tree[key]
  return Array.isArray(value) ? value.filter(isTree).map((pair) => ({ key: pair.key, value: pair.value })) : []
}

/** The query inside a `subquery` or `query` member of a statement, CTE or table reference. */
export const queryOf = (tree: Tree, key: 'subquery' | 'query'): Tree | undefined => {
  const statement = child(tree, key)
  return statement && child(statement, 'node')
}

export { foldCase } from '../../runtime/contract/stored-columns.ts'
