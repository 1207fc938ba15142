// Values of --params that nothing in the project reads: mostly names that are misspelled.

import type { Terminal } from '../../runtime/cli/terminal.ts'
import type { Json, ProjectFile } from '../load.ts'

/** Names that stand in no placeholder of any file. Pure. */
export function unusedParams(
  params: { readonly [key: string]: Json },
  files: readonly ProjectFile[],
): readonly string[] {
  const names = Object.keys(params)
  if (names.length === 0) return []
  const read = new Set(
    files.flatMap(({ text }) => [...text.matchAll(/\{\{\s*([^{}]*?)\s*\}\}/g)].map((match) => match[1])),
  )
  return names.filter((name) => !read.has(name))
}

export function sayUnusedParams(terminal: Terminal, unused: readonly string[]): void {
  for (const name of unused) terminal.warn(`No placeholder of the project reads '${name}' of --params.`)
}
