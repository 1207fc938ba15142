// Starts the built program `program.cjs` beside this script with the code that V8 made of it in an earlier start of the
// same command: half the time of a start. That code is kept below the program's own folder, so that who can change it can
// change the program too; it is used only when it is whole and was made of this very program by this very Node. Without
// it, or where nothing can be written, a start only takes longer.

import { isAscii } from 'node:buffer'
import { createHash } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Script } from 'node:vm'

/** Digest of the program; put in by the build. */
declare const PROGRAM_DIGEST: string

const HEAD_BYTES = 64
/** The first two starts write: what the second needs is often more than the first did. */
const WRITES = 2
const STALE_MS = 60_000

interface Kept {
  readonly code: Buffer
  readonly writes: number
}

/** Commands that are groups of others. */
const GROUPS: readonly string[] = ['bundle', 'connection', 'env', 'exec', 'profile']
const word = (at: number): string | undefined => /^[a-z][a-z-]{0,15}$/.exec(process.argv[at] ?? '')?.[0]
const first = word(2) ?? 'start'

/** Starts are alike by command: `seeknal run` needs other parts of the program than `seeknal env promote`. */
const command = GROUPS.includes(first) ? `${first}-${word(3) ?? 'start'}` : first
const folder = join(__dirname, 'code')
const file = join(folder, `${command}-${process.version}-${process.arch}.bin`)

const digest = (writes: number, code: Buffer): Buffer =>
  createHash('sha256').update(`${PROGRAM_DIGEST} ${process.version} ${writes} `).update(code).digest()

function kept(): Kept | undefined {
  try {
    const bytes = readFileSync(file)
    const [code, writes] = [bytes.subarray(HEAD_BYTES), bytes[32] ?? 0]
    return digest(writes, code).equals(bytes.subarray(0, 32)) ? { code, writes } : undefined
  } catch {
    return undefined
  }
}

/** Writes aside, to disk, then renames. What another start is writing, or what refuses, is left alone. */
function keep(code: Buffer, writes: number): void {
  const aside = `${file}.new`
  const head = Buffer.alloc(HEAD_BYTES)
  digest(writes, code).copy(head)
  head[32] = writes
  try {
    mkdirSync(folder, { recursive: true })
    const made = statSync(aside, { throwIfNoEntry: false })
    if (made !== undefined && Date.now() - made.mtimeMs > STALE_MS) rmSync(aside, { force: true })
    const opened = openSync(aside, 'wx')
    try {
      writeFileSync(opened, Buffer.concat([head, code]))
      fsyncSync(opened)
    } finally {
      closeSync(opened)
    }
    renameSync(aside, file)
  } catch {
    // It costs time at the next start, nothing else.
  }
}

const path = join(__dirname, 'program.cjs')
const known = kept()
const bytes = readFileSync(path)
// As UTF-8, plain ASCII takes five times as long.
const source = bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8')
const script = new Script(source, { filename: path, ...(known === undefined ? {} : { cachedData: known.code }) })
const writes = known === undefined || script.cachedDataRejected === true ? 0 : known.writes
if (writes < WRITES)
  process.on('exit', (status) => {
    if (status === 0) keep(script.createCachedData(), writes + 1)
  })
const program = { exports: {} }
script.runInThisContext()(program.exports, createRequire(path), program, path, dirname(path))
