// One column → the columns that it comes from and those that come from it, through all nodes. Pure.

import {
  type ColumnRef,
  columnRef,
  columnRefText,
  type Manifest,
  type ManifestNode,
} from '../../runtime/contract/manifest.ts'

export interface ColumnTrace {
  readonly node: string
  readonly column: string
  readonly edges: readonly {
    readonly direction: 'upstream' | 'downstream'
    readonly from: ColumnRef
    readonly to: ColumnRef
  }[]
  /** Columns that decide which rows the node has. */
  readonly rows: readonly ColumnRef[]
  /** Nodes on the way whose lineage is not known. */
  readonly unknown: readonly string[]
}

export function columnTrace(manifest: Manifest, node: ManifestNode, column: string): ColumnTrace {
  const nodes = new Map(manifest.nodes.map((n) => [n.id, n]))
  const unknown = new Set<string>()
  const start: ColumnRef = { node: node.id, column }
  const upstream = walk(start, (at) => sources(nodes.get(at.node), at.column, unknown)).map(
    ([to, from]) => ({ direction: 'upstream', from, to }) as const,
  )
  const downstream = walk(start, (at) => results(manifest, at, unknown)).map(
    ([from, to]) => ({ direction: 'downstream', from, to }) as const,
  )
  return {
    node: node.id,
    column,
    edges: [...upstream, ...downstream],
    rows: (node.lineage?.rows ?? []).map(columnRef),
    unknown: [...unknown].sort(),
  }
}

/** Pairs (column, next column), breadth first, each column once. */
function walk(start: ColumnRef, next: (at: ColumnRef) => readonly ColumnRef[]): [ColumnRef, ColumnRef][] {
  const pairs: [ColumnRef, ColumnRef][] = []
  const seen = new Set([columnRefText(start)])
  const queue = [start]
  for (let at = queue.shift(); at !== undefined; at = queue.shift())
    for (const found of next(at)) {
      pairs.push([at, found])
      if (seen.has(columnRefText(found))) continue
      seen.add(columnRefText(found))
      queue.push(found)
    }
  return pairs
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

function sources(node: ManifestNode | undefined, column: string, unknown: Set<string>): readonly ColumnRef[] {
  if (node === undefined || node.inputs.length === 0) return []
  if (node.lineage === null) {
    unknown.add(node.id)
    return []
  }
  const from = Object.entries(node.lineage.columns).find(([name]) => same(name, column))?.[1] ?? []
  return from.map(columnRef)
}

function results(manifest: Manifest, at: ColumnRef, unknown: Set<string>): readonly ColumnRef[] {
  return manifest.nodes.flatMap((reader) => {
    if (!reader.inputs.some((input) => input.ref === at.node)) return []
    if (reader.lineage === null) {
      unknown.add(reader.id)
      return []
    }
    return Object.entries(reader.lineage.columns).flatMap(([column, from]) =>
      from.map(columnRef).some((f) => f.node === at.node && same(f.column, at.column))
        ? [{ node: reader.id, column }]
        : [],
    )
  })
}
