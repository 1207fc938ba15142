// What a reader sees of a record of a manifest, as one fingerprint: `freshEdge`, computed once of each record. Pure.

import type { Fingerprint } from '../runtime/contract/ids.ts'
import { freshEdge, type ManifestNode } from '../runtime/contract/manifest.ts'

const versions = new WeakMap<ManifestNode, Fingerprint>()

export function versionOf(node: ManifestNode): Fingerprint {
  const known = versions.get(node) ?? freshEdge(node)
  versions.set(node, known)
  return known
}

/** What is known of a record without computing it. */
export const knownVersion = (node: ManifestNode, version: Fingerprint): void => {
  versions.set(node, version)
}

/** `record` with equal fingerprints is the same version as `base`. */
export function asVersion(record: ManifestNode, base: ManifestNode): ManifestNode {
  versions.set(record, versionOf(base))
  return record
}
