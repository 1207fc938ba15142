// SQL of PostgreSQL → the places where it names things of a schema, by PostgreSQL's own parser: tables that it reads or
// writes, columns with their table's schema, and what may lead to a table in another way (functions, types, texts that are
// names). Names of common table expressions, aliases, literals and comments are none of these. Pure.

import { listOf, namesIn, type Tree, treeOf } from './parse-tree.ts'
import { utf16At } from './utf16.ts'

export interface SchemaUse {
  readonly what: 'relation' | 'column' | 'function' | 'type' | 'operator' | 'literal'
  /** Of a relation: whether it is written. */
  readonly role: 'read' | 'write'
  /** Null: the search path decides. */
  readonly schema: string | null
  /** Of a table or of what has the schema; of a literal what it says. */
  readonly name: string
  /** Where the schema's identifier begins, or what there is, in UTF-16 code units. */
  readonly start: number
}

type Scope = ReadonlySet<string>

/** In the order of the text, whose tree it is. */
export function schemaUses(text: string, tree: unknown): readonly SchemaUse[] {
  const walk = new Walk(text)
  walk.visit(tree, new Set(), '')
  return walk.uses.sort((a, b) => a.start - b.start)
}

/** Members that hold the table that a statement changes. */
const WRITTEN: Readonly<Record<string, readonly string[]>> = {
  InsertStmt: ['relation'],
  UpdateStmt: ['relation'],
  DeleteStmt: ['relation'],
  MergeStmt: ['relation'],
  CopyStmt: ['relation'],
  IndexStmt: ['relation'],
  AlterTableStmt: ['relation'],
  CreateStmt: ['relation'],
  TruncateStmt: ['relations'],
  ViewStmt: ['view'],
  intoClause: ['rel'],
  into: ['rel'],
}

/** Functions that take the name of a table as a text. */
const BY_NAME: ReadonlySet<string> = new Set(
  `col_description currval has_any_column_privilege has_column_privilege has_sequence_privilege has_table_privilege nextval
obj_description pg_get_serial_sequence pg_get_viewdef pg_indexes_size pg_relation_filenode pg_relation_filepath
pg_relation_size pg_table_size pg_total_relation_size query_to_xml row_security_active setval table_to_xml
table_to_xmlschema to_regclass`.split(/\s+/),
)

class Walk {
  readonly uses: SchemaUse[] = []
  readonly #text: string
  readonly #at: (byte: number) => number

  constructor(text: string) {
    this.#text = text
    this.#at = utf16At(text)
  }

  visit(node: unknown, scope: Scope, role: string): void {
    if (Array.isArray(node)) for (const item of node) this.visit(item, scope, role)
    else if (node !== null && typeof node === 'object') this.#tree(node as Tree, scope, role)
  }

  #tree(tree: Tree, outer: Scope, role: string): void {
    if (typeof tree.relname === 'string') {
      this.#relation(tree, outer, role)
      return
    }
    const scope = this.#withQueries(tree, outer)
    for (const [key, value] of Object.entries(tree)) {
      if (key === 'withClause') continue
      if (value === null || typeof value !== 'object') continue
      const written = WRITTEN[key]
      if (written !== undefined && !Array.isArray(value)) this.#written(value as Tree, written, scope)
      else this.#one(key, value, scope, role)
    }
  }

  #written(statement: Tree, members: readonly string[], outer: Scope): void {
    const scope = this.#withQueries(statement, outer)
    for (const [key, value] of Object.entries(statement)) {
      if (key === 'withClause') continue
      if (members.includes(key)) this.visit(value, new Set(), 'write')
      else this.#one(key, value, scope, '')
    }
  }

  #one(key: string, value: unknown, scope: Scope, role: string): void {
    const tree = treeOf(value)
    if (key === 'ColumnRef') this.#column(tree)
    else if (key === 'FuncCall') this.#function(tree, scope)
    else if (key === 'TypeName' || key === 'typeName') this.#type(tree)
    else if (key === 'TypeCast') this.#cast(tree, scope)
    else if (key === 'A_Expr') this.#operator(tree, scope)
    else this.visit(value, scope, role)
  }

  /** The scope with the names of common table expressions; each sees those before it, or all where they are recursive. */
  #withQueries(tree: Tree, outer: Scope): Scope {
    const clause = treeOf(tree.withClause)
    const queries = listOf(clause.ctes).map((cte) => treeOf(cte.CommonTableExpr))
    const names = queries.map(({ ctename }) => String(ctename))
    const all = new Set([...outer, ...names])
    queries.forEach((query, i) => {
      const seen = clause.recursive === true ? all : new Set([...outer, ...names.slice(0, i)])
      this.visit(query.ctequery, seen, '')
    })
    return names.length === 0 ? outer : all
  }

  #relation(tree: Tree, scope: Scope, role: string): void {
    const name = String(tree.relname)
    const schema = typeof tree.schemaname === 'string' ? tree.schemaname : null
    if (schema === null && scope.has(name)) return
    const start = this.#at(numberOf(tree.location))
    const is = role === 'write' ? 'write' : 'read'
    const skipped = typeof tree.catalogname === 'string' ? 1 : 0
    this.uses.push({ what: 'relation', role: is, schema, name, start: this.#identifier(start, skipped) })
  }

  #column(tree: Tree): void {
    const names = listOf(tree.fields).map((field) => treeOf(field.String).sval)
    if (names.length < 3) return
    const [schema, name] = names.slice(-3)
    if (typeof schema !== 'string' || typeof name !== 'string') return
    const start = this.#identifier(this.#at(numberOf(tree.location)), names.length - 3)
    this.uses.push({ what: 'column', role: 'read', schema, name, start })
  }

  #function(tree: Tree, scope: Scope): void {
    const names = namesIn(tree.funcname)
    this.#qualified('function', names, tree.location)
    if (BY_NAME.has(names.at(-1) ?? '')) for (const argument of listOf(tree.args)) this.#literal(argument)
    this.visit({ ...tree, funcname: null }, scope, '')
  }

  #type(tree: Tree): void {
    this.#qualified('type', namesIn(tree.names), tree.location)
  }

  #cast(tree: Tree, scope: Scope): void {
    const type = namesIn(treeOf(tree.typeName).names)
    if (type.at(-1) === 'regclass') this.#literal(tree.arg)
    this.#type(treeOf(tree.typeName))
    this.visit(tree.arg, scope, '')
  }

  #operator(tree: Tree, scope: Scope): void {
    this.#qualified('operator', namesIn(tree.name), tree.location)
    this.visit({ ...tree, name: null }, scope, '')
  }

  #qualified(what: 'function' | 'type' | 'operator', names: readonly string[], location: unknown): void {
    const [schema, name] = names.slice(-2)
    if (schema === undefined || name === undefined || schema === 'pg_catalog') return
    this.uses.push({ what, role: 'read', schema, name, start: this.#at(numberOf(location)) })
  }

  /** A text that is the name of a table. */
  #literal(node: unknown): void {
    const constant = treeOf(treeOf(node).A_Const)
    const { sval } = treeOf(constant.sval)
    if (typeof sval !== 'string') return
    const parts = [...sval.matchAll(/"((?:[^"]|"")*)"|([^".\s]+)/g)].map(
      ([, quoted, plain]) => quoted?.replace(/""/g, '"') ?? plain?.toLowerCase() ?? '',
    )
    const [schema, name] = parts.slice(-2)
    const start = this.#at(numberOf(constant.location))
    if (name !== undefined) this.uses.push({ what: 'literal', role: 'read', schema: schema ?? null, name, start })
    else this.uses.push({ what: 'literal', role: 'read', schema: null, name: schema ?? sval, start })
  }

  /** Where the identifier begins that comes after `skipped` others and their dots. */
  #identifier(start: number, skipped: number): number {
    let at = start
    for (let i = 0; i < skipped; i++) {
      const found = IDENTIFIER.exec(this.#text.slice(at))
      at += found?.[0].length ?? 0
    }
    return at
  }
}

/** An identifier with the dot, space and comments behind it. */
const IDENTIFIER =
  /^(?:[uU]&)?(?:"(?:[^"]|"")*"|[^\s."/-]+)(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*\.(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*/

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0)
