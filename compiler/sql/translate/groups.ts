// GROUP BY: ordinals, names of the SELECT list and ALL written out. ALL leaves out what names no column, as DuckDB does: a
// query of constants and aggregates has one row also where there are none to count.

import { writtenType } from '../../dialect/postgresql.ts'
import type { Tree } from '../../ports.ts'
import { child, children, columnParts, everyTree, foldCase, ownTrees } from '../tree.ts'
import type { Item } from './items.ts'
import { lookUp } from './names.ts'
import { isGroupable } from './operators.ts'
import type { Scope, Translator } from './translator.ts'
import type { Typed } from './types.ts'

export function groupBy(t: Translator, node: Tree, items: readonly Item[], scope: Scope): string {
  if (node.aggregate_handling === 'FORCE_AGGREGATES') return written(allKeys(t, node, items, scope))
  const expressions = children(node, 'group_expressions')
  const sets = Array.isArray(node.group_sets) ? node.group_sets : []
  if (expressions.length === 0 && sets.length === 0) return ''
  const keys = expressions.map((tree) => groupKey(t, tree, byName(t, tree, items, scope)))
  const [only] = sets
  if (sets.length <= 1 && (!Array.isArray(only) || only.length === keys.length)) return written(keys)
  checkSets(t, expressions, keys, items, scope)
  const groups = sets.map((set) => `(${(Array.isArray(set) ? set : []).map((at) => keys[Number(at)]).join(', ')})`)
  return `GROUP BY GROUPING SETS (${groups.join(', ')})`
}

const written = (keys: readonly string[]): string => (keys.length === 0 ? '' : `GROUP BY ${keys.join(', ')}`)

function allKeys(t: Translator, node: Tree, items: readonly Item[], scope: Scope): readonly string[] {
  t.changed(node, 'GROUP BY ALL written out')
  return items
    .filter(({ aggregates }) => !aggregates)
    .flatMap(({ tree, value }) => {
      const isKey = readsColumns(tree, items, scope)
      if (!isKey && everyTree(tree).some((each) => each.class === 'SUBQUERY'))
        t.refuse(tree, 'GROUP BY ALL', {
          message: 'GROUP BY ALL with a subquery as a value is not translated.',
          hint: 'Write out what is grouped by.',
        })
      return isKey ? [groupKey(t, tree, value)] : []
    })
}

/** Whether an item names a column, directly or by the name of another item. */
function readsColumns(tree: Tree, items: readonly Item[], scope: Scope): boolean {
  if (tree.class === 'STAR') return true
  const columns: Scope = { ...scope, aliases: new Map() }
  return ownTrees(tree).some((each) => {
    const parts = columnParts(each)
    if (parts === undefined) return false
    if (lookUp(parts, columns) !== null) return true
    const name = parts.length === 1 ? foldCase(parts[0] ?? '') : ''
    const item = items.find((other) => other.tree !== tree && other.name !== null && foldCase(other.name) === name)
    return item !== undefined && readsColumns(item.tree, items, scope)
  })
}

/** DuckDB tells repeated keys apart, PostgreSQL does not; and it makes no NULL of a constant. */
function checkSets(
  t: Translator,
  trees: readonly Tree[],
  keys: readonly string[],
  items: readonly Item[],
  scope: Scope,
): void {
  for (const [i, tree] of trees.entries()) {
    const at = ordinal(tree)
    const meant = (at === null ? undefined : items[at - 1]?.tree) ?? tree
    if (keys.indexOf(keys[i] ?? '') !== i || !readsColumns(meant, items, scope))
      t.refuse(tree, 'GROUP BY', { message: 'Grouping sets are translated of keys that differ and that name columns.' })
  }
}

/** A literal in GROUP BY would be the number of a column. */
export function groupKey(t: Translator, tree: Tree, value: Typed): string {
  if (value.type !== '' && !isGroupable(value.type))
    t.refuse(tree, 'GROUP BY', { message: `Values of ${value.type} are not grouped the same on PostgreSQL.` })
  return value.literal === undefined || value.type === ''
    ? value.sql
    : `CAST(${value.sql} AS ${writtenType(value.type === 'NULL' ? 'INTEGER' : value.type)})`
}

/** The item that an ordinal means, or any other expression. */
export function byName(t: Translator, tree: Tree, items: readonly Item[], scope: Scope): Typed {
  const at = ordinal(tree)
  return (at === null ? undefined : items[at - 1]?.value) ?? t.expression(tree, scope)
}

function ordinal(tree: Tree): number | null {
  const value = tree.class === 'CONSTANT' ? child(tree, 'value')?.value : undefined
  return typeof value === 'number' ? value : null
}
