// A text of PostgreSQL → what can be said for sure of two such texts by their trees: the names by which columns may be read,
// and of a plain SELECT its items apart from everything else. What is not understood is said to be so. Pure.

import { sha256 } from '../../contract/canonical-json.ts'
import { listOf, namesIn, type Tree, treeOf } from './parse-tree.ts'

/** An item of a SELECT. */
export interface ShapeItem {
  /** Null: it has none of its own. */
  readonly name: string | null
  readonly isStar: boolean
  readonly digest: string
  /** What it may do to the rows: nothing, make one of many as an aggregate, or anything. */
  readonly effect: 'none' | 'aggregate' | 'any'
}

export interface ShapeAttribute {
  readonly name: string
  /** Relations with a schema, `kind.name`, that stand before the dot; none: what the text itself makes. */
  readonly of: readonly string[]
  /** The text itself gives something that name. */
  readonly isDefined: boolean
}

export interface QueryShape {
  /** Every name by which a column may be read; null: also others are, by a star or a whole row. */
  readonly names: readonly string[] | null
  /** Names behind a dot: what is no column there is a function of the whole row. */
  readonly attributes: readonly ShapeAttribute[]
  /** Null: it is no plain SELECT. */
  readonly select: {
    /** Stands for all but the items. */
    readonly rest: string
    readonly items: readonly ShapeItem[]
    readonly isGrouped: boolean
    /** Names that ORDER BY and GROUP BY may take from the items. */
    readonly ordered: readonly string[]
    /** So many items are named there by their number. */
    readonly numbered: number
  } | null
}

/** `statements`: all of the text, the query last. */
export function queryShape(statements: readonly Tree[]): QueryShape {
  const walk = new Walk()
  walk.visit(statements)
  const isWhole = walk.isWhole || walk.columns.some((name) => walk.relations.has(name))
  const select = statements.length === 1 ? plainSelect(treeOf(statements[0]?.SelectStmt)) : null
  return {
    names: isWhole ? null : [...new Set(walk.columns)].sort(),
    attributes: walk.attributes.map(({ name, before }) => ({
      name,
      of: walk.paths.get(before) ?? [],
      isDefined: walk.defined.has(name),
    })),
    select,
  }
}

class Walk {
  readonly columns: string[] = []
  readonly attributes: { readonly name: string; readonly before: string }[] = []
  /** Relations with a schema by the names that lead to them. */
  readonly paths = new Map<string, string[]>()
  readonly relations = new Set<string>()
  readonly defined = new Set<string>()
  isWhole = false

  visit(node: unknown): void {
    if (Array.isArray(node)) for (const item of node) this.visit(item)
    else if (node !== null && typeof node === 'object')
      for (const [key, value] of Object.entries(node)) this.#member(key, value)
  }

  #member(key: string, value: unknown): void {
    const tree = treeOf(value)
    if (key === 'ColumnRef') this.#column(tree)
    else if (key === 'RangeVar' || typeof tree.relname === 'string') this.#relation(tree)
    else if (key === 'alias') this.#alias(tree)
    else if (key === 'CommonTableExpr') {
      this.relations.add(String(tree.ctename))
      for (const name of namesIn(tree.aliascolnames)) this.defined.add(name)
    } else if (key === 'ResTarget' && typeof tree.name === 'string') this.defined.add(tree.name)
    else if (key === 'ColumnDef' && typeof tree.colname === 'string') this.defined.add(tree.colname)
    else if (key === 'JoinExpr') this.#join(tree)
    else if (key === 'TableLikeClause' || key === 'A_Indirection') this.isWhole = true
    this.visit(value)
  }

  #column({ fields }: Tree): void {
    const parts = listOf(fields)
    if (parts.some((part) => part.A_Star !== undefined)) this.isWhole = true
    const names = namesIn(fields)
    this.columns.push(names.at(-1) ?? '')
    if (names.length > 1) this.attributes.push({ name: names.at(-1) ?? '', before: names.at(-2) ?? '' })
  }

  #relation({ relname, schemaname, alias }: Tree): void {
    const { aliasname } = treeOf(alias)
    const name = typeof aliasname === 'string' ? aliasname : String(relname)
    this.relations.add(name)
    if (typeof schemaname === 'string')
      this.paths.set(name, [...(this.paths.get(name) ?? []), `${schemaname}.${String(relname)}`])
  }

  #alias(tree: Tree): void {
    if (typeof tree.aliasname !== 'string') return
    this.relations.add(tree.aliasname)
    for (const name of namesIn(tree.colnames)) this.defined.add(name)
  }

  #join(tree: Tree): void {
    if (tree.isNatural === true) this.isWhole = true
    this.columns.push(...namesIn(tree.usingClause))
  }
}

/** Clauses that choose among rows by the items, or put rows of several queries together. */
const NOT_PLAIN: readonly string[] = ['distinctClause', 'larg', 'rarg', 'valuesLists', 'intoClause', 'lockingClause']

function plainSelect(select: Tree): QueryShape['select'] {
  if (select.op !== 'SETOP_NONE' || NOT_PLAIN.some((key) => select[key] !== undefined)) return null
  const { targetList, ...rest } = select
  const orders = [
    ...listOf(select.groupClause),
    ...listOf(select.sortClause).map((order) => treeOf(treeOf(order.SortBy).node)),
  ]
  const numbers = orders.flatMap((order) => {
    const { ival } = treeOf(treeOf(order.A_Const).ival)
    return order.A_Const === undefined ? [] : [typeof ival === 'number' ? ival : 0]
  })
  return {
    rest: digest(rest),
    items: listOf(targetList).map(itemOf),
    isGrouped: select.groupClause !== undefined || select.havingClause !== undefined,
    // Also within expressions, and sets of groupings: more than they may take does no harm.
    ordered: columnsIn([select.groupClause, select.sortClause]),
    numbered: Math.max(0, ...numbers),
  }
}

function itemOf(item: Tree): ShapeItem {
  const { name, val } = treeOf(item.ResTarget)
  const column = treeOf(treeOf(val).ColumnRef)
  const isStar = listOf(column.fields).some((part) => part.A_Star !== undefined)
  const own = typeof name === 'string' ? name : isStar ? undefined : namesIn(column.fields).at(-1)
  return { name: own ?? null, isStar, digest: digest(val), effect: effectOf(val) }
}

function columnsIn(node: unknown): string[] {
  const walk = new Walk()
  walk.visit(node)
  return walk.columns
}

const AGGREGATES: ReadonlySet<string> = new Set(
  'avg bool_and bool_or count every max min stddev sum variance'.split(' '),
)

/** Functions of values, by names that are in pg_catalog and stand for nothing else there. */
const SCALAR: ReadonlySet<string> = new Set(
  `abs btrim ceil ceiling char_length concat concat_ws date_part date_trunc div extract floor initcap left length lower lpad
ltrim md5 mod power replace right round rpad rtrim sign split_part sqrt strpos substr substring to_char to_date to_number
to_timestamp trunc upper getvariable`.split(/\s+/),
)
const WINDOW: ReadonlySet<string> = new Set(
  'cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number'.split(' '),
)

function effectOf(node: unknown): ShapeItem['effect'] {
  let found: ShapeItem['effect'] = 'none'
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item)
    else if (value !== null && typeof value === 'object')
      for (const [key, member] of Object.entries(value)) {
        if (key === 'SubLink') found = 'any'
        if (key === 'FuncCall') {
          const effect = callEffect(treeOf(member))
          if (effect === 'any' || found === 'none') found = effect
        }
        visit(member)
      }
  }
  visit(node)
  return found
}

function callEffect({ funcname, over }: Tree): ShapeItem['effect'] {
  const names = namesIn(funcname)
  const name = names.at(-1) ?? ''
  if (names.length > 1 && names[0] !== 'pg_catalog') return 'any'
  if (over !== undefined) return WINDOW.has(name) || AGGREGATES.has(name) ? 'none' : 'any'
  return SCALAR.has(name) ? 'none' : AGGREGATES.has(name) ? 'aggregate' : 'any'
}

const digest = (tree: unknown): string =>
  sha256(
    JSON.stringify(tree ?? null, (key, value) => (/^(location|.*_location|stmt_len)$/.test(key) ? undefined : value)),
  )
