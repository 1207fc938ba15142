// Items and keys of a SELECT of PostgreSQL, looked at beside a translation: stars written out, which item a number or a name of
// ORDER BY and GROUP BY means, and the query that a translation puts around DISTINCT. Pure.

import { listOf, type Tree, treeOf } from './parse-tree.ts'
import { type Level, namesOf, type Place } from './same-names.ts'

/** An item: an expression of the first text, or a column that its star stands for. */
export type Item =
  | { readonly name: string | null; readonly node: unknown }
  | { readonly name: string; readonly place: Place }

/** `SELECT s.a, s.b FROM (SELECT DISTINCT …) AS s` → the query within; null: it is something else. */
export function withoutWrapper(select: Tree): Tree | null {
  const { fromClause, targetList, sortClause: _, limitOption, op, ...rest } = select
  const [only, second] = listOf(fromClause)
  const { subquery, alias, lateral } = treeOf(only?.RangeSubselect)
  const within = treeOf(treeOf(subquery).SelectStmt)
  const name = treeOf(alias).aliasname
  if (second !== undefined || name === undefined || lateral === true || Object.keys(rest).length > 0) return null
  const [items, passed] = [listOf(targetList), listOf(within.targetList)].map((list) =>
    list.map((item) => treeOf(item.ResTarget)),
  )
  if (items === undefined || passed === undefined || items.length !== passed.length) return null
  const isPassed = items.every(({ val }, i) => {
    const path = namesOf(treeOf(treeOf(val).ColumnRef).fields)
    return path !== null && path.length === 2 && path[0] === name && path[1] === itemName(passed[i] ?? {})
  })
  return isPassed && limitOption === within.limitOption && op === within.op ? within : null
}

export const isPlainDistinct = (clause: unknown): boolean | 'of some' =>
  clause === undefined ? false : listOf(clause).every((one) => Object.keys(one).length === 0) || 'of some'

/** The name that an item has by itself: its alias, or that of its column. */
export function itemName({ name, val }: Tree): string | null {
  if (typeof name === 'string') return name
  return namesOf(treeOf(treeOf(val).ColumnRef).fields)?.at(-1) ?? null
}

/** Items with stars written out; null: a star cannot be. */
export function itemsOf(select: Tree, level: Level): readonly Item[] | null {
  const items: Item[] = []
  for (const one of listOf(select.targetList)) {
    const target = treeOf(one.ResTarget)
    const fields = listOf(treeOf(treeOf(target.val).ColumnRef).fields)
    if (fields.at(-1)?.A_Star === undefined) items.push({ name: itemName(target), node: target.val })
    else {
      const of = namesOf(fields.slice(0, -1))
      const pairs = of?.length === 0 ? level.pairs : level.pairs.filter((pair) => pair.own === of?.[0])
      if (of === null || of.length > 1 || level.merged.size > 0 || pairs.length === 0) return null
      for (const pair of pairs)
        items.push(...pair.columns.map((column, at) => ({ name: column.own, place: { pair, at } })))
    }
  }
  return items
}

export const onlyItem = (name: string, items: readonly Item[]): Item | undefined => {
  const found = items.filter((item) => item.name === name)
  return found.length === 1 ? found[0] : undefined
}

export function numberOf(key: Tree): number | null {
  const { ival } = treeOf(key.A_Const)
  return ival === undefined ? null : Number(treeOf(ival).ival ?? 0)
}

/** A name without a relation before it. */
export function plainName(key: Tree): string | null {
  const names = key.ColumnRef === undefined ? null : namesOf(treeOf(key.ColumnRef).fields)
  return names?.length === 1 ? (names[0] ?? null) : null
}

export const isPlainKey = (key: Tree): boolean =>
  key.ColumnRef !== undefined ||
  numberOf(key) !== null ||
  (key.CollateClause !== undefined && isPlainKey(treeOf(treeOf(key.CollateClause).arg)))
