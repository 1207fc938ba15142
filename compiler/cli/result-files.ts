// The results of the last compiles, one file each: a line that says what made it, a line of JSON, texts of megabytes behind
// each other as they are, and the digest of all that. Written aside and renamed. What is torn or damaged counts as not
// there: it costs time only.

import { createHash } from 'node:crypto'
import { closeSync, fstatSync, mkdirSync, openSync, read, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '../../runtime/contract/canonical-json.ts'
import { textOf, writeText } from '../../runtime/store/texts.ts'
import type { KeptResult, ResultCache } from '../ports.ts'

const FORMAT = 'seeknal.compiled/2'

/** Path and length of each text in bytes, in their order. */
type Lengths = readonly (readonly [string, number])[]

export class ResultFiles implements ResultCache {
  readonly #folder: string
  readonly #version: string
  readonly #set = new Map<string, KeptResult>()
  readonly #reading = new Map<string, Promise<Buffer | undefined>>()

  /** `version` names what made the results: of another version, none is used. */
  constructor(folder: string, version: string) {
    this.#folder = folder
    this.#version = version
  }

  begin(slot: string): void {
    this.#reading.set(slot, bytesOf(this.#path(slot)))
  }

  async get(slot: string): Promise<KeptResult | undefined> {
    const reading = this.#reading.get(slot) ?? bytesOf(this.#path(slot))
    this.#reading.delete(slot)
    const bytes = await reading
    try {
      return bytes === undefined ? undefined : parsed(bytes, this.#first())
    } catch {
      return undefined
    }
  }

  set(slot: string, result: KeptResult): void {
    this.#set.set(slot, result)
  }

  /** Writes what was set. A disk that refuses is no error. */
  save(): void {
    for (const [slot, { head, texts }] of this.#set) {
      const lengths: Lengths = [...texts].map(([path, text]) => [path, Buffer.byteLength(text)])
      const top = `${this.#first()}${JSON.stringify([lengths, head])}\n`
      const aside = `${this.#path(slot)}.${process.pid}`
      try {
        mkdirSync(this.#folder, { recursive: true })
        writeAll(aside, [top, ...texts.values()])
        renameSync(aside, this.#path(slot))
      } catch {
        rmSync(aside, { force: true })
      }
    }
    this.#set.clear()
  }

  #first(): string {
    return `${FORMAT}\t${this.#version}\n`
  }

  #path(slot: string): string {
    return join(this.#folder, slot === '' ? 'compiled' : `compiled.${slot}`)
  }
}

/** All of a file, by a thread of Node's. Undefined: it cannot be read. */
async function bytesOf(path: string): Promise<Buffer | undefined> {
  try {
    const file = openSync(path, 'r')
    const bytes = Buffer.allocUnsafeSlow(fstatSync(file).size)
    return await new Promise((settle) =>
      read(file, bytes, 0, bytes.length, 0, (error, length) => {
        closeSync(file)
        settle(error === null && length === bytes.length ? bytes : undefined)
      }),
    )
  } catch {
    return undefined
  }
}

const DIGEST_LENGTH = 64

function parsed(bytes: Buffer, first: string): KeptResult | undefined {
  const whole = bytes.subarray(0, -DIGEST_LENGTH)
  if (bytes.toString('utf8', 0, first.length) !== first) return undefined
  if (sha256(whole) !== bytes.toString('latin1', whole.length)) return undefined
  const end = bytes.indexOf('\n', first.length)
  const [lengths, head] = JSON.parse(textOf(bytes.subarray(first.length, end))) as [Lengths, unknown]
  const texts = new Map<string, string>()
  let at = end + 1
  for (const [path, length] of lengths) {
    // Each for itself: most are plain ASCII.
    texts.set(path, textOf(bytes.subarray(at, at + length)))
    at += length
  }
  return { head, texts }
}

function writeAll(path: string, texts: readonly string[]): void {
  const sum = createHash('sha256')
  const file = openSync(path, 'w')
  try {
    for (const text of texts) {
      writeText(file, text, (bytes) => sum.update(bytes))
    }
    writeText(file, sum.digest('hex'))
  } finally {
    closeSync(file)
  }
}
