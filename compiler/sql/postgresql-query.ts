// A query in PostgreSQL's spelling whose inputs are named `kind.name`, and the statements before it → where these names, the clock
// and the run's variables stand, so that a step, or a question to the server, can be spelled by splicing. Formatting and
// comments stay. Pure.

import type { NodeId } from '../../runtime/contract/ids.ts'
import { pgName } from '../../runtime/contract/postgresql-names.ts'
import type { CheckedStatement, QueryCheck, SchemaUse } from '../ports.ts'
import { lex, type Range, type Token } from './lexer.ts'
import { KINDS } from './refs.ts'
import { type SplicedText, splice } from './spliced-text.ts'

/** A place where an input is named, whole: `kind.name`. */
export interface NodePath extends Range {
  readonly node: NodeId
}

/** One statement; ranges are in its own text. */
export interface PostgresqlStatement {
  readonly text: string
  /** Where it begins in the text that was given. */
  readonly start: number
  readonly paths: readonly NodePath[]
  /** What is to be replaced by an expression: the clock, and variables by the name that psql gives them. */
  readonly values: readonly (Range & ({ readonly clock: string } | { readonly variable: string }))[]
}

export interface PostgresqlQuery extends PostgresqlStatement {
  /** Makes and fills the temporary tables and views that the query reads. */
  readonly before: readonly PostgresqlStatement[]
  /** What the variables stand for, by the name that psql gives them: text with placeholders of the run. */
  readonly variables: Readonly<Record<string, string>>
}

export interface Found {
  readonly query: PostgresqlQuery
  /** Names of a schema that are no input, and what may lead to one in a way that cannot be followed. */
  readonly strange: readonly SchemaUse[]
}

/** psql's variables have plain names. */
export const psqlName = (name: string): string => name.replace(/\W/g, '_')

/** `templates`: what getvariable() of a name stands for; one that is not there is a parameter of the run. */
export function postgresqlQuery(
  text: string,
  inputs: readonly NodeId[],
  check: Extract<QueryCheck, { kind: 'query' }>,
  templates: Readonly<Record<string, string>>,
): Found {
  const tokens = lex(text).filter((token) => token.kind !== 'comment')
  const byName = new Map(inputs.map((id) => [id.toLowerCase(), id]))
  const variables: Record<string, string> = {}
  for (const { facts } of [...check.before, check])
    for (const { name } of facts.variables) variables[psqlName(name)] = templates[name] ?? `{{ ${name} }}`
  const before = check.before.map((one) => statementOf(text, one, tokens, byName))
  // What stands before the first statement are its comments.
  const query = statementOf(text, before.length === 0 ? { ...check, start: 0 } : check, tokens, byName)
  return {
    query: { ...query.statement, before: before.map(({ statement }) => statement), variables },
    strange: [...before.flatMap(({ strange }) => strange), ...query.strange],
  }
}

function statementOf(
  whole: string,
  { start: from, end, uses, facts }: CheckedStatement,
  tokens: readonly Token[],
  byName: ReadonlyMap<string, NodeId>,
): { readonly statement: PostgresqlStatement; readonly strange: readonly SchemaUse[] } {
  const text = whole.slice(from, end)
  const own = tokens
    .filter((token) => token.start >= from && token.end <= end)
    .map((token) => ({ ...token, start: token.start - from, end: token.end - from }))
  const byStart = new Map(own.map((token, i) => [token.start, i]))
  const paths: NodePath[] = []
  const strange: SchemaUse[] = []
  for (const use of uses) {
    const node = byName.get(`${use.schema}.${use.name}`.toLowerCase())
    const start = use.start - from
    const at = byStart.get(start)
    const last = at === undefined ? undefined : own[at + 2]
    const isPath = use.what === 'relation' || use.what === 'column'
    if (node !== undefined && isPath && last !== undefined) paths.push({ node, start, end: last.end })
    else if (isStrange(use)) strange.push(use)
  }
  const values = [
    ...facts.clock.map(({ type, start }) => ({ ...callAt(own, text, byStart.get(start - from)), clock: type })),
    ...facts.variables.map(({ name, start }) => {
      return { ...callAt(own, text, byStart.get(start - from)), variable: psqlName(name) }
    }),
  ]
  return { statement: { text, start: from, paths, values }, strange }
}

/** What may see more than the inputs. Types and operators do not. */
const isStrange = ({ what, schema }: SchemaUse): boolean =>
  what === 'relation' || what === 'literal' || what === 'function'
    ? schema !== 'pg_catalog' || what === 'literal'
    : what === 'column' && KINDS.has(schema ?? '')

/** An expression from its first word on: with the brackets behind it, if there are any. */
function callAt(tokens: readonly Token[], text: string, at: number | undefined): Range {
  const first = at === undefined ? undefined : tokens[at]
  if (first === undefined || at === undefined) return { start: 0, end: 0 }
  let open = at + 1
  // A function may be named with its schema.
  while (text[tokens[open]?.start ?? text.length] === '.') open += 2
  if (text[tokens[open]?.start ?? text.length] !== '(') return { start: first.start, end: first.end }
  let depth = 0
  for (const token of tokens.slice(open)) {
    const char = token.kind === 'punctuation' ? text[token.start] : ''
    if (char === '(') depth++
    if (char === ')') depth--
    if (depth === 0) return { start: first.start, end: token.end }
  }
  return { start: first.start, end: text.length }
}

export interface Spelling {
  /** Of an input: the name by which it is read, whole. */
  readonly path: (node: NodeId) => string
  /** SQL of the run's timestamp. */
  readonly timestamp: string
  /** SQL of a variable of the run, a text. */
  readonly variable: (name: string) => string
}

/** The text with everything in its place. */
export const spellQuery = (statement: PostgresqlStatement, spelling: Spelling): string =>
  spliceQuery(statement, spelling).text.trimEnd()

/** The same with the way back to the statement's own text. */
export const spliceQuery = ({ text, paths, values }: PostgresqlStatement, spelling: Spelling): SplicedText =>
  splice(text, [
    ...paths.map(({ node, start, end }) => ({ start, end, replacement: spelling.path(node) })),
    ...values.map((value) => ({
      start: value.start,
      end: value.end,
      replacement: 'clock' in value ? clock(spelling.timestamp, value.clock) : spelling.variable(value.variable),
    })),
  ])

const clock = (timestamp: string, type: string): string =>
  type === 'timestamp with time zone' ? timestamp : `CAST(${timestamp} AS ${type})`

/** The view of a node is named as unquoted SQL would find it. */
export const viewName = (node: string): string => pgName(plainName(node))
export const plainName = (node: string): string => node.slice(node.indexOf('.') + 1).toLowerCase()
