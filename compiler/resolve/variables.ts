// SQL variables of a node: it reads those of the run and its own, and sets only its own.

import { isRunName } from '../../runtime/contract/engine-names.ts'
import { identifierOf, type Range } from '../sql/lexer.ts'
import { RUN_PARAMETERS } from '../sql/parameters.ts'
import { isPunctuation, type Source, type SqlProblem } from '../sql/refs.ts'

interface VariableRead {
  readonly name: string | null
  readonly range: Range
}

const isOfRun = (name: string): boolean => RUN_PARAMETERS.includes(name) || name.startsWith('env.')

/** Roots of the bundle, which a node may neither read nor set. */
const isRoot = (name: string): boolean => /^(data|extracts)$|outputs$/i.test(name)

/** Calls of getvariable. The name is null when it is not one text: then nobody knows which variable it reads. */
function variableReads(source: Source): VariableRead[] {
  const { tokens, text } = source
  return tokens.flatMap((token, i): VariableRead[] => {
    if ((token.kind !== 'word' && token.kind !== 'quoted') || !isPunctuation(source, tokens[i + 1], '(')) return []
    if (identifierOf(token, text).toLowerCase() !== 'getvariable') return []
    const argument = tokens[i + 2]
    const isText = argument?.kind === 'string' && text[argument.start] === "'"
    if (!isText || !isPunctuation(source, tokens[i + 3], ')')) return [{ name: null, range: token }]
    return [{ name: text.slice(argument.start + 1, argument.end - 1).replaceAll("''", "'"), range: argument }]
  })
}

/** Names of the run's variables that it reads, with repetitions. */
export const runVariables = (source: Source): string[] =>
  variableReads(source).flatMap(({ name }) => (name !== null && isOfRun(name) ? [name] : []))

const problem = (range: Range, name: string, message: string, hint: string): SqlProblem => ({
  start: range.start,
  end: range.end,
  code: 'RESOLVE_UNKNOWN_VARIABLE',
  message,
  facts: { variable: name },
  hints: [hint],
})

export function variableProblems(source: Source, own: ReadonlyMap<string, Range>): SqlProblem[] {
  const unknown = variableReads(source).filter(
    ({ name }) => name === null || (!isOfRun(name) && (isRoot(name) || !own.has(name))),
  )
  // The engine does not tell variables apart by letter case.
  const taken = [...own].filter(([name]) => isOfRun(name.toLowerCase()) || isRoot(name) || isRunName(name))
  return [
    ...unknown.map(({ name, range }) =>
      name === null
        ? problem(range, '', 'getvariable() takes one text that names a variable.', "Write getvariable('name').")
        : problem(
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
