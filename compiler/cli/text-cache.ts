// Texts of project files by path and stamp, so that a warm command reads only what changed.

import { readFileSync } from 'node:fs'
import type { CompileCache } from '../ports.ts'
import { stampOf } from './file-stamps.ts'

/** The text of the file at `absolute`, which is `path` in the project. Throws what reading throws. */
export function cachedText(cache: CompileCache, path: string, absolute: string): string {
  const stamp = stampOf(absolute)
  if (stamp === null) return readFileSync(absolute, 'utf8')
  const key = `text:${path}`
  const known = cache.get(key)
  if (Array.isArray(known) && known[0] === stamp && typeof known[1] === 'string') return known[1]
  const text = readFileSync(absolute, 'utf8')
  cache.set(key, [stamp, text])
  return text
}
