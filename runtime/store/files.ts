// File operations that survive a crash: write aside, force to disk, rename. Every error of the file system becomes
// RuntimeFailure STATE_IO with the path and what to do. Nothing here follows a link when it removes.

import { randomBytes } from 'node:crypto'
import {
  type BigIntStats,
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { messageOf, RuntimeFailure } from '../contract/failures.ts'
import { textOf } from './texts.ts'

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC:
    "The disk is full: free some space ('seeknal clean' removes what nothing refers to) and run again; what is finished is kept.",
  EDQUOT: "The disk quota is used up: free some space ('seeknal clean' removes what nothing refers to) and run again.",
  EFBIG: 'The file is larger than the process or the file system allows: raise the limit and run again.',
  EROFS: 'The file system is read-only: mount it writable, or use another folder.',
  EACCES: 'Give this user the right to write there, or run as the user that owns the folder.',
  EPERM: 'Give this user the right to write there, or run as the user that owns the folder.',
}

/** The errno name of what a file operation threw: `ENOENT`, or '' for anything else. */
export function errno(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

export function ioFailure(error: unknown, what: string, path: string): RuntimeFailure {
  if (error instanceof RuntimeFailure) return error
  const hint = HINTS[errno(error)]
  return new RuntimeFailure(
    'STATE_IO',
    `cannot ${what} ${path}: ${messageOf(error)}`,
    { path, errno: errno(error) },
    { cause: error, hints: hint === undefined ? [] : [hint] },
  )
}

/** Runs `body`; what it throws becomes STATE_IO `cannot <what> <path>`. */
export function guarded<T>(what: string, path: string, body: () => T): T {
  try {
    return body()
  } catch (error) {
    throw ioFailure(error, what, path)
  }
}

/** The text of a file, or null when there is none. */
export function readIfThere(path: string): string | null {
  try {
    return textOf(readFileSync(path))
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return null
    throw ioFailure(error, 'read', path)
  }
}

/** Makes a folder and those above it. */
export const makeFolder = (path: string): void => {
  guarded('make the folder', path, () => foldersTo(path))
}

/**
 * The same; throws what the file system says. With `recursive`, Node never returns where a folder cannot be made although
 * the one above it is there, as below /proc.
 */
export function foldersTo(path: string): void {
  if (isFolder(path)) return
  const above = dirname(path)
  if (above !== path && !existsSync(above)) foldersTo(above)
  try {
    mkdirSync(path)
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (errno(error) !== 'EEXIST' || !isFolder(path)) throw error
  }
}

/** Or a link to one. */
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** Forces a file's or a folder's contents to disk. */
export function syncPath(path: string): void {
  guarded('force to disk', path, () => {
    const file = openSync(path, 'r')
    try {
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  })
}

/** The same without blocking: large files take their time. */
export async function syncLargeFile(path: string): Promise<void> {
  try {
    const { open } = await import('node:fs/promises')
    const file = await open(path, 'r')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    throw ioFailure(error, 'force to disk', path)
  }
}

/** A name beside `path` that no other process uses. */
export const besides = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`)

/** Removes what killed processes left beside files of `folder`. Nobody else may be writing there. */
export function sweepBesides(folder: string): void {
  if (kindAt(folder) !== 'folder') return
  const names = guarded('list', folder, () => readdirSync(folder))
  for (const name of names) if (/^\..+\.[0-9a-f]{12}$/.test(name)) removeTree(join(folder, name))
}

/** Replaces a file in one step. With `durable`, it is on disk when this returns; without, a power cut may lose it, whole. */
export function writeAtomic(path: string, text: string, durable = true): void {
  const staged = besides(path)
  try {
    writeFileSync(staged, text, { flag: 'wx', flush: durable })
    renameSync(staged, path)
    if (durable) syncPath(dirname(path))
  } catch (error) {
    removeTree(staged)
    throw ioFailure(error, 'write', path)
  }
}

/** Writes a file that is not there yet; its contents are on disk when this returns, its name with the folder. */
export const writeNew = (path: string, text: string): void => {
  guarded('write', path, () => writeFileSync(path, text, { flag: 'wx', flush: true }))
}

/** A second name for a file's contents; a read-only copy where the file system has no hard links. */
export function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(errno(error)))
      throw ioFailure(error, 'link', to)
    guarded('copy to', to, () => {
      copyFileSync(from, to)
      chmodSync(to, 0o444)
    })
  }
}

/** Puts a file in the place of another. */
export const moveFile = (from: string, to: string): void => {
  guarded('move', to, () => renameSync(from, to))
}

/** Removes a file, a link (not what it points to) or a folder with its contents; silent when there is none. */
export function removeTree(path: string): void {
  guarded('remove', path, () => rmSync(path, { recursive: true, force: true }))
}

/** Whether there is a file which is empty but for the mark of its encoding. */
export function holdsNothing(path: string): boolean {
  const size = statIfThere(path)?.size
  return size === 0n || (size === 3n && readIfThere(path) === '\ufeff')
}

const BLANK = [10, 13, 32]
const PIECE_BYTES = 4096

/** Whether there is a file which holds at most blank lines: ends of lines and spaces, but for the mark of its encoding. */
export function holdsBlankLines(path: string): boolean {
  if (statIfThere(path)?.isFile() !== true) return false
  return guarded('read', path, () => {
    const file = openSync(path, 'r')
    try {
      const bytes = Buffer.alloc(PIECE_BYTES)
      for (let isFirst = true; ; isFirst = false) {
        const piece = bytes.subarray(0, readSync(file, bytes))
        const isMarked = isFirst && piece.length >= 3 && piece.readUIntBE(0, 3) === 0xefbbbf
        if (!piece.subarray(isMarked ? 3 : 0).every((byte) => BLANK.includes(byte))) return false
        if (piece.length === 0) return true
      }
    } finally {
      closeSync(file)
    }
  })
}

/** Of the files that are there. */
export const totalBytes = (paths: readonly string[]): number =>
  paths.reduce((sum, path) => sum + Number(statIfThere(path)?.size ?? 0), 0)

/** A name under which no file can be: too long, or a link that leads in a circle. */
const NO_FILE = ['ELOOP', 'ENAMETOOLONG']

/** What is at `path`, links followed, or undefined when there is no such file. */
export function statIfThere(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    if (NO_FILE.includes(errno(error))) return undefined
    throw ioFailure(error, 'look at', path)
  }
}

/** `kind` of what is at `path` itself, links not followed. */
export function kindAt(path: string): 'absent' | 'folder' | 'file' | 'link' | 'other' {
  const found = guarded('look at', path, () => lstatSync(path, { throwIfNoEntry: false }))
  if (found === undefined) return 'absent'
  if (found.isSymbolicLink()) return 'link'
  if (found.isDirectory()) return 'folder'
  return found.isFile() ? 'file' : 'other'
}
