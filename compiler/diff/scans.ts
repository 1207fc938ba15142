// What a query reads of its inputs, column by column: as plans scan it, or as the syntax names it. Pure.

import { columnRef, type ManifestNode } from '../../runtime/contract/manifest.ts'

/** Relation → columns, null: all of them. */
export type Scans = ReadonlyMap<string, readonly string[] | null>

/** Columns that were scanned of a relation: none when it was not scanned at all, null for all. */
export function scanned(scans: Scans, relation: string): string[] | null {
  const columns = scans.get(relation)
  return columns === null ? null : [...(columns ?? [])]
}

/** By the lineage, which may name more than is needed: input → columns. Null: not known. */
export function scansBySyntax({ lineage, inputs }: ManifestNode, columns: readonly string[] | null): Scans | null {
  if (lineage === null || columns === null) return null
  const texts = [...lineage.rows]
  for (const name of columns) {
    const from = lineage.columns[name]
    if (from === undefined) return null
    texts.push(...from)
  }
  const refs = texts.map(columnRef)
  const columnsOf = (id: string) => [...new Set(refs.flatMap((ref) => (ref.node === id ? [ref.column] : [])))].sort()
  return new Map(inputs.map(({ ref }) => [ref, columnsOf(ref)]))
}
