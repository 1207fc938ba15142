// Types of DuckDB as the translation needs them: what class a type is of, and which type two values have together, by the
// rules of DuckDB's binder for what is translated. A type is DuckDB's own spelling; '' stands for what was refused. Pure.

import { writtenType } from '../../dialect/postgresql.ts'
import type { Tree } from '../../ports.ts'
import { child, text } from '../tree.ts'

/** An expression of PostgreSQL whose type is the counterpart of `type`. */
export interface Typed {
  readonly sql: string
  readonly type: string
  /** Of a literal, whose type follows what it meets; NULL has none. */
  readonly literal?: 'whole' | 'text' | 'null'
  /** The literal's text. */
  readonly value?: string
  /** Where a literal of text is spelled without its type. */
  readonly bare?: string
  /** Where a literal of text stands. */
  readonly place?: Tree
}

export const REFUSED: Typed = { sql: 'NULL', type: '' }

export const typed = (sql: string, type: string): Typed => ({ sql, type })

const WHOLE: readonly string[] = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT']
const DIGITS: Readonly<Record<string, number>> = { TINYINT: 3, SMALLINT: 5, INTEGER: 10, BIGINT: 19, HUGEINT: 38 }
/** Half-open bits of each. */
const BITS: Readonly<Record<string, number>> = { TINYINT: 7, SMALLINT: 15, INTEGER: 31, BIGINT: 63, HUGEINT: 127 }
const TIMES: readonly string[] = ['DATE', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE']

/** Signed whole numbers. */
export const isWhole = (type: string): boolean => WHOLE.includes(type)
export const isUnsigned = (type: string): boolean => /^U(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type)
export const isFloat = (type: string): boolean => type === 'DOUBLE' || type === 'FLOAT'
export const isList = (type: string): boolean => type.endsWith('[]')
/** A list that is an array on PostgreSQL, not JSON. */
export const isArray = (type: string): boolean => isList(type) && (writtenType(type)?.endsWith('[]') ?? false)
export const elementOf = (type: string): string => type.slice(0, -2)
export const isTime = (type: string): boolean => TIMES.includes(type)
export const isNumber = (type: string): boolean => isWhole(type) || isFloat(type) || decimalOf(type) !== null

export interface Decimal {
  readonly width: number
  readonly scale: number
}

export function decimalOf(type: string): Decimal | null {
  const found = /^DECIMAL\((\d+),(\d+)\)$/.exec(type)
  return found === null ? null : { width: Number(found[1]), scale: Number(found[2]) }
}

/** A whole number or a decimal as a decimal. */
export function asDecimal(type: string): Decimal | null {
  const digits = DIGITS[type]
  return digits === undefined ? decimalOf(type) : { width: digits, scale: 0 }
}

export const decimal = (width: number, scale: number): string => `DECIMAL(${Math.min(38, width)},${scale})`

/** The least and greatest value of signed whole numbers. */
export function rangeOf(type: string): readonly [bigint, bigint] {
  const bits = BigInt(BITS[type] ?? 0)
  return [-(1n << bits), (1n << bits) - 1n]
}

/** The type that DuckDB gives two values that must have one; null: none that is translated. */
export function commonType(a: Typed, b: Typed): string | null {
  if (a.literal === 'null') return b.type
  if (b.literal === 'null') return a.type
  if (a.type === b.type) return a.type
  if (a.literal === 'text') return b.type
  if (b.literal === 'text') return a.type
  if (isWhole(a.type) && isWhole(b.type)) return commonWhole(a, b)
  return isNumber(a.type) && isNumber(b.type) ? commonNumber(a.type, b.type) : commonOther(a.type, b.type)
}

/** A literal takes the other's type where it fits. */
function commonWhole(a: Typed, b: Typed): string {
  if (a.literal === 'whole' && b.literal !== 'whole' && fits(a, b.type)) return b.type
  if (b.literal === 'whole' && a.literal !== 'whole' && fits(b, a.type)) return a.type
  return WHOLE[Math.max(WHOLE.indexOf(a.type), WHOLE.indexOf(b.type))] ?? 'HUGEINT'
}

function fits(literal: Typed, type: string): boolean {
  const [least, most] = rangeOf(type)
  const value = BigInt(literal.value ?? '0')
  return value >= least && value <= most
}

function commonNumber(a: string, b: string): string {
  if (a === 'DOUBLE' || b === 'DOUBLE') return 'DOUBLE'
  if (a === 'FLOAT' || b === 'FLOAT') return 'FLOAT'
  const [x, y] = [asDecimal(a), asDecimal(b)]
  if (x === null || y === null) return 'DOUBLE'
  const scale = Math.max(x.scale, y.scale)
  return decimal(Math.max(x.width - x.scale, y.width - y.scale) + scale, scale)
}

function commonOther(a: string, b: string): string | null {
  if (isTime(a) && isTime(b)) return TIMES[Math.max(TIMES.indexOf(a), TIMES.indexOf(b))] ?? null
  const [truth, other] = a === 'BOOLEAN' ? [a, b] : [b, a]
  return truth === 'BOOLEAN' && isWhole(other) ? other : null
}

/** The type that a syntax tree spells; null: a name that is none of the engine's plain types. */
export function typeOf(tree: Tree | undefined): string | null {
  if (tree === undefined) return null
  const id = text(tree, 'id')
  const info = child(tree, 'type_info')
  if (id === 'DECIMAL')
    return info === undefined ? 'DECIMAL(18,3)' : decimal(Number(info.width ?? 18), Number(info.scale ?? 0))
  if (id === 'LIST') {
    const inner = typeOf(info && child(info, 'child_type'))
    return inner === null ? null : `${inner}[]`
  }
  if (info !== undefined && info.type !== undefined && info.type !== 'GENERIC_TYPE_INFO') return null
  return id === 'UNBOUND' || id === 'STRUCT' || id === 'MAP' || id === 'ENUM' || id === '' ? null : id
}
