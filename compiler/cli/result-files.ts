// The results of the last compiles, one file each: a line that says what made it, a line of JSON, texts of megabytes behind
// each other as they are, and the digest of all that. Written aside and renamed. What is torn or damaged counts as not
// there: it costs time only.

import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '../../runtime/contract/canonical-json.ts'
import type { KeptResult, ResultCache } from '../ports.ts'

const FORMAT = 'seeknal.compiled/2'

/** Path and length of each text in bytes, in their order. */
type Lengths = readonly (readonly [string, number])[]

export class ResultFiles implements ResultCache {
  readonly #folder: string
  readonly #version: string
  readonly #set = new Map<string, KeptResult>()

  /** `version` names what made the results: of another version, none is used. */
  constructor(folder: string, version: string) {
    this.#folder = folder
    this.#version = version
  }

  get(slot: string): KeptResult | undefined {
    try {
      return parsed(readFileSync(this.#path(slot)), this.#first())
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

const DIGEST_LENGTH = 64

function parsed(bytes: Buffer, first: string): KeptResult | undefined {
  const whole = bytes.subarray(0, -DIGEST_LENGTH)
  if (bytes.toString('utf8', 0, first.length) !== first) return undefined
  if (sha256(whole) !== bytes.toString('latin1', whole.length)) return undefined
  const end = bytes.indexOf('\n', first.length)
  const [lengths, head] = JSON.parse(bytes.toString('utf8', first.length, end)) as [Lengths, unknown]
  const texts = new Map<string, string>()
  let at = end + 1
  for (const [path, length] of lengths) {
    // Each for itself: one that is plain ASCII takes half the memory and a fraction of the time.
    texts.set(path, bytes.toString('utf8', at, at + length))
    at += length
  }
  return { head, texts }
}

/** Text by text: joined, they would be in memory twice. */
function writeAll(path: string, texts: readonly string[]): void {
  const sum = createHash('sha256')
  const file = openSync(path, 'w')
  try {
    for (const text of texts) {
      const bytes = Buffer.from(text)
      sum.update(bytes)
      writeFileSync(file, bytes)
    }
    writeFileSync(file, sum.digest('hex'))
  } finally {
    closeSync(file)
  }
}
