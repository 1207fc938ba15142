// SHA-256 of a project file's text, computed once of each file. Pure.

import { sha256 } from '../runtime/contract/canonical-json.ts'
import type { Fingerprint } from '../runtime/contract/ids.ts'
import type { ProjectFile } from './load.ts'

const digests = new WeakMap<ProjectFile, Fingerprint>()

export function fileDigest(file: ProjectFile): Fingerprint {
  const known = digests.get(file) ?? sha256(file.text)
  digests.set(file, known)
  return known
}
