// The same as read-tree.ts for text without a syntax tree (UPDATE, DELETE, MERGE, a PIVOT's ON): names of inputs where a table
// may stand. What this leaves out the engine finds when it binds the statement.

import { PURE_TABLE_FUNCTIONS, TABLE_FUNCTIONS, VALUE_FUNCTIONS } from '../../runtime/contract/engine-names.ts'
import { callProblem } from './guarded-calls.ts'
import type { Range } from './lexer.ts'
import {
  addColumnPath,
  addQualifier,
  functionProblem,
  inputIndex,
  isPunctuation,
  KINDS,
  pathAt,
  type Reads,
  refCall,
  relationByName,
  type Source,
  takesAlias,
  tokenAt,
} from './refs.ts'

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))

/** Words after which a table is named. */
const BEFORE_TABLE = words('from join into update pivot unpivot table describe summarize using')
/** Words that stand after a table and are no alias of it. */
const AFTER_TABLE = words(
  'on using where group order having limit offset qualify window union intersect except join inner left right full cross natural positional asof semi anti select from tablesample sample pivot unpivot set values default returning by for in',
)
const IMPURE_FUNCTIONS: ReadonlySet<string> = new Set(
  [...TABLE_FUNCTIONS].filter((name) => !PURE_TABLE_FUNCTIONS.has(name) && !VALUE_FUNCTIONS.has(name)),
)

const wordAt = ({ tokens, text }: Source, i: number): string =>
  tokens[i]?.kind === 'word' ? text.slice(tokens[i]?.start, tokens[i]?.end).toLowerCase() : ''

/** Adds what the tokens of a range read. */
export function readTokens(source: Source, range: Range, reads: Reads): void {
  const { tokens } = source
  for (let i = tokenAt(source, range.start); i < tokens.length && (tokens[i]?.end ?? 0) <= range.end; i++) {
    const { kind } = tokens[i] ?? {}
    if ((kind !== 'word' && kind !== 'quoted') || isPunctuation(source, tokens[i - 1], '.')) continue
    const { parts, last } = pathAt(source, i)
    if (isPunctuation(source, tokens[last + 1], '(')) readCall(source, i, parts, last, reads)
    if (parts.length > 1 || !isPunctuation(source, tokens[i + 1], '(')) readPath(source, i, parts, last, reads)
    i = Math.max(i, last)
  }
}

function readCall(source: Source, i: number, parts: readonly string[], last: number, reads: Reads): void {
  const { tokens, text } = source
  const name = parts.at(-1)?.toLowerCase() ?? ''
  const argument = tokens[last + 2]
  const one =
    (argument?.kind === 'string' || argument?.kind === 'quoted') && isPunctuation(source, tokens[last + 3], ')')
  const value = one ? text.slice(argument.start + 1, argument.end - 1) : undefined
  const problem = IMPURE_FUNCTIONS.has(name)
    ? functionProblem(source, i, name, true)
    : callProblem(source, i, { name, qualifiers: parts.slice(0, -1), text: value ?? null })
  if (problem !== null) reads.problems.push(problem)
  if (name !== 'ref' || parts.length > 1) return
  refCall(source, i, value, { hasAlias: isAlias(source, i + 4), aliasAllowed: takesAlias(source, i) }, reads)
}

function readPath(source: Source, i: number, parts: readonly string[], last: number, reads: Reads): void {
  const first = parts[0]?.toLowerCase() ?? ''
  const name = parts.join('.').toLowerCase()
  const input =
    parts.length === 1 ? inputIndex(name) !== undefined : source.readable.inputs.some((id) => id.toLowerCase() === name)
  const named = input || (parts.length === 2 && KINDS.has(first))
  const before = source.tokens[i - 1]
  // After a comma or parenthesis a table or a column may stand; a column of another table is no mistake.
  const place =
    BEFORE_TABLE.has(wordAt(source, i - 1)) ||
    (input && (isPunctuation(source, before, ',') || isPunctuation(source, before, '(')))
  if (named && place) {
    const range = { start: source.tokens[i]?.start ?? 0, end: source.tokens[last]?.end ?? 0 }
    relationByName(
      source,
      parts,
      range,
      { hasAlias: isAlias(source, last + 1), aliasAllowed: takesAlias(source, i) },
      reads,
    )
  } else if (parts.length > 1) {
    addQualifier(reads, first)
    addColumnPath(source, parts, source.tokens[i], reads)
  }
}

const isAlias = (source: Source, i: number): boolean => {
  const word = wordAt(source, i)
  return source.tokens[i]?.kind === 'quoted' || (word !== '' && !AFTER_TABLE.has(word))
}
