// Functions of values whose counterpart in PostgreSQL is proven to give the same: by name, with the types of the arguments.
// A name that is in no table is refused. Rules of dates are in dates.ts, of regular expressions in patterns.ts.

import { CAPABILITIES, textLiteral } from '../../dialect/postgresql.ts'
import type { Tree } from '../../ports.ts'
import { text } from '../tree.ts'
import { cast, roundedAway } from './casts.ts'
import { arithmetic, ordered, power, truth, unified, unordered } from './operators.ts'
import type { Scope, Translator } from './translator.ts'
import {
  decimalOf,
  elementOf,
  isArray,
  isFloat,
  isList,
  isNumber,
  isWhole,
  REFUSED,
  type Typed,
  typed,
} from './types.ts'

export interface Call {
  readonly t: Translator
  readonly tree: Tree
  readonly name: string
  readonly args: readonly Typed[]
  readonly scope: Scope
}

export type Rule = (call: Call) => Typed

export const refusedCall = ({ t, tree, name }: Call, message: string, hint?: string): Typed =>
  t.refuse(tree, name, { message, hint })

/** The argument as a type. */
export const argument = ({ t, tree, args }: Call, i: number, type: string): string => {
  const value = args[i]
  return value === undefined ? 'NULL' : cast(t, tree, value, type).sql
}

/** A whole number that is written as a literal, also with a minus; undefined: something else. */
export const constantNumber = (value: Typed | undefined): number | undefined =>
  value !== undefined && /^(\(-)?\d{1,9}\)?$/.test(value.sql) ? Number(value.sql.replace(/[()]/g, '')) : undefined

/** Same name and arguments on both sides, or another name. */
const same =
  (types: readonly string[], result: string, name?: string): Rule =>
  (call) => {
    if (call.args.length !== types.length)
      return refusedCall(call, `'${call.name}' with ${call.args.length} arguments is not translated.`)
    const sql = `${name ?? call.name}(${types.map((type, i) => argument(call, i, type)).join(', ')})`
    return typed(result === 'BIGINT' ? `CAST(${sql} AS bigint)` : sql, result)
  }

const TEXT = 'VARCHAR'

const letterCase =
  (name: 'upper' | 'lower'): Rule =>
  (call) =>
    typed(letters(name, argument(call, 0, TEXT)), TEXT)

/** Letter case as DuckDB changes it: a letter for a letter, by Unicode's simple mapping, and `ß` to `ẞ`. The two agree on
 * every letter but the 28 pairs that came with Unicode 16. */
export function letters(name: 'upper' | 'lower', sql: string): string {
  const from = name === 'upper' ? `replace(${sql}, 'ß', 'ẞ')` : sql
  return `(${name}(${from} COLLATE ${CAPABILITIES.caseCollation}) COLLATE "default")`
}

const trimmed =
  (name: string): Rule =>
  (call) => {
    if (call.args.length > 1) return same([TEXT, TEXT], TEXT, name)(call)
    return typed(`${name}(${argument(call, 0, TEXT)}, ${SPACES})`, TEXT)
  }
/** What trim() takes off without a second argument: Unicode's category Zs. */
const SPACES = String.raw`E' \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000'`

/** `substr(s, start[, length])`; a start that is negative counts from the end. */
const substring: Rule = (call) => {
  const [start, length] = [constantNumber(call.args[1]), constantNumber(call.args[2])]
  const value = argument(call, 0, TEXT)
  const wrong = (): Typed =>
    refusedCall(
      call,
      `'${call.name}' counts in another way on PostgreSQL where start or length may be zero or negative.`,
      'Write start and length as literals above zero, or use left() and right().',
    )
  if (start === undefined || (call.args.length > 2 && (length === undefined || length < 0))) return wrong()
  if (start < 0) return call.args.length > 2 ? wrong() : typed(`right(${value}, ${-start})`, TEXT)
  if (start === 0 && call.args.length > 2) return typed(`left(${value}, ${Math.max(0, (length ?? 0) - 1)})`, TEXT)
  return typed(`substr(${value}, ${Math.max(1, start)}${length === undefined ? '' : `, ${length}`})`, TEXT)
}

const splitPart: Rule = (call) => {
  const at = constantNumber(call.args[2])
  const delimiter = call.args[1]
  if (at === undefined || at === 0 || delimiter?.literal !== 'text' || delimiter.value === '')
    return refusedCall(
      call,
      "'split_part' is translated with a literal separator and a literal position that is not zero.",
    )
  return typed(`split_part(${argument(call, 0, TEXT)}, ${textLiteral(delimiter.value ?? '')}, ${at})`, TEXT)
}

/** NULLs are left out by both. */
const joined =
  (name: 'concat' | 'concat_ws'): Rule =>
  (call) =>
    call.args.some(({ type }) => isList(type))
      ? refusedCall(call, `'${name}' of lists is not translated.`)
      : typed(`${name}(${call.args.map((_, i) => argument(call, i, TEXT)).join(', ')})`, TEXT)

const both: Rule = (call) => {
  const [a, b] = call.args
  if (a === undefined || b === undefined || a.type === '' || b.type === '') return REFUSED
  if (a.literal === 'null' || b.literal === 'null' || isList(a.type) || isList(b.type))
    return refusedCall(call, "'||' is translated for texts.", 'Cast both sides to VARCHAR.')
  return typed(`(${argument(call, 0, TEXT)} || ${argument(call, 1, TEXT)})`, TEXT)
}

const number1 =
  (name: string): Rule =>
  (call) =>
    typed(`${name}(${argument(call, 0, 'DOUBLE')})`, 'DOUBLE')

/** Whole numbers and decimals keep their type; `digits`: how a decimal loses those behind the point. */
const downOrUp =
  (name: 'floor' | 'ceil'): Rule =>
  (call) => {
    const type = call.args[0]?.type ?? ''
    const exact = decimalOf(type)
    if (exact !== null) return typed(`${name}(${call.args[0]?.sql})`, `DECIMAL(${exact.width},0)`)
    return number1(name)(call)
  }

const rounded: Rule = (call) => {
  const [value] = call.args
  const digits = call.args.length > 1 ? constantNumber(call.args[1]) : 0
  if (value === undefined || value.type === '') return REFUSED
  if (digits === undefined || digits < 0 || digits > 15)
    return refusedCall(call, "'round' is translated with a literal number of digits from 0 to 15.")
  const exact = decimalOf(value.type)
  if (exact !== null)
    return typed(`round(${value.sql}, ${digits})`, `DECIMAL(${exact.width},${Math.min(digits, exact.scale)})`)
  if (isWhole(value.type)) return value
  if (value.type !== 'DOUBLE')
    return refusedCall(call, `'round' of ${value.type} is not translated.`, 'Cast to DOUBLE or DECIMAL first.')
  call.t.changed(call.tree, "'round' of a floating-point number, half away from zero")
  const shift = 10 ** digits
  const sql = `CAST(${roundedAway(digits === 0 ? value.sql : `${value.sql} * ${shift}`)} AS double precision)`
  return typed(digits === 0 ? sql : `(${sql} / ${shift})`, 'DOUBLE')
}

const cut: Rule = (call) => {
  const [value] = call.args
  const exact = decimalOf(value?.type ?? '')
  if (value === undefined || call.args.length > 1)
    return refusedCall(call, "'trunc' to a number of digits is not translated.")
  if (exact !== null) return typed(`trunc(${value.sql})`, `DECIMAL(${exact.width},0)`)
  return value.type === 'DOUBLE'
    ? typed(`trunc(${value.sql})`, 'DOUBLE')
    : refusedCall(call, `'trunc' of ${value.type} is not translated.`)
}

const keepsType =
  (name: string): Rule =>
  (call) => {
    const [value] = call.args
    if (value === undefined || value.type === '') return REFUSED
    if (!isNumber(value.type) || value.type === 'TINYINT')
      return refusedCall(call, `'${name}' of ${value.type} is not translated.`)
    return typed(`${name}(${value.sql})`, value.type)
  }

const extreme =
  (name: 'greatest' | 'least'): Rule =>
  (call) => {
    const { type, sqls } = unified(call.t, call.tree, call.args)
    if (type === '') return REFUSED
    return typed(unordered(`${name}(${sqls.map((sql) => ordered(typed(sql, type))).join(', ')})`, type), type)
  }

export const coalesce: Rule = (call) => {
  const { type, sqls } = unified(call.t, call.tree, call.args)
  return type === '' ? REFUSED : typed(`coalesce(${sqls.join(', ')})`, type)
}

const nullif: Rule = (call) => {
  const [a, b] = call.args
  if (a === undefined || b === undefined || a.type === '') return REFUSED
  const { type, sqls } = unified(call.t, call.tree, [a, b])
  if (type === '') return REFUSED
  if (type === a.type) return typed(`NULLIF(${sqls.join(', ')})`, type)
  // NULLIF has the type that the two have together.
  return typed(`CASE WHEN ${sqls.join(' = ')} THEN NULL ELSE ${a.sql} END`, a.type)
}

const choice: Rule = (call) => {
  const [condition, yes, no] = call.args
  if (condition === undefined || yes === undefined || no === undefined || condition.type === '') return REFUSED
  const { type, sqls } = unified(call.t, call.tree, [yes, no])
  return type === ''
    ? REFUSED
    : typed(`CASE WHEN ${truth(call.t, call.tree, condition)} THEN ${sqls[0]} ELSE ${sqls[1]} END`, type)
}

const listContains: Rule = (call) => {
  const [list, value] = call.args
  if (list === undefined || value === undefined || list.type === '' || value.type === '') return REFUSED
  if (!isArray(list.type)) return refusedCall(call, `'${call.name}' of ${list.type} is not translated.`)
  const sought = cast(call.t, call.tree, value, elementOf(list.type)).sql
  return typed(
    `CASE WHEN ${list.sql} IS NOT NULL AND ${sought} IS NOT NULL THEN coalesce(${sought} = ANY (${list.sql}), FALSE) END`,
    'BOOLEAN',
  )
}

const listLength: Rule = (call) => {
  const [value] = call.args
  if (value === undefined || value.type === '') return REFUSED
  if (isArray(value.type))
    return call.args.length > 1
      ? refusedCall(call, 'Lists of lists are not translated.')
      : typed(`CAST(cardinality(${value.sql}) AS bigint)`, 'BIGINT')
  return same([TEXT], 'BIGINT', 'length')(call)
}

const listValue: Rule = (call) => {
  const { type, sqls } = unified(call.t, call.tree, call.args)
  if (type === '' && call.args.length > 0) return REFUSED
  if (isList(type)) return refusedCall(call, 'Lists of lists are not translated: PostgreSQL’s arrays are rectangular.')
  if (call.args.length === 0 || type === 'NULL')
    return refusedCall(call, 'A list without a type is not translated.', 'Cast it: []::INTEGER[].')
  return typed(`ARRAY[${sqls.join(', ')}]`, `${type}[]`)
}

const splitText: Rule = (call) => {
  const delimiter = call.args[1]
  if (delimiter?.literal !== 'text' || delimiter.value === '')
    return refusedCall(call, `'${call.name}' is translated with a literal separator.`)
  const value = argument(call, 0, TEXT)
  // An empty text has one part.
  return typed(
    `CASE WHEN ${value} = '' THEN ARRAY[${value}] ELSE string_to_array(${value}, ${textLiteral(delimiter.value ?? '')}) END`,
    `${TEXT}[]`,
  )
}

const variable: Rule = (call) => {
  const name = text(call.tree, 'function_name') === '' ? '' : (call.args[0]?.value ?? '')
  if (name === 'run_timestamp') return typed(call.t.meanings.runTimestamp, 'TIMESTAMP WITH TIME ZONE')
  const sql = call.t.meanings.variable(name)
  return sql === null ? refusedCall(call, `There is no variable '${name}' of the run on PostgreSQL.`) : typed(sql, TEXT)
}

const operator =
  (name: string): Rule =>
  (call) =>
    arithmetic(call.t, call.tree, name, call.args)

const fromLeft =
  (name: 'left' | 'right' | 'repeat'): Rule =>
  (call) =>
    typed(`${name}(${argument(call, 0, TEXT)}, ${argument(call, 1, 'INTEGER')})`, TEXT)

const endsWith: Rule = (call) => {
  const [value, end] = [argument(call, 0, TEXT), argument(call, 1, TEXT)]
  return typed(`(right(${value}, length(${end})) = ${end})`, 'BOOLEAN')
}

const padded: Rule = (call) =>
  (call.args[2]?.value ?? '') === ''
    ? refusedCall(call, `'${call.name}' is translated with a literal text to fill up with.`)
    : same([TEXT, 'INTEGER', TEXT], TEXT)(call)

export const FUNCTIONS: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...['+', '-', '*', '/', '//', '%', '^', '**'].map((name): [string, Rule] => [name, operator(name)]),
  ...['sqrt', 'cbrt', 'exp', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'radians', 'degrees'].map(
    (name): [string, Rule] => [name, number1(name)],
  ),
  ['ln', number1('ln')],
  ['log10', number1('log')],
  ['mod', operator('%')],
  ['pi', () => typed('pi()', 'DOUBLE')],
  ['pow', (call) => (call.args[0] && call.args[1] ? power(call.t, call.tree, call.args[0], call.args[1]) : REFUSED)],
  ['power', (call) => (call.args[0] && call.args[1] ? power(call.t, call.tree, call.args[0], call.args[1]) : REFUSED)],
  ['abs', keepsType('abs')],
  ['ceil', downOrUp('ceil')],
  ['ceiling', downOrUp('ceil')],
  ['floor', downOrUp('floor')],
  ['round', rounded],
  ['trunc', cut],
  [
    'sign',
    (call) =>
      isFloat(call.args[0]?.type ?? '')
        ? refusedCall(call, "'sign' of floating-point numbers is not translated.")
        : typed(`CAST(sign(${call.args[0]?.sql}) AS smallint)`, 'TINYINT'),
  ],
  ['greatest', extreme('greatest')],
  ['least', extreme('least')],
  ['coalesce', coalesce],
  ['ifnull', coalesce],
  ['nullif', nullif],
  ['if', choice],
  ['upper', letterCase('upper')],
  ['ucase', letterCase('upper')],
  ['lower', letterCase('lower')],
  ['lcase', letterCase('lower')],
  ['trim', trimmed('btrim')],
  ['ltrim', trimmed('ltrim')],
  ['rtrim', trimmed('rtrim')],
  ['length', listLength],
  ['len', listLength],
  ['char_length', same([TEXT], 'BIGINT', 'length')],
  ['character_length', same([TEXT], 'BIGINT', 'length')],
  ['strlen', same([TEXT], 'BIGINT', 'octet_length')],
  ['substr', substring],
  ['substring', substring],
  ['left', fromLeft('left')],
  ['right', fromLeft('right')],
  ['repeat', fromLeft('repeat')],
  ['lpad', padded],
  ['rpad', padded],
  ['replace', same([TEXT, TEXT, TEXT], TEXT)],
  ['translate', same([TEXT, TEXT, TEXT], TEXT)],
  ['concat', joined('concat')],
  ['concat_ws', joined('concat_ws')],
  ['||', both],
  ['starts_with', same([TEXT, TEXT], 'BOOLEAN')],
  ['prefix', same([TEXT, TEXT], 'BOOLEAN', 'starts_with')],
  ['ends_with', endsWith],
  ['suffix', endsWith],
  [
    'contains',
    (call) =>
      isList(call.args[0]?.type ?? '')
        ? listContains(call)
        : typed(`(strpos(${argument(call, 0, TEXT)}, ${argument(call, 1, TEXT)}) > 0)`, 'BOOLEAN'),
  ],
  ['instr', same([TEXT, TEXT], 'BIGINT', 'strpos')],
  ['strpos', same([TEXT, TEXT], 'BIGINT')],
  ['position', same([TEXT, TEXT], 'BIGINT', 'strpos')],
  ['split_part', splitPart],
  ['string_split', splitText],
  ['split', splitText],
  ['str_split', splitText],
  ['string_to_array', splitText],
  ['md5', same([TEXT], TEXT)],
  ['sha256', (call) => typed(`encode(sha256(convert_to(${argument(call, 0, TEXT)}, 'UTF8')), 'hex')`, TEXT)],
  ['list_contains', listContains],
  ['list_has', listContains],
  ['array_contains', listContains],
  ['array_has', listContains],
  ['array_length', listLength],
  ['list_value', listValue],
  ['list_pack', listValue],
  ['getvariable', variable],
])
