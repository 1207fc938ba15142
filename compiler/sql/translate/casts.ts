// Casts of DuckDB → expressions of PostgreSQL that give the same value: where the two round, read or refuse in other ways,
// the difference is written out. Texts that only PostgreSQL would read become an error of the server, never a value.

import { textLiteral, typedText, writtenType } from '../../dialect/postgresql.ts'
import type { Tree } from '../../ports.ts'
import type { Translator } from './translator.ts'
import {
  asDecimal,
  decimalOf,
  elementOf,
  isFloat,
  isList,
  isNumber,
  isTime,
  isUnsigned,
  isWhole,
  REFUSED,
  rangeOf,
  type Typed,
} from './types.ts'

/** What a text must look like to mean the same on both sides. */
const TEXTS: Readonly<Record<string, { readonly form: string; readonly what: string }>> = {
  DATE: { form: String.raw`\d{4}-\d{1,2}-\d{1,2}`, what: 'a date as 2020-01-31' },
  TIMESTAMP: {
    form: String.raw`\d{4}-\d{1,2}-\d{1,2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?`,
    what: 'a time as 2020-01-31 10:00:00',
  },
  'TIMESTAMP WITH TIME ZONE': {
    form: String.raw`\d{4}-\d{1,2}-\d{1,2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?[+-]\d{2}(:\d{2})?`,
    what: 'a time as 2020-01-31 10:00:00+00',
  },
  TIME: { form: String.raw`\d{2}:\d{2}:\d{2}(\.\d{1,6})?`, what: 'a time as 10:00:00' },
  BOOLEAN: { form: '([tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|[tTfF01])', what: 'true or false' },
  DOUBLE: {
    form: String.raw`\s*[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN])\s*`,
    what: 'a number',
  },
  UUID: { form: '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}', what: 'a UUID' },
}
const NUMBER = String.raw`\s*[+-]?(\d+\.?\d*|\.\d+)\s*`
const WHOLE_NUMBER = String.raw`\s*[+-]?\d+\s*`
const INTERVAL = /^\s*(?:[+-]?\d+ (?:year|month|week|day|hour|minute|second)s?\s*)+$/i

const castTo = (sql: string, type: string): string => `CAST(${sql} AS ${writtenType(type)})`

/** The regular expression that a whole text must match, as a literal of PostgreSQL; classes mean ASCII alone. */
const whole = (form: string): string =>
  textLiteral(`^(${form.replaceAll('\\d', '[0-9]').replaceAll('\\s', '[ \\t\\n\\v\\f\\r]')})$`)

/** The value as `type`; what cannot be cast is noted at `tree`. */
export function cast(t: Translator, tree: Tree, value: Typed, type: string): Typed {
  if (value.type === '' || type === '') return REFUSED
  if (writtenType(type) === null) return noType(t, tree, type)
  if (value.type === 'NULL') return { sql: castTo(value.sql, type), type }
  if (value.type === type && value.literal !== 'text') return value
  if (value.literal === 'text') return literalAs(t, tree, value, type)
  const sql = castSql(value, type)
  if (sql === null)
    return t.refuse(tree, `CAST ${value.type} AS ${type}`, {
      message: `A cast from ${value.type} to ${type} gives other values on PostgreSQL.`,
      hint:
        isFloat(value.type) && type === 'VARCHAR'
          ? 'Cast to a DECIMAL first.'
          : type === 'TINYINT'
            ? 'Cast to SMALLINT.'
            : undefined,
    })
  return { sql, type }
}

export const noType = (t: Translator, tree: Tree, type: string): Typed =>
  t.refuse(tree, type, { code: 'TRANSLATE_TYPE', message: `PostgreSQL has no type for the values of ${type}.` })

function literalAs(t: Translator, tree: Tree, value: Typed, type: string): Typed {
  const text = value.value ?? ''
  if (type === 'VARCHAR') return value
  const wrong = (): Typed =>
    t.refuse(value.place ?? tree, `'${text}'`, {
      message: `'${text}' as ${type} may be read in another way by PostgreSQL.`,
      hint: `Write it as ${TEXTS[type]?.what ?? 'a plain literal'}.`,
    })
  if (type === 'INTERVAL') return INTERVAL.test(text) ? { sql: `interval ${textLiteral(text)}`, type } : wrong()
  if (isNumber(type) && !isFloat(type)) {
    const form = new RegExp(`^(${isWhole(type) ? WHOLE_NUMBER : NUMBER})$`)
    return form.test(text) ? { sql: castTo(textLiteral(text.trim()), type), type } : wrong()
  }
  const known = TEXTS[type === 'FLOAT' ? 'DOUBLE' : type]
  if (known === undefined || !new RegExp(`^(${known.form})$`).test(text)) return wrong()
  if (type === 'BOOLEAN') return { sql: /^[t1]/i.test(text) ? 'TRUE' : 'FALSE', type }
  return isTime(type)
    ? { sql: `${writtenType(type)} ${textLiteral(text)}`, type }
    : { sql: castTo(textLiteral(text), type), type }
}

/** Null: the value may be another. */
function castSql({ sql, type: from }: Typed, to: string): string | null {
  if (to === 'VARCHAR') return textOf(sql, from)
  if (from === 'VARCHAR') return readText(sql, to)
  if (from === 'BOOLEAN') return isWhole(to) ? truthAs(sql, to) : null
  if (to === 'BOOLEAN') return isWhole(from) ? `(${sql} <> 0)` : null
  if (isUnsigned(from)) return /^(INTEGER|BIGINT|HUGEINT|DOUBLE)$/.test(to) ? castTo(sql, to) : null
  if (isNumber(from) && isNumber(to)) return numberAs(sql, from, to)
  if (isTime(from) && isTime(to)) return castTo(sql, to)
  if (to === 'TIME') return from === 'TIMESTAMP' ? castTo(sql, to) : null
  if (isList(from) && isList(to)) {
    const [a, b] = [elementOf(from), elementOf(to)]
    const widens = isWhole(a) && isWhole(b) && rangeOf(b)[1] >= rangeOf(a)[1]
    return widens || a === 'NULL' ? castTo(sql, to) : null
  }
  return null
}

function textOf(sql: string, from: string): string | null {
  const same = isWhole(from) || isUnsigned(from) || from === 'BOOLEAN' || from === 'UUID' || from === 'TIME'
  if (same) return castTo(sql, 'VARCHAR')
  // The digits behind the point are those of the type.
  const exact = decimalOf(from)
  // DuckDB writes no zero before the point where the type has none.
  if (exact !== null) return exact.width === exact.scale ? null : castTo(castTo(sql, from), 'VARCHAR')
  return from === 'DATE' || from === 'TIMESTAMP' ? castTo(sql, 'VARCHAR') : null
}

/** A text that does not have the form becomes one that the server refuses. */
function readText(sql: string, to: string): string | null {
  if (to === 'TINYINT') return null
  if (isWhole(to)) return castTo(onlyOf(sql, WHOLE_NUMBER, 'a whole number'), to)
  if (decimalOf(to) !== null) return castTo(onlyOf(sql, NUMBER, 'a number'), to)
  const known = TEXTS[to]
  return known === undefined ? null : castTo(onlyOf(sql, known.form, known.what), to)
}

const onlyOf = (sql: string, form: string, what: string): string =>
  `CASE WHEN ${sql} ~ ${whole(form)} THEN ${sql} ELSE ${textLiteral(`not written as ${what}: `)} || ${sql} END`

const truthAs = (sql: string, to: string): string =>
  to === 'INTEGER' ? castTo(sql, to) : castTo(castTo(sql, 'INTEGER'), to)

function numberAs(sql: string, from: string, to: string): string | null {
  // PostgreSQL's smallest whole number would take more.
  if (to === 'TINYINT') return null
  const scale = decimalOf(to)?.scale
  if (isFloat(from) && to === 'HUGEINT') return null
  if (!isFloat(from) || scale === undefined) return castTo(sql, to)
  if (from === 'FLOAT') return null
  // DuckDB multiplies as a floating-point number and rounds half away from zero; PostgreSQL would look at 15 digits.
  // `numeric` would keep NaN, which no DECIMAL is.
  const digits = `replace(CAST(${sql} * ${10 ** scale} AS text), 'NaN', 'NaN is no DECIMAL')`
  return castTo(`round(CAST(${digits} AS numeric)) * ${decimalOne(scale)}`, to)
}

/** 0.01 for two digits. */
const decimalOne = (scale: number): string => (scale === 0 ? '1' : `0.${'0'.repeat(scale - 1)}1`)

/** A floating-point number rounded half away from zero, as `numeric`: its shortest text decides as its exact value does. */
export const roundedAway = (sql: string): string => `round(CAST(CAST(${sql} AS text) AS numeric))`

/** TRY_CAST; NULL where DuckDB cannot read the value. */
export function tryCast(t: Translator, tree: Tree, value: Typed, type: string): Typed {
  if (value.type === '') return REFUSED
  if (value.literal === 'null' || value.type === type || isSafe(value.type, type)) return cast(t, tree, value, type)
  const tried = value.literal === 'text' ? { sql: value.sql, type: 'VARCHAR' } : value
  const sql = trySql(tried, type)
  if (sql === null)
    return t.refuse(tree, `TRY_CAST ${value.type} AS ${type}`, {
      message: `TRY_CAST from ${value.type} to ${type} has no counterpart that gives NULL for the same values.`,
    })
  t.changed(tree, 'TRY_CAST as a CASE of the texts that can be read')
  return { sql, type }
}

/** Casts that never fail. */
function isSafe(from: string, to: string): boolean {
  if (to === 'VARCHAR' || (from === 'BOOLEAN' && isWhole(to))) return true
  if (isWhole(from) && isWhole(to)) return rangeOf(to)[1] >= rangeOf(from)[1]
  return asDecimal(from) !== null && isFloat(to)
}

function trySql({ sql, type: from }: Typed, to: string): string | null {
  const [least, most] = isWhole(to) ? rangeOf(to) : [0n, 0n]
  const within = (number: string): string =>
    `CASE WHEN ${number} BETWEEN ${least} AND ${most} THEN ${castTo(number, to)} END`
  if (isWhole(from) && isWhole(to)) return within(sql)
  if (from !== 'VARCHAR') return null
  // Other texts that DuckDB reads stop the query rather than become NULL.
  const otherwise = (form: string): string =>
    `WHEN ${sql} ~ ${whole(form)} THEN ${castTo(`${textLiteral('not read the same on PostgreSQL: ')} || ${sql}`, to)} END`
  if (isWhole(to))
    return `CASE WHEN ${sql} ~ ${whole(NUMBER)} THEN ${within(`round(CAST(${sql} AS numeric))`)} ${otherwise(String.raw`\s*[+-]?(0[xXbB].*|[0-9._]*\d[0-9._]*[eE_].*)`)}`
  if (to === 'DOUBLE')
    return `CASE WHEN ${sql} ~ ${whole(TEXTS.DOUBLE?.form ?? '')} THEN ${castTo(sql, to)} ${otherwise(String.raw`\s*[+-]?[0-9._]*\d[0-9._]*_.*`)}`
  if (to !== 'DATE' && to !== 'TIMESTAMP') return null
  const form = TEXTS[to]?.form ?? ''
  return `CASE WHEN ${sql} ~ ${whole(form)} THEN CASE WHEN pg_input_is_valid(${sql}, ${textLiteral(writtenType(to) ?? '')}) THEN ${castTo(sql, to)} END ${otherwise(String.raw`\s*-?\d+[-/ \\]\d+.*`)}`
}

/** A literal where its type does not matter, and the whole expression elsewhere. */
export const bare = (value: Typed): string => value.bare ?? value.sql

export const textConstant = (text: string, place: Tree): Typed => ({
  sql: typedText(text),
  type: 'VARCHAR',
  literal: 'text',
  value: text,
  bare: textLiteral(text),
  place,
})
