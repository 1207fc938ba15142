// What is asked of the text of a project file again and again, computed once of each file or known before its text is. Pure.

import { sha256 } from '../runtime/contract/canonical-json.ts'
import type { Fingerprint } from '../runtime/contract/ids.ts'
import type { ProjectFile } from './load.ts'

export interface FileFacts {
  /** SHA-256 of the text. */
  readonly digest: Fingerprint
  /** Whether it may name a file of SQL. */
  readonly namesSql: boolean
  /** Whether it may have a source in a database. */
  readonly namesDatabase: boolean
  /** Whether it may be in another encoding. */
  readonly isOdd: boolean
}

const facts = new WeakMap<ProjectFile, FileFacts>()

export function fileFacts(file: ProjectFile): FileFacts {
  const known = facts.get(file) ?? {
    digest: sha256(file.text),
    namesSql: /\.sql/i.test(file.text),
    namesDatabase: /\bpostgres/.test(file.text),
    isOdd: file.isUtf8 === false || file.text.includes('\0') || file.text.startsWith('\ufffd'),
  }
  facts.set(file, known)
  return known
}

export const fileDigest = (file: ProjectFile): Fingerprint => fileFacts(file).digest

/** What is known of a file. */
export const knownFacts = (file: ProjectFile, known: FileFacts): void => {
  facts.set(file, known)
}
