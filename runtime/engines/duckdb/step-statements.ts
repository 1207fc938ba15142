// Which statements a step may run. A bundle is untrusted: beside what the engine's confinement forbids, a step prepares
// (schemas, views, temporary things, variables, DML) and then writes its one output with the last statement. Text and
// the engine's own classification must agree. Reports STATEMENT_REFUSED.

import { RuntimeFailure } from '../../contract/failures.ts'
import type { StepRequest } from '../../engine.ts'
import { splitStatements } from './split-statements.ts'
import { leadingKind } from './statement-kind.ts'

/** DuckDB's numbers of statement types (StatementType of the client). */
const TYPE = {
  SELECT: 1,
  INSERT: 2,
  UPDATE: 3,
  DELETE: 5,
  CREATE: 7,
  ALTER: 9,
  TRANSACTION: 10,
  COPY: 11,
  DROP: 15,
  SET: 20,
} as const

export interface StepStatement {
  readonly text: string
  /** In UTF-16 code units of the step's SQL. */
  readonly start: number
  readonly role: 'prepare' | 'output'
}

const BLANK = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/
const COPY =
  /^COPY \(\n([\s\S]*)\n\) TO \(getvariable\('([^']+)'\) \|\| '\/([^']+)'\) \(FORMAT parquet, PARQUET_VERSION v2\)$/

const PREPARES: readonly (readonly [RegExp, number])[] = [
  [/^create\s+(?:or\s+replace\s+)?(?:temp|temporary)\s/i, TYPE.CREATE],
  [/^create\s+schema\s+(?:if\s+not\s+exists\s+)?(?:\w+|"(?:[^"]|"")+")\s*$/i, TYPE.CREATE],
  [/^create\s+(?:or\s+replace\s+)?view\s/i, TYPE.CREATE],
  [/^set\s+(?:session\s+)?variable\s/i, TYPE.SET],
  [/^reset\s+(?:session\s+)?variable\s/i, TYPE.SET],
  [/^insert\s/i, TYPE.INSERT],
  [/^update\s/i, TYPE.UPDATE],
  [/^(?:delete|truncate)\s/i, TYPE.DELETE],
  [/^alter\s/i, TYPE.ALTER],
  [/^drop\s+(?:table|view|macro|function|type|sequence)\s/i, TYPE.DROP],
]

/** The statements of a step, each of a form that is allowed. Throws STATEMENT_REFUSED. Pure. */
export function stepStatements(step: Pick<StepRequest, 'sql' | 'output'>): StepStatement[] {
  const texts = splitStatements(`${step.sql}\n;`).statements
  let from = 0
  return texts.map((text, i) => {
    const start = step.sql.indexOf(text, from)
    from = start + text.length
    const last = i === texts.length - 1
    if (last) requireOutput(text, step.output)
    else if (!isPreparing(text)) throw refused(text)
    return { text, start, role: last ? 'output' : 'prepare' }
  })
}

/**
 * The prelude's statements that the step can use. It makes temporary macros and nothing else; one whose name is not in
 * the step's text, and that no clock keyword (`current_…`, `local…`) stands for, is left out: making them all takes as
 * long as a small step. Throws STATEMENT_REFUSED. Pure.
 */
export function preludeFor(step: Pick<StepRequest, 'prelude' | 'sql'>): string[] {
  const text = step.sql.toLowerCase()
  const hasKeyword = /current|local/.test(text)
  return splitStatements(`${step.prelude}\n;`).statements.filter((statement) => {
    const [, name] = MACRO.exec(bare(statement)) ?? []
    if (name === undefined) throw refused(statement)
    return hasKeyword || text.includes(name.toLowerCase())
  })
}

const MACRO = /^create\s+or\s+replace\s+temp\s+macro\s+(\w+)\s*\(/i

/**
 * Whether the engine sees in a statement what its text says. PIVOT without IN is extracted to several parts: a
 * transaction that makes a type for its keys before the statement itself. Throws STATEMENT_REFUSED. Pure.
 */
export function requireType(statement: StepStatement, type: number, part: number, parts: number): void {
  const text = bare(statement.text)
  const isOuter = parts > 1 && /\bpivot/i.test(text) && (part === 0 || part === parts - 1)
  const isKeys = parts > 1 && /\bpivot/i.test(text) && part < parts - 2
  if (isOuter ? type === TYPE.TRANSACTION : isKeys ? type === TYPE.CREATE : isItself(statement, text, type, parts))
    return
  throw refused(statement.text)
}

function isItself(statement: StepStatement, text: string, type: number, parts: number): boolean {
  if (parts > 1 && !/\bpivot/i.test(text)) return false
  if (statement.role === 'output') return type === TYPE.COPY
  return (
    PREPARES.some(([form, of]) => of === type && form.test(text)) ||
    (type === TYPE.SELECT && leadingKind(text) === 'select')
  )
}

/**
 * The query inside a step's COPY, and where it starts in the statement. Only when the engine can parse it by itself does
 * its last parenthesis not close the COPY's, and the file named after it is the file that is written. Pure.
 */
export function outputQuery(text: string): { readonly text: string; readonly start: number } {
  const own = bare(text)
  return { text: COPY.exec(own)?.[1] ?? '', start: text.length - own.length + 'COPY (\n'.length }
}

function requireOutput(text: string, output: StepRequest['output']): void {
  const [, query, variable, file] = COPY.exec(bare(text)) ?? []
  const alone = query === undefined ? [] : splitStatements(`${query}\n;`).statements
  if (
    variable === output.variable &&
    file === output.file &&
    alone.length === 1 &&
    leadingKind(query ?? '') === 'select'
  )
    return
  throw refused(text)
}

const isPreparing = (text: string): boolean =>
  PREPARES.some(([form]) => form.test(bare(text))) || leadingKind(bare(text)) === 'select'

const bare = (text: string): string => text.replace(BLANK, '')

function refused(text: string): RuntimeFailure {
  const shown = bare(text).split(/\s+/).slice(0, 4).join(' ').slice(0, 80)
  return new RuntimeFailure(
    'STATEMENT_REFUSED',
    `a step may not run '${shown} …'`,
    { statement: shown },
    {
      hints: ['A step makes schemas, views and temporary things, sets variables, and writes its one output.'],
    },
  )
}
