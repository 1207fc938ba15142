// Calls of functions that a node may not make, whatever their arguments: those that change the engine or show the machine,
// and those that go past the macros which the run puts in place of functions. Settings may be asked for where they are
// the project's.

import { EFFECT_NAMES, REFUSED_NAMES } from '../../runtime/contract/engine-names.ts'
import { RESULT_SETTINGS } from '../schema/project.ts'
import { identifierOf, type Range } from './lexer.ts'
import { functionProblem, isPunctuation, type Source, type SqlProblem, tokenAt } from './refs.ts'

interface Call {
  /** Lower case. */
  readonly name: string
  /** Catalogue and schema, as they are written. */
  readonly qualifiers: readonly string[]
  /** The first argument when it is a text; null: none, or something else. */
  readonly text: string | null
}

const SETTINGS = new Set(RESULT_SETTINGS.map((name) => name.toLowerCase()))

/** `index` is the token that the call starts with. */
export function callProblem(source: Source, index: number, { name, qualifiers, text }: Call): SqlProblem | null {
  if (REFUSED_NAMES.has(name)) return functionProblem(source, index, name, false)
  if (name === 'current_setting' && !SETTINGS.has(text?.toLowerCase() ?? ''))
    return {
      ...functionProblem(source, index, name, false),
      message: 'A transform may ask only for settings of its project.',
      hints: [`They are: ${RESULT_SETTINGS.join(', ')}.`],
    }
  if (!qualifiers.some((part) => part.toLowerCase() === 'system')) return null
  return {
    ...functionProblem(source, index, name, false),
    message: `'${[...qualifiers, name].join('.')}' goes past the functions of the run, such as its clock.`,
    hints: [`Call '${name}' without a schema.`],
  }
}

const MENTIONS = new RegExp([...EFFECT_NAMES].join('|'), 'i')

/** Calls in a statement that the runtime would refuse, also where no query is. */
export function effectProblems(source: Source, statement: Range): SqlProblem[] {
  const { tokens, text } = source
  const problems: SqlProblem[] = []
  if (!MENTIONS.test(text.slice(statement.start, statement.end))) return problems
  for (let i = tokenAt(source, statement.start); (tokens[i]?.end ?? Infinity) <= statement.end; i++) {
    const token = tokens[i]
    if (token === undefined || (token.kind !== 'word' && token.kind !== 'quoted')) continue
    const name = identifierOf(token, text).toLowerCase()
    if (EFFECT_NAMES.has(name) && isPunctuation(source, tokens[i + 1], '('))
      problems.push(functionProblem(source, pathStart(source, i), name, true))
  }
  return problems
}

/** The first token of the path that ends with token `i`. */
function pathStart(source: Source, i: number): number {
  let first = i
  while (isPunctuation(source, source.tokens[first - 1], '.')) first -= 2
  return first
}
