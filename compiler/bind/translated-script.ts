// A transform of several statements in DuckDB's dialect → PostgreSQL's statements about temporary objects and the query behind
// them. Each statement's rows are a query that DuckDB binds behind the statements before it, and that is translated like any
// other; a DELETE or UPDATE puts the rows that stay into the table in place of all. What has no counterpart is a finding.

import type { Column } from '../../runtime/contract/manifest.ts'
import { pgName } from '../../runtime/contract/postgresql-names.ts'
import { quoteName } from '../dialect/duckdb.ts'
import { keepsName, postgresqlType } from '../dialect/postgresql.ts'
import type { DescribeResult, Relation, Translation, TranslationRequest } from '../ports.ts'
import type { ResolvedTransform } from '../resolve.ts'
import { lex } from '../sql/lexer.ts'
import { type Pieces, piecesOf, type ScriptPart, scriptPart } from '../sql/script-parts.ts'
import type { Head } from '../sql/statements.ts'
import type { World } from './bound-node.ts'
import { statementTexts } from './outputs.ts'

type Finding = Extract<Translation, { kind: 'refused' }>['findings'][number]

/** `sql`: all statements, each but the last with a semicolon. Places of findings are in the node's resolved text. */
export type TranslatedScript =
  | { readonly kind: 'translated'; readonly sql: string }
  | { readonly kind: 'refused'; readonly findings: readonly Finding[] }

/** `request`: of the last query, with the text of the whole node. */
export async function translateScript(
  node: ResolvedTransform,
  request: TranslationRequest,
  world: Pick<World, 'engine' | 'translateQueries'>,
): Promise<TranslatedScript> {
  const script = new Script(node, request, world)
  const { statements, text } = node.sql
  for (const [i, statement] of statements.slice(0, -1).entries()) {
    const tokens = lex(text).filter(
      ({ kind, start, end }) => kind !== 'comment' && start >= statement.start && end <= statement.end,
    )
    const head: Head = { tokens, text }
    await script.add(i, scriptPart(head, statement.kind, statement.end), statement)
    if (script.findings.length > 0) return { kind: 'refused', findings: script.findings }
  }
  const last = statements.at(-1) ?? { start: 0, end: 0 }
  const query = await script.translated(piecesOf(text, [last]), request.columns)
  if (query === null) return { kind: 'refused', findings: script.findings }
  return { kind: 'translated', sql: [...script.out, query.sql].join('\n;\n') }
}

interface Temporary {
  readonly object: 'table' | 'view'
  readonly columns: readonly Column[]
}

/** Where the rows are that stay in a table, until they are in it. Authors have no such names. */
const KEPT = 'seeknal_rows'
const HINTS = ["Write it as a query with WITH, or the whole node in PostgreSQL's SQL: 'dialect: postgresql'."]

class Script {
  readonly out: string[] = []
  readonly findings: Finding[] = []
  readonly #node: ResolvedTransform
  readonly #request: TranslationRequest
  readonly #world: Pick<World, 'engine' | 'translateQueries'>
  readonly #temporary = new Map<string, Temporary>()

  constructor(node: ResolvedTransform, request: TranslationRequest, world: Pick<World, 'engine' | 'translateQueries'>) {
    this.#node = node
    this.#request = request
    this.#world = world
  }

  /** The statement with number `i`. */
  async add(i: number, part: ScriptPart, range: { readonly start: number; readonly end: number }): Promise<void> {
    if (part.kind === 'refused') return this.#refuse(part.message, part.start, part.end)
    if (!keepsName(part.name))
      return this.#refuse(`PostgreSQL keeps 63 bytes of a name, and '${part.name}' is longer.`, range.start, range.end)
    const name = part.name.toLowerCase()
    const known = this.#temporary.get(name)
    switch (part.kind) {
      case 'drop':
        this.#drop(name, known)
        return
      case 'create':
      case 'declare':
        if (known !== undefined && part.ifNotExists) return
        return part.kind === 'create' ? this.#create(i, part, known) : this.#declare(i, name, { known, range })
      case 'insert':
      case 'replace': {
        if (known === undefined) return this.#refuse('It is no table that was made before.', range.start, range.end)
        return part.kind === 'insert' ? this.#insert(i, part, known) : this.#replace(i, part, known)
      }
    }
  }

  #drop(name: string, known: Temporary | undefined): void {
    if (known !== undefined) this.out.push(`DROP ${known.object.toUpperCase()} pg_temp.${pgName(name)}`)
    this.#temporary.delete(name)
  }

  async #create(i: number, part: Extract<ScriptPart, { kind: 'create' }>, known: Temporary | undefined): Promise<void> {
    const name = part.name.toLowerCase()
    const query = await this.#bound(i, part.query)
    if (query === null) return
    const { columns } = query
    const create = (made: string, sql: string): string => `CREATE TEMP ${part.object.toUpperCase()} ${made} AS\n${sql}`
    // A table may be replaced by rows of its own.
    const isOwn = known !== undefined && part.object === 'table'
    if (isOwn) this.out.push(create(KEPT, query.sql))
    this.#drop(name, known)
    this.out.push(create(pgName(name), isOwn ? `TABLE pg_temp.${KEPT}` : query.sql))
    if (isOwn) this.out.push(`DROP TABLE pg_temp.${KEPT}`)
    this.#temporary.set(name, { object: part.object, columns })
  }

  async #declare(
    i: number,
    name: string,
    {
      known,
      range,
    }: { readonly known: Temporary | undefined; readonly range: { readonly start: number; readonly end: number } },
  ): Promise<void> {
    const described = await this.#described([...this.#texts(i + 1), `FROM ${quoteName(name)}`])
    const columns = described?.kind === 'columns' ? described.columns : []
    const types = columns.map(({ type }) => postgresqlType(type))
    const isPlain = described?.kind === 'columns' && Object.keys(described.casts).length === 0 && !types.includes(null)
    if (!isPlain || columns.some((column) => !keepsName(column.name)))
      return this.#refuse('A type or name of its columns has no sure counterpart.', range.start, range.end)
    const items = columns.map((column, at) => `${pgName(column.name)} ${types[at]}`)
    this.#drop(name, known)
    this.out.push(`CREATE TEMP TABLE ${pgName(name)} (${items.join(', ')})`)
    this.#temporary.set(name, { object: 'table', columns })
  }

  /** Values become those of the table's types as the author's engine converts them. */
  async #insert(i: number, part: Extract<ScriptPart, { kind: 'insert' }>, { columns }: Temporary): Promise<void> {
    const { query } = part
    const described = await this.#described([...this.#texts(i), query.text])
    if (described?.kind !== 'columns')
      return this.#refuse('Its columns are not known.', query.origin(0), query.origin(0) + 1)
    const named = part.columns === 'by name' ? described.columns.map(({ name }) => name) : part.columns
    const byName = new Map(columns.map((column) => [column.name.toLowerCase(), column]))
    const targets = named === null ? columns : named.flatMap((name) => byName.get(name.toLowerCase()) ?? [])
    const items = targets.map(({ name, type }, at) => `CAST(c${at} AS ${type}) AS ${quoteName(name)}`)
    const lead = `SELECT ${items.join(', ')} FROM (\n`
    const tail = `\n) AS q(${targets.map((_, at) => `c${at}`).join(', ')})`
    const asked: Pieces = {
      text: lead + query.text + tail,
      origin: (offset) => query.origin(Math.max(0, Math.min(offset - lead.length, query.text.length - 1))),
    }
    const rows = await this.#bound(i, asked)
    if (rows === null) return
    const into = targets.map(({ name }) => pgName(name)).join(', ')
    this.out.push(`INSERT INTO pg_temp.${pgName(part.name.toLowerCase())} (${into})\n${rows.sql}`)
  }

  async #replace(i: number, part: Extract<ScriptPart, { kind: 'replace' }>, { columns }: Temporary): Promise<void> {
    const types = new Map(columns.map(({ name, type }) => [name.toLowerCase(), type]))
    const rows = await this.#bound(i, part.query(types))
    if (rows === null) return
    const table = `pg_temp.${pgName(part.name.toLowerCase())}`
    this.out.push(`CREATE TEMP TABLE ${KEPT} AS\n${rows.sql}`)
    this.out.push(`TRUNCATE ${table}`, `INSERT INTO ${table}\nTABLE pg_temp.${KEPT}`, `DROP TABLE pg_temp.${KEPT}`)
  }

  /** A query behind the first `i` statements, in PostgreSQL's words, and its columns with DuckDB's own types. */
  async #bound(
    i: number,
    query: Pieces,
  ): Promise<{ readonly sql: string; readonly columns: readonly Column[] } | null> {
    const described = await this.#described([...this.#texts(i), query.text])
    if (described?.kind === 'columns') return this.translated(query, described.columns)
    this.#refuse('Its columns are not known.', query.origin(0), query.origin(0) + 1)
    return null
  }

  async translated(
    query: Pieces,
    columns: readonly Column[],
  ): Promise<{ readonly sql: string; readonly columns: readonly Column[] } | null> {
    const { relations, serverTypes } = this.#request
    const own = [...this.#temporary].map(([name, one]): Relation => ({ schema: '', name, columns: one.columns }))
    const request = { sql: query.text, relations: [...relations, ...own], columns, serverTypes }
    const [translation] = await this.#world.translateQueries([request])
    if (translation?.kind === 'translated') {
      const typed = columns.map((column, at) => ({ ...column, type: translation.types[at] ?? column.type }))
      return { sql: translation.sql, columns: typed }
    }
    for (const finding of translation?.findings ?? [])
      this.findings.push({ ...finding, start: query.origin(finding.start), end: query.origin(finding.end) })
    return null
  }

  async #described(statements: readonly string[]): Promise<DescribeResult | undefined> {
    const engine = await this.#world.engine()
    return (await engine.describe([{ statements, relations: this.#request.relations }]))[0]
  }

  readonly #texts = (count: number): readonly string[] => statementTexts(this.#node).slice(0, count)

  #refuse(message: string, start: number, end: number): void {
    this.findings.push({ message, hints: HINTS, start, end })
  }
}
