// A transform's SQL after the engine has parsed it: statements are checked against what a node may do, and what they
// read is known to be an input and spelled `kind.name`.

import type { ParseResult, StatementKind } from '../ports.ts'
import type { RelationUse, Statement } from '../resolve.ts'
import { utf16Offsets } from '../sql/byte-offsets.ts'
import { effectProblems } from '../sql/guarded-calls.ts'
import type { Range } from '../sql/lexer.ts'
import { readTokens } from '../sql/read-tokens.ts'
import { readTree } from '../sql/read-tree.ts'
import { addQualifiers, noReads, type Readable, type Reads, type Source, type SqlProblem } from '../sql/refs.ts'
import { type Edit, originOf } from '../sql/spliced-text.ts'
import { checkStatement, type Head } from '../sql/statements.ts'
import type { LayerProblem, Prepared, PreparedStatement } from './prepare-sql.ts'
import { movedBy, relationEdits, relationUses } from './relation-edits.ts'
import { runVariables, variableProblems } from './variables.ts'

/** Answers of the engine about one statement, in the order of `textsToParse`. */
export interface Answers {
  readonly parsed: readonly ParseResult[]
  /** Of statements that are no serialisable query, by index. */
  readonly kinds: ReadonlyMap<number, StatementKind>
}

/** Statements whose kind the engine must be asked for: those that it does not serialise. */
export function textsToClassify(
  prepared: Prepared,
  parsed: readonly ParseResult[],
): readonly { readonly index: number; readonly text: string }[] {
  const answers = parsedOf(prepared, parsed)
  return prepared.statements.flatMap((s, index) =>
    answers[index]?.whole.kind === 'opaque' ? [{ index, text: prepared.text.slice(s.start, s.end) }] : [],
  )
}

function parsedOf(
  prepared: Prepared,
  parsed: readonly ParseResult[],
): { readonly whole: ParseResult; readonly part: ParseResult | undefined }[] {
  let at = 0
  return prepared.statements.map((s) => {
    const whole = parsed[at++] ?? { kind: 'opaque' }
    return { whole, part: s.part === undefined ? undefined : parsed[at++] }
  })
}

export interface ResolvedText {
  readonly layers: readonly (readonly Edit[])[]
  readonly statements: readonly Statement[]
  readonly uses: readonly RelationUse[]
  readonly parameters: readonly string[]
  readonly problems: readonly LayerProblem[]
}

export function finishSql(
  prepared: Prepared,
  answers: Answers,
  readable: Omit<Readable, 'temporary' | 'macros'>,
): ResolvedText {
  const [temporary, macros] = [new Set<string>(), new Set<string>()]
  const variables = new Map<string, Range>()
  const source: Source = { text: prepared.text, tokens: prepared.tokens, readable: { ...readable, temporary, macros } }
  const reads = noReads()
  const kinds: StatementKind[] = []
  parsedOf(prepared, answers.parsed).forEach(({ whole, part }, i) => {
    const statement = prepared.statements[i] as PreparedStatement
    if (whole.kind === 'syntax_error') {
      // Where a placeholder stands for nothing the text is broken by that.
      if (prepared.problems.length === 0) reads.problems.push(syntaxProblem(whole, statement, source))
      return
    }
    const kind = whole.kind === 'trees' ? 'select' : (answers.kinds.get(i) ?? 'other')
    kinds[i] = kind
    const head: Head = { tokens: statement.tokens, text: prepared.text }
    const facts = checkStatement(kind, head, temporary)
    if (facts.problem !== null) reads.problems.push(facts.problem)
    if (facts.sets !== null) variables.set(facts.sets.name, facts.sets.range)
    if (facts.problem === null) readStatement(statement, whole, part, source, reads)
    reads.problems.push(...newProblems(effectProblems(source, statement), reads.problems))
    if (facts.creates !== null) temporary.add(facts.creates.name)
    if (facts.creates?.isMacro) macros.add(facts.creates.name)
  })
  const problems = [...reads.problems, ...newProblems(variableProblems(source, variables), reads.problems)]
  if (problems.length + prepared.problems.length === 0) problems.push(...lastProblem(prepared, kinds))
  addQualifiers(source, reads)
  const edits = relationEdits(reads, source)
  const move = movedBy(edits)
  return {
    layers: [...prepared.layers, edits],
    statements: prepared.statements.map((s, i) => ({
      kind: kinds[i] ?? 'other',
      start: move(s.start),
      end: move(s.end),
    })),
    uses: relationUses(reads, source, move),
    parameters: [...new Set([...prepared.parameters, ...runVariables(source)])].sort(),
    problems: [...prepared.problems, ...problems.map((p) => ({ ...p, layers: 2 }))],
  }
}

/** Those at places of which nothing is said yet. */
const newProblems = (found: readonly SqlProblem[], known: readonly SqlProblem[]): SqlProblem[] =>
  found.filter(({ start }) => !known.some((problem) => problem.start === start))

function readStatement(
  statement: PreparedStatement,
  whole: ParseResult,
  part: ParseResult | undefined,
  source: Source,
  reads: Reads,
): void {
  if (whole.kind === 'trees') {
    const offsets = utf16Offsets(source.text.slice(statement.start, statement.end))
    for (const tree of whole.trees) readTree(tree, source, (location) => statement.start + offsets(location), reads)
    return
  }
  const { part: query } = statement
  if (query === undefined || part?.kind !== 'trees') {
    readTokens(source, statement, reads)
    return
  }
  const offsets = utf16Offsets(query.spliced.text)
  for (const tree of part.trees)
    readTree(tree, source, (location) => statement.start + originOf(query.spliced, offsets(location)), reads)
  for (const range of query.left) readTokens(source, range, reads)
}

function syntaxProblem(
  error: ParseResult & { readonly kind: 'syntax_error' },
  statement: Range,
  source: Source,
): SqlProblem {
  const start = statement.start + (error.offset ?? 0)
  const token = source.tokens.find((t) => t.start <= start && start < t.end)
  // Of what is not closed, the engine quotes all that follows; the place says where it begins.
  const said = error.message.replace(/^syntax error/i, 'SQL syntax error').replace(/ at or near "[^\n]*\n[\s\S]*$/, '')
  const message = `${said.charAt(0).toUpperCase()}${said.slice(1)}.`
  return {
    start,
    end: Math.max(token?.end ?? start, start + 1),
    code: 'RESOLVE_SQL_SYNTAX',
    message,
    facts: { engine: error.message },
    hints: [],
  }
}

/** The last statement must be a query that a COPY takes. */
function lastProblem(prepared: Prepared, kinds: readonly StatementKind[]): SqlProblem[] {
  const last = prepared.statements.at(-1)
  if (last === undefined) return [noQuery({ start: 0, end: 1 }, 'There is no statement.', [])]
  const word = last.tokens[0]
  const range = { start: last.start, end: word?.end ?? last.end }
  if (kinds.at(-1) !== 'select')
    return [
      noQuery(range, 'The last statement is no query; its rows are the output of the node.', ['End with a SELECT.']),
    ]
  const show = word === undefined ? '' : prepared.text.slice(word.start, word.end).toLowerCase()
  const shown = ['describe', 'desc', 'summarize', 'show'].includes(show)
  return shown
    ? [
        noQuery(range, `${show.toUpperCase()} alone is no query whose rows can be stored.`, [
          `Write FROM (${show.toUpperCase()} …).`,
        ]),
      ]
    : []
}

const noQuery = (range: Range, message: string, hints: readonly string[]): SqlProblem => ({
  ...range,
  code: 'RESOLVE_NO_QUERY',
  message,
  facts: {},
  hints,
})
