// The content store: snapshots/<sha256>.parquet holds an output once, read-only; index/<execution fingerprint>.json
// says which snapshot a node's definition and inputs gave (with a proof: a digest of both). An index entry whose snapshot
// is missing or has another size counts as absent. An output of another machine that was made again here has the same rows
// and often other bytes: snapshots/<sha256>.json says which bytes stand for it.

import { createHash } from 'node:crypto'
import { chmodSync, existsSync, renameSync, statSync } from 'node:fs'
import type { Static } from 'typebox'
import Type from 'typebox'
import { fingerprintOf, prettyJson } from '../contract/canonical-json.ts'
import { asFingerprint, type Fingerprint } from '../contract/ids.ts'
import { Hex } from '../contract/manifest.ts'
import { misfits } from '../contract/schema.ts'
import { NodeState, type Snapshot } from '../contract/state.ts'
import { guarded, ioFailure, linkOrCopy, readIfThere, syncLargeFile, writeAtomic } from './files.ts'
import { folderIn, indexPath, pathIn, type Store, snapshotPath } from './store.ts'

/** What an index entry holds: a node's state without what a run says of it. */
export const StoredOutput = Type.Omit(NodeState, ['status'])
export type StoredOutput = Static<typeof StoredOutput>

const CHUNK_BYTES = 4 * 1024 * 1024

export interface DigestedFile {
  readonly sha256: Fingerprint
  readonly sizeBytes: number
}

/** SHA-256 and size of a file, read in pieces. Throws the signal's reason when that ends it. */
export async function digestFile(path: string, signal?: AbortSignal): Promise<DigestedFile> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  try {
    const { open } = await import('node:fs/promises')
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size + 1))
      for (;;) {
        signal?.throwIfAborted()
        const { bytesRead } = await file.read(buffer, 0, buffer.length)
        if (bytesRead === 0) break
        sizeBytes += bytesRead
        hash.update(buffer.subarray(0, bytesRead))
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    throw ioFailure(error, 'read', path)
  }
  return { sha256: asFingerprint(hash.digest('hex')), sizeBytes }
}

/** Puts a finished output into the store: on disk, read-only, under its digest. The file stays where it is too. */
export async function storeSnapshot(store: Store, file: string): Promise<DigestedFile> {
  const [digest] = await Promise.all([digestFile(file), syncLargeFile(file)])
  const path = snapshotPath(store, digest.sha256)
  folderIn(store, 'snapshots')
  if (await isWhole(store, { sha256: digest.sha256, size_bytes: digest.sizeBytes })) return digest
  guarded('protect', file, () => chmodSync(file, 0o444))
  if (existsSync(path)) replaceDamaged(file, path)
  else linkOrCopy(file, path)
  return digest
}

/** A snapshot that is not what its name says was damaged from outside: its name goes to the good file. */
function replaceDamaged(file: string, path: string): void {
  guarded('replace', path, () => {
    const aside = `${path}.new`
    linkOrCopy(file, aside)
    renameSync(aside, path)
  })
}

export const sizeOf = (path: string): number | null =>
  guarded('look at', path, () => statSync(path, { throwIfNoEntry: false })?.size ?? null)

const StandIn = Type.Object({ format: Type.Literal('seeknal.stand_in/1'), sha256: Hex, size_bytes: Type.Number() })

type Bytes = Pick<Snapshot, 'sha256' | 'size_bytes'>

const standInPath = (store: Store, sha256: string): string => pathIn(store, 'snapshots', `${sha256}.json`)

/** The bytes that stand for a snapshot here; null: its own do. */
function standInFor(store: Store, { sha256 }: Pick<Snapshot, 'sha256'>): Bytes | null {
  const text = readIfThere(standInPath(store, sha256))
  if (text === null) return null
  try {
    const value: unknown = JSON.parse(text)
    return misfits(StandIn, value).length === 0 ? (value as Static<typeof StandIn>) : null
  } catch {
    return null
  }
}

/** Lets a stored snapshot that has the same rows stand for one of another machine. Commit point: the file is in its place. */
export function standIn(store: Store, wanted: Bytes, made: Bytes): void {
  if (wanted.sha256 === made.sha256) return
  const { sha256, size_bytes } = made
  writeAtomic(
    standInPath(store, wanted.sha256),
    prettyJson({ format: 'seeknal.stand_in/1', sha256, size_bytes } satisfies Static<typeof StandIn>),
  )
  const [from, to] = [snapshotPath(store, sha256), snapshotPath(store, wanted.sha256)]
  if (existsSync(to)) replaceDamaged(from, to)
  else linkOrCopy(from, to)
}

/** Whether the file has the size of a snapshot, or of what stands for it. */
export function hasSizeOf(store: Store, snapshot: Bytes, file: string): boolean {
  const size = sizeOf(file)
  return size !== null && (size === snapshot.size_bytes || size === standInFor(store, snapshot)?.size_bytes)
}

/** Whether bytes with this digest are a snapshot's, or stand for it. */
export const isOf = (store: Store, snapshot: Bytes, sha256: string): boolean =>
  sha256 === snapshot.sha256 || sha256 === standInFor(store, snapshot)?.sha256

export const hasSnapshot = (store: Store, snapshot: Bytes): boolean =>
  hasSizeOf(store, snapshot, snapshotPath(store, snapshot.sha256))

/** Whether a snapshot is there and its bytes are those that it is named after, or that stand for it. Reads it. */
export async function isWhole(store: Store, snapshot: Bytes): Promise<boolean> {
  if (!hasSnapshot(store, snapshot)) return false
  return isOf(store, snapshot, (await digestFile(snapshotPath(store, snapshot.sha256))).sha256)
}

/** The output that is stored for an execution fingerprint, or null. One that needs a proof is found by it only. */
export function findOutput(
  store: Store,
  fingerprint: Fingerprint,
  proof: () => Fingerprint | null,
): StoredOutput | null {
  const proven = readOutput(store, { fingerprint })
  if (proven !== null) return proven
  const own = proof()
  return own === null ? null : readOutput(store, { fingerprint, proof: own })
}

type Key = Pick<StoredOutput, 'fingerprint' | 'proof'>

/** Outputs that need a proof have entries of their own: they neither stand in for others nor take their place. */
const entryPath = (store: Store, { fingerprint, proof }: Key): string =>
  indexPath(store, proof === undefined ? fingerprint : fingerprintOf([fingerprint, proof]))

function readOutput(store: Store, key: Key): StoredOutput | null {
  const text = readIfThere(entryPath(store, key))
  if (text === null) return null
  try {
    const value: unknown = JSON.parse(text)
    if (misfits(StoredOutput, value).length > 0) return null
    const output = value as StoredOutput
    const isIt = output.fingerprint === key.fingerprint && output.proof === key.proof
    return isIt && hasSnapshot(store, output.snapshot) ? output : null
  } catch {
    // Torn by a power cut: the output is made again.
    return null
  }
}

/** Makes an output findable. Losing the entry in a power cut costs an execution, nothing else. */
export function indexOutput(store: Store, output: StoredOutput): void {
  folderIn(store, 'index')
  writeAtomic(entryPath(store, output), prettyJson(output), false)
}

/** Puts an output back into the store that is only in production's or an environment's folder any more. */
export function restoreSnapshot(store: Store, snapshot: Bytes, file: string): void {
  if (hasSnapshot(store, snapshot) || !hasSizeOf(store, snapshot, file)) return
  folderIn(store, 'snapshots')
  const path = snapshotPath(store, snapshot.sha256)
  if (existsSync(path)) replaceDamaged(file, path)
  else linkOrCopy(file, path)
}
