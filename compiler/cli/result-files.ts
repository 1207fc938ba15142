// The results of the last compiles, one file each: a line that says what made it, a line of JSON, and texts of megabytes
// behind each other as they are. Written aside and renamed. What is torn counts as not there: it costs time only.

import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeptResult, ResultCache } from '../ports.ts'

const FORMAT = 'seeknal.compiled/1'

/** Path and length of each text in UTF-16 code units, in their order. */
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
      return parsed(readFileSync(this.#path(slot), 'utf8'), this.#first())
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
      const lengths: Lengths = [...texts].map(([path, text]) => [path, text.length])
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

function parsed(text: string, first: string): KeptResult | undefined {
  if (!text.startsWith(first)) return undefined
  const end = text.indexOf('\n', first.length)
  const [lengths, head] = JSON.parse(text.slice(first.length, end)) as [Lengths, unknown]
  const texts = new Map<string, string>()
  let at = end + 1
  for (const [path, length] of lengths) {
    texts.set(path, text.slice(at, at + length))
    at += length
  }
  return at === text.length ? { head, texts } : undefined
}

/** Text by text: joined, they would be in memory twice. */
function writeAll(path: string, texts: readonly string[]): void {
  const file = openSync(path, 'w')
  try {
    for (const text of texts) writeFileSync(file, text)
  } finally {
    closeSync(file)
  }
}
