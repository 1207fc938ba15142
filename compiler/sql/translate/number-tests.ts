// What a floating-point number is, and bits of whole numbers.

import { type Rule, refusedCall } from './functions.ts'
import { unified } from './operators.ts'
import { isWhole, REFUSED, typed } from './types.ts'

/** `test`: of a number that is not NULL. */
const tested =
  (test: (sql: string) => string): Rule =>
  (call) => {
    const [value] = call.args
    if (value === undefined || value.type === '') return REFUSED
    return value.type === 'DOUBLE' || value.type === 'FLOAT'
      ? typed(`(${test(value.sql)})`, 'BOOLEAN')
      : refusedCall(call, `'${call.name}' of ${value.type} is not translated.`)
  }

const bits =
  (operator: '&' | '|' | '#'): Rule =>
  (call) => {
    const { type, sqls } = unified(call.t, call.tree, call.args)
    if (type === '') return REFUSED
    return isWhole(type) && type !== 'HUGEINT' && type !== 'TINYINT'
      ? typed(`(${sqls.join(` ${operator} `)})`, type)
      : refusedCall(call, `'${call.name}' of ${type} is not translated.`)
  }

export const NUMBER_TESTS: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['isnan', tested((sql) => `${sql} = 'NaN'`)],
  ['isinf', tested((sql) => `${sql} IN ('Infinity', '-Infinity')`)],
  ['isfinite', tested((sql) => `${sql} NOT IN ('NaN', 'Infinity', '-Infinity')`)],
  ['&', bits('&')],
  ['|', bits('|')],
  ['xor', bits('#')],
])
