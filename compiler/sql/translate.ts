// A query in DuckDB's dialect → the same query in PostgreSQL's, or what of it cannot be translated, with place and advice.
// Written anew from DuckDB's own syntax tree, by rules for what is proven to give the same rows; anything without a rule is
// refused. PostgreSQL's parser reads the result. Offsets count UTF-16 code units of the text that was given.

import type { Column } from '../../runtime/contract/manifest.ts'
import { storedType } from '../../runtime/contract/stored-columns.ts'
import { keepsName, postgresqlType } from '../dialect/postgresql.ts'
import type { CheckQueries, Relation, SqlEngine, Tree } from '../ports.ts'
import { utf16Offsets } from './byte-offsets.ts'
import { lex } from './lexer.ts'
import { noType } from './translate/casts.ts'
import { expression } from './translate/expressions.ts'
import { query } from './translate/queries.ts'
import type { FindingCode, Meanings, Query, Refusal, Shape, Translator } from './translate/translator.ts'
import { REFUSED, type Typed } from './translate/types.ts'
import { child, everyTree } from './tree.ts'

export type { FindingCode, Meanings } from './translate/translator.ts'

export interface TranslationRequest {
  /** One SELECT that DuckDB binds. */
  readonly sql: string
  /** What it reads: columns with DuckDB's types. */
  readonly relations: readonly Relation[]
  /** The columns that DuckDB gives it, as stored. */
  readonly columns: readonly Column[]
  readonly meanings: Meanings
}

/** What the author wrote that is not translated. */
export interface Finding {
  readonly code: FindingCode
  /** As people call it: `ASOF JOIN`, `regexp_extract`. */
  readonly construct: string
  readonly message: string
  readonly hints: readonly string[]
  readonly start: number
  readonly end: number
}

/** What PostgreSQL's text says in another way. */
export interface Change {
  readonly what: string
  readonly start: number
}

export type Translation =
  | {
      readonly kind: 'translated'
      readonly sql: string
      readonly changes: readonly Change[]
      /** DuckDB's types of its columns within a query. */
      readonly types: readonly string[]
    }
  | { readonly kind: 'refused'; readonly findings: readonly Finding[] }

interface World {
  readonly engine: Pick<SqlEngine, 'parse'>
  readonly checkQueries: CheckQueries
}

export const WAY_OUT = "Or write the query in PostgreSQL's SQL, with 'dialect: postgresql'."

/** Translations in the order of the requests. */
export async function translateQueries(
  requests: readonly TranslationRequest[],
  { engine, checkQueries }: World,
): Promise<readonly Translation[]> {
  const parsed = await engine.parse(requests.map(({ sql }) => sql))
  const written = requests.map((request, i) => {
    const answer = parsed[i]
    const tree = answer?.kind === 'trees' && answer.trees.length === 1 ? answer.trees[0] : undefined
    return tree === undefined ? unreadable(request.sql) : translateTree(request, tree)
  })
  const checks = await checkQueries(written.flatMap((each) => (each.kind === 'translated' ? [each.sql] : [])))
  let next = 0
  return written.map((each, i) => {
    if (each.kind === 'refused') return each
    const check = checks[next++]
    return check?.kind === 'query' ? each : unreadable(requests[i]?.sql ?? '')
  })
}

const unreadable = (sql: string, message = 'This query as a whole is not translated.'): Translation => ({
  kind: 'refused',
  findings: [
    {
      code: 'TRANSLATE_NOT_SUPPORTED',
      construct: 'query',
      message,
      hints: [WAY_OUT],
      start: 0,
      end: sql.length,
    },
  ],
})

/** A text of more than this many characters for one of the author's says that a value is repeated over and over. */
const MOST_GROWTH = 100

/** `tree` is the one statement of the text. Pure. */
export function translateTree(request: TranslationRequest, tree: Tree): Translation {
  try {
    return translated(request, tree)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return unreadable(request.sql, 'Its expressions stand within each other too deeply.')
  }
}

function translated(request: TranslationRequest, tree: Tree): Translation {
  const notes = new Notes(request.sql)
  const most = MOST_GROWTH * (request.sql.length + 500)
  const t: Translator = {
    meanings: request.meanings,
    relations: request.relations,
    expression: (each, scope) => notes.near(each, () => bounded(t, each, expression(t, each, scope), most)),
    query: (node, outer, ctes) => query(t, node, outer, ctes),
    refuse: (each, construct, refusal) => notes.refuse(each, construct, refusal),
    changed: (each, what) => notes.changed(each, what),
  }
  const node = child(tree, 'node')
  if (node === undefined) return unreadable(request.sql)
  const whole = t.query(node, null, null)
  const shape = notes.findings.length === 0 ? shapeOf(t, node, whole, request.columns) : []
  const sql = notes.findings.length === 0 ? whole.render(shape) : ''
  return notes.findings.length > 0
    ? { kind: 'refused', findings: notes.sorted() }
    : { kind: 'translated', sql, changes: notes.changes, types: typesOf(whole) }
}

/** What PostgreSQL needs to say twice grows with every level. */
const bounded = (t: Translator, tree: Tree, value: Typed, most: number): Typed =>
  value.sql.length <= most
    ? value
    : t.refuse(tree, 'expression', {
        message: 'Its parts repeat each other so often that PostgreSQL would get a text far too long.',
        hint: 'Compute them in a subquery first.',
      })

const typesOf = ({ columns }: Query): readonly string[] =>
  columns.map(({ value }) => (value.type === 'NULL' ? 'INTEGER' : value.type))

/** The output's names and types; what is not as DuckDB binds it was misread. */
function shapeOf(t: Translator, node: Tree, whole: Query, columns: readonly Column[]): Shape {
  const found = typesOf(whole).map((type) => storedType(type).type)
  if (found.join() !== columns.map(({ type }) => type).join())
    t.refuse(node, 'query', {
      code: 'TRANSLATE_TYPE',
      message: `Its columns are read as ${found.join(', ')}, and DuckDB makes them ${columns.map(({ type }) => type).join(', ')}.`,
      hint: 'Cast what has another type.',
    })
  for (const { name, type } of columns) {
    if (!keepsName(name))
      t.refuse(node, name, {
        code: 'TRANSLATE_NAME_TOO_LONG',
        message: `PostgreSQL keeps 63 bytes of a name, and '${name}' is longer.`,
        hint: 'Give it a shorter one.',
      })
    if (postgresqlType(type) === null) noType(t, node, type)
  }
  return columns.map(({ name, type }) => ({ name, type }))
}

/** Findings and changes with their places. */
class Notes {
  readonly findings: Finding[] = []
  readonly changes: Change[] = []
  readonly #sql: string
  readonly #offset: (byte: number) => number
  #near = 0

  constructor(sql: string) {
    this.#sql = sql
    this.#offset = utf16Offsets(sql)
  }

  /** What has no place of its own is near the expression around it. */
  near<T>(tree: Tree, run: () => T): T {
    const before = this.#near
    this.#near = this.#place(tree)
    const result = run()
    this.#near = before
    return result
  }

  refuse(tree: Tree, construct: string, { code, message, hint }: Refusal): typeof REFUSED {
    const start = this.#place(tree)
    const finding: Finding = {
      code: code ?? 'TRANSLATE_NOT_SUPPORTED',
      construct,
      message,
      hints: [...(hint === undefined ? [] : [hint]), WAY_OUT],
      start,
      end: this.#end(start),
    }
    if (!this.findings.some((other) => other.start === start && other.construct === construct))
      this.findings.push(finding)
    return REFUSED
  }

  changed(tree: Tree, what: string): void {
    const start = this.#place(tree)
    if (!this.changes.some((other) => other.start === start && other.what === what)) this.changes.push({ what, start })
  }

  sorted(): readonly Finding[] {
    return [...this.findings].sort((a, b) => a.start - b.start)
  }

  #place(tree: Tree): number {
    const own =
      typeof tree.query_location === 'number'
        ? tree.query_location
        : everyTree(tree).find((each) => typeof each.query_location === 'number')?.query_location
    return typeof own === 'number' ? this.#offset(own) : this.#near
  }

  /** The end of the token there. */
  #end(start: number): number {
    const token = lex(this.#sql).find((each) => each.end > start)
    return token === undefined ? this.#sql.length : Math.max(token.end, start + 1)
  }
}
