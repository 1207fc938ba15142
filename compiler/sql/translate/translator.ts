// What every rule of the translation works with: the scope in which names are looked up, and where what cannot be
// translated is noted. A rule that refuses gives REFUSED, so that one run finds everything.

import type { Relation, Tree } from '../../ports.ts'
import type { Typed } from './types.ts'

/** What a text means that cannot be read from it. */
export interface Meanings {
  /** How PostgreSQL finds a relation: already quoted. */
  readonly relation: (relation: Relation) => string
  /**
   * The server's own type of a column where it may be another than the counterpart of DuckDB's: `character(5)`, `citext`,
   * an enum. Its values are cast before anything is done with them. Absent: every relation has the counterparts.
   */
  readonly serverType?: (relation: Relation, column: string) => string | undefined
  /** PostgreSQL's expression of the run's timestamp, a `timestamptz`. */
  readonly runTimestamp: string
  /** PostgreSQL's expression of a variable of the run, a `text`; null: there is no such variable. */
  readonly variable: (name: string) => string | null
}

export interface ScopeColumn {
  /** As DuckDB calls it; null: it has no name that can be written. */
  readonly name: string | null
  readonly value: Typed
}

export interface ScopeRelation {
  /** Lower case. */
  readonly alias: string
  readonly schema: string | null
  readonly columns: readonly ScopeColumn[]
}

export interface KnownCte {
  readonly name: string
  readonly spelled: string
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly outer: KnownCte | null
}

export interface Scope {
  readonly relations: readonly ScopeRelation[]
  /** Columns that USING and NATURAL make one of, lower case, in the order of the join. */
  readonly merged: ReadonlyMap<string, Typed>
  /** Names of the SELECT list so far, lower case. */
  readonly aliases: Map<string, Typed>
  readonly outer: Scope | null
  readonly ctes: KnownCte | null
  /** Spellings of relations that are taken here. */
  readonly taken: Set<string>
  /** Whether something of the FROM clause was refused, so that names may be missing. */
  readonly broken: boolean
  /** Set when a name is found here by what is nested below. */
  readonly touched: { value: boolean }
}

/** One column of a query: its name and the value before anybody asks for a type. */
export interface QueryColumn {
  readonly name: string | null
  readonly value: Typed
}

/** The columns that a query shall give. */
export type Shape = readonly { readonly name: string; readonly type: string }[]

export interface Query {
  readonly columns: readonly QueryColumn[]
  /** The text, with columns of these names and types. */
  readonly render: (shape: Shape) => string
}

export type FindingCode =
  | 'TRANSLATE_NOT_SUPPORTED'
  | 'TRANSLATE_ORDER_NOT_SAID'
  | 'TRANSLATE_TYPE'
  | 'TRANSLATE_NAME_TOO_LONG'

export interface Refusal {
  readonly code?: FindingCode
  readonly message: string
  readonly hint?: string | undefined
}

export interface Translator {
  readonly meanings: Meanings
  readonly relations: readonly Relation[]
  readonly expression: (tree: Tree, scope: Scope) => Typed
  readonly query: (node: Tree, outer: Scope | null, ctes: KnownCte | null) => Query
  /** Notes why a construct is not translated. */
  readonly refuse: (tree: Tree, construct: string, refusal: Refusal) => Typed
  /** Notes what is written in another way than by another spelling. */
  readonly changed: (tree: Tree, what: string) => void
}

export const newScope = (outer: Scope | null, ctes: KnownCte | null): Scope => ({
  relations: [],
  merged: new Map(),
  aliases: new Map(),
  outer,
  ctes,
  taken: new Set(),
  broken: false,
  touched: { value: false },
})

/** A spelling for a relation that no other has which can be seen from here. */
export function freshAlias(name: string, scope: Scope): string {
  for (let i = 1; ; i++) {
    const tried = i === 1 ? name : `${name}_${i}`
    let taken = false
    for (let at: Scope | null = scope; at !== null; at = at.outer) taken ||= at.taken.has(tried)
    if (!taken) {
      scope.taken.add(tried)
      return tried
    }
  }
}

/** The shape that a query has by itself; what has no name of its own is numbered. */
export function ownShape(query: Query): { readonly name: string; readonly type: string }[] {
  const taken = new Set<string>()
  return query.columns.map(({ name, value }, i) => {
    const own = name !== null && !taken.has(name) ? name : `column_${i + 1}`
    taken.add(own)
    return { name: own, type: value.type === 'NULL' ? 'INTEGER' : value.type }
  })
}
