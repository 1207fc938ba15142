// What is known of project files by path and stamp, so that a warm command reads only what changed; and their texts, which
// it looks at only where it must. Not of those in which a password may be.

import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '../../runtime/contract/canonical-json.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import { asFingerprint } from '../../runtime/contract/ids.ts'
import { type FileFacts, fileFacts, knownFacts } from '../file-facts.ts'
import { mayBeWithheld } from '../load/withheld.ts'
import type { ProjectFile } from '../load.ts'
import type { CompileCache } from '../ports.ts'
import { stampOf } from './file-stamps.ts'

/** A file of the project and its stamp, which was taken before anything else is asked of the file. */
export interface StampedFile {
  readonly path: string
  readonly absolute: string
  readonly stamp: string | null
}

export const stamped = (root: string, path: string): StampedFile => {
  const absolute = join(root, path)
  return { path, absolute, stamp: stampOf(absolute) }
}

const factsKey = (path: string): string => `file:${path}`

/** Whether the file was read with this stamp, its text kept or not. */
export function isKnown(cache: CompileCache, { path, stamp }: StampedFile): boolean {
  const known = cache.get(factsKey(path))
  return stamp !== null && Array.isArray(known) && known[0] === stamp
}

/** The file as the compiler reads it. Throws what reading throws. */
export function cachedFile(cache: CompileCache, { path, absolute, stamp }: StampedFile): ProjectFile {
  if (stamp === null) return fileAt(path, absolute)
  const key = factsKey(path)
  const known = factsIn(cache.get(key), stamp)
  if (known !== null) return new CachedFile(path, absolute, known, cache)
  const file = fileAt(path, absolute)
  if (file.isUtf8 === false || mayBeWithheld(file.text)) {
    cache.set(key, [stamp])
    return file
  }
  const { digest, namesSql, namesDatabase, isOdd } = fileFacts(file)
  cache.set(key, [stamp, digest, namesSql, namesDatabase, isOdd])
  cache.set(textKey(digest), file.text)
  return file
}

/** By content: whatever becomes of the file, this is the text that was there. */
const textKey = (digest: string): string => `text:${digest}`

function factsIn(known: unknown, now: string): FileFacts | null {
  if (!Array.isArray(known)) return null
  const [stamp, digest, namesSql, namesDatabase, isOdd]: readonly unknown[] = known
  if (stamp !== now || typeof digest !== 'string') return null
  const facts = { namesSql: namesSql === true, namesDatabase: namesDatabase === true, isOdd: isOdd !== false }
  return { digest: asFingerprint(digest), ...facts }
}

class CachedFile implements ProjectFile {
  readonly path: string
  readonly #absolute: string
  readonly #digest: string
  readonly #cache: CompileCache

  constructor(path: string, absolute: string, facts: FileFacts, cache: CompileCache) {
    this.path = path
    this.#absolute = absolute
    this.#digest = facts.digest
    this.#cache = cache
    knownFacts(this, facts)
  }

  get text(): string {
    const text = textAt(this.path, this.#absolute)
    if (text !== null && sha256(text) === this.#digest) return text
    const known = this.#cache.get(textKey(this.#digest))
    if (typeof known === 'string') return known
    throw new RuntimeFailure('PROJECT_INVALID', `'${this.path}' was changed while it was read.`, { path: this.path })
  }
}

/** Null: it cannot be read any more. */
function textAt(path: string, absolute: string): string | null {
  try {
    return fileAt(path, absolute).text
  } catch {
    return null
  }
}

/** The file as it is now. Throws what reading throws. */
export function fileAt(path: string, absolute: string): ProjectFile {
  const bytes = readFileSync(absolute)
  const text = bytes.toString('utf8')
  return isUtf8(bytes) ? { path, text } : { path, text, isUtf8: false }
}
