// Projects in a state that takes commands to reach: made once, then copied as they are on disk, so that outputs which are
// one file stay one file and times stay what they were.

import { join } from 'node:path'
import { copyTree } from './copy-tree.ts'
import { tempFolder } from './temp.ts'

/** A copy of a project in a new folder. */
export function copyOf(project: string): string {
  const copy = join(tempFolder('copy'), 'project')
  copyTree(project, copy)
  return copy
}

/** Each call gives a copy of its own of what `make` makes in the first one. */
export function prepared(make: () => Promise<string>): () => Promise<string> {
  const made = once(make)
  return async () => copyOf(await made())
}

/** Makes in the first call what all give. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
