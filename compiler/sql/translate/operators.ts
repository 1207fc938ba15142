// Operators: arithmetic, comparison, AND and OR. Every operand gets the type that DuckDB gives it, so that PostgreSQL picks
// the operator of the same meaning. What differs: `/` is of floating-point numbers and gives infinities, `//` and `%` by
// zero are NULL, texts are ordered by code points.

import { CAPABILITIES, writtenType } from '../../dialect/postgresql.ts'
import type { Tree } from '../../ports.ts'
import { bare, cast } from './casts.ts'
import type { Translator } from './translator.ts'
import {
  asDecimal,
  commonType,
  decimal,
  decimalOf,
  isList,
  isNumber,
  isTime,
  isUnsigned,
  isWhole,
  REFUSED,
  type Typed,
  typed,
} from './types.ts'

const isRefused = (...values: readonly Typed[]): boolean => values.some((value) => value.type === '')

/** `COLLATE "C"`: the order of code points, which is DuckDB's. */
export const ordered = (value: Typed): string =>
  value.type === 'VARCHAR' ? `${value.sql} COLLATE ${CAPABILITIES.orderCollation}` : value.sql

/** Text that an ordering function gives, with the collation of the database again, which a stored column then has. */
export const unordered = (sql: string, type: string): string =>
  type === 'VARCHAR' ? `((${sql}) COLLATE "default")` : sql

export function arithmetic(t: Translator, tree: Tree, operator: string, args: readonly Typed[]): Typed {
  const [a, b] = args
  if (a === undefined || isRefused(...args)) return REFUSED
  if (b === undefined) return sign(t, tree, operator, a)
  const temporal = withTime(t, tree, operator, a, b)
  if (temporal !== null) return temporal
  if (operator === '/') return divided(t, tree, a, b)
  if (operator === '^' || operator === '**') return power(t, tree, a, b)
  const type = isNumber(a.type) || isNumber(b.type) || a.literal === 'null' ? commonType(a, b) : null
  if (type === null || !isNumber(type) || type === 'TINYINT') return unknownOperator(t, tree, operator, a, b)
  if (isWhole(type)) return wholeNumbers(t, tree, operator, type, a, b)
  const exact = decimalOf(type)
  if (exact !== null) return decimals(t, tree, operator, a, b)
  if (operator === '//' || operator === '%') return unknownOperator(t, tree, operator, a, b)
  return typed(`(${cast(t, tree, a, type).sql} ${operator} ${cast(t, tree, b, type).sql})`, type)
}

const unknownOperator = (t: Translator, tree: Tree, operator: string, a: Typed, b: Typed): Typed =>
  t.refuse(tree, operator, {
    message: `'${operator}' of ${a.type} and ${b.type} is not known to give the same on PostgreSQL.`,
    hint: [a, b].some(({ type }) => isUnsigned(type) || type === 'TINYINT')
      ? 'Cast to INTEGER or BIGINT first.'
      : 'Cast both to one type first.',
  })

function sign(t: Translator, tree: Tree, operator: string, a: Typed): Typed {
  if (!isNumber(a.type) || a.type === 'TINYINT' || operator === '/')
    return t.refuse(tree, operator, { message: `'${operator}' of ${a.type} is not translated.` })
  return operator === '+' ? a : typed(`(-${a.sql})`, a.type)
}

function wholeNumbers(t: Translator, tree: Tree, operator: string, type: string, a: Typed, b: Typed): Typed {
  const [x, y] = [cast(t, tree, a, type).sql, cast(t, tree, b, type).sql]
  if (operator === '+' || operator === '-' || operator === '*') return typed(`(${x} ${operator} ${y})`, type)
  t.changed(tree, `'${operator}' by zero as NULL`)
  const divisor = isPlainNumber(b) ? y : `NULLIF(${y}, 0)`
  if (operator === '%') return typed(`(${x} % ${divisor})`, type)
  return typed(type === 'HUGEINT' ? `div(${x}, ${divisor})` : `(${x} / ${divisor})`, type)
}

/** A literal that is not zero. */
const isPlainNumber = (value: Typed): boolean => value.value !== undefined && /[1-9]/.test(value.value)

/** The result's digits, by DuckDB's rules: 18 where both have no more. */
function decimals(t: Translator, tree: Tree, operator: string, a: Typed, b: Typed): Typed {
  const [x, y] = [asDecimal(a.type), asDecimal(b.type)]
  if (x === null || y === null || operator === '//') return unknownOperator(t, tree, operator, a, b)
  const scale = operator === '*' ? x.scale + y.scale : Math.max(x.scale, y.scale)
  const before = Math.max(x.width - x.scale, y.width - y.scale)
  if (operator === '%') {
    t.changed(tree, "'%' by zero as NULL")
    return typed(`(${a.sql} % NULLIF(${b.sql}, 0))`, decimal(before + scale, scale))
  }
  if (scale > 38) return unknownOperator(t, tree, operator, a, b)
  const needed = operator === '*' ? x.width + y.width : before + scale + 1
  const width = needed > 18 && Math.max(x.width, y.width) <= 18 ? Math.max(18, scale) : needed
  return typed(`(${a.sql} ${operator} ${b.sql})`, decimal(width, scale))
}

/** Floating-point division: a divisor of zero gives an infinity, or NaN for nothing by nothing. */
function divided(t: Translator, tree: Tree, a: Typed, b: Typed): Typed {
  const isOf = (value: Typed): boolean => isNumber(value.type) || value.literal === 'null'
  if (!isOf(a) || !isOf(b) || a.type === 'FLOAT' || b.type === 'FLOAT') return unknownOperator(t, tree, '/', a, b)
  const [x, y] = [cast(t, tree, a, 'DOUBLE').sql, cast(t, tree, b, 'DOUBLE').sql]
  t.changed(tree, "'/' as division of floating-point numbers")
  if (isPlainNumber(b)) return typed(`(${x} / ${y})`, 'DOUBLE')
  // A rounded number that is nothing has lost its sign on the way, which would be the sign of the infinity.
  if (/^\(?CAST\(round\(/.test(b.sql) && b.type === 'DOUBLE')
    return t.refuse(tree, '/', {
      message: 'A division by what round() gives may be by a negative zero.',
      hint: 'Divide by nullif(round(…), 0).',
    })
  const infinity =
    b.type === 'DOUBLE'
      ? `CASE WHEN CAST(${y} AS text) = '-0' THEN CAST('-Infinity' AS double precision) ELSE CAST('Infinity' AS double precision) END`
      : "CAST('Infinity' AS double precision)"
  return typed(`(CASE WHEN ${b.sql} = 0 THEN ${x} * ${infinity} ELSE ${x} / ${y} END)`, 'DOUBLE')
}

export function power(t: Translator, tree: Tree, a: Typed, b: Typed): Typed {
  if (!isNumber(a.type) || !isNumber(b.type)) return unknownOperator(t, tree, '^', a, b)
  return typed(`power(${cast(t, tree, a, 'DOUBLE').sql}, ${cast(t, tree, b, 'DOUBLE').sql})`, 'DOUBLE')
}

/** Dates, times and intervals; null: neither is one. */
function withTime(t: Translator, tree: Tree, operator: string, a: Typed, b: Typed): Typed | null {
  const isOf = (value: Typed): boolean => isTime(value.type) || value.type === 'INTERVAL' || value.type === 'TIME'
  if (!isOf(a) && !isOf(b)) return null
  if (operator === '+' && !isTime(a.type) && isTime(b.type)) return withTime(t, tree, operator, b, a)
  const plain = operator === '+' || operator === '-'
  const result = plain ? sumOfTimes(operator, a, b) : null
  if (result !== null) return typed(result.sql, result.type)
  if (operator === '*' && a.type === 'INTERVAL' && isWhole(b.type)) return typed(`(${a.sql} * ${b.sql})`, 'INTERVAL')
  return unknownOperator(t, tree, operator, a, b)
}

function sumOfTimes(operator: string, a: Typed, b: Typed): { readonly sql: string; readonly type: string } | null {
  const plain = `(${a.sql} ${operator} ${b.sql})`
  if (a.type === 'DATE' && isWhole(b.type) && b.type !== 'HUGEINT') {
    const days = b.type === 'INTEGER' ? b.sql : `CAST(${b.sql} AS integer)`
    return { sql: `(${a.sql} ${operator} ${days})`, type: 'DATE' }
  }
  if (a.type === 'DATE' && b.type === 'DATE' && operator === '-')
    return { sql: `CAST(${plain} AS bigint)`, type: 'BIGINT' }
  if (isTime(a.type) && b.type === 'INTERVAL') return { sql: plain, type: a.type === 'DATE' ? 'TIMESTAMP' : a.type }
  if (operator === '-' && a.type === 'TIMESTAMP' && b.type === 'TIMESTAMP') return { sql: plain, type: 'INTERVAL' }
  return a.type === 'INTERVAL' && b.type === 'INTERVAL' ? { sql: plain, type: 'INTERVAL' } : null
}

const COMPARISONS: Readonly<Record<string, string>> = {
  COMPARE_EQUAL: '=',
  COMPARE_NOTEQUAL: '<>',
  COMPARE_LESSTHAN: '<',
  COMPARE_GREATERTHAN: '>',
  COMPARE_LESSTHANOREQUALTO: '<=',
  COMPARE_GREATERTHANOREQUALTO: '>=',
  COMPARE_DISTINCT_FROM: 'IS DISTINCT FROM',
  COMPARE_NOT_DISTINCT_FROM: 'IS NOT DISTINCT FROM',
}
export const comparisonOperator = (type: unknown): string | undefined => COMPARISONS[String(type)]

const COMPARABLE =
  /^(VARCHAR|BOOLEAN|TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|U\w*INT\w*|DOUBLE|FLOAT|DECIMAL\(.*\)|DATE|TIME|TIMESTAMP|TIMESTAMP WITH TIME ZONE|INTERVAL|UUID|BLOB|NULL)$/

/** Whether values can be compared the same on both sides. */
export const isComparable = (type: string): boolean => COMPARABLE.test(type)

/** Of equal intervals, `1 month` and `30 days`, either may stand for both. */
export const isGroupable = (type: string): boolean => isComparable(type) && type !== 'INTERVAL'

/** Values brought to one type that can be compared; null: they were refused. */
export function comparable(t: Translator, tree: Tree, values: readonly Typed[]): readonly Typed[] | null {
  if (isRefused(...values)) return null
  let all = values[0] ?? REFUSED
  for (const value of values.slice(1)) {
    const type = commonType(all, value)
    if (type === null) {
      t.refuse(tree, 'comparison', {
        message: `${all.type} and ${value.type} are not compared the same on PostgreSQL.`,
        hint: 'Cast one of them.',
      })
      return null
    }
    const literal =
      all.literal !== undefined && value.literal !== undefined
        ? all.literal === 'null'
          ? value.literal
          : all.literal
        : undefined
    all = literal === undefined ? typed('', type) : { ...(all.literal === 'null' ? value : all), type, literal }
  }
  if (!isComparable(all.type)) {
    t.refuse(tree, 'comparison', { message: `Values of ${all.type} are not compared the same on PostgreSQL.` })
    return null
  }
  return values.map((value) =>
    value.type === 'NULL' && all.type === 'NULL' ? value : inComparison(t, tree, value, all.type),
  )
}

/** A literal keeps its short spelling where the other side has the type. */
function inComparison(t: Translator, tree: Tree, value: Typed, type: string): Typed {
  if (value.literal === 'whole' && (isWhole(type) || decimalOf(type) !== null) && writtenType(type) !== null)
    return typed(value.sql, type)
  if (value.literal === 'text' && type === 'VARCHAR') return value
  if (isWhole(value.type) && decimalOf(type) !== null) return typed(value.sql, type)
  if (decimalOf(value.type) !== null && decimalOf(type) !== null) return typed(value.sql, type)
  return cast(t, tree, value, type)
}

export function comparison(t: Translator, tree: Tree, operator: string, left: Typed, right: Typed): Typed {
  const both = comparable(t, tree, [left, right])
  const [a, b] = both ?? []
  if (a === undefined || b === undefined) return REFUSED
  const isOrder = /^[<>]=?$/.test(operator)
  if (isOrder && a.type === 'VARCHAR') {
    t.changed(tree, 'texts compared by code points')
    return typed(`(${ordered(a)} ${operator} ${ordered(b)})`, 'BOOLEAN')
  }
  const last = a.literal === 'text' && b.literal === 'text' ? b.sql : bare(b)
  return typed(`(${a.literal === 'text' && b.literal !== 'text' ? bare(a) : a.sql} ${operator} ${last})`, 'BOOLEAN')
}

/** A value that decides: BOOLEAN, or a whole number that is not zero. */
export const truth = (t: Translator, tree: Tree, value: Typed): string =>
  value.type === 'BOOLEAN' ? value.sql : cast(t, tree, value, 'BOOLEAN').sql

/** Values of a CASE, of COALESCE or of a list in one type. */
export function unified(
  t: Translator,
  tree: Tree,
  values: readonly Typed[],
): { readonly type: string; readonly sqls: readonly string[] } {
  if (isRefused(...values)) return { type: '', sqls: [] }
  let all: Typed = values[0] ?? REFUSED
  for (const value of values.slice(1)) {
    const type = commonType(all, value)
    if (
      type === null ||
      (isList(type) && all.type !== value.type && all.literal !== 'null' && value.literal !== 'null')
    ) {
      t.refuse(tree, 'values of different types', {
        message: `${all.type} and ${value.type} have no type together that PostgreSQL gives the same values.`,
        hint: 'Cast them to one type.',
      })
      return { type: '', sqls: [] }
    }
    const both = all.literal !== undefined && value.literal !== undefined
    all = both ? { ...(all.literal === 'null' ? value : all), type } : typed('', type)
  }
  const type = all.type
  return {
    type,
    sqls: type === 'NULL' ? values.map(({ sql }) => sql) : values.map((value) => cast(t, tree, value, type).sql),
  }
}
