// Two expressions of PostgreSQL side by side → whether they have the same value whatever the rows are. The second is a
// translation: its names are all qualified, and it may have casts that say what the first has already. Only those are passed
// over that change no value, each in the places where the type does not matter either. Pure.

import { listOf, type Tree, treeOf } from './parse-tree.ts'
import { type Level, namesOf, placeOf, samePlace } from './same-names.ts'

/**
 * What is done with a value: `any` takes it as it is, type and all; of an `item` of a query and of what is `compared` only
 * the value counts; what is `unified` has the type of what stands beside it; what is taken `as text` is a text.
 */
export type Use = 'any' | 'item' | 'compared' | 'unified' | 'as text'

/** Whether two queries within an expression are the same. */
export type SameQuery = (own: Tree, theirs: Tree, outer: Level) => boolean

/** Of a statement within an expression only these are looked into. */
const QUERIES: ReadonlySet<string> = new Set(['SelectStmt', 'RangeVar', 'WithClause'])
const isPlaceInText = (key: string): boolean => /^(location|.*_location|rexpr_list_start|rexpr_list_end)$/.test(key)

export class SameExpressions {
  readonly #sameQuery: SameQuery

  constructor(sameQuery: SameQuery) {
    this.#sameQuery = sameQuery
  }

  /** `own` and `theirs`: nodes as the parser gives them, a mapping of one kind to its members. */
  same(own: unknown, theirs: unknown, level: Level, use: Use = 'any'): boolean {
    const [a, b] = [treeOf(own), treeOf(theirs)]
    const [kind, other] = [Object.keys(a)[0], Object.keys(b)[0]]
    if (kind === undefined || other === undefined) return kind === other
    if (kind === other && this.#sameKind(kind, treeOf(a[kind]), treeOf(b[kind]), level, use)) return true
    if (other === 'TypeCast') return this.#sameCast(a, treeOf(b.TypeCast), level, use)
    // A column that a translation does not cast is a text already.
    const cast = treeOf(a.TypeCast)
    return other === 'ColumnRef' && typeName(cast) === 'text' && this.same(cast.arg, b, level)
  }

  #sameKind(kind: string, a: Tree, b: Tree, level: Level, use: Use): boolean {
    switch (kind) {
      case 'ColumnRef':
        return sameColumn(a, b, level)
      case 'BoolExpr':
        return this.#sameTruth(a, b, level)
      case 'A_Expr':
        return this.#sameOperator(a, b, level)
      case 'SubLink':
        return this.#sameSubquery(a, b, level)
      case 'CaseExpr':
        return this.#sameCase(a, b, level)
      case 'FuncCall':
        return this.#sameCall(a, b, level)
      case 'CoalesceExpr':
        return this.#sameList(a.args, b.args, level, 'unified')
      case 'NullTest':
        return a.nulltesttype === b.nulltesttype && this.same(a.arg, b.arg, level, 'compared')
      case 'List':
        return this.#sameList(a.items, b.items, level, use)
      default:
        return this.#sameMembers(a, b, level)
    }
  }

  /** Every member is the same; what is not known as a node is compared as it is. */
  #sameMembers(a: Tree, b: Tree, level: Level): boolean {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)].filter((key) => !isPlaceInText(key)))
    return [...keys].every((key) => !QUERIES.has(key) && this.#sameMember(a[key], b[key], level))
  }

  #sameMember(a: unknown, b: unknown, level: Level): boolean {
    if (Array.isArray(a) && Array.isArray(b))
      return a.length === b.length && a.every((item, i) => this.#sameMember(item, b[i], level))
    if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b
    if (Array.isArray(a) || Array.isArray(b)) return false
    const [key] = Object.keys(a)
    const isNode = key !== undefined && /^[A-Z]/.test(key)
    return isNode ? this.same(a, b, level) : this.#sameMembers(treeOf(a), treeOf(b), level)
  }

  #sameList(a: unknown, b: unknown, level: Level, use: Use): boolean {
    const [own, theirs] = [listOf(a), listOf(b)]
    return own.length === theirs.length && own.every((item, i) => this.same(item, theirs[i], level, use))
  }

  #sameCall({ args: own, ...a }: Tree, { args: theirs, ...b }: Tree, level: Level): boolean {
    const use = TAKING_TEXTS.has(namesOf(a.funcname)?.join('.') ?? '') ? 'as text' : 'any'
    return this.#sameMembers(a, b, level) && this.#sameList(own, theirs, level, use)
  }

  /** AND and OR hold whatever brackets stand within. */
  #sameTruth(a: Tree, b: Tree, level: Level): boolean {
    const [own, theirs] = [flat(a, String(a.boolop)), flat(b, String(b.boolop))]
    return a.boolop === b.boolop && this.#sameList(own, theirs, level, 'any')
  }

  #sameOperator(a: Tree, b: Tree, level: Level): boolean {
    const [name, kind] = [namesOf(a.name)?.join('.'), String(a.kind)]
    if (name === undefined || kind !== b.kind || name !== namesOf(b.name)?.join('.')) return false
    const compares = COMPARING.has(kind) || (kind === 'AEXPR_OP' && /^(=|<>|<|>|<=|>=)$/.test(name))
    const isLike = kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE'
    const use = compares && a.lexpr !== undefined ? 'compared' : 'any'
    if ((a.lexpr === undefined) !== (b.lexpr === undefined)) return false
    if (kind === 'AEXPR_OP' && /^[-+*/]$/.test(name) && this.#sameFloat(a, b, level)) return true
    if (a.lexpr !== undefined && !this.same(a.lexpr, b.lexpr, level, use)) return false
    return this.same(a.rexpr, b.rexpr, level, use) || (isLike && sameWithoutEscape(a.rexpr, b.rexpr))
  }

  /** Beside a floating-point number, a literal one becomes one. */
  #sameFloat(a: Tree, b: Tree, level: Level): boolean {
    const [left, right] = [isFloatOf(a.lexpr, b.lexpr), isFloatOf(a.rexpr, b.rexpr)]
    return left ? !right && this.same(a.rexpr, b.rexpr, level) : right && this.same(a.lexpr, b.lexpr, level)
  }

  /** `IN (SELECT …)` is `= ANY (SELECT …)`. */
  #sameSubquery(a: Tree, b: Tree, level: Level): boolean {
    if (a.subLinkType !== b.subLinkType || a.subLinkId !== undefined) return false
    const operator = (link: Tree): string | undefined =>
      link.operName === undefined && link.subLinkType === 'ANY_SUBLINK' ? '=' : namesOf(link.operName)?.join('.')
    if (operator(a) !== operator(b)) return false
    if ((a.testexpr === undefined) !== (b.testexpr === undefined)) return false
    if (a.testexpr !== undefined && !this.same(a.testexpr, b.testexpr, level)) return false
    const [own, theirs] = [treeOf(a.subselect).SelectStmt, treeOf(b.subselect).SelectStmt]
    return this.#sameQuery(treeOf(own), treeOf(theirs), level)
  }

  /** `CASE x WHEN 1` asks whether x equals 1. */
  #sameCase(a: Tree, b: Tree, level: Level): boolean {
    const [own, theirs] = [a, b].map((one) => listOf(one.args).map(({ CaseWhen }) => treeOf(CaseWhen)))
    if (own === undefined || theirs === undefined || own.length !== theirs.length) return false
    if (b.arg !== undefined) return false
    const sameBranches = own.every(({ expr, result }, i) => {
      const other = theirs[i] ?? {}
      const equality = { A_Expr: { kind: 'AEXPR_OP', name: [{ String: { sval: '=' } }], lexpr: a.arg, rexpr: expr } }
      const condition = a.arg === undefined ? expr : equality
      return this.same(condition, other.expr, level) && this.same(result, other.result, level, 'unified')
    })
    if (!sameBranches) return false
    // Where nothing is said, it is NULL.
    if (a.defresult === undefined) return b.defresult === undefined || isNull(b.defresult)
    return b.defresult !== undefined && this.same(a.defresult, b.defresult, level, 'unified')
  }

  /** What only the second has a cast around. */
  #sameCast(own: Tree, cast: Tree, level: Level, use: Use): boolean {
    if (use === 'any') return false
    const type = typeName(cast)
    const constant = treeOf(own.A_Const)
    const inner = treeOf(cast.arg)
    if (own.A_Const !== undefined) return sameLiteral(constant, inner, type, use)
    if (use === 'unified' || use === 'as text') return false
    if (scaleOf(type) !== null) return keepsDigits(inner, type) && this.same(own, inner, level, use)
    return type === 'int8' && isCounting(own) && this.same(own, inner, level, use)
  }
}

const isNull = (node: unknown): boolean => {
  const { TypeCast: cast, A_Const: constant } = treeOf(node)
  return cast === undefined ? treeOf(constant).isnull === true : isNull(treeOf(cast).arg)
}

const COMPARING: ReadonlySet<string> = new Set([
  'AEXPR_IN',
  'AEXPR_BETWEEN',
  'AEXPR_NOT_BETWEEN',
  'AEXPR_DISTINCT',
  'AEXPR_NOT_DISTINCT',
])

function sameColumn(a: Tree, b: Tree, level: Level): boolean {
  const [own, theirs] = [namesOf(a.fields), namesOf(b.fields)]
  return own !== null && theirs !== null && samePlace(placeOf(own, level, 'own'), placeOf(theirs, level, 'theirs'))
}

const flat = (truth: Tree, operator: string): readonly unknown[] =>
  listOf(truth.args).flatMap((arg) => {
    const inner = treeOf(arg.BoolExpr)
    return operator !== 'NOT_EXPR' && inner.boolop === operator ? flat(inner, operator) : [arg]
  })

/** Without ESCAPE a backslash escapes, and here is none. */
function sameWithoutEscape(own: unknown, theirs: unknown): boolean {
  const [pattern, call] = [textOf(own), treeOf(treeOf(theirs).FuncCall)]
  const [first, second] = listOf(call.args)
  return (
    pattern !== null &&
    !pattern.includes('\\') &&
    namesOf(call.funcname)?.join('.') === 'pg_catalog.like_escape' &&
    textOf(first) === pattern &&
    textOf(second) === ''
  )
}

/** The text of a literal. */
function textOf(node: unknown): string | null {
  const { sval } = treeOf(treeOf(node).A_Const)
  if (sval === undefined) return null
  const text = treeOf(sval).sval
  return text === undefined ? '' : typeof text === 'string' ? text : null
}

/** The type of a cast by its short name, `numeric(38,2)` with its digits; '' where it is another's or an array. */
function typeName({ typeName: type }: Tree): string {
  const { names, typmods, typemod, ...rest } = treeOf(type)
  const parts = namesOf(names)
  if (parts === null || typemod !== -1 || Object.keys(rest).some((key) => !isPlaceInText(key))) return ''
  const name = parts.length === 2 && parts[0] === 'pg_catalog' ? parts[1] : parts.length === 1 ? parts[0] : undefined
  if (name === undefined || typmods === undefined) return name ?? ''
  const digits = listOf(typmods).map((mod) => treeOf(treeOf(mod.A_Const).ival).ival ?? 0)
  return `${name}(${digits.join(',')})`
}

/**
 * A literal of text takes the type of what it is compared with, and is a text by itself; a number becomes a floating-point one
 * beside such. Beside others, a whole number becomes a `bigint` where one of them is, one with as many digits as they have
 * stays as it is, and nothing is nothing.
 */
function sameLiteral(own: Tree, inner: Tree, type: string, use: Use): boolean {
  const constant = treeOf(inner.A_Const)
  const text = textOf({ A_Const: own })
  if (text !== null) return textOf(inner) === text && (use === 'compared' || type === 'text')
  if (own.isnull === true) return use === 'unified' && constant.isnull === true
  if (!isSameNumber(own, constant)) return false
  if (use === 'compared') return type === 'float8'
  const digits = own.fval === undefined ? 0 : /\.(\d*)$/.exec(numberText(own) ?? '')?.[1]?.length
  return (
    use === 'unified' && (type === 'int8' ? own.ival !== undefined : digits === scaleOf(type) && digits !== undefined)
  )
}

const numberText = ({ ival, fval }: Tree): string | null =>
  ival !== undefined ? String(treeOf(ival).ival ?? 0) : fval !== undefined ? String(treeOf(fval).fval) : null

const isSameNumber = (a: Tree, b: Tree): boolean => numberText(a) !== null && numberText(a) === numberText(b)

function isFloatOf(own: unknown, theirs: unknown): boolean {
  const cast = treeOf(treeOf(theirs).TypeCast)
  return typeName(cast) === 'float8' && isSameNumber(treeOf(treeOf(own).A_Const), treeOf(treeOf(cast.arg).A_Const))
}

/** Digits behind the point of a type; null: it is another one. */
function scaleOf(type: string): number | null {
  const found = /^numeric\(\d+,(\d+)\)$/.exec(type)
  return found === null ? null : Number(found[1])
}

/** What gives a value that it was given, or a sum of such. */
const KEEPING: ReadonlySet<string> = new Set('abs first_value lag last_value lead max min nth_value sum'.split(' '))

/**
 * Whether a value has as many digits behind the point as the type that a translation casts it to, so that nothing is rounded:
 * what is added or multiplied, what is one of several values that have them, what is rounded to so many.
 */
function keepsDigits(node: Tree, type: string): boolean {
  if (node.CaseExpr !== undefined || node.CoalesceExpr !== undefined || node.MinMaxExpr !== undefined) return true
  if (node.TypeCast !== undefined) return typeName(treeOf(node.TypeCast)) === type
  if (node.A_Expr !== undefined) {
    const { kind, name } = treeOf(node.A_Expr)
    return kind === 'AEXPR_NULLIF' || (kind === 'AEXPR_OP' && /^[+*-]$/.test(namesOf(name)?.join('.') ?? ''))
  }
  const { funcname, args } = treeOf(node.FuncCall)
  const name = namesOf(funcname)?.join('.') ?? ''
  if (name !== 'round') return KEEPING.has(name)
  const [, digits] = listOf(args)
  const number = digits === undefined ? '0' : numberText(treeOf(digits.A_Const))
  return number === String(scaleOf(type))
}

/** Functions whose only form takes texts. */
const TAKING_TEXTS: ReadonlySet<string> = new Set(
  'lpad replace rpad split_part starts_with strpos translate'.split(' '),
)

/** Functions that give another whole number here than a BIGINT, as on DuckDB. */
const COUNTING: ReadonlySet<string> = new Set(['length', 'strpos'])
const WHOLE_FIELDS: ReadonlySet<unknown> = new Set(
  'year month day hour minute quarter week dow isodow doy isoyear'.split(' '),
)

function isCounting(own: Tree): boolean {
  const { funcname, args } = treeOf(own.FuncCall)
  const name = namesOf(funcname)?.join('.') ?? ''
  return COUNTING.has(name) || (name === 'pg_catalog.extract' && WHOLE_FIELDS.has(textOf(listOf(args)[0])))
}
