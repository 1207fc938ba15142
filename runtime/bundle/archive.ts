// A bundle as one .tar.gz below the folder `bundle/`: the same bytes for the same bundle on every machine (fixed time,
// owner, mode and order; compressed in JavaScript, since zlib's output differs between builds). Reading refuses links,
// other types, paths that leave the archive, repeated entries and what is too large. Reports BUNDLE_INVALID, STATE_IO.

import {
  closeSync,
  createReadStream,
  existsSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { gzipSync } from 'fflate'
import { extract, type Headers, pack } from 'tar-stream'
import type { Bundle } from '../contract/bundle.ts'
import { byCodeUnit } from '../contract/canonical-json.ts'
import { messageOf, RuntimeFailure } from '../contract/failures.ts'
import { Allowance, LIMITS, type Limits, tooLarge } from './limits.ts'
import { isBundlePath } from './verify.ts'

const FOLDER = 'bundle/'
const epoch = new Date(0)

/** The bytes of the archive. Pure. */
export async function archiveOf(bundle: Bundle): Promise<Uint8Array> {
  const tar = pack()
  for (const [path, text] of [...bundle.files].sort(([a], [b]) => byCodeUnit(a, b))) {
    tar.entry(
      { name: FOLDER + path, mtime: epoch, mode: 0o644, uid: 0, gid: 0, uname: '', gname: '', type: 'file' },
      text,
    )
  }
  tar.finalize()
  const chunks: Uint8Array[] = []
  for await (const chunk of tar) chunks.push(chunk)
  return gzipSync(Buffer.concat(chunks), { level: 6, mtime: 0 })
}

/** Writes the archive; an existing one is replaced by one rename. Throws STATE_IO, or BUNDLE_INVALID for another file. */
export async function writeArchive(file: string, bundle: Bundle): Promise<void> {
  if (existsSync(file) && !isGzip(file))
    throw new RuntimeFailure(
      'BUNDLE_INVALID',
      `${file} is there and is no .tar.gz; nothing was written`,
      { path: file },
      { hints: ['Name a file that is new, or an archive to be replaced.'] },
    )
  const staged = join(dirname(file), `.${basename(file)}.new`)
  const bytes = await archiveOf(bundle)
  try {
    writeFileSync(staged, bytes)
    renameSync(staged, file)
  } catch (cause) {
    rmSync(staged, { force: true })
    throw new RuntimeFailure('STATE_IO', `cannot write ${file}: ${messageOf(cause)}`, { path: file }, { cause })
  }
}

function isGzip(path: string): boolean {
  const bytes = Buffer.alloc(2)
  try {
    const file = openSync(path, 'r')
    try {
      return readSync(file, bytes, 0, 2, 0) === 2 && bytes.readUInt16BE() === 0x1f8b
    } finally {
      closeSync(file)
    }
  } catch {
    return false
  }
}

/**
 * Every file of the archive by its path in the bundle, read in pieces: what is too large is refused before it is in memory.
 * `what` names the archive in messages.
 */
export async function readArchive(
  file: string,
  what: string,
  limits: Limits = LIMITS,
): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  const refused = (why: string, cause?: unknown) =>
    new RuntimeFailure('BUNDLE_INVALID', `${what} is no bundle that can be opened: ${why}`, { path: what }, { cause })
  if (statSync(file).size > limits.bytes) throw tooLarge(what, limits)
  const allowance = new Allowance(what, limits)
  const archive = extract()
  archive.on('entry', (header, stream, next) => {
    const why = header.type === 'directory' ? undefined : entryProblem(header, found)
    // An entry fails with its archive, which says why.
    stream.on('error', () => {})
    try {
      if (why !== undefined) throw refused(why)
      allowance.takeFile(header.size ?? 0)
    } catch (error) {
      archive.destroy(error instanceof Error ? error : undefined)
      return
    }
    const chunks: Uint8Array[] = []
    stream.on('data', (chunk: Uint8Array) => chunks.push(chunk))
    stream.on('end', () => {
      if (header.type !== 'directory') found.set(relativeName(header.name), Buffer.concat(chunks))
      next()
    })
  })
  try {
    await pipeline(createReadStream(file), createGunzip({ chunkSize: 1 << 20 }), counted(what, limits), archive)
  } catch (cause) {
    if (cause instanceof RuntimeFailure) throw cause
    const isPlain = messageOf(cause) === 'incorrect header check'
    throw refused(isPlain ? 'it is no .tar.gz. A bundle is a folder, or one .tar.gz of it' : messageOf(cause), cause)
  }
  return found
}

/** Passes the unpacked bytes on, as long as they are not more than a bundle with its headers can have. */
const counted = (what: string, limits: Limits) =>
  async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let bytes = 0
    for await (const chunk of chunks) {
      bytes += chunk.length
      if (bytes > limits.bytes + limits.files * HEADER_BYTES) throw tooLarge(what, limits)
      yield chunk
    }
  }

/** An entry's header, and what fills its contents up. */
const HEADER_BYTES = 1024

/** Why an entry that is no directory is refused. */
function entryProblem(header: Headers, found: ReadonlyMap<string, Uint8Array>): string | undefined {
  if (header.type !== 'file') return `'${header.name}' is a ${header.type}, not a plain file`
  const path = relativeName(header.name)
  if (!isBundlePath(path)) return `'${header.name}' is a path that leaves the bundle or that it cannot have`
  if (found.has(path)) return `'${header.name}' is in it twice`
  return undefined
}

/** Other tools write `./bundle/…`, and people pack the files without their folder. */
function relativeName(name: string): string {
  const plain = name.startsWith('./') ? name.slice(2) : name
  return plain.startsWith(FOLDER) ? plain.slice(FOLDER.length) : plain
}
