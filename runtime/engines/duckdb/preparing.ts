// What a step may do before it writes its output, by the words of a statement: schemas, views, temporary things, macros,
// variables, changes of those. Nothing that it makes may hide a name of the engine, and no variable of the run may be set:
// views of inputs, the clock and the output's path are written in those. Pure.

import { EFFECT_NAMES, isEngineType, macroNameProblem } from '../../contract/engine-names.ts'
import { codeOf } from './split-statements.ts'
import { leadingKind, type StatementKind } from './statement-kind.ts'

/** DuckDB's numbers of statement types (StatementType of the client). */
export const TYPE = {
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
  MERGE: 30,
} as const

interface Form {
  readonly pattern: RegExp
  readonly type: number
  /** What the pattern's group names, in the spelling of the statement. */
  readonly names?: 'macro' | 'type' | 'variable'
}

const IDENTIFIER = String.raw`("(?:[^"]|"")*"|[A-Za-z_]\w*)`
const NAME = String.raw`(?:temp\s*\.\s*)?${IDENTIFIER}`
const CREATE = String.raw`^create\s+(?:or\s+replace\s+)?`
const IF_NOT_EXISTS = String.raw`(?:if\s+not\s+exists\s+)?`
const IF_EXISTS = String.raw`(?:if\s+exists\s+)?`

const form = (pattern: string, type: number, names?: Form['names']): Form => ({
  pattern: new RegExp(pattern, 'i'),
  type,
  ...(names === undefined ? {} : { names }),
})

const FORMS: readonly Form[] = [
  form(String.raw`${CREATE}(?:temp|temporary)\s+(?:table|view|recursive\s+view|sequence)\s`, TYPE.CREATE),
  form(String.raw`${CREATE}(?:temp|temporary)\s+type\s+${IF_NOT_EXISTS}${NAME}\s+as\b`, TYPE.CREATE, 'type'),
  form(
    String.raw`${CREATE}(?:(?:temp|temporary)\s+)?(?:macro|function)\s+${IF_NOT_EXISTS}${NAME}\s*\(`,
    TYPE.CREATE,
    'macro',
  ),
  form(String.raw`^create\s+schema\s+${IF_NOT_EXISTS}${IDENTIFIER}\s*$`, TYPE.CREATE),
  form(String.raw`${CREATE}view\s`, TYPE.CREATE),
  form(String.raw`^set\s+(?:session\s+)?variable\s+${IDENTIFIER}\s*(?:=|to\s)`, TYPE.SET, 'variable'),
  form(String.raw`^reset\s+(?:session\s+)?variable\s+${IDENTIFIER}\s*$`, TYPE.SET, 'variable'),
  form(String.raw`^insert\s`, TYPE.INSERT),
  form(String.raw`^update\s`, TYPE.UPDATE),
  form(String.raw`^(?:delete|truncate)\s`, TYPE.DELETE),
  form(String.raw`^merge\s`, TYPE.MERGE),
  form(String.raw`^alter\s+(?:table|view|sequence)\s`, TYPE.ALTER),
  form(String.raw`^drop\s+(?:table|view|type|sequence)\s`, TYPE.DROP),
  form(
    String.raw`^drop\s+(?:macro|function)\s+(?:table\s+)?${IF_EXISTS}${NAME}\s*(?:cascade|restrict)?\s*$`,
    TYPE.DROP,
    'macro',
  ),
]

/** The engine's number of the type that a preparing statement must have; null: no step may run it. `given` are the run's variables, lower case. */
export function preparingType(text: string, given: ReadonlySet<string>): number | null {
  const code = codeOf(text, 'kept').trim()
  for (const { pattern, type, names } of FORMS) {
    const match = pattern.exec(code)
    if (match === null) continue
    return names === undefined || isFree(names, unquoted(match[1] ?? ''), given) ? type : null
  }
  const kind = leadingKind(code)
  if (kind === 'select') return TYPE.SELECT
  return /^with\s/i.test(code) ? (AFTER_WITH[kind] ?? null) : null
}

const AFTER_WITH: Partial<Record<StatementKind, number>> = {
  insert: TYPE.INSERT,
  update: TYPE.UPDATE,
  delete: TYPE.DELETE,
  merge: TYPE.MERGE,
}

const unquoted = (name: string): string => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name)

function isFree(kind: NonNullable<Form['names']>, name: string, given: ReadonlySet<string>): boolean {
  switch (kind) {
    case 'macro':
      return macroNameProblem(name) === null
    case 'type':
      return !isEngineType(name)
    case 'variable':
      return !given.has(name.toLowerCase())
  }
}

const EFFECT = new RegExp(String.raw`(?:\b|")(?:${[...EFFECT_NAMES].join('|')})"?\s*\(`, 'i')
/** What the engine takes for a space; it changes where it sees a `$$…$$` begin. */
const UNUSUAL_SPACE = /[\u00a0\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff]/

/** Whether a statement calls a function that does more than to give a value, wherever in it. */
export function hasEffect(text: string): boolean {
  const unsure = UNUSUAL_SPACE.test(text) && text.includes('$')
  return EFFECT.test(codeOf(text, unsure ? 'kept' : 'left out'))
}
