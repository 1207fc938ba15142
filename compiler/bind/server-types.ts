// A bound node → the server's own types of its columns as readers in the server see them, where the engine is a database: what
// a table has, but for columns whose type the author declares, which are cast; of what is copied, what the copy has. Pure.

import { copiedType } from '../../runtime/contract/target-types.ts'
import { postgresqlType } from '../dialect/postgresql.ts'
import { isElsewhere, isTable, isTransform, type ResolvedNode, type ResolvedTable } from '../resolve.ts'
import { foldCase } from '../sql/tree.ts'
import type { Engine } from '../validate.ts'
import type { Output } from './bound-node.ts'

type Types = Readonly<Record<string, string>>
type Bound = Pick<Output, 'columns' | 'sourceTypes'>

/** Of a source's columns; what is not in it is not known. */
export function serverTypes(table: ResolvedTable, { columns, sourceTypes = {} }: Bound, engine: Engine): Types {
  const declared = new Set(table.node.columns.flatMap(({ name, type }) => (type === null ? [] : [foldCase(name)])))
  const own = (name: string): string | undefined => (declared.has(foldCase(name)) ? undefined : sourceTypes[name])
  const types = (columns ?? []).flatMap(({ name, type }): [string, string][] => {
    const found = isElsewhere(table, engine) ? copiedType(type, own(name)) : own(name)
    return found === undefined ? [] : [[name, found]]
  })
  return Object.fromEntries(types)
}

/** Those that are others than what the server has for DuckDB's type; null: there is none. */
export function oddTypes(node: ResolvedNode, bound: Bound, engine: Engine): Types | null {
  const isOfServer = isTransform(node) && node.postgresql !== undefined
  const types = isTable(node) ? serverTypes(node, bound, engine) : isOfServer ? (bound.sourceTypes ?? {}) : {}
  const odd = (bound.columns ?? []).flatMap(({ name, type }): [string, string][] => {
    const found = types[name]
    return found === undefined || found === postgresqlType(type) ? [] : [[name, found]]
  })
  return odd.length === 0 ? null : Object.fromEntries(odd)
}
