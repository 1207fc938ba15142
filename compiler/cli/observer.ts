// Looks at source files for the compiler, and remembers what it saw by the files' stamps. Globs are expanded here as at
// execution, so that a new file is noticed.

import { join } from 'node:path'
import { fingerprintOf } from '../../runtime/contract/canonical-json.ts'
import { expandGlob } from '../../runtime/store/glob.ts'
import { readerCall, textLiteral } from '../dialect/duckdb.ts'
import type { ObserveSources, SourceObservation, SourceRequest } from '../ports.ts'
import type { CacheFile } from './cache-file.ts'
import { stampOf } from './file-stamps.ts'

/** Files that an observation rests on: path → stamp; null when a stamp cannot be trusted yet. */
export interface Observed {
  readonly pattern: string
  readonly files: readonly (readonly [path: string, stamp: string | null])[]
}

export interface Observer {
  readonly observe: ObserveSources
  /** Everything that was looked at so far. */
  readonly observed: () => readonly Observed[]
}

/** The files of `pattern` now. */
export const filesOf = (root: string, pattern: string): Observed['files'] =>
  expandGlob(root, pattern).map((path) => [path, stampOf(join(root, path))] as const)

export function createObserver(root: string, cache: CacheFile): Observer {
  const seen = new Map<string, Observed>()
  const observe: ObserveSources = async (requests) => {
    const found = requests.map((request) => {
      const files = filesOf(root, request.path)
      seen.set(request.path, { pattern: request.path, files })
      return { request, key: cacheKey(request, files), absent: files.length === 0 }
    })
    const known = found.map(({ key, absent }) =>
      absent ? ABSENT : key === null ? undefined : (cache.get(key) as SourceObservation | undefined),
    )
    const asked = found.filter((_, i) => known[i] === undefined)
    const answers =
      asked.length === 0
        ? []
        : await lookAt(
            root,
            asked.map((a) => a.request),
          )
    asked.forEach(({ key }, i) => {
      if (key !== null && answers[i]?.kind === 'columns') cache.set(key, answers[i])
    })
    const fresh = answers.values()
    return known.map((observation) => observation ?? fresh.next().value ?? ABSENT)
  }
  return { observe, observed: () => [...seen.values()] }
}

const ABSENT: SourceObservation = { kind: 'absent' }

/** Null: a file is too young to be remembered. */
function cacheKey({ format, path, options, expected }: SourceRequest, files: Observed['files']): string | null {
  if (files.some(([, stamp]) => stamp === null)) return null
  return `source:${fingerprintOf({ format, path, options, expected, files })}`
}

async function lookAt(root: string, requests: readonly SourceRequest[]): Promise<readonly SourceObservation[]> {
  const { observeFiles } = await import('../../runtime/engines/duckdb/observe.ts')
  const looks = requests.map(({ format, path, options, expected }) => ({
    call: readerCall({ format, path: textLiteral(join(root, path)), options }),
    expected,
  }))
  return observeFiles(root, looks)
}
