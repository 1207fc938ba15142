// Which statements a step may run. A bundle is untrusted: beside what the engine's confinement forbids, a step prepares
// (schemas, views, temporary things, variables, DML) and then writes its one output with the last statement. Text and
// the engine's own classification must agree. Reports STATEMENT_REFUSED.

import { CLOCK_MACROS } from '../../contract/clock.ts'
import { RuntimeFailure } from '../../contract/failures.ts'
import type { StepRequest } from '../../engine.ts'
import { hasEffect, preparingType, TYPE } from './preparing.ts'
import { literal } from './quoting.ts'
import { codeOf, splitStatements } from './split-statements.ts'
import { leadingKind } from './statement-kind.ts'

export interface StepStatement {
  /** As it runs. */
  readonly text: string
  /** In UTF-16 code units of the step's SQL. */
  readonly start: number
  readonly role: 'prepare' | 'output'
  /** The engine's number of the type that it must see in it. */
  readonly type: number
}

const BLANK = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/
const BEFORE_QUERY = 'COPY (\n'
const OPTIONS = '(FORMAT parquet, PARQUET_VERSION v2)'
/** As a bundle has it, and as it runs. */
const COPY = copyTo(String.raw`\(getvariable\('([^']+)'\) \|\| '\/([^']+)'\)`)
const COPY_TO_TEXT = copyTo(`'(?:[^']|'')*'`)

function copyTo(target: string): RegExp {
  const [before, options] = [BEFORE_QUERY, OPTIONS].map((text) => text.replace(/[()]/g, '\\$&'))
  return new RegExp(String.raw`^${before}([\s\S]*)\n\) TO ${target} ${options}$`)
}

/** The statements of a step, each of a form that is allowed. Throws STATEMENT_REFUSED. Pure. */
export function stepStatements(step: Pick<StepRequest, 'sql' | 'output' | 'variables'>): StepStatement[] {
  const given = new Set(['run_timestamp', ...Object.keys(step.variables.values)].map((name) => name.toLowerCase()))
  const texts = splitStatements(`${step.sql}\n;`).statements
  let from = 0
  return texts.map((text, i) => {
    const start = step.sql.indexOf(text, from)
    from = start + text.length
    if (hasEffect(text)) throw refused(text)
    if (i === texts.length - 1) return { text: outputText(text, step), start, role: 'output', type: TYPE.COPY }
    const type = preparingType(text, given)
    if (type === null) throw refused(text)
    return { text, start, role: 'prepare', type }
  })
}

/**
 * The COPY with the output's path as a text: what a bundle writes the path with (a variable, an operator) cannot lead it
 * elsewhere. What comes before the path keeps its place. Throws STATEMENT_REFUSED.
 */
function outputText(text: string, { output, variables }: Pick<StepRequest, 'output' | 'variables'>): string {
  const bareText = text.replace(BLANK, '')
  const [, query = '', variable, file] = COPY.exec(bareText) ?? []
  const folder = variables.values[output.variable]
  const alone = splitStatements(`${query}\n;`).statements
  if (
    variable !== output.variable ||
    file !== output.file ||
    folder === undefined ||
    alone.length !== 1 ||
    leadingKind(query) !== 'select'
  )
    throw refused(text)
  const end = text.length - bareText.length + BEFORE_QUERY.length + query.length
  return `${text.slice(0, end)}\n) TO ${literal(`${folder}/${file}`)} ${OPTIONS}`
}

/**
 * The query inside a step's COPY, and where it starts in `text`. Only when the engine can parse it by itself does its
 * last parenthesis not close the COPY's, and the file named after it is the file that is written. Pure.
 */
export function outputQuery(text: string): { readonly text: string; readonly start: number } {
  const bareText = text.replace(BLANK, '')
  const query = COPY_TO_TEXT.exec(bareText)?.[1] ?? ''
  return { text: query, start: text.length - bareText.length + BEFORE_QUERY.length }
}

/**
 * The prelude's statements that the step can use. It makes the clock's macros and nothing else; one whose name is not in
 * the step's text, and that no keyword or other function stands for, is left out: making them all takes as long as a
 * small step. Throws STATEMENT_REFUSED. Pure.
 */
export function preludeFor(step: Pick<StepRequest, 'prelude' | 'sql'>): StepStatement[] {
  const needsAll = /current|local|\bago\b|\bpg_/i.test(step.sql)
  return splitStatements(`${step.prelude}\n;`).statements.flatMap((text) => {
    const name = MACRO.exec(codeOf(text, 'kept').trim())?.[1]?.toLowerCase() ?? ''
    if (!CLOCK_MACROS.includes(name) || hasEffect(text)) throw refused(text)
    if (!needsAll && !new RegExp(`\\b${name}\\b`, 'i').test(step.sql)) return []
    return [{ text, start: 0, role: 'prepare', type: TYPE.CREATE }]
  })
}

const MACRO = /^create\s+or\s+replace\s+temp\s+macro\s+(\w+)\s*\(/i

/**
 * Whether the engine sees in a statement what its text says. PIVOT without IN is extracted to several parts: a
 * transaction that makes a type for its keys before the statement itself. Throws STATEMENT_REFUSED. Pure.
 */
export function requireType(statement: StepStatement, type: number, part: number, parts: number): void {
  const isPivot = parts > 1 && /\bpivot/i.test(statement.text)
  const isOuter = isPivot && (part === 0 || part === parts - 1)
  const isKeys = isPivot && part < parts - 2
  const expected = isOuter ? TYPE.TRANSACTION : isKeys ? TYPE.CREATE : statement.type
  if (type !== expected || (parts > 1 && !isPivot)) throw refused(statement.text)
}

function refused(text: string): RuntimeFailure {
  const shown = text.replace(BLANK, '').split(/\s+/).slice(0, 4).join(' ').slice(0, 80)
  return new RuntimeFailure(
    'STATEMENT_REFUSED',
    `a step may not run '${shown} …'`,
    { statement: shown },
    {
      hints: [
        'A step makes schemas, views and temporary things, sets variables of its own, and writes its one output; no macro or type has a name of the engine.',
      ],
    },
  )
}
