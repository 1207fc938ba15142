// A transform's SQL before the engine sees it: placeholders are put in and the text is split into statements.

import type { Diagnostic } from '../../runtime/contract/diagnostics.ts'
import { lex, type Range, statementRanges, type Token } from '../sql/lexer.ts'
import { runParameterEdits, variableOf } from '../sql/parameters.ts'
import type { SqlProblem } from '../sql/refs.ts'
import { type Edit, type SplicedText, splice } from '../sql/spliced-text.ts'
import { type QueryPart, queryPart } from '../sql/statements.ts'
import { type Scope, sqlText } from './scope.ts'

/** A mistake at a range of the text of some layer; `layers` says how many lie between it and the author's text. */
export interface LayerProblem extends SqlProblem {
  readonly layers: number
  readonly notes?: Diagnostic['notes']
}

export interface PreparedStatement extends Range {
  /** Comment-free. */
  readonly tokens: readonly Token[]
  /** The statement in a form that the parser can serialise, when it may not be one. */
  readonly part: (QueryPart & { readonly spliced: SplicedText }) | undefined
}

export interface Prepared {
  readonly layers: readonly (readonly Edit[])[]
  readonly text: string
  readonly tokens: readonly Token[]
  readonly statements: readonly PreparedStatement[]
  /** Names of the run's variables that placeholders stand for. */
  readonly parameters: ReadonlySet<string>
  readonly problems: readonly LayerProblem[]
}

/** Texts that the engine must parse for a prepared node: for each statement itself, and its query part if it has one. */
export const textsToParse = (prepared: Prepared): string[] =>
  prepared.statements.flatMap((s) => [
    prepared.text.slice(s.start, s.end),
    ...(s.part === undefined ? [] : [s.part.spliced.text]),
  ])

const unclosed = {
  code: 'RESOLVE_SQL_SYNTAX',
  message: 'The comment is not closed.',
  facts: {},
  hints: ["Close it with '*/'."],
} as const

/** Of a block comment at the end of a text: what follows it would belong to it. */
const isUnclosed = (comment: string): boolean => comment.startsWith('/*') && lex(`${comment} more`).length === 1

export function prepareSql(author: string, scope: Scope): Prepared {
  const values = valueEdits(author, scope)
  const known = values.edits.length === 0 ? author : splice(author, values.edits).text
  const run = runParameterEdits(known, scope.lookbackDays())
  const text = run.edits.length === 0 ? known : splice(known, run.edits).text
  const all = lex(text)
  const tokens = all.filter((token) => token.kind !== 'comment')
  const problems: LayerProblem[] = values.problems.map((p) => ({ ...p, layers: 0 }))
  for (const range of run.inIdentifiers)
    problems.push({
      ...range,
      layers: 1,
      code: 'RESOLVE_PLACEHOLDER_NOT_ALLOWED',
      message: 'A value of the run cannot be part of an identifier.',
      facts: {},
      hints: [],
    })
  const open = all.at(-1)
  if (open?.kind === 'comment' && isUnclosed(text.slice(open.start, open.end)))
    problems.push({ ...unclosed, start: open.start, end: open.start + 2, layers: 2 })
  const statements = statementRanges(all, text).map((range) => prepareStatement(range, tokens, text))
  return {
    layers: [values.edits, run.edits],
    text,
    tokens,
    statements,
    parameters: new Set(run.uses.map((use) => variableOf(use.parameter))),
    problems,
  }
}

function prepareStatement(range: Range, tokens: readonly Token[], text: string): PreparedStatement {
  const own = tokens.filter((token) => token.start >= range.start && token.end <= range.end)
  const part = queryPart({ tokens: own, text }, range)
  if (part === undefined) return { ...range, tokens: own, part }
  const edits = part.edits.map((edit) => ({ ...edit, start: edit.start - range.start, end: edit.end - range.start }))
  return { ...range, tokens: own, part: { ...part, spliced: splice(text.slice(range.start, range.end), edits) } }
}

/** Placeholders whose value is known now. In a literal a value is escaped as that literal wants it. */
export function valueEdits(
  author: string,
  scope: Scope,
): { readonly edits: readonly Edit[]; readonly problems: readonly SqlProblem[] } {
  const edits: Edit[] = []
  const problems: SqlProblem[] = []
  if (!author.includes('{{')) return { edits, problems }
  for (const token of lex(author)) {
    if (token.kind === 'comment') continue
    const before = edits.length
    for (const range of token.kind === 'placeholder' ? [token] : token.placeholders) {
      const written = author.slice(range.start, range.end)
      const resolution = scope.resolve(written)
      if (resolution.kind === 'problem') problems.push({ ...resolution.problem, start: range.start, end: range.end })
      else {
        const replacement = resolution.kind === 'run' ? resolution.template : escaped(resolution, token, author)
        if (replacement !== written) edits.push({ start: range.start, end: range.end, replacement })
      }
    }
    const tag = dollarTag(token, author)
    if (tag !== null && edits.length > before && isEnded(token, author, tag, edits.slice(before)))
      problems.push(endsText(edits[before] ?? token, tag))
  }
  return { edits, problems }
}

/** What opens and closes a text in dollars, which knows no escapes. */
const dollarTag = (token: Token, author: string): string | null =>
  /^\$\w*\$/.exec(author.slice(token.start, token.end))?.[0] ?? null

/** Whether values that are put into a text in dollars end it before its end. */
function isEnded(token: Token, author: string, tag: string, edits: readonly Edit[]): boolean {
  const own = edits.map((edit) => ({ ...edit, start: edit.start - token.start, end: edit.end - token.start }))
  const { text } = splice(author.slice(token.start, token.end), own)
  return text.indexOf(tag, tag.length) !== text.length - tag.length
}

const endsText = ({ start, end }: Range, tag: string): SqlProblem => ({
  start,
  end,
  code: 'RESOLVE_PLACEHOLDER_NOT_ALLOWED',
  message: `A value in this text holds '${tag}', which would end it.`,
  facts: { tag },
  hints: ['Write the text in single quotes: values in it are escaped.'],
})

function escaped(value: Parameters<typeof sqlText>[0], token: Token, author: string): string {
  if (token.kind === 'placeholder') return sqlText(value)
  const text = value.value === null ? '' : value.text
  const open = author.slice(token.start, token.start + 2)
  if (open.startsWith('$')) return text
  const quote = token.kind === 'quoted' ? '"' : "'"
  return text
    .split(/(\{\{[^{}]*\}\})/)
    .map((part, i) =>
      i % 2 === 1
        ? part
        : (/^[eE]'/.test(open) ? part.replaceAll('\\', '\\\\') : part).replaceAll(quote, quote + quote),
    )
    .join('')
}
