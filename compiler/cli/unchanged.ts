// A record of the last complete run that lets the next one see that nothing changed without compiling: stamps of every
// file that the compile, the decision and the outputs rest on. Any doubt (a young file, another build, a missing
// output) means that there is no record. Written after a run, read before one; loads neither engine nor compiler.

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Text } from '../../runtime/cli/text.ts'
import { sha256 } from '../../runtime/contract/canonical-json.ts'
import { statIfThere } from '../../runtime/store/files.ts'
import { expandGlob } from '../../runtime/store/glob.ts'
import { currentLink, openStore, type Store } from '../../runtime/store/store.ts'
import { buildIdentity } from './build-identity.ts'
import { identityOf, stampOf } from './file-stamps.ts'
import { LOCK_FILE, projectPaths } from './project-paths.ts'

type Stamps = readonly (readonly [path: string, stamp: string])[]

export interface UnchangedRecord {
  readonly build: string
  /** --params as canonical JSON. */
  readonly params: string
  /** Project files but for the lock file, which a compile may write. */
  readonly files: Stamps
  readonly lock: string | null
  /** manifest.json and run_state.json through `current`, and where `current` leads. */
  readonly current: string
  readonly production: Stamps
  readonly sources: readonly { readonly pattern: string; readonly files: Stamps }[]
  /** Output files below `current` with their sizes in bytes. */
  readonly outputs: readonly (readonly [path: string, size: number])[]
  /** Digest of each value that a node's output depends on. */
  readonly parameters: Readonly<Record<string, string>>
  readonly size: { readonly nodes: number; readonly edges: number }
  readonly warnings: readonly Text[]
  /** What --json ends with. */
  readonly summary: Readonly<Record<string, unknown>>
}

/** The values of the run's parameters by name, of those that `names` lists. */
export type ParameterValues = (names: readonly string[]) => Promise<Readonly<Record<string, string>>>

/** What says what production is. */
export const PRODUCTION_FILES: readonly string[] = ['manifest.json', 'run_state.json']
const recordPath = (store: Store): string => join(store.target, 'cache', 'unchanged.json')

/** The record of the last run, if everything is still as it was then; else null. */
export async function unchangedSince(
  root: string,
  params: string,
  values: ParameterValues,
): Promise<UnchangedRecord | null> {
  const store = openStore(root)
  const record = readRecord(recordPath(store))
  if (record === null || record.build !== buildIdentity() || record.params !== params) return null
  if (currentLink(store) !== record.current || lockDigest(store.project) !== record.lock) return null
  const lookedAt = projectPaths(store.project).filter((path) => path !== LOCK_FILE)
  const recorded = new Set(record.files.map(([path]) => path))
  if (lookedAt.some((path) => !recorded.has(path))) return null
  const stamped = (stamps: Stamps, folder: string) =>
    stamps.every(([path, stamp]) => stampOf(join(folder, path)) === stamp)
  if (!stamped(record.files, store.project)) return null
  const folder = join(store.target, record.current)
  if (!record.production.every(([path, identity]) => identityOf(join(folder, path)) === identity)) return null
  const sourcesSame = record.sources.every(({ pattern, files }) => {
    const now = expandGlob(store.project, pattern)
    return now.length === files.length && stamped(files, store.project) && files.every(([path], i) => path === now[i])
  })
  if (!sourcesSame) return null
  if (!record.outputs.every(([path, size]) => statIfThere(join(folder, path))?.size === BigInt(size))) return null
  const names = Object.keys(record.parameters)
  const now = names.length === 0 ? {} : await values(names)
  return names.every((name) => valueDigest(now[name]) === record.parameters[name]) ? record : null
}

/** A parameter's value, which may be a secret; one that is not given is told from an empty one. */
export const valueDigest = (value: string | undefined): string => (value === undefined ? 'absent' : sha256(value))

/** Stamps of files relative to `folder`, or null when one of them cannot be trusted yet. */
export function stampsOf(folder: string, paths: readonly string[]): Stamps | null {
  const stamps = paths.map((path) => [path, stampOf(join(folder, path))] as const)
  return stamps.every((entry): entry is readonly [string, string] => entry[1] !== null) ? stamps : null
}

export const lockDigest = (root: string): string | null => {
  try {
    return sha256(readFileSync(join(root, LOCK_FILE), 'utf8'))
  } catch {
    return null
  }
}

/** Keeps the record; null removes it. A disk that refuses is no error. */
export function keepRecord(store: Store, record: UnchangedRecord | null): void {
  const path = recordPath(store)
  try {
    if (record === null) {
      rmSync(path, { force: true })
      return
    }
    const text = JSON.stringify(record)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(`${path}.${process.pid}`, `${sha256(text)}\n${text}`)
    renameSync(`${path}.${process.pid}`, path)
  } catch {
    rmSync(`${path}.${process.pid}`, { force: true })
  }
}

function readRecord(path: string): UnchangedRecord | null {
  try {
    const text = readFileSync(path, 'utf8')
    const body = text.slice(65)
    // Written by this program and proven whole by its digest; `build` says by which form.
    return text.slice(0, 64) === sha256(body) ? (JSON.parse(body) as UnchangedRecord) : null
  } catch {
    return null
  }
}
