// Expressions: what a name, a literal, an operator, a call or a subquery of DuckDB is on PostgreSQL. The result has the
// counterpart of DuckDB's type. A kind of expression that is not here is refused.

import { CAPABILITIES, textLiteral } from '../../dialect/postgresql.ts'
import type { Tree } from '../../ports.ts'
import { child, children, columnParts, foldCase, isTree, queryOf, text } from '../tree.ts'
import { aggregate, isAggregate } from './aggregates.ts'
import { bare, cast, noType, textConstant, tryCast } from './casts.ts'
import { DATES } from './dates.ts'
import { type Call, coalesce, FUNCTIONS, type Rule } from './functions.ts'
import { lookUp } from './names.ts'
import { NUMBER_TESTS } from './number-tests.ts'
import { comparable, comparison, comparisonOperator, ordered, truth, unified } from './operators.ts'
import { PARSED_TIMES } from './parsed-times.ts'
import { PATTERNS } from './patterns.ts'
import { ownShape, type Scope, type Translator } from './translator.ts'
import { decimalOf, isArray, isList, REFUSED, type Typed, typed, typeOf } from './types.ts'
import { windowed } from './windows.ts'

export function expression(t: Translator, tree: Tree, scope: Scope): Typed {
  switch (tree.class) {
    case 'COLUMN_REF':
      return named(t, tree, scope)
    case 'CONSTANT':
      return constant(t, tree)
    case 'CAST':
      return castOf(t, tree, scope)
    case 'FUNCTION':
      return called(t, tree, scope)
    case 'WINDOW':
      return windowed(callOf(t, tree, scope))
    case 'COMPARISON':
      return compared(t, tree, scope)
    case 'CONJUNCTION':
      return conjunction(t, tree, scope)
    case 'BETWEEN':
      return between(t, tree, scope)
    case 'CASE':
      return cases(t, tree, scope)
    case 'OPERATOR':
      return operator(t, tree, scope)
    case 'SUBQUERY':
      return subquery(t, tree, scope)
    default:
      return t.refuse(tree, text(tree, 'type') || 'expression', {
        message: `${KINDS[String(tree.class)] ?? 'This expression'} is not translated.`,
      })
  }
}

const KINDS: Readonly<Record<string, string>> = {
  COLLATE: 'A collation of DuckDB',
  LAMBDA: 'A lambda',
  PARAMETER: 'A parameter',
  POSITIONAL_REFERENCE: 'A column by its position',
  STAR: 'COLUMNS() within an expression',
}

function named(t: Translator, tree: Tree, scope: Scope): Typed {
  const parts = columnParts(tree) ?? []
  const found = lookUp(parts, scope)
  if (found !== null) return found
  const clock = parts.length === 1 ? DATES.get(foldCase(parts[0] ?? '')) : undefined
  if (clock !== undefined) return clock({ t, tree, name: foldCase(parts[0] ?? ''), args: [], scope })
  return t.refuse(tree, parts.join('.'), {
    message: `'${parts.join('.')}' is not understood: a field of a STRUCT, a whole row or a name that can mean two things is not translated.`,
  })
}

function constant(t: Translator, tree: Tree): Typed {
  const value = child(tree, 'value') ?? {}
  const type = typeOf(child(value, 'type'))
  if (value.is_null === true) return { sql: 'NULL', type: 'NULL', literal: 'null' }
  const written = value.value
  if (type === 'VARCHAR') {
    const content = String(written)
    return content.includes('\0')
      ? t.refuse(tree, 'a text with NUL', { message: 'PostgreSQL keeps no NUL character in a text.' })
      : textConstant(content, tree)
  }
  const plain = digitsOf(written)
  if (type === 'INTEGER' && /^-?\d+$/.test(plain))
    return { sql: plain.startsWith('-') ? `(${plain})` : plain, type, literal: 'whole', value: plain }
  if (type === 'BIGINT' && /^-?\d+$/.test(plain))
    return { sql: `CAST(${plain} AS bigint)`, type, literal: 'whole', value: plain }
  if (type === 'BOOLEAN' && typeof written === 'boolean') return typed(written ? 'TRUE' : 'FALSE', type)
  if (type === 'HUGEINT' && plain !== '')
    return { sql: `CAST(${plain} AS numeric(38,0))`, type, literal: 'whole', value: plain }
  const exact = decimalOf(type ?? '')
  if (type !== null && exact !== null && /^-?\d+$/.test(plain))
    return { sql: withPoint(plain, exact.scale), type, value: plain }
  if (type === 'DOUBLE' && plain !== '')
    return { sql: `CAST(${textLiteral(plain)} AS double precision)`, type, value: plain.replace(/[eE].*/, '') }
  return t.refuse(tree, type ?? 'literal', {
    message: `A literal of ${type ?? 'this type'} is not translated.`,
    hint: 'Cast a text to the type.',
  })
}

/** A number's digits; one of 128 bits has two halves. */
function digitsOf(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'string') return String(value)
  if (!isTree(value) || !/^-?\d+$/.test(`${value.upper}`) || !/^\d+$/.test(`${value.lower}`)) return ''
  return String(BigInt(`${value.upper}`) * 2n ** 64n + BigInt(`${value.lower}`))
}

function withPoint(digits: string, scale: number): string {
  const sign = digits.startsWith('-') ? '-' : ''
  const padded = digits.slice(sign.length).padStart(scale + 1, '0')
  const number = scale === 0 ? `${padded}.` : `${padded.slice(0, -scale)}.${padded.slice(-scale)}`
  return sign === '' ? number : `(${sign}${number})`
}

function castOf(t: Translator, tree: Tree, scope: Scope): Typed {
  const inner = child(tree, 'child')
  const type = typeOf(child(tree, 'cast_type'))
  if (inner === undefined || type === null)
    return t.refuse(tree, 'CAST', {
      code: 'TRANSLATE_TYPE',
      message: 'PostgreSQL has no type for the values of this one.',
    })
  // `TRUE` is parsed as a cast of 't'.
  const written = child(inner, 'value')
  if (type === 'BOOLEAN' && inner.class === 'CONSTANT' && (written?.value === 't' || written?.value === 'f'))
    return typed(written.value === 't' ? 'TRUE' : 'FALSE', type)
  const isEmpty =
    inner.class === 'FUNCTION' &&
    text(inner, 'function_name') === 'list_value' &&
    children(inner, 'children').length === 0
  if (isEmpty && isList(type)) return emptyList(t, tree, type)
  const value = t.expression(inner, scope)
  return tree.try_cast === true ? tryCast(t, tree, value, type) : cast(t, tree, value, type)
}

function emptyList(t: Translator, tree: Tree, type: string): Typed {
  const none = cast(t, tree, { sql: 'NULL', type: 'NULL', literal: 'null' }, type)
  return none.type === '' ? noType(t, tree, type) : typed(none.sql.replace('NULL', "'{}'"), type)
}

function callOf(t: Translator, tree: Tree, scope: Scope): Call {
  const args = children(tree, 'children').map((each) => t.expression(each, scope))
  return { t, tree, name: foldCase(text(tree, 'function_name')), args, scope }
}

/** `list(x ORDER BY x DESC)` is parsed as list_sort(list(x), 'DESCENDING', 'ORDER_DEFAULT'). */
function sortedList(tree: Tree): Tree | null {
  const [list, way, nulls] = children(tree, 'children')
  const word = (each: Tree | undefined): string => String(child(each ?? {}, 'value')?.value ?? '')
  if (
    list === undefined ||
    text(tree, 'function_name') !== 'list_sort' ||
    !/^(list|array_agg)$/.test(text(list, 'function_name'))
  )
    return null
  if (
    !/^(ORDER_DEFAULT|ASCENDING|DESCENDING)$/.test(word(way)) ||
    !/^(ORDER_DEFAULT|NULLS FIRST|NULLS LAST)$/.test(word(nulls))
  )
    return null
  const orders = [{ type: word(way), null_order: word(nulls), expression: children(list, 'children')[0] }]
  return { ...list, query_location: tree.query_location, order_bys: { orders } }
}

function called(t: Translator, tree: Tree, scope: Scope): Typed {
  const list = sortedList(tree)
  if (list !== null) return called(t, list, scope)
  const name = foldCase(text(tree, 'function_name'))
  if (isAggregate(name)) return aggregate(callOf(t, tree, scope), '')
  const rule = name === 'unnest' ? unnested : ruleOf(name)
  if (rule === undefined)
    return t.refuse(tree, name, {
      message: `'${name}' has no counterpart that is known to give the same on PostgreSQL.`,
    })
  const call = callOf(t, tree, scope)
  // What was refused below is reported there.
  return call.args.some(({ type }) => type === '') ? REFUSED : rule(call)
}

function unnested({ t, tree, name, args }: Call): Typed {
  const [list] = args
  if (list === undefined || list.type === '') return REFUSED
  if (!isArray(list.type) || args.length > 1)
    return t.refuse(tree, name, { message: `'unnest' of ${list.type} is not translated.` })
  return typed(`unnest(${list.sql})`, list.type.slice(0, -2))
}

function compared(t: Translator, tree: Tree, scope: Scope): Typed {
  const [left, right] = [child(tree, 'left'), child(tree, 'right')]
  const sign = comparisonOperator(tree.type)
  if (left === undefined || right === undefined || sign === undefined)
    return t.refuse(tree, text(tree, 'type'), { message: 'This comparison is not translated.' })
  return comparison(t, tree, sign, t.expression(left, scope), t.expression(right, scope))
}

function conjunction(t: Translator, tree: Tree, scope: Scope): Typed {
  const parts = children(tree, 'children').map((each) => truth(t, each, t.expression(each, scope)))
  return typed(`(${parts.join(tree.type === 'CONJUNCTION_OR' ? ' OR ' : ' AND ')})`, 'BOOLEAN')
}

function between(t: Translator, tree: Tree, scope: Scope): Typed {
  const parts = ['input', 'lower', 'upper'].map((key) => t.expression(child(tree, key) ?? {}, scope))
  const all = comparable(t, tree, parts)
  if (all === null) return REFUSED
  if (all.some(({ type }) => type === 'VARCHAR')) t.changed(tree, 'texts compared by code points')
  // What stands between BETWEEN and AND takes no COLLATE without brackets.
  const [value, low, high] = all.map((each) => (each.type === 'VARCHAR' ? `(${ordered(each)})` : each.sql))
  return typed(`(${value} BETWEEN ${low} AND ${high})`, 'BOOLEAN')
}

function cases(t: Translator, tree: Tree, scope: Scope): Typed {
  const checks = children(tree, 'case_checks')
  const otherwise = child(tree, 'else_expr')
  const conditions = checks.map((check) => {
    const when = child(check, 'when_expr') ?? {}
    return truth(t, when, t.expression(when, scope))
  })
  const results = checks.map((check) => t.expression(child(check, 'then_expr') ?? {}, scope))
  const { type, sqls } = unified(
    t,
    tree,
    otherwise === undefined ? results : [...results, t.expression(otherwise, scope)],
  )
  if (type === '') return REFUSED
  const last = otherwise === undefined ? '' : ` ELSE ${sqls.at(-1)}`
  return {
    sql: `CASE ${conditions.map((condition, i) => `WHEN ${condition} THEN ${sqls[i]}`).join(' ')}${last} END`,
    type,
  }
}

function operator(t: Translator, tree: Tree, scope: Scope): Typed {
  const [first, ...rest] = children(tree, 'children').map((each) => t.expression(each, scope))
  if (first === undefined) return REFUSED
  switch (tree.type) {
    case 'OPERATOR_NOT':
      return first.type === '' ? REFUSED : typed(`(NOT ${truth(t, tree, first)})`, 'BOOLEAN')
    case 'OPERATOR_IS_NULL':
    case 'OPERATOR_IS_NOT_NULL':
      return first.type === ''
        ? REFUSED
        : typed(`(${first.sql} IS ${tree.type === 'OPERATOR_IS_NULL' ? '' : 'NOT '}NULL)`, 'BOOLEAN')
    case 'COMPARE_IN':
    case 'COMPARE_NOT_IN': {
      const all = comparable(t, tree, [first, ...rest])
      const [value, ...list] = all ?? []
      if (value === undefined) return REFUSED
      return typed(
        `(${value.sql} ${tree.type === 'COMPARE_IN' ? '' : 'NOT '}IN (${list.map(bare).join(', ')}))`,
        'BOOLEAN',
      )
    }
    case 'OPERATOR_COALESCE':
      return coalesce({ t, tree, name: 'coalesce', args: [first, ...rest], scope })
    case 'ARRAY_EXTRACT':
      return element(t, tree, first, rest[0])
    case 'ARRAY_SLICE':
      return slice(t, tree, first, rest)
    default:
      return t.refuse(tree, text(tree, 'type'), { message: 'This operator is not translated.' })
  }
}

/** Lists count from one on both sides; a negative position counts from the end on DuckDB alone. */
function element(t: Translator, tree: Tree, list: Typed, at: Typed | undefined): Typed {
  if (list.type === '' || at === undefined || at.type === '') return REFUSED
  const position = at.literal === 'whole' ? Number(at.value) : 0
  if (list.type === 'VARCHAR' && position > 0) return typed(`substr(${list.sql}, ${position}, 1)`, 'VARCHAR')
  if (!isArray(list.type) || position < 1)
    return t.refuse(tree, '[…]', {
      message: 'An element is translated of a list or a text, with a literal position from 1.',
      hint: 'For texts write substr().',
    })
  return typed(`(${list.sql})[${position}]`, list.type.slice(0, -2))
}

/** Letters from one position to another, both counted from one. */
function slice(t: Translator, tree: Tree, value: Typed, bounds: readonly Typed[]): Typed {
  if (value.type === '' || bounds.some(({ type }) => type === '')) return REFUSED
  const [from, to] = bounds.map((bound) => (bound.literal === 'whole' ? Number(bound.value) : 0))
  if (
    value.type !== 'VARCHAR' ||
    bounds.length !== 2 ||
    from === undefined ||
    to === undefined ||
    from < 1 ||
    to < from
  )
    return t.refuse(tree, '[…:…]', {
      message: 'A slice is translated of a text, with literal positions from 1.',
      hint: 'For texts write substr().',
    })
  return typed(`substr(${value.sql}, ${from}, ${to - from + 1})`, 'VARCHAR')
}

function subquery(t: Translator, tree: Tree, scope: Scope): Typed {
  const node = queryOf(tree, 'subquery')
  if (node === undefined) return REFUSED
  const query = t.query(node, scope, scope.ctes)
  const shape = ownShape(query)
  const inner = (): string => `(${query.render(shape)})`
  if (tree.subquery_type === 'EXISTS') return typed(`EXISTS ${inner()}`, 'BOOLEAN')
  const [column] = shape
  if (column === undefined || shape.length !== 1 || column.type === '')
    return shape.length > 1
      ? t.refuse(tree, 'subquery', { message: 'A subquery of several columns as a value is not translated.' })
      : REFUSED
  if (tree.subquery_type === 'SCALAR') return typed(inner(), column.type)
  const sign = comparisonOperator(tree.comparison_type)
  const compared = child(tree, 'child')
  if (tree.subquery_type !== 'ANY' || compared === undefined || sign === undefined || !isTree(compared))
    return t.refuse(tree, 'subquery', { message: 'This subquery is not translated.' })
  const both = comparable(t, tree, [t.expression(compared, scope), typed('', column.type)])
  const [value, other] = both ?? []
  if (value === undefined || other === undefined) return REFUSED
  const isOrder = sign !== '=' && sign !== '<>' && value.type === 'VARCHAR'
  const type = other.type === 'NULL' ? column.type : other.type
  const left = isOrder ? `${value.sql} COLLATE ${CAPABILITIES.orderCollation}` : value.sql
  return typed(`(${left} ${sign} ANY (${query.render([{ name: column.name, type }])}))`, 'BOOLEAN')
}

const ruleOf = (name: string): Rule | undefined =>
  [FUNCTIONS, DATES, PARSED_TIMES, NUMBER_TESTS, PATTERNS].find((rules) => rules.has(name))?.get(name)
