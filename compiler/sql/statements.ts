// Statements of a node: what each may do (semantics §1: DDL and DML on temporary objects, macros, SET VARIABLE; the last
// is a query; no name of the engine is hidden), and which part of one that the parser cannot serialise can be read as a
// query.

import { isEngineType, isRunName, macroNameProblem, type NameProblem } from '../../runtime/contract/engine-names.ts'
import type { DiagnosticCode } from '../diagnostic-codes.ts'
import type { StatementKind } from '../ports.ts'
import { identifierOf, type Range, type Token } from './lexer.ts'
import type { SqlProblem } from './refs.ts'
import type { Edit } from './spliced-text.ts'

/** The words at the head of a statement, without comments. */
export interface Head {
  readonly tokens: readonly Token[]
  readonly text: string
}

export const wordAt = ({ tokens, text }: Head, i: number): string => {
  const token = tokens[i]
  return token?.kind === 'word' ? text.slice(token.start, token.end).toLowerCase() : ''
}

export const charAt = ({ tokens, text }: Head, i: number): string => {
  const token = tokens[i]
  return token?.kind === 'punctuation' ? (text[token.start] ?? '') : ''
}

export const skipWords = (head: Head, from: number, ...words: readonly string[]): number => {
  let at = from
  while (words.includes(wordAt(head, at))) at++
  return at
}

/** The index of the word that says what a statement does: behind a WITH clause, what follows its last parenthesis. */
export function verbAt(head: Head): number {
  if (wordAt(head, 0) !== 'with') return 0
  let depth = 0
  for (let i = 0; i < head.tokens.length; i++) {
    depth += depthChange(head, i)
    if (depth === 0 && charAt(head, i - 1) === ')' && !['', 'as', 'using'].includes(wordAt(head, i))) return i
  }
  return 0
}

/** The object that a statement makes or changes. */
interface Target {
  /** As it is written, quotes and `temp.` taken off; null when it is qualified in another way, or no name is there. */
  readonly name: string | null
  readonly range: Range
  /** Index of the token after it. */
  readonly next: number
}

/** The name that begins at a token. */
export function targetAt(head: Head, i: number): Target {
  const names: string[] = []
  let at = i
  for (; head.tokens[at]?.kind === 'word' || head.tokens[at]?.kind === 'quoted'; at += 2) {
    names.push(identifierOf(head.tokens[at] as Token, head.text))
    if (charAt(head, at + 1) !== '.') {
      at++
      break
    }
  }
  const own = names.length === 2 && names[0]?.toLowerCase() === 'temp' ? names.slice(1) : names
  const start = head.tokens[i]?.start ?? 0
  return {
    name: own.length === 1 ? (own[0] ?? null) : null,
    range: { start, end: head.tokens[at - 1]?.end ?? start },
    next: at,
  }
}

export interface StatementFacts {
  /** What it makes: a temporary object or a macro. The name in lower case. */
  readonly creates: { readonly name: string; readonly isMacro: boolean } | null
  /** A variable that it sets, as it is named. */
  readonly sets: { readonly name: string; readonly range: Range } | null
  readonly problem: SqlProblem | null
}

const NOTHING: StatementFacts = { creates: null, sets: null, problem: null }

const refused = (
  range: Range,
  message: string,
  hint: string,
  code: DiagnosticCode = 'RESOLVE_STATEMENT_NOT_ALLOWED',
): StatementFacts => ({ ...NOTHING, problem: { ...range, code, message, facts: {}, hints: [hint] } })

const ALLOWED = 'Before the query a node may only make and change TEMP tables and views, make macros and SET VARIABLE.'

/** Checks one statement that is not a plain query. `temporary` are the objects of the statements before. */
export function checkStatement(kind: StatementKind, head: Head, temporary: ReadonlySet<string>): StatementFacts {
  switch (kind) {
    case 'select':
      return NOTHING
    case 'create':
      return checkCreate(head)
    case 'insert':
    case 'update':
    case 'delete':
    case 'merge':
    case 'drop':
    case 'alter':
      return checkChange(kind, head, temporary)
    case 'set':
      return checkSet(head)
    default: {
      const verb = head.tokens[verbAt(head)] ?? { start: 0, end: 0 }
      const word = head.text.slice(verb.start, verb.end).toUpperCase()
      return refused(verb, `${word} is not allowed in a transform.`, ALLOWED)
    }
  }
}

function checkCreate(head: Head): StatementFacts {
  let at = skipWords(head, 1, 'or', 'replace')
  const temporary = ['temp', 'temporary'].includes(wordAt(head, at))
  if (temporary) at++
  const object = wordAt(head, at)
  const macro = object === 'macro' || object === 'function'
  at = skipWords(head, at + 1, 'if', 'not', 'exists')
  const { name, range, next } = targetAt(head, at)
  if (!macro && !(temporary && ['table', 'view', 'sequence', 'type'].includes(object)))
    return refused(
      { start: head.tokens[0]?.start ?? 0, end: range.end },
      `CREATE ${object.toUpperCase()} would write something that is not temporary.`,
      temporary ? ALLOWED : 'Write CREATE TEMP.',
    )
  if (name === null) return refused(range, 'A temporary object has a name without a schema.', ALLOWED)
  if (macro && charAt(head, next) !== '(')
    return refused(range, 'The name of the macro cannot be read.', NAMES, 'RESOLVE_OBJECT_NAME')
  const problem = macro
    ? macroNameProblem(name)
    : isRunName(name)
      ? 'of the run'
      : object === 'type' && isEngineType(name)
        ? 'taken'
        : null
  if (problem !== null) return refused(range, nameProblem(name, macro, problem), NAMES, 'RESOLVE_OBJECT_NAME')
  return { ...NOTHING, creates: { name: name.toLowerCase(), isMacro: macro } }
}

const NAMES = "Choose a name of letters, digits and '_' that the engine does not have."

function nameProblem(name: string, isMacro: boolean, problem: NameProblem): string {
  switch (problem) {
    case 'not plain':
      return `'${name}' needs quotes; a macro may not have such a name.`
    case 'of the run':
      return `'${name}' begins like what a run makes for itself.`
    case 'taken':
      return `'${name}' is a ${isMacro ? 'function' : 'type'} of the engine; one of the same name would hide it from the rest of the step.`
  }
}

/** Words between the verb and the name. */
const SKIPPED: Readonly<Record<string, readonly string[]>> = {
  insert: ['or', 'replace', 'ignore', 'into'],
  update: [],
  delete: ['from', 'table'],
  merge: ['into'],
  drop: ['table', 'if', 'exists'],
  alter: ['if', 'exists'],
}

/** Kinds of objects that are named by a word before their name. */
const OBJECTS: Readonly<Record<string, readonly string[]>> = {
  drop: ['table', 'view', 'macro', 'function', 'sequence', 'type'],
  alter: ['table', 'view', 'sequence'],
}

function checkChange(kind: string, head: Head, temporary: ReadonlySet<string>): StatementFacts {
  const verb = verbAt(head)
  const objects = OBJECTS[kind]
  const object = wordAt(head, verb + 1)
  if (objects !== undefined && !objects.includes(object))
    return refused(
      head.tokens[verb + 1] ?? { start: 0, end: 0 },
      `${kind.toUpperCase()} ${object.toUpperCase()} is not allowed in a transform.`,
      ALLOWED,
    )
  const at = skipWords(head, verb + (objects === undefined ? 1 : 2), ...(SKIPPED[kind] ?? []))
  const { name, range } = targetAt(head, at)
  const ifExists = kind === 'drop' && wordAt(head, at - 1) === 'exists'
  // The macros of the run's clock are temporary too.
  const isOfRun = ['macro', 'function'].includes(object) && macroNameProblem(name ?? '') !== null
  if (name !== null && (temporary.has(name.toLowerCase()) || (ifExists && !isOfRun))) return NOTHING
  return refused(
    range,
    `'${head.text.slice(range.start, range.end)}' is no temporary object of this node; ${kind.toUpperCase()} may not change it.`,
    ALLOWED,
  )
}

function checkSet(head: Head): StatementFacts {
  const name = head.tokens[2]
  if (wordAt(head, 1) === 'variable' && name !== undefined)
    return { ...NOTHING, sets: { name: identifierOf(name, head.text), range: name } }
  const first = head.tokens[0] ?? { start: 0, end: 0 }
  return refused(
    { start: first.start, end: head.tokens[1]?.end ?? first.end },
    'Settings of the engine cannot be changed in a transform.',
    "Write it under 'settings' of seeknal_project.yml.",
  )
}

/** What turns a statement into a query that the parser can serialise, and what is left out of that. */
export interface QueryPart {
  readonly edits: readonly Edit[]
  readonly left: readonly Range[]
}

/** Undefined: nothing in it is a query. Offsets are those of `head.text`. */
export function queryPart(head: Head, statement: Range): QueryPart | undefined {
  const first = wordAt(head, 0)
  const from =
    first === 'create'
      ? afterCreate(head)
      : first === 'insert'
        ? insertQuery(head)
        : first === 'set'
          ? { at: 4, prefix: 'SELECT ' }
          : { at: 0, prefix: '' }
  const start = from === undefined ? undefined : head.tokens[from.at]?.start
  if (from === undefined || start === undefined) return undefined
  const pivots = pivotParts(head, from.at, statement.end)
  const end = insertEnd(head, first, from.at, statement.end)
  const edits = [
    ...(from.at === 0 ? [] : [{ start: statement.start, end: start, replacement: from.prefix }]),
    ...pivots.edits,
    ...(end < statement.end ? [{ start: end, end: statement.end, replacement: '' }] : []),
  ]
  return edits.length === 0 ? undefined : { edits, left: pivots.left }
}

interface QueryStart {
  readonly at: number
  readonly prefix: string
}

function afterCreate(head: Head): QueryStart | undefined {
  let depth = 0
  for (let i = 0; i < head.tokens.length; i++) {
    depth += depthChange(head, i)
    if (depth > 0 || wordAt(head, i) !== 'as') continue
    const macro = head.tokens.slice(0, i).some((_, j) => ['macro', 'function'].includes(wordAt(head, j)))
    if (!macro) return { at: i + 1, prefix: '' }
    return wordAt(head, i + 1) === 'table' ? { at: i + 2, prefix: '' } : { at: i + 1, prefix: 'SELECT ' }
  }
  return undefined
}

function insertQuery(head: Head): QueryStart | undefined {
  let depth = 0
  for (let i = 0; i < head.tokens.length; i++) {
    depth += depthChange(head, i)
    if (depth === 0 && ['select', 'with', 'from', 'values', 'table'].includes(wordAt(head, i)))
      return { at: i, prefix: '' }
  }
  return undefined
}

/** ON CONFLICT, RETURNING and WITH DATA are no part of the query. */
function insertEnd(head: Head, first: string, from: number, end: number): number {
  let depth = 0
  for (let i = from; i < head.tokens.length; i++) {
    depth += depthChange(head, i)
    const [word, next] = [wordAt(head, i), wordAt(head, i + 1)]
    const conflict = first === 'insert' && (word === 'returning' || (word === 'on' && next === 'conflict'))
    const data =
      first === 'create' && word === 'with' && (next === 'data' || (next === 'no' && wordAt(head, i + 2) === 'data'))
    if (depth === 0 && (conflict || data)) return head.tokens[i]?.start ?? end
  }
  return end
}

export const depthChange = (head: Head, i: number): number =>
  '([{'.includes(charAt(head, i) || ' ') ? 1 : ')]}'.includes(charAt(head, i) || ' ') ? -1 : 0

/** `PIVOT x ON …` without IN is no query for the parser, but `SELECT * FROM x` is. */
function pivotParts(head: Head, from: number, end: number): QueryPart {
  const edits: Edit[] = []
  const left: Range[] = []
  for (let i = from; i < head.tokens.length; i++) {
    if (!['pivot', 'pivot_wider'].includes(wordAt(head, i))) continue
    const on = findInNest(head, i + 1, (j) => wordAt(head, j) === 'on' || wordAt(head, j) === 'using')
    const token = head.tokens[i]
    const start = head.tokens[on.at]?.start
    if (token === undefined || start === undefined || !on.found) continue
    const close = findInNest(head, on.at, () => false)
    const range = { start, end: head.tokens[close.at]?.start ?? end }
    edits.push({ start: token.start, end: token.end, replacement: 'SELECT * FROM' }, { ...range, replacement: '' })
    left.push(range)
    i = close.at
  }
  return { edits, left }
}

/** The first token of this nest for which `test` holds, or the parenthesis that closes the nest. */
function findInNest(
  head: Head,
  from: number,
  test: (i: number) => boolean,
): { readonly at: number; readonly found: boolean } {
  let depth = 0
  for (let i = from; i < head.tokens.length; i++) {
    if (depth === 0 && test(i)) return { at: i, found: true }
    depth += depthChange(head, i)
    if (depth < 0) return { at: i, found: false }
  }
  return { at: head.tokens.length, found: false }
}
