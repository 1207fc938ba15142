// Text → whether it is one SELECT that changes nothing, by PostgreSQL's own parser; where several statements may be, those
// before it make and change temporary objects only. Here mistakes are found with their place, before a server is asked. Pure.

import { sha256 } from '../../contract/canonical-json.ts'
import { messageOf } from '../../contract/failures.ts'
import { listOf, type Tree, treeOf } from './parse-tree.ts'
import { type QueryFacts, queryFacts } from './query-facts.ts'
import { type QueryShape, queryShape } from './query-shape.ts'
import { type SchemaUse, schemaUses } from './relations.ts'
import { TemporaryObjects } from './scripts.ts'

/** One statement of a text; without the temporary objects of those before it. */
export interface CheckedStatement {
  /** Half-open range in the text: without a semicolon, and without space and comments around it. */
  readonly start: number
  readonly end: number
  /** What it names of schemas, in the order of the text. */
  readonly uses: readonly SchemaUse[]
  /** What its rows depend on besides what it reads. */
  readonly facts: QueryFacts
}

export type QueryCheck =
  | {
      readonly kind: 'query'
      /** Stands for all of the text whatever its formatting, comments and letter case. */
      readonly canonical: string
      /** Where the query begins. */
      readonly start: number
      /** Half-open end of the query in the text: before a semicolon, comments and space. */
      readonly end: number
      /** Statements before the query. */
      readonly before: readonly CheckedStatement[]
      /** Of the whole text. */
      readonly shape: QueryShape
      /** It selects from one table and does nothing else, so that a WHERE may follow it; null: it does more. */
      readonly table: { readonly schema: string | null; readonly name: string } | null
      /** What it names of schemas, in the order of the text. */
      readonly uses: readonly SchemaUse[]
      /** What its rows depend on besides what it reads. */
      readonly facts: QueryFacts
    }
  | {
      readonly kind: 'error'
      readonly what: 'syntax' | 'statement'
      readonly message: string
      /** UTF-16 code units. */
      readonly offset: number
    }

export type ReadingStatement =
  | { readonly kind: 'reading'; readonly tree: unknown }
  | { readonly kind: 'syntax'; readonly message: string; readonly offset: number }
  /** It does something else. */
  | { readonly kind: 'other'; readonly message: string }

/** Whether a text is one query that changes nothing, EXPLAIN of one, or SHOW. */
export async function readingStatement(text: string): Promise<ReadingStatement> {
  const { loadModule, parseSync } = await import('libpg-query')
  await loadModule()
  const parsed = statementsOf(text, parseSync)
  if ('message' in parsed) return { kind: 'syntax', ...parsed }
  const [first, second] = parsed
  if (first === undefined || second !== undefined) return { kind: 'other', message: 'It is not one statement.' }
  const tree = treeOf(first.stmt)
  if (tree.VariableShowStmt !== undefined) return { kind: 'reading', tree }
  const query = tree.ExplainStmt === undefined ? tree : treeOf(treeOf(tree.ExplainStmt).query)
  if (query.SelectStmt === undefined) return { kind: 'other', message: `This is ${nameOf(query)}.` }
  const wrong = writing(query)
  return wrong === null ? { kind: 'reading', tree } : { kind: 'other', message: wrong.message }
}

/** `allowed`: one query, or statements about temporary objects before it as well. */
export async function checkQueries(
  texts: readonly string[],
  allowed: 'query' | 'script' = 'query',
): Promise<readonly QueryCheck[]> {
  const { loadModule, parseSync } = await import('libpg-query')
  await loadModule()
  return texts.map((text) => shallow(text, () => check(text, parseSync, allowed)))
}

/** What nests so deeply that it cannot be walked through is refused like any other text. */
function shallow(text: string, run: () => QueryCheck): QueryCheck {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return refused('Its expressions stand within each other too deeply.', skipped(text, 0))
  }
}

interface NotUnderstood {
  readonly message: string
  readonly offset: number
}

function statementsOf(text: string, parse: (text: string) => unknown): readonly Tree[] | NotUnderstood {
  if (text.trim() === '') return { message: 'There is no SQL here.', offset: 0 }
  if (text.includes('\0')) return { message: 'The SQL holds a NUL character.', offset: text.indexOf('\0') }
  try {
    return listOf(treeOf(parse(text)).stmts)
  } catch (error) {
    if (error instanceof RangeError) throw error
    return { message: sentence(messageOf(error)), offset: offsetOf(error, text) }
  }
}

/** The statements of a text, without what separates them. */
export async function splitStatements(text: string): Promise<readonly string[]> {
  const { loadModule, parseSync } = await import('libpg-query')
  await loadModule()
  const bytes = Buffer.from(text)
  return listOf(treeOf(parseSync(text)).stmts).map(({ stmt_location, stmt_len }) => {
    const from = typeof stmt_location === 'number' ? stmt_location : 0
    const to = typeof stmt_len === 'number' ? from + stmt_len : bytes.length
    const statement = bytes.subarray(from, to).toString()
    return statement.slice(skipped(statement, 0))
  })
}

function check(text: string, parse: (text: string) => unknown, allowed: 'query' | 'script'): QueryCheck {
  const statements = statementsOf(text, parse)
  if ('message' in statements) return { kind: 'error', what: 'syntax', ...statements }
  const bytes = Buffer.from(text)
  const at = (byte: unknown): number => bytes.subarray(0, typeof byte === 'number' ? byte : 0).toString().length
  const [last, second] = [statements.at(-1), statements[1]]
  if (last === undefined) return { kind: 'error', what: 'syntax', message: 'There is no SQL here.', offset: 0 }
  if (second !== undefined && allowed === 'query')
    return refused('There are several statements.', skipped(text, at(second.stmt_location)))
  const rangeOf = (one: Tree): { readonly start: number; readonly end: number } => {
    const from = typeof one.stmt_location === 'number' ? one.stmt_location : 0
    const length = typeof one.stmt_len === 'number' ? one.stmt_len : bytes.length - from
    return { start: skipped(text, at(from)), end: at(from + length) }
  }
  const temporary = new TemporaryObjects()
  const before: CheckedStatement[] = []
  for (const one of statements.slice(0, -1)) {
    const range = rangeOf(one)
    const statement = treeOf(one.stmt)
    const uses = usesOf(text, statement, temporary)
    const wrong = temporary.refusal(statement) ?? writing(innerOf(statement))
    if (wrong !== null) return refused(wrong.message, wrong.location === null ? range.start : at(wrong.location))
    before.push({ ...range, uses, facts: queryFacts(text, statement) })
  }
  const { start, end } = rangeOf(last)
  const statement = treeOf(last.stmt)
  const select = statement.SelectStmt
  if (select === undefined) return refused(`This is ${nameOf(statement)}, no query.`, start)
  const wrong = writing(select)
  if (wrong !== null) return refused(wrong.message, wrong.location === null ? start : at(wrong.location))
  return {
    kind: 'query',
    canonical: canonical(before.length === 0 ? select : statements.map(({ stmt }) => stmt)),
    start,
    end,
    before,
    table: /^select\b/i.test(text.slice(start)) && before.length === 0 ? onlyTable(treeOf(select)) : null,
    uses: usesOf(text, select, temporary),
    facts: queryFacts(text, select),
    shape: queryShape(statements.map(({ stmt }) => treeOf(stmt))),
  }
}

/** Without the temporary objects. */
const usesOf = (text: string, tree: unknown, temporary: TemporaryObjects): readonly SchemaUse[] =>
  schemaUses(text, tree).filter(
    ({ what, role, schema, name }) =>
      !(what === 'relation' && (role === 'write' || temporary.has(schema, name))) &&
      !(what === 'column' && schema === 'pg_temp'),
  )

/** What a statement holds: its own kind is one that writes. */
const innerOf = (statement: Tree): unknown => Object.values(statement)[0]

const refused = (message: string, offset: number): QueryCheck => ({ kind: 'error', what: 'statement', message, offset })

const sentence = (message: string): string => `${message.charAt(0).toUpperCase()}${message.slice(1)}.`

function offsetOf(error: unknown, text: string): number {
  const details = error instanceof Error && 'sqlDetails' in error ? treeOf(error.sqlDetails) : {}
  const position = typeof details.cursorPosition === 'number' ? details.cursorPosition : 0
  return Math.min([...text].slice(0, position).join('').length, Math.max(0, text.trimEnd().length - 1))
}

/** Past space and comments. */
function skipped(text: string, from: number): number {
  const match = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/.exec(text.slice(from))
  return from + (match?.[0].length ?? 0)
}

const NAMES: Readonly<Record<string, string>> = {
  InsertStmt: 'an INSERT',
  UpdateStmt: 'an UPDATE',
  DeleteStmt: 'a DELETE',
  MergeStmt: 'a MERGE',
  CopyStmt: 'a COPY',
}

const nameOf = (statement: Tree): string => NAMES[Object.keys(statement)[0] ?? ''] ?? 'a statement of another kind'

/** The first part of a query that changes or locks something; null: there is none. */
function writing(node: unknown): { readonly message: string; readonly location: number | null } | null {
  if (Array.isArray(node)) {
    for (const item of node) {
      const wrong = writing(item)
      if (wrong !== null) return wrong
    }
    return null
  }
  if (node === null || typeof node !== 'object') return null
  const tree = treeOf(node)
  if (tree.intoClause !== undefined)
    return { message: 'INTO makes a table; a source only reads.', location: locationIn(tree.intoClause) }
  if (tree.lockingClause !== undefined)
    return { message: 'FOR UPDATE and its like lock rows; a source only reads.', location: null }
  for (const [key, value] of Object.entries(tree)) {
    const name = NAMES[key]
    if (name !== undefined)
      return { message: `There is ${name} in the query; a source only reads.`, location: locationIn(value) }
    const wrong = writing(value)
    if (wrong !== null) return wrong
  }
  return null
}

/** The first place in a part of the tree, in bytes. */
function locationIn(node: unknown): number | null {
  if (node === null || typeof node !== 'object') return null
  const tree = treeOf(node)
  if (typeof tree.location === 'number') return tree.location
  for (const value of Object.values(node)) {
    const found = locationIn(value)
    if (found !== null) return found
  }
  return null
}

/** Digest of the tree without places. */
const canonical = (select: unknown): string =>
  sha256(JSON.stringify(select, (key, value) => (/^(location|.*_location|stmt_len)$/.test(key) ? undefined : value)))

const PLAIN: ReadonlySet<string> = new Set(['targetList', 'fromClause', 'limitOption', 'op'])

function onlyTable(select: Tree): { readonly schema: string | null; readonly name: string } | null {
  if (Object.keys(select).some((key) => !PLAIN.has(key)) || select.op !== 'SETOP_NONE') return null
  const [item, other] = listOf(select.fromClause)
  if (item === undefined || other !== undefined || item.RangeVar === undefined) return null
  const { catalogname, schemaname, relname, alias, inh } = treeOf(item.RangeVar)
  if (catalogname !== undefined || alias !== undefined || inh !== true || typeof relname !== 'string') return null
  if (!listOf(select.targetList).every(isRowWise)) return null
  return { schema: typeof schemaname === 'string' ? schemaname : null, name: relname }
}

/** Not an aggregate and the like, which would mean another thing of a part of the rows. */
const isRowWise = (item: Tree): boolean => {
  const { val } = treeOf(item.ResTarget)
  return treeOf(val).ColumnRef !== undefined || ALLOWED.has(functionOf(val))
}

/** How this program itself spells columns whose text DuckDB would not read. */
const ALLOWED: ReadonlySet<string> = new Set(['to_json', 'encode'])

function functionOf(node: unknown): string {
  const [name, other] = listOf(treeOf(treeOf(node).FuncCall).funcname)
  const text = treeOf(name?.String).sval
  return other === undefined && typeof text === 'string' ? text : ''
}

/** Of the parser's answer: a mapping, whatever it is. */
