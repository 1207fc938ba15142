// A bundle as a directory: reading its bytes, and writing it so that a reader never takes a half-written one for whole
// (bundle.json comes last, and names the digest of every other file). Foreign files are never touched.
// Reports BUNDLE_INVALID, STATE_IO.

import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import Type from 'typebox'
import { BUNDLE_FORMAT, type Bundle } from '../contract/bundle.ts'
import { byCodeUnit, memberText } from '../contract/canonical-json.ts'
import { messageOf, RuntimeFailure } from '../contract/failures.ts'
import { parseDocument } from '../contract/schema.ts'
import { besides, foldersTo, removeTree } from '../store/files.ts'
import { textOf, writeText } from '../store/texts.ts'
import { Allowance } from './limits.ts'
import { isBundlePath, unreadable } from './verify.ts'

/** Every regular file below `root` by its path with `/`. Links and special files are refused: they lead elsewhere. */
export function readDirectory(root: string): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>()
  const allowance = new Allowance(root)
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) walk(path)
      else if (!entry.isFile())
        throw new RuntimeFailure(
          'BUNDLE_INVALID',
          `'${path}' in ${root} is a link or a special file; a bundle has plain files only`,
          { file: path },
        )
      else {
        const file = `${root}/${path}`
        allowance.takeFile(lstatSync(file).size)
        found.set(path, readFileSync(file))
      }
    }
  }
  try {
    walk('')
  } catch (error) {
    throw error instanceof RuntimeFailure ? error : unreadable(root, error)
  }
  return found
}

/**
 * Writes the bundle to a directory. A new directory appears complete, by one rename. In one that holds a bundle only
 * files that differ are replaced and only files of the old bundle are removed; any other directory that is not empty
 * is refused. Throws RuntimeFailure BUNDLE_INVALID or STATE_IO.
 */
export function writeBundle(directory: string, bundle: Bundle): void {
  const target = resolve(directory)
  try {
    foldersTo(dirname(target))
    const present = lstatSync(target, { throwIfNoEntry: false })
    if (present !== undefined && !present.isDirectory()) throw occupied(directory, 'is no directory')
    if (present !== undefined && readdirSync(target).length > 0) update(target, directory, bundle)
    else create(target, bundle)
  } catch (error) {
    if (error instanceof RuntimeFailure) throw error
    throw new RuntimeFailure(
      'STATE_IO',
      `cannot write the bundle to ${directory}: ${messageOf(error)}`,
      { path: directory },
      { cause: error },
    )
  }
}

/** The same for a folder of Seeknal's own: whatever is there goes, also a bundle that is damaged. */
export function replaceBundle(directory: string, bundle: Bundle): void {
  try {
    writeBundle(directory, bundle)
  } catch (error) {
    if (!(error instanceof RuntimeFailure) || error.code !== 'BUNDLE_INVALID') throw error
    removeTree(directory)
    writeBundle(directory, bundle)
  }
}

const occupied = (directory: string, why: string) =>
  new RuntimeFailure(
    'BUNDLE_INVALID',
    `${directory} ${why}; nothing was written`,
    { path: directory },
    { hints: ['Name a directory that is new, empty or holds a bundle.'] },
  )

function create(target: string, bundle: Bundle): void {
  const staged = besides(target)
  mkdirSync(staged)
  try {
    for (const folder of foldersOf(bundle)) mkdirSync(join(staged, folder), { recursive: true })
    for (const [path, text] of contractLast(bundle)) writeFileSync(join(staged, path), text, { flag: 'wx' })
    syncFile(join(staged, 'bundle.json'))
    // Commit point. Renaming onto an empty directory replaces it.
    renameSync(staged, target)
    syncFile(dirname(target))
  } catch (error) {
    rmSync(staged, { recursive: true, force: true })
    throw error
  }
}

function update(target: string, directory: string, bundle: Bundle): void {
  const old = previousContract(target, directory)
  for (const folder of foldersOf(bundle)) makeFolder(target, folder, directory)
  for (const [path, text] of contractLast(bundle)) {
    if (path === 'bundle.json')
      removeFiles(
        target,
        [...old.digests.keys()].filter((file) => !bundle.files.has(file)),
      )
    const digest = bundle.contract.files[path]
    const same = digest !== undefined && old.digests.get(path) === digest
    if (!same) replaceFile(join(target, path), text)
    else if (isTouched(`${target}/${path}`, text, old.ctimeMs)) restoreFile(join(target, path), text)
  }
  syncFile(target)
}

const Owned = Type.Object({ format: Type.Literal(BUNDLE_FORMAT), files: Type.Record(Type.String(), Type.String()) })

/** What the bundle that is there calls its own, by path: the only files that may be removed. And when it was written. */
interface PreviousContract {
  readonly digests: ReadonlyMap<string, string>
  readonly ctimeMs: number
}

function previousContract(target: string, directory: string): PreviousContract {
  const contract = join(target, 'bundle.json')
  if (!existsSync(contract)) throw occupied(directory, 'is not empty and holds no bundle')
  try {
    const text = textOf(readFileSync(contract))
    const { files } = parseDocument(Owned, ownedPart(text) ?? text, 'bundle.json', 'BUNDLE_INVALID')
    const digests = new Map(Object.entries(files).filter(([path]) => isBundlePath(path)))
    return { digests, ctimeMs: lstatSync(contract).ctimeMs }
  } catch {
    throw occupied(directory, 'is not empty, and its bundle.json cannot be read')
  }
}

/** What of a contract is read, where it is written as we write it: its steps are most of it. */
function ownedPart(text: string): string | undefined {
  const files = memberText(text, 'files')
  const isOurs = text.includes(`\n  "format": ${JSON.stringify(BUNDLE_FORMAT)},\n`) && text.endsWith('\n}\n')
  return files === undefined || !isOurs ? undefined : `{"format":${JSON.stringify(BUNDLE_FORMAT)},"files":${files}}`
}

/** Whether a file that should hold `text` may have been changed since bundle.json, which is written last. */
function isTouched(path: string, text: string, ctimeMs: number): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return !found?.isFile() || found.ctimeMs >= ctimeMs || found.size !== Buffer.byteLength(text)
}

/** Makes a folder of the bundle, which must not be a link to somewhere else. */
function makeFolder(target: string, folder: string, directory: string): void {
  const path = join(target, folder)
  const present = lstatSync(path, { throwIfNoEntry: false })
  if (present === undefined) mkdirSync(path)
  else if (!present.isDirectory()) throw occupied(directory, `holds '${folder}', which is no folder`)
}

/** Leaves a file with the same text as it is, so that its time does not change. */
function restoreFile(path: string, text: string): void {
  if (plainText(path) !== text) replaceFile(path, text)
}

function replaceFile(path: string, text: string): void {
  const staged = `${path}.new`
  rmSync(staged, { force: true })
  const file = openSync(staged, 'wx')
  try {
    writeText(file, text)
    if (basename(path) === 'bundle.json') fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(staged, path)
}

/** The text of a plain file; undefined for anything else, links included. */
function plainText(path: string): string | undefined {
  try {
    return readFileSync(path, { encoding: 'utf8', flag: constants.O_RDONLY | constants.O_NOFOLLOW })
  } catch {
    return undefined
  }
}

/** Nothing is removed through a folder that is a link. */
function removeFiles(target: string, paths: readonly string[]): void {
  for (const path of paths) {
    const folders = path
      .split('/')
      .slice(0, -1)
      .map((_, i, parts) => join(target, ...parts.slice(0, i + 1)))
    if (!folders.every((folder) => lstatSync(folder, { throwIfNoEntry: false })?.isDirectory())) continue
    rmSync(join(target, path), { force: true })
    for (const folder of folders.reverse()) if (readdirSync(folder).length === 0) rmdirSync(folder)
  }
}

const foldersOf = (bundle: Bundle): string[] =>
  [...new Set([...bundle.files.keys()].map((path) => dirname(path)).filter((folder) => folder !== '.'))].sort(
    byCodeUnit,
  )

/** bundle.json last: until it is there, or while it names other digests, the directory is no valid bundle. */
const contractLast = (bundle: Bundle): (readonly [string, string])[] =>
  [...bundle.files].sort(([a], [b]) => Number(a === 'bundle.json') - Number(b === 'bundle.json') || byCodeUnit(a, b))

/** Only bundle.json and the folder are forced to disk: what a power cut takes from the others, the digests show. */
function syncFile(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
