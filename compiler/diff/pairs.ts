// Base manifest and new manifest → which node of one is which of the other. A node that says `renamed_from` keeps the
// identity of the node that it names, as long as that one is gone. Pure.

import type { Manifest, ManifestInput, ManifestNode } from '../../runtime/contract/manifest.ts'
import { versionOf } from '../versions.ts'

export interface Pair {
  readonly node: ManifestNode
  /** Null: the node is new. */
  readonly base: ManifestNode | null
}

export class Pairs {
  readonly base: Manifest
  /** Base nodes that no node continues, in the order of their ids. */
  readonly removed: readonly ManifestNode[]
  /** Id in the base → id now, of renamed nodes only. */
  readonly renamed: ReadonlyMap<string, string>
  readonly #pairs: ReadonlyMap<string, Pair>
  readonly #baseById: ReadonlyMap<string, ManifestNode>

  constructor(base: Manifest, manifest: Manifest) {
    const baseById = new Map(base.nodes.map((n) => [n.id, n]))
    const present = new Set(manifest.nodes.map((n) => n.id))
    const renamed = new Map<string, string>()
    for (const { id, kind, renamed_from: from } of manifest.nodes) {
      if (from === undefined || baseById.has(id)) continue
      const old = from.includes('.') ? from : `${kind}.${from}`
      if (baseById.has(old) && !present.has(old) && !renamed.has(old)) renamed.set(old, id)
    }
    const before = new Map([...renamed].map(([old, now]) => [now, old]))
    this.base = base
    this.renamed = renamed
    this.#baseById = baseById
    this.#pairs = new Map(
      manifest.nodes.map((node) => [node.id, { node, base: baseById.get(before.get(node.id) ?? node.id) ?? null }]),
    )
    this.removed = base.nodes.filter((n) => !present.has(n.id) && !renamed.has(n.id))
  }

  of(id: string): Pair | undefined {
    return this.#pairs.get(id)
  }

  baseNode(id: string): ManifestNode | undefined {
    return this.#baseById.get(id)
  }

  /** The id now of what the base calls `id`. */
  now(id: string): string {
    return this.renamed.get(id) ?? id
  }

  /**
   * Inputs of a base node that it was not made from as the base describes them: after a partial run the base is a
   * mixture, and an input may be newer than its reader. Nothing can be concluded from such a pair of definitions.
   */
  staleInputs(node: ManifestNode): readonly ManifestInput[] {
    const bound = columnsOfInputs(node)
    return node.inputs.filter((edge, i) => {
      const input = this.#baseById.get(edge.ref)
      return (
        input === undefined ||
        (edge.against ?? edge.fingerprint) !== versionOf(input) ||
        bound[i] !== input.columns_fingerprint
      )
    })
  }
}

/** Members of a definition that say what is done with the rows, not which rows there are. */
const NOT_ROWS: ReadonlySet<string> = new Set(['materializations', 'volatile', 'not_null'])

export const isRowMember = (key: string): boolean => !NOT_ROWS.has(key)

/** Whether two JSON values are equal, in whatever order their members stand. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && sameItems(a, b)
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  const [left, right] = [a as Members, b as Members]
  for (const key of keys) if (!Object.hasOwn(b, key) || !sameJson(left[key], right[key])) return false
  return true
}

type Members = Readonly<Record<string, unknown>>

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!sameJson(a[i], b[i])) return false
  return true
}

const compared = new WeakMap<ManifestNode, { readonly with: ManifestNode; readonly members: readonly string[] }>()

/** What manifests of versions before checks held as a part of the definition: no output depends on it. */
const NO_DEFINITION = 'checks'

/** Names of the members in which two definitions differ, sorted. */
export function differingMembers(a: ManifestNode, b: ManifestNode): readonly string[] {
  const known = compared.get(a)
  if (known?.with === b) return known.members
  const keys = new Set([...Object.keys(a.definition), ...Object.keys(b.definition)])
  keys.delete(NO_DEFINITION)
  const members = [...keys].filter((key) => !sameJson(a.definition[key], b.definition[key])).sort()
  compared.set(a, { with: b, members })
  return members
}

/** The same without what the inputs bring: their columns are no change of the node's own. */
export const ownMembers = (a: ManifestNode, b: ManifestNode): readonly string[] =>
  differingMembers(a, b).filter((member) => member !== 'input_columns')

/** Fingerprints of the columns over which a node's query was bound, in the order of its inputs. */
function columnsOfInputs(node: ManifestNode): readonly unknown[] {
  const columns: unknown = node.definition.input_columns
  return Array.isArray(columns) ? columns : []
}

/** Equal names and types in the same order; two late-bound outputs count as equal. */
export function sameColumns(a: ManifestNode, b: ManifestNode): boolean {
  return a.columns_fingerprint === b.columns_fingerprint
}
