// What a name means: columns of the FROM clause first, then names of the SELECT list before it, then the queries around.
// Pure.

import { foldCase } from '../tree.ts'
import type { Scope } from './translator.ts'
import { REFUSED, type Typed } from './types.ts'

/** Null: nothing, or more than one thing. Where the name may belong to what was refused, so is the name. */
export function lookUp(parts: readonly string[], scope: Scope): Typed | null {
  const names = parts.map(foldCase)
  let isBroken = false
  for (let at: Scope | null = scope; at !== null; at = at.outer) {
    const found = here(names, at)
    isBroken ||= at.broken
    if (found === 'several') return null
    if (found === null) continue
    if (at !== scope) at.touched.value = true
    return found
  }
  return isBroken ? REFUSED : null
}

function here(names: readonly string[], scope: Scope): Typed | 'several' | null {
  const [a = '', b = '', c = ''] = names
  if (names.length === 1) {
    const merged = scope.merged.get(a)
    if (merged !== undefined) return merged
    const found = columnsNamed(a, scope, () => true)
    return found.length === 0 ? (scope.aliases.get(a) ?? null) : only(found)
  }
  const found =
    names.length === 2
      ? columnsNamed(b, scope, (alias) => alias === a)
      : names.length === 3
        ? columnsNamed(c, scope, (alias, schema) => alias === b && schema === a)
        : []
  return found.length === 0 ? null : only(found)
}

const only = (found: readonly Typed[]): Typed | 'several' => (found.length === 1 ? (found[0] ?? 'several') : 'several')

const columnsNamed = (
  name: string,
  scope: Scope,
  isMeant: (alias: string, schema: string | null) => boolean,
): readonly Typed[] =>
  scope.relations.flatMap(({ alias, schema, columns }) =>
    isMeant(alias, schema)
      ? columns.flatMap((column) => (column.name !== null && foldCase(column.name) === name ? [column.value] : []))
      : [],
  )
