// Files that a path or glob names, as DuckDB's own glob would find them: `*`, `?`, `[…]` within a name, `**` for any
// number of folders (none that is a link). Names that begin with a dot count. Sorted by code unit.

import { type Dirent, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { byCodeUnit } from '../contract/canonical-json.ts'
import { hasMagic, nameMatcher } from '../contract/source-paths.ts'
import { errno, ioFailure, statIfThere } from './files.ts'

/** Paths relative to `root`, with `/`. A pattern that is itself the name of a file names that file. */
export function expandGlob(root: string, pattern: string): string[] {
  const parts = pattern.split('/').filter((part) => part !== '' && part !== '.')
  const literal = parts.join('/')
  if (!hasMagic(pattern)) return isFile(join(root, literal)) ? [literal] : []
  const found = [...new Set(matches(root, '', parts))].sort(byCodeUnit)
  return found.length === 0 && isFile(join(root, literal)) ? [literal] : found
}

function matches(root: string, folder: string, parts: readonly string[]): string[] {
  const [part, ...rest] = parts
  if (part === undefined) return []
  const below = (name: string) => (folder === '' ? name : `${folder}/${name}`)
  if (part === '**') {
    const deeper = entries(join(root, folder)).filter((entry) => entry.isDirectory())
    return [
      ...matches(root, folder, rest.length === 0 ? ['*'] : rest),
      ...deeper.flatMap((entry) => matches(root, below(entry.name), parts)),
    ]
  }
  if (!hasMagic(part)) {
    const path = below(part)
    if (rest.length > 0) return isFolder(join(root, path)) ? matches(root, path, rest) : []
    return isFile(join(root, path)) ? [path] : []
  }
  const pattern = nameMatcher(part)
  const named = entries(join(root, folder)).filter((entry) => pattern.test(entry.name))
  if (rest.length > 0)
    return named
      .filter((entry) => isFolder(join(root, below(entry.name))))
      .flatMap((entry) => matches(root, below(entry.name), rest))
  return named.map((entry) => below(entry.name)).filter((path) => isFile(join(root, path)))
}

const isFile = (path: string): boolean => statIfThere(path)?.isFile() === true
const isFolder = (path: string): boolean => statIfThere(path)?.isDirectory() === true

function entries(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return []
    throw ioFailure(error, 'list', folder)
  }
}
