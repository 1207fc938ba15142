// SQL variables of a node: it reads those of the run and its own, and sets only its own.

import type { Range } from '../sql/lexer.ts'
import { RUN_PARAMETERS } from '../sql/parameters.ts'
import type { Source, SqlProblem } from '../sql/refs.ts'

interface VariableRead {
  readonly name: string
  readonly range: Range
}

const isOfRun = (name: string): boolean => RUN_PARAMETERS.includes(name) || name.startsWith('env.')

/** Roots of the bundle, which a node may neither read nor set. */
const isRoot = (name: string): boolean => /^data$|outputs$/i.test(name)

/** Calls of getvariable with a text. */
function variableReads({ tokens, text }: Source): VariableRead[] {
  return tokens.flatMap((token, i) => {
    const argument = tokens[i + 2]
    if (token.kind !== 'word' || argument?.kind !== 'string') return []
    if (text.slice(token.start, token.end).toLowerCase() !== 'getvariable') return []
    return [{ name: text.slice(argument.start + 1, argument.end - 1).replaceAll("''", "'"), range: argument }]
  })
}

/** Names of the run's variables that it reads, with repetitions. */
export const runVariables = (source: Source): string[] =>
  variableReads(source)
    .map(({ name }) => name)
    .filter(isOfRun)

const problem = (range: Range, name: string, message: string, hint: string): SqlProblem => ({
  start: range.start,
  end: range.end,
  code: 'RESOLVE_UNKNOWN_VARIABLE',
  message,
  facts: { variable: name },
  hints: [hint],
})

export function variableProblems(source: Source, own: ReadonlyMap<string, Range>): SqlProblem[] {
  const unknown = variableReads(source).filter(({ name }) => !isOfRun(name) && (isRoot(name) || !own.has(name)))
  const taken = [...own].filter(([name]) => isOfRun(name) || isRoot(name))
  return [
    ...unknown.map(({ name, range }) =>
      problem(
        range,
        name,
        `There is no variable '${name}' here.`,
        'SET VARIABLE it before, or use a parameter of the run.',
      ),
    ),
    ...taken.map(([name, range]) =>
      problem(range, name, `The variable '${name}' belongs to the run; a node may not set it.`, 'Choose another name.'),
    ),
  ]
}
