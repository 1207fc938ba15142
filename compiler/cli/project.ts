// The project's folder → the texts that the compiler reads: the project's own files and .sql files that a node names.
// Files whose stamp is known come from the cache. Reports PROJECT_INVALID.

import { realpathSync } from 'node:fs'
import { join, relative } from 'node:path'
import { byCodeUnit, fingerprintOf, sha256 } from '../../runtime/contract/canonical-json.ts'
import type { Fingerprint } from '../../runtime/contract/ids.ts'
import { readIfThere, statIfThere } from '../../runtime/store/files.ts'
import { fileDigest } from '../file-facts.ts'
import { isPython, isYaml } from '../load/file-kinds.ts'
import { namedSql, type ProjectFile } from '../load.ts'
import type { CompileCache } from '../ports.ts'
import { guarded, LOCK_FILE, projectPaths, requireInside } from './project-paths.ts'
import { cachedFile, type StampedFile, stamped } from './text-cache.ts'

/** Stands for the project's files, the lock file by its text on the disk: a compile may write it. */
export function projectDigest(root: string, files: readonly ProjectFile[]): Fingerprint {
  const texts = files
    .filter(({ path }) => path !== LOCK_FILE && !isPython(path))
    .map((file) => [file.path, fileDigest(file)])
  const lock = readIfThere(join(root, LOCK_FILE))
  return fingerprintOf([texts, lock === null ? null : sha256(lock)])
}

/** The project's own files, not read yet. */
export const stampedFiles = (root: string): readonly StampedFile[] =>
  projectPaths(root).map((path) => guarded(path, () => stamped(root, path)))

/** Reads the project's files. */
export const readProject = (
  root: string,
  cache: CompileCache,
  own: readonly StampedFile[] = stampedFiles(root),
): readonly ProjectFile[] =>
  withNamedSql(
    root,
    own.map((file) => guarded(file.path, () => cachedFile(cache, file))),
    cache,
  )

/** Files with the .sql files that their nodes name, sorted by path. */
export function withNamedSql(root: string, files: readonly ProjectFile[], cache: CompileCache): readonly ProjectFile[] {
  const found = new Map(files.map((file) => [file.path, file]))
  for (const file of files) {
    if (!isYaml(file.path)) continue
    for (const named of namedSql(file, cache))
      if (!found.has(named) && isReadable(root, named)) found.set(named, projectFile(root, named, cache))
  }
  return [...found.values()].sort((a, b) => byCodeUnit(a.path, b.path))
}

function isReadable(root: string, path: string): boolean {
  const absolute = join(root, path)
  if (path.includes('\0') || relative(root, absolute).startsWith('..')) return false
  if (statIfThere(absolute)?.isFile() !== true) return false
  requireInside(root, realpathSync(root), path)
  return true
}

const projectFile = (root: string, path: string, cache: CompileCache): ProjectFile =>
  guarded(path, () => cachedFile(cache, stamped(root, path)))
