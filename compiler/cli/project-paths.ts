// The project's folder → the paths of its files: seeknal_project.yml, seeknal.lock.json, seeknal/** (.yml, .yaml,
// .sql, .py). A link that leads out of the project is refused, never followed. Loads no parser. Reports PROJECT_INVALID.

import { type Dirent, readdirSync, realpathSync } from 'node:fs'
import { join, sep } from 'node:path'
import { PROJECT_FILE } from '../../runtime/cli/project-root.ts'
import { messageOf, RuntimeFailure } from '../../runtime/contract/failures.ts'
import { statIfThere } from '../../runtime/store/files.ts'

export const LOCK_FILE = 'seeknal.lock.json'
const READ = /\.(ya?ml|sql|py)$/i

/** Paths of the files that a compile reads, relative to `root`, before those that nodes name. */
export function projectPaths(root: string): readonly string[] {
  const real = realpathSync(root)
  const top = [PROJECT_FILE, LOCK_FILE].filter((name) => statIfThere(join(root, name))?.isFile())
  const found = [...top, ...walk(root, real, 'seeknal', new Set())]
  for (const path of top) requireInside(root, real, path)
  return found.sort()
}

function walk(root: string, real: string, folder: string, above: ReadonlySet<string>): string[] {
  const absolute = join(root, folder)
  if (statIfThere(absolute)?.isDirectory() !== true) return []
  const here = guarded(folder, () => realpathSync(absolute))
  if (above.has(here)) return []
  const entries = guarded(folder, () => readdirSync(absolute, { withFileTypes: true }))
  const inside = new Set([...above, here])
  return entries.flatMap((entry) => entryPaths(root, real, `${folder}/${entry.name}`, entry, inside))
}

function entryPaths(root: string, real: string, path: string, entry: Dirent, above: ReadonlySet<string>): string[] {
  if (entry.name.startsWith('.')) return []
  if (entry.isFile()) return READ.test(entry.name) ? [path] : []
  if (entry.isDirectory()) return walk(root, real, path, above)
  if (!entry.isSymbolicLink()) return []
  const target = statIfThere(join(root, path))
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

/** Throws PROJECT_INVALID when `path` leads out of `real`, the project's folder without links. */
export function requireInside(root: string, real: string, path: string): void {
  const target = guarded(path, () => realpathSync(join(root, path)))
  if (target.startsWith(real + sep)) return
  throw new RuntimeFailure(
    'PROJECT_INVALID',
    `'${path}' is a link that leads out of the project; it is not followed.`,
    { path },
    { hints: ['Copy the file into the project instead.'] },
  )
}

/** What `body` throws becomes PROJECT_INVALID. */
export function guarded<T>(path: string, body: () => T): T {
  try {
    return body()
  } catch (cause) {
    if (cause instanceof RuntimeFailure) throw cause
    throw new RuntimeFailure('PROJECT_INVALID', `'${path}' cannot be read: ${messageOf(cause)}`, { path }, { cause })
  }
}
