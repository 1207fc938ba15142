// What a name means in each of two texts of PostgreSQL that are looked at side by side: where one has a relation the other has
// its counterpart, and a column is found when both names lead to the same place. Rules of PostgreSQL: the nearest query that
// has the column; ambiguous, a whole row or a column of the system: not found. Pure.

import { listOf, treeOf } from './parse-tree.ts'

/** A list of names; null: something else is in it. */
export function namesOf(value: unknown): readonly string[] | null {
  const names = listOf(value).map((item) => treeOf(item.String).sval)
  return names.every((name) => typeof name === 'string') ? names : null
}

/** A relation of a FROM clause, as each text calls it and its columns. */
export interface Pair {
  readonly own: string
  readonly theirs: string
  /** The schema by which the first text may name it, too. */
  readonly schema: string | null
  readonly columns: readonly { readonly own: string; readonly theirs: string }[]
}

/** What the relations of one query are. */
export interface Level {
  readonly pairs: readonly Pair[]
  /** By USING: names that mean a column of the left side. */
  readonly merged: ReadonlyMap<string, Place>
  readonly outer: Level | null
}

/** A column of a relation. */
export interface Place {
  readonly pair: Pair
  readonly at: number
}

export const samePlace = (a: Place | null, b: Place | null): boolean =>
  a !== null && b !== null && a.pair === b.pair && a.at === b.at

/** Tables have these without saying so, and views do not. */
const OF_SYSTEM: ReadonlySet<string> = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid', 'oid'])

type Side = 'own' | 'theirs'

const columnsOf = (pair: Pair, side: Side, name: string): readonly Place[] =>
  pair.columns.flatMap((column, at) => (column[side] === name ? [{ pair, at }] : []))

/** The column that a name means; null: none, several, or nobody can tell. */
export function placeOf(names: readonly string[], level: Level, side: Side): Place | null {
  const last = names.at(-1) ?? ''
  if (OF_SYSTEM.has(last)) return null
  return names.length === 1 ? unqualified(last, level, side) : qualified(names, level, side)
}

function unqualified(name: string, level: Level, side: Side): Place | null {
  for (let at: Level | null = level; at !== null; at = at.outer) {
    const merged = side === 'own' ? at.merged.get(name) : undefined
    if (merged !== undefined) return merged
    const found = at.pairs.flatMap((pair) => columnsOf(pair, side, name))
    if (found.length > 0) return found.length === 1 ? (found[0] ?? null) : null
  }
  return null
}

function qualified(names: readonly string[], level: Level, side: Side): Place | null {
  const [name = '', relation = '', schema, more] = [...names].reverse()
  if (more !== undefined) return null
  for (let at: Level | null = level; at !== null; at = at.outer) {
    const pairs = at.pairs.filter(
      (pair) => pair[side] === relation && (schema === undefined || (side === 'own' && pair.schema === schema)),
    )
    const [pair, second] = pairs
    if (pair === undefined) continue
    const found = second === undefined ? columnsOf(pair, side, name) : []
    return found.length === 1 ? (found[0] ?? null) : null
  }
  return null
}
