// What a reader sees of a record of a manifest, as one fingerprint: `freshEdge`, computed once of each record. Pure.

import { asFingerprint, type Fingerprint } from '../runtime/contract/ids.ts'
import { freshEdge, type ManifestNode } from '../runtime/contract/manifest.ts'

const versions = new WeakMap<ManifestNode, Fingerprint>()

export function versionOf(node: ManifestNode): Fingerprint {
  const known = versions.get(node) ?? freshEdge(node)
  versions.set(node, known)
  return known
}

/** Tells the versions of nodes by the edges to them, none of which was carried over: such an edge is the version of its node. */
export function tellVersions(nodes: ReadonlyMap<string, ManifestNode>): void {
  for (const { inputs } of nodes.values())
    for (const { ref, fingerprint } of inputs) {
      const input = nodes.get(ref)
      if (input !== undefined) versions.set(input, asFingerprint(fingerprint))
    }
}

/** `record` with equal fingerprints is the same version as `base`. */
export function asVersion(record: ManifestNode, base: ManifestNode): ManifestNode {
  versions.set(record, versionOf(base))
  return record
}
