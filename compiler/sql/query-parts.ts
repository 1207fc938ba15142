// Two syntax trees of a query → the words for where they differ: clauses, and items of the select list by their names.
// For sentences only: what runs again is decided by plans. Pure.

import { canonicalJson } from '../../runtime/contract/canonical-json.ts'
import type { Tree } from '../ports.ts'
import { canonicalTree } from './canonical.ts'
import { child, children, columnParts, text } from './tree.ts'

/** Members of a SELECT in the order in which people write them. */
const CLAUSES: readonly (readonly [member: string, word: string])[] = [
  ['cte_map', 'WITH'],
  ['from_table', 'FROM or a join'],
  ['where_clause', 'filter'],
  ['group_expressions', 'grouping'],
  ['group_sets', 'grouping'],
  ['aggregate_handling', 'grouping'],
  ['having', 'HAVING'],
  ['qualify', 'QUALIFY'],
  ['sample', 'sample'],
  ['modifiers', 'DISTINCT, ORDER BY or LIMIT'],
]

export interface QueryParts {
  readonly clauses: readonly string[]
  /** Names of items whose expressions differ. */
  readonly items: readonly string[]
}

/** Null for anything but two plain SELECTs. */
export function differingParts(before: Tree, now: Tree): QueryParts | null {
  const [a, b] = [child(before, 'node'), child(now, 'node')]
  if (a?.type !== 'SELECT_NODE' || b?.type !== 'SELECT_NODE') return null
  const clauses = CLAUSES.filter(([member]) => form(a[member]) !== form(b[member])).map(([, word]) => word)
  const [old, items] = [itemsOf(a), itemsOf(b)]
  const differing = [...items].filter(([name, item]) => old.has(name) && old.get(name) !== item).map(([name]) => name)
  return { clauses: [...new Set(clauses)], items: differing }
}

const form = (value: unknown): string => canonicalJson(canonicalTree({ value: value ?? null }))

/** Items with a name that is plain to see: an alias, or a column. */
function itemsOf(select: Tree): ReadonlyMap<string, string> {
  const named = children(select, 'select_list').flatMap((item): readonly (readonly [string, string])[] => {
    const name = text(item, 'alias') || columnParts(item)?.at(-1)
    return name === undefined ? [] : [[name, form({ ...item, alias: '' })]]
  })
  return new Map(named)
}
