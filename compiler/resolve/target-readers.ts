// Sources in databases and the tables that other nodes write there → which nodes must have written before a source reads.
// Pure.

import { byCodeUnit } from '../../runtime/contract/canonical-json.ts'
import type { NodeId } from '../../runtime/contract/ids.ts'
import type { ResolvedTable } from '../resolve.ts'
import type { ValidNode } from '../validate.ts'

/** Where a table is that is named without a schema. */
export const FALLBACK_SCHEMA = 'public'

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
function tablesRead({ asked }: ResolvedTable): readonly { readonly schema: string; readonly name: string }[] {
  if (asked.kind === 'table') return [{ schema: asked.schema ?? FALLBACK_SCHEMA, name: asked.name }]
  return asked.uses.flatMap(({ what, schema, name }) =>
    what === 'relation' || what === 'literal' ? [{ schema: schema ?? FALLBACK_SCHEMA, name }] : [],
  )
}

/** The source with the nodes that it comes after. */
export function withWriters(table: ResolvedTable, writers: Writers): ResolvedTable {
  const found = tablesRead(table).flatMap(
    ({ schema, name }) => writers.get(tableKey(table.connection, schema, name)) ?? [],
  )
  return found.length === 0 ? table : { ...table, after: [...new Set(found)].sort(byCodeUnit) }
}
