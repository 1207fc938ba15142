// Statements before the query of a transform → whether each makes or changes nothing but temporary objects of the same text, by
// PostgreSQL's own parser. An allow-list of kinds of statements; what a name leads to is known only for temporary objects, so
// that nothing of anybody else is ever written. Pure.

import { listOf, type Tree, treeOf } from './parse-tree.ts'

export interface Refused {
  readonly message: string
  /** In bytes; null: the statement as a whole. */
  readonly location: number | null
}

/** The temporary objects of a text, statement by statement. */
export class TemporaryObjects {
  /** A view may lead to a table of somebody else: only tables are changed. */
  readonly #kinds = new Map<string, 'table' | 'view'>()

  /** Null: the statement may be there, and what it makes or drops is known from now on. */
  refusal(statement: Tree): Refused | null {
    const [kind = ''] = Object.keys(statement)
    const body = treeOf(statement[kind])
    switch (kind) {
      case 'CreateTableAsStmt':
        return body.objtype === 'OBJECT_TABLE' && body.is_select_into !== true
          ? this.#made(treeOf(treeOf(body.into).rel), 'table', treeOf(body.into).onCommit)
          : REFUSED
      case 'CreateStmt':
        return body.inhRelations !== undefined || body.partbound !== undefined || body.partspec !== undefined
          ? REFUSED
          : this.#made(treeOf(body.relation), 'table', body.oncommit)
      case 'ViewStmt':
        return this.#made(treeOf(body.view), 'view', undefined)
      case 'IndexStmt':
      case 'InsertStmt':
      case 'UpdateStmt':
      case 'DeleteStmt':
      case 'MergeStmt':
        return this.#changed(treeOf(body.relation))
      case 'TruncateStmt':
        return firstOf(listOf(body.relations).map((one) => this.#changed(treeOf(one.RangeVar))))
      case 'VacuumStmt':
        return body.is_vacuumcmd === true || listOf(body.rels).length === 0
          ? REFUSED
          : firstOf(listOf(body.rels).map((one) => this.#changed(treeOf(treeOf(one.VacuumRelation).relation))))
      case 'DropStmt':
        return this.#dropped(body)
      default:
        return REFUSED
    }
  }

  /** Whether a relation that is named so is one of them. */
  has(schema: string | null, name: string): boolean {
    return (schema === null || schema === 'pg_temp') && this.#kinds.has(name)
  }

  #made(relation: Tree, kind: 'table' | 'view', onCommit: unknown): Refused | null {
    const { relname, schemaname, relpersistence } = relation
    if (relpersistence !== 't')
      return {
        message: `'${String(relname)}' would not be temporary: write CREATE TEMP.`,
        location: locationOf(relation),
      }
    if (typeof schemaname === 'string' && schemaname !== 'pg_temp')
      return { message: 'A temporary object has a name without a schema.', location: locationOf(relation) }
    if (onCommit !== undefined && !PLAIN.has(String(onCommit)))
      return {
        message: 'ON COMMIT is not allowed: what a step makes is gone when it ends.',
        location: locationOf(relation),
      }
    this.#kinds.set(String(relname), kind)
    return null
  }

  #changed(relation: Tree): Refused | null {
    const { relname, schemaname } = relation
    const schema = typeof schemaname === 'string' ? schemaname : null
    if (this.has(schema, String(relname)) && this.#kinds.get(String(relname)) === 'table') return null
    const name = schema === null ? String(relname) : `${schema}.${String(relname)}`
    return { message: `'${name}' is no temporary table of this node.`, location: locationOf(relation) }
  }

  #dropped({ removeType, objects }: Tree): Refused | null {
    if (!DROPPED.has(String(removeType))) return REFUSED
    for (const object of listOf(objects)) {
      const names = listOf(treeOf(object.List).items).map((part) => String(treeOf(part.String).sval))
      const [name = '', schema = null] = names.toReversed()
      if (schema !== 'pg_temp' && !this.has(schema, name))
        return {
          message: `'${names.join('.')}' is no temporary object of this node; 'pg_temp.${name}' would be one.`,
          location: null,
        }
      this.#kinds.delete(name)
    }
    return null
  }
}

const REFUSED: Refused = {
  message: 'Before the query a node may only make, fill, change and drop TEMP tables and views.',
  location: null,
}
const PLAIN: ReadonlySet<string> = new Set(['ONCOMMIT_NOOP', 'ONCOMMIT_PRESERVE_ROWS'])
const DROPPED: ReadonlySet<string> = new Set(['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_INDEX'])

const firstOf = (found: readonly (Refused | null)[]): Refused | null => found.find((one) => one !== null) ?? null
const locationOf = ({ location }: Tree): number | null => (typeof location === 'number' ? location : null)
