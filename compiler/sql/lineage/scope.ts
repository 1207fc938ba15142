// What the names in a query may mean: relations, aliases of select items, lambda parameters, level by level outwards.
// Where the engine picks one of several meanings, all of them are taken: a superset, never a missed dependency.

import type { Tree } from '../../ports.ts'
import { foldCase } from '../tree.ts'

/** Input columns, each as `node`, NUL, `column`. */
export type Deps = ReadonlySet<string>

export const NO_DEPS: Deps = new Set()

export function union(...sets: readonly Deps[]): Deps {
  const some = sets.filter((set) => set.size > 0)
  if (some.length <= 1) return some[0] ?? NO_DEPS
  const all = new Set<string>()
  for (const set of some) for (const dep of set) all.add(dep)
  return all
}

export interface TracedColumn {
  /** '' when the engine makes a name from the expression's text. */
  readonly name: string
  readonly deps: Deps
  /** Whether values may be FLOAT or DOUBLE. */
  readonly float: () => boolean
  readonly isList: boolean
}

/** A query's columns and row set. `open`: names and number of columns are not known, any may depend on these. */
export interface TracedQuery {
  readonly columns: readonly TracedColumn[]
  readonly rows: Deps
  readonly open: Deps | null
}

export interface ScopeRelation {
  /** In lower case, like `schema` and `table`. */
  readonly alias: string
  readonly schema: string
  readonly table: string
  readonly columns: readonly TracedColumn[]
  /** The columns by name in lower case. */
  readonly byName: ReadonlyMap<string, readonly TracedColumn[]>
  readonly open: Deps | null
}

/** CTEs that are visible, innermost first; traced when first read. */
export interface CteScope {
  readonly name: string
  readonly query: () => TracedQuery
  readonly outer: CteScope | null
}

export interface Scope {
  readonly relations: ScopeRelation[]
  /** Columns that USING and NATURAL joins merge into the one on the left, by relation: a star leaves them out. */
  readonly merged: Map<ScopeRelation, ReadonlySet<string>>
  readonly aliases: Map<string, TracedColumn>
  readonly parameters: ReadonlySet<string>
  readonly parent: Scope | null
  readonly ctes: CteScope | null
}

export const newScope = (parent: Scope | null, ctes: CteScope | null): Scope => ({
  relations: [],
  merged: new Map(),
  aliases: new Map(),
  parameters: new Set(),
  parent,
  ctes,
})

/** State of one trace. */
export interface Trace {
  /** Input relations by `schema.name` in lower case. */
  readonly inputs: ReadonlyMap<string, ScopeRelation>
  /** Set once something is not understood: the answer is void. */
  lost: boolean
  /** Set when floating-point numbers are added up. */
  floatSums: boolean
  query(node: Tree, parent: Scope | null, ctes: CteScope | null): TracedQuery
}

/** With the columns by name; `known` is the same list of columns with its names, made before. */
export function relationOf(
  about: Omit<ScopeRelation, 'byName'>,
  known?: ReadonlyMap<string, readonly TracedColumn[]>,
): ScopeRelation {
  if (known !== undefined) return { ...about, byName: known }
  const byName = new Map<string, TracedColumn[]>()
  for (const column of about.columns) {
    const name = foldCase(column.name)
    const same = byName.get(name)
    if (same === undefined) byName.set(name, [column])
    else same.push(column)
  }
  return { ...about, byName }
}

const NONE: readonly TracedColumn[] = []

/** `name` in lower case. */
export const columnsNamed = (relation: ScopeRelation, name: string): readonly TracedColumn[] =>
  relation.byName.get(name) ?? NONE

/** Everything that a relation's columns depend on. */
export const wholeRow = (relation: ScopeRelation): Deps =>
  union(...relation.columns.map((column) => column.deps), relation.open ?? NO_DEPS)

/** A column of which nothing is known but what it depends on. */
export const columnOf = (deps: Deps, name = ''): TracedColumn => ({ name, deps, float: () => true, isList: false })

/** Parsed as columns, although they are functions of the clock or the session. */
const VALUE_KEYWORDS = /^(current_\w+|local\w+|session_user|user)$/

/** Every column that a reference may mean; null when it means nothing known. `parts` as written. */
export function resolveName(parts: readonly string[], scope: Scope): readonly TracedColumn[] | null {
  const names = parts.map(foldCase)
  const first = names[0] ?? ''
  const found: TracedColumn[] = []
  let known = false
  for (let level: Scope | null = scope; level !== null; level = level.parent) {
    let isColumn = false
    for (const relation of level.relations) {
      const columns = columnsNamed(relation, first)
      if (columns.length > 0) isColumn = true
      for (const column of columns) found.push(column)
      // Its own column of that name comes before its row.
      const mayBeRow = names.length > 1 || columns.length === 0
      if (mayBeRow && (relation.alias === first || relation.schema === first)) addQualified(relation, names, found)
    }
    const alias = level.aliases.get(first)
    if (alias !== undefined) found.push(alias)
    // A column of the innermost level wins over whatever is outside it.
    if (names.length === 1 && isColumn) return found
    if (level.parameters.has(first)) known = true
    for (const relation of level.relations) if (relation.open !== null) found.push(columnOf(relation.open))
  }
  if (found.length > 0 || known) return found
  return names.length === 1 && VALUE_KEYWORDS.test(first) ? [] : null
}

/** `alias`, `alias.column…`, `schema.table`, `schema.table.column…` of one relation. */
function addQualified(relation: ScopeRelation, names: readonly string[], found: TracedColumn[]): void {
  const [first = '', second, third] = names
  const add = (name: string | undefined): void => {
    if (name === undefined) found.push(columnOf(wholeRow(relation)))
    else found.push(...columnsNamed(relation, name))
  }
  if (relation.alias === first) add(second)
  if (relation.schema !== '' && relation.schema === first && relation.table === second) add(third)
}

export function findCte(name: string, ctes: CteScope | null): CteScope | null {
  for (let cte = ctes; cte !== null; cte = cte.outer) if (cte.name === name) return cte
  return null
}
