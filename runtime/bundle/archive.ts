// A bundle as one .tar.gz below the folder `bundle/`: the same bytes for the same bundle on every machine (fixed time,
// owner, mode and order; compressed in JavaScript, since zlib's output differs between builds). Reading refuses links,
// other types, paths that leave the archive, repeated entries and what is too large. Reports BUNDLE_INVALID, STATE_IO.

import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { gzipSync } from 'fflate'
import { extract, type Headers, pack } from 'tar-stream'
import type { Bundle } from '../contract/bundle.ts'
import { byCodeUnit } from '../contract/canonical-json.ts'
import { messageOf, RuntimeFailure } from '../contract/failures.ts'
import { LIMITS } from './limits.ts'
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

/** Writes the archive; an existing file is replaced by one rename. Throws RuntimeFailure STATE_IO. */
export async function writeArchive(file: string, bundle: Bundle): Promise<void> {
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

/** Every file of the archive by its path in the bundle. `what` names the archive in messages. */
export async function readArchive(compressed: Uint8Array, what: string): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  const refused = (why: string, cause?: unknown) =>
    new RuntimeFailure('BUNDLE_INVALID', `${what} is no bundle that can be opened: ${why}`, { path: what }, { cause })
  const archive = extract()
  let failure: RuntimeFailure | undefined
  archive.on('entry', (header, stream, next) => {
    const chunks: Uint8Array[] = []
    stream.on('data', (chunk: Uint8Array) => chunks.push(chunk))
    stream.on('end', () => {
      const why = header.type === 'directory' ? undefined : entryProblem(header, found)
      if (why !== undefined) failure ??= refused(why)
      else if (header.type !== 'directory') found.set(relativeName(header.name), Buffer.concat(chunks))
      next()
    })
  })
  try {
    const tar = gunzipSync(compressed, { maxOutputLength: LIMITS.bytes })
    await new Promise<void>((done, fail) => {
      archive.on('finish', done)
      archive.on('error', fail)
      archive.end(tar)
    })
  } catch (cause) {
    throw refused(messageOf(cause), cause)
  }
  if (failure !== undefined) throw failure
  return found
}

/** Why an entry that is no directory is refused. */
function entryProblem(header: Headers, found: ReadonlyMap<string, Uint8Array>): string | undefined {
  if (header.type !== 'file') return `'${header.name}' is a ${header.type}, not a plain file`
  const path = relativeName(header.name)
  if (!isBundlePath(path)) return `'${header.name}' is a path that leaves the bundle or that it cannot have`
  if (found.has(path)) return `'${header.name}' is in it twice`
  if (found.size >= LIMITS.files) return `it has more than ${LIMITS.files} files`
  return undefined
}

/** Other tools write `./bundle/…`, and people pack the files without their folder. */
function relativeName(name: string): string {
  const plain = name.startsWith('./') ? name.slice(2) : name
  return plain.startsWith(FOLDER) ? plain.slice(FOLDER.length) : plain
}
