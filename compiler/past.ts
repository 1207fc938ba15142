// The base that a project is compared with, as it is kept. Pure.

import { prettyJson, sha256 } from '../runtime/contract/canonical-json.ts'
import type { Manifest } from '../runtime/contract/manifest.ts'

export interface KeptBase {
  /** SHA-256 of the text. */
  readonly digest: string
  readonly text: string
}

/** A base that is parsed when it is asked for. */
export interface Past extends KeptBase {
  /** Whether the text is what `prettyJson` gives. */
  readonly isPretty: boolean
  readonly manifest: () => Manifest
}

/** `kept`: its text, where that need not be written anew. */
export function pastOf(manifest: Manifest, kept?: KeptBase): Past {
  const text = kept?.text ?? prettyJson(manifest)
  return { text, digest: kept?.digest ?? sha256(text), isPretty: kept === undefined, manifest: () => manifest }
}
