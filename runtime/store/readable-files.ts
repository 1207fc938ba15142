// A source's path or glob → the files that it may read: data of the project, links resolved. Whoever reads a source
// asks here first, since a bundle may name anything. Reports STATEMENT_REFUSED.

import { realpathSync } from 'node:fs'
import { join, relative } from 'node:path'
import { RuntimeFailure } from '../contract/failures.ts'
import { privateFile } from '../contract/source-paths.ts'
import { guarded } from './files.ts'
import { expandGlob } from './glob.ts'

/** Paths relative to `project`, in order; none when there is no file. Throws STATEMENT_REFUSED when one may not be read. */
export function readableFiles(project: string, pattern: string): readonly string[] {
  if (pattern.startsWith('/') || pattern.split('/').includes('..')) throw outside(pattern)
  requireData(pattern, pattern)
  const paths = expandGlob(project, pattern)
  if (paths.length === 0) return paths
  const root = guarded('resolve', project, () => realpathSync.native(project))
  for (const path of paths) {
    requireData(path, path)
    const real = guarded('resolve', path, () => realpathSync.native(join(project, path)))
    if (!real.startsWith(`${root}/`)) throw outside(path, ' through a link')
    requireData(relative(root, real), path)
  }
  return paths
}

function requireData(path: string, shown: string): void {
  const found = privateFile(path)
  if (found === undefined) return
  const leads = path === shown ? 'names' : 'is a link to'
  throw new RuntimeFailure(
    'STATEMENT_REFUSED',
    `'${shown}' ${leads} ${path === shown ? `'${found.name}'` : `'${path}'`}, which ${found.why}`,
    { path: shown, name: found.name },
    { hints: ['Keep data in a folder of its own and name that, such as data/orders.csv or data/*.csv.'] },
  )
}

const outside = (path: string, how = '') =>
  new RuntimeFailure(
    'STATEMENT_REFUSED',
    `'${path}' leads out of the project${how}`,
    { path },
    {
      hints: [
        'Sources are read below the project folder only, links resolved; copy the file there, or mount its folder there.',
      ],
    },
  )
