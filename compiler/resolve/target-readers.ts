// Sources in databases and the tables that other nodes write there → which nodes must have written before a source reads.
// Pure.

import { byCodeUnit } from '../../runtime/contract/canonical-json.ts'
import type { NodeId } from '../../runtime/contract/ids.ts'
import type { ConnectionSchemas } from '../ports.ts'
import type { ResolvedTable } from '../resolve.ts'
import type { ValidNode } from '../validate.ts'

/** Where a table is that is named without a schema, unless its connection says another. */
const FALLBACK_SCHEMA = 'public'

/** Nodes by what they write. */
export type Writers = ReadonlyMap<string, readonly NodeId[]>

export const tableKey = (connection: string, schema: string, table: string): string =>
  JSON.stringify([connection, schema, table])

export function targetWriters(nodes: readonly ValidNode[]): Writers {
  const writers = new Map<string, NodeId[]>()
  for (const { id, targets } of nodes)
    for (const { target } of targets) {
      const key = tableKey(target.connection, target.schema, target.table)
      writers.set(key, [...(writers.get(key) ?? []), id])
    }
  return writers
}

/** Tables that a source reads, by schema and name. */
function tablesRead({ asked, searched }: ResolvedTable): readonly { readonly schema: string; readonly name: string }[] {
  if (asked.kind === 'table') return [{ schema: asked.schema ?? searched, name: asked.name }]
  return asked.uses.flatMap(({ what, schema, name }) =>
    what === 'relation' || what === 'literal' ? [{ schema: schema ?? searched, name }] : [],
  )
}

/** The source with where it finds tables, and the nodes that it comes after. */
export function withWriters(
  resolved: Omit<ResolvedTable, 'searched'>,
  writers: Writers,
  schemas: ConnectionSchemas,
): ResolvedTable {
  const own = Object.hasOwn(schemas, resolved.connection) ? schemas[resolved.connection] : undefined
  const table = { ...resolved, searched: own ?? FALLBACK_SCHEMA }
  const found = tablesRead(table).flatMap(
    ({ schema, name }) => writers.get(tableKey(table.connection, schema, name)) ?? [],
  )
  if (found.length === 0) return table
  const { asked, searched } = table
  return {
    ...table,
    // Named with its schema: an environment's prefix stands before that.
    asked: asked.kind === 'table' ? { ...asked, schema: asked.schema ?? searched } : asked,
    after: [...new Set(found)].sort(byCodeUnit),
  }
}
