// The project's folder → the texts that the compiler reads: seeknal_project.yml, seeknal.lock.json, seeknal/** (.yml,
// .yaml, .sql) and .sql files that a node names. Files whose stamp is known come from the cache. A link that leads out
// of the project is refused, never followed. Reports PROJECT_INVALID.

import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { PROJECT_FILE } from '../../runtime/cli/project-root.ts'
import { byCodeUnit, fingerprintOf, sha256 } from '../../runtime/contract/canonical-json.ts'
import { messageOf, RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { Fingerprint } from '../../runtime/contract/ids.ts'
import { readIfThere } from '../../runtime/store/files.ts'
import { fileDigest } from '../file-digest.ts'
import type { ProjectFile } from '../load.ts'
import type { CompileCache } from '../ports.ts'
import { cachedText } from './text-cache.ts'

export const LOCK_FILE = 'seeknal.lock.json'
const READ = /\.(ya?ml|sql)$/i
const NAMED_SQL = /^[ \t]*file[ \t]*:[ \t]*["']?([^"'#\r\n]+?\.sql)["']?[ \t]*(?:#.*)?$/gm

/** Paths of the files that a compile reads, relative to `root`, before those that nodes name. */
export function projectPaths(root: string): readonly string[] {
  const real = realpathSync(root)
  const top = [PROJECT_FILE, LOCK_FILE].filter((name) =>
    statSync(join(root, name), { throwIfNoEntry: false })?.isFile(),
  )
  const found = [...top, ...walk(root, real, 'seeknal', new Set())]
  for (const path of top) requireInside(root, real, path)
  return found.sort(byCodeUnit)
}

/** Stands for the project's files, the lock file by its text on the disk: a compile may write it. */
export function projectDigest(root: string, files: readonly ProjectFile[]): Fingerprint {
  const texts = files.filter(({ path }) => path !== LOCK_FILE).map((file) => [file.path, fileDigest(file)])
  const lock = readIfThere(join(root, LOCK_FILE))
  return fingerprintOf([texts, lock === null ? null : sha256(lock)])
}

/** Reads the project's files. */
export function readProject(root: string, cache: CompileCache): readonly ProjectFile[] {
  const paths = projectPaths(root)
  const texts = new Map(paths.map((path) => [path, textAt(root, path, cache)]))
  for (const path of [...texts.keys()]) {
    if (!/\.ya?ml$/i.test(path)) continue
    for (const named of namedSql(texts.get(path) ?? ''))
      if (!texts.has(named) && isReadable(root, named)) texts.set(named, textAt(root, named, cache))
  }
  return [...texts].map(([path, text]) => ({ path, text })).sort((a, b) => byCodeUnit(a.path, b.path))
}

/** Paths of .sql files that a YAML text names in `file:`, as the compiler looks them up. Pure. */
export const namedSql = (text: string): readonly string[] =>
  text.includes('.sql')
    ? [...text.matchAll(NAMED_SQL)].map((match) => (match[1] ?? '').trim().replace(/^\.\//, ''))
    : []

function isReadable(root: string, path: string): boolean {
  const absolute = join(root, path)
  if (relative(root, absolute).startsWith('..')) return false
  if (statSync(absolute, { throwIfNoEntry: false })?.isFile() !== true) return false
  requireInside(root, realpathSync(root), path)
  return true
}

const textAt = (root: string, path: string, cache: CompileCache): string =>
  guarded(path, () => cachedText(cache, path, join(root, path)))

function walk(root: string, real: string, folder: string, above: ReadonlySet<string>): string[] {
  const absolute = join(root, folder)
  if (statSync(absolute, { throwIfNoEntry: false })?.isDirectory() !== true) return []
  const here = guarded(folder, () => realpathSync(absolute))
  if (above.has(here)) return []
  const entries = guarded(folder, () => readdirSync(absolute, { withFileTypes: true }))
  return entries.flatMap((entry) => entryPaths(root, real, `${folder}/${entry.name}`, entry, new Set([...above, here])))
}

function entryPaths(root: string, real: string, path: string, entry: Dirent, above: ReadonlySet<string>): string[] {
  if (entry.name.startsWith('.')) return []
  if (entry.isFile()) return READ.test(entry.name) ? [path] : []
  if (entry.isDirectory()) return walk(root, real, path, above)
  if (!entry.isSymbolicLink()) return []
  const target = statSync(join(root, path), { throwIfNoEntry: false })
  if (target === undefined && READ.test(entry.name)) throw leadsNowhere(path)
  if (target === undefined || (!target.isDirectory() && !READ.test(entry.name))) return []
  requireInside(root, real, path)
  return target.isDirectory() ? walk(root, real, path, above) : [path]
}

/** A node that silently is none would look like one that was removed. */
const leadsNowhere = (path: string): RuntimeFailure =>
  new RuntimeFailure(
    'PROJECT_INVALID',
    `'${path}' is a link, and what it leads to does not exist.`,
    { path },
    { hints: ['Remove the link, or copy the file in its place.'] },
  )

function requireInside(root: string, real: string, path: string): void {
  const target = guarded(path, () => realpathSync(join(root, path)))
  if (target.startsWith(real + sep)) return
  throw new RuntimeFailure(
    'PROJECT_INVALID',
    `'${path}' is a link that leads out of the project; it is not followed.`,
    { path },
    { hints: ['Copy the file into the project instead.'] },
  )
}

function guarded<T>(path: string, body: () => T): T {
  try {
    return body()
  } catch (cause) {
    if (cause instanceof RuntimeFailure) throw cause
    throw new RuntimeFailure('PROJECT_INVALID', `'${path}' cannot be read: ${messageOf(cause)}`, { path }, { cause })
  }
}
