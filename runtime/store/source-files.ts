// Source files → a digest of their contents. Size, times and inode only save reading a file again; a file that changes
// while it is read is found by looking before and after. Reports SOURCE_NOT_FOUND, SOURCE_CHANGED_WHILE_READ,
// STATEMENT_REFUSED (a path or link to what is no data of the project).

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Type, { type Static } from 'typebox'
import { fingerprintOf, sortedKeys } from '../contract/canonical-json.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import type { Fingerprint } from '../contract/ids.ts'
import { misfits } from '../contract/schema.ts'
import { hasMagic } from '../contract/source-paths.ts'
import { holdsBlankLines, holdsNothing, readIfThere, statIfThere, writeAtomic } from './files.ts'
import { HashThread, LARGE_BYTES } from './hashing.ts'
import { readableFiles } from './readable-files.ts'
import { type DigestedFile, digestFile } from './snapshots.ts'
import { folderIn, pathIn, type Store } from './store.ts'

/** Files that a source reads now. */
export interface SourceListing {
  /** Path or glob relative to the project. */
  readonly pattern: string
  /** `stamp` differs when the file may have changed. */
  readonly files: readonly { readonly path: string; readonly stamp: string }[]
}

export interface SourceContents extends SourceListing {
  /** SHA-256 of the sorted list of (path relative to the project, SHA-256). */
  readonly digest: Fingerprint
}

interface ReadFile {
  readonly path: string
  readonly stamp: string
  readonly sha256: string
}

const contentsOf = (pattern: string, files: readonly ReadFile[]): SourceContents => ({
  pattern,
  digest: fingerprintOf(files.map((f) => [f.path, f.sha256])),
  files: files.map(({ path, stamp }) => ({ path, stamp })),
})

const Known = Type.Object({ stamp: Type.String(), sha256: Type.String(), hashed_at_ms: Type.Number() })
const Cache = Type.Object({ format: Type.Literal('seeknal.file_digests/1'), files: Type.Record(Type.String(), Known) })
type Known = Static<typeof Known>

/** A file changed within this time before it was read may change again without its times showing it. */
const CLOCK_TICK_MS = 20
/** Of a file that is not there. */
const UNSTAMPED = { stamp: 'absent', changedMs: 0, sizeBytes: 0 }

export class SourceFiles {
  readonly #store: Store
  readonly #known: Map<string, Known>
  #changed = false
  #readBytes = 0
  #busy: Promise<unknown> = Promise.resolve()
  readonly #stopped = new AbortController()
  readonly #thread = new HashThread()
  #waiting = 0

  constructor(store: Store) {
    this.#store = store
    this.#known = readCache(cachePath(store))
  }

  /** Which files there are, without reading them. Throws SOURCE_NOT_FOUND when no file matches. */
  list(pattern: string): SourceListing {
    return { pattern, files: this.#expand(pattern).map((path) => ({ path, stamp: this.#stamp(path).stamp })) }
  }

  /** Begins to read files that will be asked for. What is wrong with them is said then. */
  readAhead(pattern: string): void {
    this.contents(pattern).catch(() => {})
  }

  /** Reads no further: nobody will ask. */
  stop(): void {
    this.#stopped.abort()
  }

  /** Reads files that are not known. Throws SOURCE_NOT_FOUND when no file matches. */
  async contents(pattern: string): Promise<SourceContents> {
    const paths = this.#expand(pattern)
    const known = paths.flatMap((path) => this.#knownFile(path) ?? [])
    if (known.length === paths.length) return contentsOf(pattern, known)
    // One after the other: the first source can be used while the next is read.
    this.#waiting += 1
    const reading = this.#busy
      .then(async () => {
        const files: ReadFile[] = []
        for (const path of paths) files.push(await this.#file(path))
        return files
      })
      .finally(() => {
        this.#waiting -= 1
        if (this.#waiting === 0) this.#thread.end()
      })
    this.#busy = reading.catch(() => {})
    return contentsOf(pattern, await reading)
  }

  /** Throws SOURCE_CHANGED_WHILE_READ when the files are not what they were when `contents` was taken. */
  confirm(contents: SourceListing): void {
    const now = this.#expand(contents.pattern)
    const changed = contents.files
      .filter((file) => !now.includes(file.path) || this.#stamp(file.path).stamp !== file.stamp)
      .map((file) => file.path)
    const fresh = now.filter((path) => !contents.files.some((file) => file.path === path))
    if (changed.length + fresh.length > 0) throw changedWhileRead([...changed, ...fresh])
  }

  /** Remembers digests for the next run, when reading the files again would take longer than `worthBytes` of reading. */
  save(worthBytes = 0): void {
    if (!this.#changed || this.#readBytes < worthBytes) return
    folderIn(this.#store, 'cache')
    const files = Object.fromEntries([...this.#known].filter(([path]) => existsSync(join(this.#store.project, path))))
    writeAtomic(
      cachePath(this.#store),
      JSON.stringify({ format: 'seeknal.file_digests/1', files } satisfies Static<typeof Cache>),
      false,
    )
    this.#changed = false
  }

  #expand(pattern: string): readonly string[] {
    const paths = readableFiles(this.#store.project, pattern)
    if (paths.length === 0) throw notFound(pattern)
    return paths
  }

  /** Undefined: it is not known, or may have changed since. */
  #knownFile(path: string): ReadFile | undefined {
    const known = this.#known.get(path)
    const { stamp, changedMs } = known === undefined ? UNSTAMPED : this.#stamp(path)
    const isSame = known?.stamp === stamp && changedMs + CLOCK_TICK_MS < known.hashed_at_ms
    return isSame ? { path, stamp, sha256: known.sha256 } : undefined
  }

  async #file(path: string): Promise<ReadFile> {
    const known = this.#knownFile(path)
    if (known !== undefined) return known
    const before = this.#stamp(path)
    const hashed_at_ms = Date.now()
    const { sha256, sizeBytes } = await this.#digest(join(this.#store.project, path), before.sizeBytes)
    const { stamp } = this.#stamp(path)
    if (stamp !== before.stamp) throw changedWhileRead([path])
    this.#known.set(path, { stamp, sha256, hashed_at_ms })
    this.#changed = true
    this.#readBytes += sizeBytes
    return { path, stamp, sha256 }
  }

  async #digest(path: string, sizeBytes: number): Promise<DigestedFile> {
    const { signal } = this.#stopped
    const digested = sizeBytes < LARGE_BYTES ? null : await this.#thread.digest(path, signal)
    return digested ?? digestFile(path, signal)
  }

  #stamp(path: string): { readonly stamp: string; readonly changedMs: number; readonly sizeBytes: number } {
    const found = statIfThere(join(this.#store.project, path))
    if (found === undefined) return UNSTAMPED
    return {
      stamp: `${found.size}:${found.mtimeNs}:${found.ctimeNs}:${found.ino}`,
      changedMs: Math.max(Number(found.mtimeNs), Number(found.ctimeNs)) / 1e6,
      sizeBytes: Number(found.size),
    }
  }
}

/** The files of a CSV listing in which there are rows: not those that are empty, or hold blank lines that are no rows. */
export function filesWithRows(
  project: string,
  { files }: SourceListing,
  areBlankLinesRows: boolean,
): SourceListing['files'] {
  const isEmpty = areBlankLinesRows ? holdsNothing : holdsBlankLines
  return files.filter(({ path }) => !isEmpty(join(project, path)))
}

const cachePath = (store: Store): string => pathIn(store, 'cache', 'files.json')

/** Losing or distrusting the cache costs reading files again. */
function readCache(path: string): Map<string, Known> {
  const text = readIfThere(path)
  if (text === null) return new Map()
  try {
    const value: unknown = JSON.parse(text)
    if (misfits(Cache, value).length > 0) return new Map()
    const { files } = value as Static<typeof Cache>
    return new Map(sortedKeys(files).flatMap((key) => (files[key] === undefined ? [] : [[key, files[key]] as const])))
  } catch {
    return new Map()
  }
}

const notFound = (pattern: string) =>
  new RuntimeFailure(
    'SOURCE_NOT_FOUND',
    hasMagic(pattern) ? `no file matches '${pattern}'` : `there is no file '${pattern}'`,
    { path: pattern },
    { hints: ['Paths are relative to the project folder.'] },
  )

const changedWhileRead = (paths: readonly string[]) =>
  new RuntimeFailure(
    'SOURCE_CHANGED_WHILE_READ',
    `${paths.map((p) => `'${p}'`).join(', ')} changed while being read`,
    { paths },
    { hints: ['Run again when nothing writes there any more.'] },
  )
