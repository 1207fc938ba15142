// A text of PostgreSQL and what a text that reads alike in another dialect is translated to → whether, to PostgreSQL, both are
// one query. Then the first means there what it means here. The second has every name qualified, stars, USING, ordinals and
// names of items written out; all else must be the same but for casts that change no value (same-expressions.ts). An order
// that nothing is cut off by is no difference. What is not understood is another query. Pure.

import { listOf, type Tree, treeOf } from './parse-tree.ts'
import { SameExpressions, type Use } from './same-expressions.ts'
import {
  type Item,
  isPlainDistinct,
  isPlainKey,
  itemName,
  itemsOf,
  numberOf,
  onlyItem,
  plainName,
  withoutWrapper,
} from './same-items.ts'
import { type Level, namesOf, type Pair, type Place, placeOf, samePlace } from './same-names.ts'

/** Columns of what a query may read, by `kind.name` in lower case. */
export type ReadColumns = ReadonlyMap<string, readonly string[]>

export interface SameRequest {
  readonly own: string
  /** Relations are spelled `kind.name`, in lower case. */
  readonly theirs: string
  readonly columns: ReadColumns
}

/** Answers in the order of the requests. */
export async function sameQueries(requests: readonly SameRequest[]): Promise<readonly boolean[]> {
  const { loadModule, parseSync } = await import('libpg-query')
  await loadModule()
  return requests.map(({ own, theirs, columns }) => {
    try {
      const [a, b] = [own, theirs].map((text) => onlySelect(parseSync(text)))
      return a != null && b != null && new SameQuery(columns).isSame(a, b)
    } catch (error) {
      // Too deep to be walked through.
      if (error instanceof RangeError) return false
      throw error
    }
  })
}

/** Null: it is no query, or there are several statements. */
function onlySelect(parsed: unknown): Tree | null {
  const [first, second] = listOf(treeOf(parsed).stmts)
  const select = treeOf(first?.stmt).SelectStmt
  return second !== undefined || select === undefined ? null : treeOf(select)
}

const CLAUSES: ReadonlySet<string> = new Set(
  `all distinctClause fromClause groupClause groupDistinct havingClause larg limitCount limitOffset limitOption op rarg sortClause targetList
whereClause withClause`.split(/\s+/),
)

/** A query of a WITH clause, as each text calls it. */
type Cte = Pair

/** Where a query stands. */
interface Around {
  readonly outer: Level | null
  readonly ctes: readonly Cte[]
  /** Whether the order of its rows is nobody's. */
  readonly isTop: boolean
  /** Whether its items are used as they are, type and all. */
  readonly isExact: boolean
  /** Whether something may ask for its columns by their names. */
  readonly isNamed: boolean
}

const TOP: Around = { outer: null, ctes: [], isTop: true, isExact: false, isNamed: false }

type Columns = Pair['columns']

interface From {
  readonly pairs: readonly Pair[]
  readonly merged: ReadonlyMap<string, Place>
}

const NO_FROM: From = { pairs: [], merged: new Map() }

const inner = (around: Around): Around => ({ ...around, isTop: false, isExact: false, isNamed: true })

class SameQuery {
  readonly #columns: ReadColumns
  readonly #ctes = new WeakMap<Level, readonly Cte[]>()
  readonly #expressions = new SameExpressions((own, theirs, outer) => {
    const around = { outer, ctes: this.#ctes.get(outer) ?? [], isTop: false, isExact: true, isNamed: false }
    return this.#query(own, theirs, around) !== null
  })

  constructor(columns: ReadColumns) {
    this.#columns = columns
  }

  isSame(own: Tree, theirs: Tree): boolean {
    return this.#query(own, theirs, TOP) !== null
  }

  /** The columns of both; null: they differ, or nobody can tell. */
  #query(own: Tree, theirs: Tree, around: Around): Columns | null {
    if (![own, theirs].every((one) => Object.keys(one).every((key) => CLAUSES.has(key)))) return null
    const ctes = this.#with(treeOf(own.withClause), treeOf(theirs.withClause), around)
    if (ctes === null) return null
    const inside = { ...around, ctes }
    if (own.op !== 'SETOP_NONE') return this.#setOperation(own, theirs, inside)
    const wrapped = own.distinctClause === undefined ? null : withoutWrapper(theirs)
    return this.#select(own, wrapped ?? theirs, inside)
  }

  #with(own: Tree, theirs: Tree, around: Around): readonly Cte[] | null {
    const [a, b] = [own, theirs].map(({ ctes }) => listOf(ctes).map((one) => treeOf(one.CommonTableExpr)))
    if (a === undefined || b === undefined || a.length !== b.length) return null
    if (own.recursive === true || theirs.recursive === true) return null
    let all = around.ctes
    for (const [i, one] of a.entries()) {
      const other = b[i] ?? {}
      if (one.ctematerialized !== other.ctematerialized || other.aliascolnames !== undefined) return null
      const [query, translated] = [treeOf(one.ctequery).SelectStmt, treeOf(other.ctequery).SelectStmt]
      const found = this.#query(treeOf(query), treeOf(translated), { ...inner(around), ctes: all })
      const columns = found && renamed(found, one.aliascolnames)
      if (columns === null) return null
      all = [...all, { own: String(one.ctename), theirs: String(other.ctename), schema: null, columns }]
    }
    return all
  }

  #setOperation(own: Tree, theirs: Tree, around: Around): Columns | null {
    const isSame = own.op === theirs.op && (own.all ?? false) === (theirs.all ?? false)
    const isPlain = [own, theirs].every((one) => one.limitCount === undefined && one.limitOffset === undefined)
    if (!isSame || !isPlain || own.sortClause !== undefined || theirs.sortClause !== undefined) return null
    const part = { ...around, isTop: false, isExact: true }
    const columns = this.#query(treeOf(own.larg), treeOf(theirs.larg), part)
    return this.#query(treeOf(own.rarg), treeOf(theirs.rarg), part) === null ? null : columns
  }

  #select(own: Tree, theirs: Tree, around: Around): Columns | null {
    if (theirs.op !== 'SETOP_NONE') return null
    const from = this.#from(own.fromClause, theirs.fromClause, around)
    if (from === null) return null
    const level: Level = { ...from, outer: around.outer }
    this.#ctes.set(level, around.ctes)
    const items = itemsOf(own, level)
    const columns = items && this.#items(items, listOf(theirs.targetList), level, around)
    if (items === null || columns === null) return null
    const isSame =
      this.#clause('whereClause', own, theirs, level) &&
      this.#clause('havingClause', own, theirs, level) &&
      this.#clause('limitCount', own, theirs, level) &&
      this.#clause('limitOffset', own, theirs, level) &&
      own.limitOption === theirs.limitOption &&
      own.groupDistinct === theirs.groupDistinct &&
      isPlainDistinct(own.distinctClause) === isPlainDistinct(theirs.distinctClause) &&
      this.#groups(own, theirs, items, level) &&
      this.#orders(own, theirs, items, level, around)
    return isSame ? columns : null
  }

  #clause(name: string, own: Tree, theirs: Tree, level: Level): boolean {
    if (own[name] === undefined || theirs[name] === undefined) return own[name] === theirs[name]
    return this.#expressions.same(own[name], theirs[name], level)
  }

  #items(items: readonly Item[], theirs: readonly Tree[], level: Level, { isExact, isNamed }: Around): Columns | null {
    if (items.length !== theirs.length) return null
    const columns = items.map((item, i) => {
      const other = treeOf(theirs[i]?.ResTarget)
      const name = itemName(other)
      // What has no name of its own gets one of PostgreSQL's.
      const own = item.name ?? (isNamed ? null : '')
      const isSame = this.#sameItem(item, other.val, level, isExact ? 'any' : 'item')
      return own === null || name === null || !isSame ? null : { own, theirs: name }
    })
    return columns.every((column) => column !== null) ? columns : null
  }

  #sameItem(item: Item, theirs: unknown, level: Level, use: Use): boolean {
    if ('node' in item) return this.#expressions.same(item.node, theirs, level, use)
    const names = namesOf(treeOf(treeOf(theirs).ColumnRef).fields)
    return names !== null && names.length > 0 && samePlace(item.place, placeOf(names, level, 'theirs'))
  }

  /** A number means an item; a name means a column first, and an item where there is no such column. */
  #groups(own: Tree, theirs: Tree, items: readonly Item[], level: Level): boolean {
    const [a, b] = [listOf(own.groupClause), listOf(theirs.groupClause)]
    if (a.length !== b.length) return false
    return a.every((key, i) => {
      const number = numberOf(key)
      if (number !== null) return this.#sameKey(items[number - 1], b[i], level)
      const name = plainName(key)
      const here: Level = { ...level, outer: null }
      if (name === null || placeOf([name], here, 'own') !== null) return this.#expressions.same(key, b[i], level)
      const isColumn =
        level.merged.has(name) || level.pairs.some((pair) => pair.columns.some((one) => one.own === name))
      return !isColumn && this.#sameKey(onlyItem(name, items), b[i], level)
    })
  }

  #orders(own: Tree, theirs: Tree, items: readonly Item[], level: Level, { isTop }: Around): boolean {
    const [a, b] = [own, theirs].map(({ sortClause }) => listOf(sortClause).map((one) => treeOf(one.SortBy)))
    if (a === undefined || b === undefined) return false
    const isCut = own.limitCount !== undefined || own.limitOffset !== undefined
    // A function may make several rows of one, wherever it stands.
    if (isTop && !isCut && a.every(({ node }) => isPlainKey(treeOf(node)))) return true
    if (a.length !== b.length) return false
    return a.every((key, i) => {
      const other = b[i] ?? {}
      if (key.sortby_dir !== other.sortby_dir || key.sortby_nulls !== other.sortby_nulls) return false
      if (key.useOp !== undefined || other.useOp !== undefined) return false
      const node = treeOf(key.node)
      const [number, name] = [numberOf(node), plainName(node)]
      if (number !== null) return this.#sameKey(items[number - 1], other.node, level)
      const named = name === null ? [] : items.filter((item) => item.name === name)
      if (named.length > 0) return named.every((item) => this.#sameKey(item, other.node, level))
      return this.#expressions.same(node, other.node, level)
    })
  }

  #sameKey(item: Item | undefined, theirs: unknown, level: Level): boolean {
    return item !== undefined && this.#sameItem(item, theirs, level, 'any')
  }

  /** Relations beside each other are joined to each other. */
  #from(own: unknown, theirs: unknown, around: Around): From | null {
    const [a, b] = [joined(listOf(own)), joined(listOf(theirs))]
    if (a === null || b === null) return a === b ? NO_FROM : null
    const from = this.#table(a, b, around)
    const names = from?.pairs.map((pair) => pair.own) ?? []
    return new Set(names).size === names.length ? from : null
  }

  #table(own: Tree, theirs: Tree, around: Around): From | null {
    if (own.RangeVar !== undefined && theirs.RangeVar !== undefined)
      return this.#relation(treeOf(own.RangeVar), treeOf(theirs.RangeVar), around)
    if (own.RangeSubselect !== undefined && theirs.RangeSubselect !== undefined)
      return this.#nested(treeOf(own.RangeSubselect), treeOf(theirs.RangeSubselect), around)
    if (own.JoinExpr !== undefined && theirs.JoinExpr !== undefined)
      return this.#join(treeOf(own.JoinExpr), treeOf(theirs.JoinExpr), around)
    return null
  }

  #relation(own: Tree, theirs: Tree, { ctes }: Around): From | null {
    const [a, b] = [own, theirs].map(plainRelation)
    if (a == null || b == null || (a.schema === null) !== (b.schema === null)) return null
    const [alias, other] = [treeOf(own.alias), treeOf(theirs.alias)]
    if (other.colnames !== undefined) return null
    const found =
      a.schema === null
        ? cteColumns(ctes, a.name, b.name)
        : a.path === b.path
          ? (this.#columns.get(a.path)?.map((name) => ({ own: name, theirs: name })) ?? null)
          : null
    const columns = found && renamed(found, alias.colnames)
    if (columns === null) return null
    const schema = alias.aliasname === undefined ? a.schema : null
    const names = { own: String(alias.aliasname ?? a.name), theirs: String(other.aliasname ?? b.name) }
    return { pairs: [{ ...names, schema, columns }], merged: new Map() }
  }

  #nested(own: Tree, theirs: Tree, around: Around): From | null {
    const [alias, other] = [treeOf(own.alias), treeOf(theirs.alias)]
    if (own.lateral === true || theirs.lateral === true || other.colnames !== undefined) return null
    const [query, translated] = [own, theirs].map(({ subquery }) => treeOf(treeOf(subquery).SelectStmt))
    const found = this.#query(query ?? {}, translated ?? {}, inner(around))
    const columns = found && renamed(found, alias.colnames)
    if (columns === null || alias.aliasname === undefined || other.aliasname === undefined) return null
    return {
      pairs: [{ own: String(alias.aliasname), theirs: String(other.aliasname), schema: null, columns }],
      merged: new Map(),
    }
  }

  #join(own: Tree, theirs: Tree, around: Around): From | null {
    const isPlain = [own, theirs].every((one) => one.isNatural === undefined && one.alias === undefined)
    if (!isPlain || own.join_using_alias !== undefined || own.jointype !== theirs.jointype) return null
    const left = this.#table(treeOf(own.larg), treeOf(theirs.larg), around)
    const right = this.#table(treeOf(own.rarg), treeOf(theirs.rarg), around)
    if (left === null || right === null || theirs.usingClause !== undefined) return null
    const pairs = [...left.pairs, ...right.pairs]
    const merged = new Map([...left.merged, ...right.merged])
    const level: Level = { pairs, merged, outer: around.outer }
    this.#ctes.set(level, around.ctes)
    if (own.usingClause === undefined) return this.#clause('quals', own, theirs, level) ? { pairs, merged } : null
    const names = namesOf(own.usingClause)
    if (names === null || (own.jointype !== 'JOIN_INNER' && own.jointype !== 'JOIN_LEFT')) return null
    const places = this.#using(names, left, right, theirs.quals, level)
    if (places === null) return null
    return { pairs, merged: new Map([...merged, ...names.map((name, i) => [name, places[i]] as [string, Place])]) }
  }

  /** The left column of each name, where the conditions say that the right one equals it. */
  #using(names: readonly string[], left: From, right: From, quals: unknown, level: Level): readonly Place[] | null {
    const truth = treeOf(treeOf(quals).BoolExpr)
    const conditions = truth.boolop === 'AND_EXPR' ? listOf(truth.args) : [treeOf(quals)]
    if (conditions.length !== names.length) return null
    const places = names.map((name, i) => {
      const { kind, name: sign, lexpr, rexpr } = treeOf(conditions[i]?.A_Expr)
      const sides = [lexpr, rexpr].map((side) => {
        const path = namesOf(treeOf(treeOf(side).ColumnRef).fields)
        return path === null || path.length === 0 ? null : placeOf(path, level, 'theirs')
      })
      const [a, b] = [left, right].map((from) => placeOf([name], { ...from, outer: null }, 'own'))
      const isSame = samePlace(a ?? null, sides[0] ?? null) && samePlace(b ?? null, sides[1] ?? null)
      return kind === 'AEXPR_OP' && namesOf(sign)?.join() === '=' && isSame ? (a ?? null) : null
    })
    return places.every((place) => place !== null) ? places : null
  }
}

/** The first columns by other names. */
function renamed(columns: Columns, names: unknown): Columns | null {
  const own = namesOf(names)
  if (own === null || own.length > columns.length) return null
  return columns.map((column, i) => ({ ...column, own: own[i] ?? column.own }))
}

function cteColumns(ctes: readonly Cte[], own: string, theirs: string): Columns | null {
  const [a, b] = [ctes.findLast((cte) => cte.own === own), ctes.findLast((cte) => cte.theirs === theirs)]
  return a !== undefined && a === b ? a.columns : null
}

function plainRelation({ catalogname, schemaname, relname, inh }: Tree): {
  readonly schema: string | null
  readonly name: string
  readonly path: string
} | null {
  if (catalogname !== undefined || inh !== true || typeof relname !== 'string') return null
  const schema = typeof schemaname === 'string' ? schemaname : null
  return { schema, name: relname, path: `${schema}.${relname}`.toLowerCase() }
}

/** One tree of a list of relations; null: there is none. */
function joined([first, ...rest]: readonly Tree[]): Tree | null {
  if (first === undefined) return null
  return rest.reduce((larg, rarg) => ({ JoinExpr: { jointype: 'JOIN_INNER', larg, rarg } }), first)
}
