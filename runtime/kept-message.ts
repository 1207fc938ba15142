// The message of a failure for a file that is kept and passed on: without values of the data, which engines like to quote.
// The terminal shows it whole. Kinds of errors are DuckDB's exception types, and SQLSTATE classes of PostgreSQL. Pure.

import type { RuntimeFailure } from './contract/failures.ts'

const OF_ENGINES: readonly string[] = ['STEP_FAILED', 'TARGET_FAILED', 'QUERY_FAILED', 'CONNECTION_FAILED']

/** DuckDB's errors about definitions, files and memory, which name no value. */
const OF_DEFINITIONS: readonly string[] = [
  'Binder',
  'Catalog',
  'Parser',
  'Syntax Error',
  'Not implemented',
  'Out of Memory',
  'IO',
  'Permission',
]

/** DuckDB's errors about values, in sentences of its own. */
const OF_VALUES: readonly string[] = ['Conversion', 'Out of Range', 'Constraint', 'Mismatch Type']

export function messageWithoutValues({ code, message, facts }: RuntimeFailure): string {
  if (!OF_ENGINES.includes(code)) return message
  if (typeof facts.sqlstate === 'string') return ofServer(message, facts.sqlstate)
  const { exception } = facts
  if (typeof exception !== 'string' || OF_DEFINITIONS.includes(exception)) return message
  const csv = /^CSV Error on Line: \d+/.exec(message)?.[0]
  if (csv !== undefined) {
    const column = /when converting column "[^"\n]*"/.exec(message)?.[0]
    return `${csv}${column === undefined ? '' : `, ${column}`}`
  }
  return OF_VALUES.includes(exception) ? masked(message) : `${exception} error, whose message may hold values`
}

/** 22: a value is wrong; 23: a constraint is broken, with the row in the detail; P0: raised by a function's own text. */
function ofServer(message: string, sqlstate: string): string {
  const what = /^.*? failed: /.exec(message)?.[0] ?? ''
  if (sqlstate.startsWith('P0')) return `${what}a function raised an error, whose message may hold values`
  if (sqlstate.startsWith('22')) return what + masked(message.slice(what.length))
  return sqlstate.startsWith('23') ? message.replace(/ \((Key|Failing row|Partition key)\b[\s\S]*$/, '') : message
}

/** The first line, without what stands in quotes or brackets and without numbers. */
function masked(message: string): string {
  return (message.split('\n')[0] ?? '')
    .replace(/'.*'|'.*$/, "'…'")
    .replace(/".*"|".*$/, '"…"')
    .replace(/\(.*\)|\(.*$/, '(…)')
    .replace(/\bvalue (?!is\b|out\b|too\b)\S+/g, 'value …')
    .replace(/(?<![\w.])-?\d[\d.]*(?![\w.])/g, '…')
}
