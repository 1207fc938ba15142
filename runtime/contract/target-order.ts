// A target in the database that executes → what the ledger's write_target() is asked for, as data. What only a run knows of the
// output is added where it is known: by the runtime, or in SQL by begin_target(). Pure. Rule: top of ledger/5-targets.sql.

import type { Column, ManifestNode } from './manifest.ts'
import { columnType, type TargetStatement, targetStatements } from './target-sql.ts'
import type { Target } from './targets.ts'

export interface StoredTarget {
  /** Of the step. */
  readonly id: string
  readonly node: Pick<ManifestNode, 'id' | 'renamed_from'>
  /** Of the output. */
  readonly columns: readonly Column[]
  readonly target: Target
  readonly prefix: string
  /** The server's own types of columns, where they are others. */
  readonly types?: Readonly<Record<string, string>> | undefined
  /** The output's table, as SQL spells it. */
  readonly table: string
}

/** Described at the top of ledger/5-targets.sql. */
export interface TargetOrder {
  readonly step: string
  /** With the one that it was before its node was renamed. */
  readonly steps: readonly string[]
  readonly node: string
  readonly schema: string
  readonly table: string
  readonly mode: Target['mode']
  readonly database?: string
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly keys: readonly string[]
  readonly null_keys: boolean
  readonly time: string | null
  readonly create_table: boolean
  readonly recreate: boolean
  readonly rows_from: string
  readonly statements: readonly TargetStatement[]
}

export function targetOrder({ id, node, columns, target, prefix, types = {}, table }: StoredTarget): TargetOrder {
  const { renamed_from: before } = node
  const written = { node: node.id, target, columns, prefix, stored: { table, types } }
  return {
    step: id,
    steps: [id, ...(before === undefined ? [] : [before + id.slice(node.id.length)])],
    node: node.id,
    schema: `${prefix}${target.schema}`,
    table: target.table,
    mode: target.mode,
    ...(target.database === undefined ? {} : { database: target.database }),
    columns: columns.map((column) => ({ name: column.name, type: columnType(written, column) })),
    keys: target.unique_keys ?? [],
    null_keys: target.null_keys === 'match',
    time: target.time_column ?? null,
    create_table: target.create_table !== false,
    recreate: target.recreate === true,
    rows_from: table,
    statements: targetStatements(written),
  }
}
