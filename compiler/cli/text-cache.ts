// Texts of project files by path and stamp, so that a warm command reads only what changed; not of those in which a
// password may be.

import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { mayBeWithheld } from '../load/withheld.ts'
import type { ProjectFile } from '../load.ts'
import type { CompileCache } from '../ports.ts'
import { stampOf } from './file-stamps.ts'

/** The file at `absolute`, which is `path` in the project. Throws what reading throws. */
export function cachedFile(cache: CompileCache, path: string, absolute: string): ProjectFile {
  const stamp = stampOf(absolute)
  if (stamp === null) return fileAt(path, absolute)
  const key = `text:${path}`
  const known = cache.get(key)
  if (Array.isArray(known) && known[0] === stamp && typeof known[1] === 'string') return { path, text: known[1] }
  const file = fileAt(path, absolute)
  if (file.isUtf8 !== false && !mayBeWithheld(file.text)) cache.set(key, [stamp, file.text])
  return file
}

/** The file as it is now. Throws what reading throws. */
export function fileAt(path: string, absolute: string): ProjectFile {
  const bytes = readFileSync(absolute)
  const text = bytes.toString('utf8')
  return isUtf8(bytes) ? { path, text } : { path, text, isUtf8: false }
}
