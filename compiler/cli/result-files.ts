// The results of the last compiles, one file each: a line that says what made it, a line of JSON, and texts of megabytes
// behind each other as they are. Written whole and renamed. Whatever is damaged counts as not there: it costs time only.

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '../../runtime/contract/canonical-json.ts'
import type { KeptResult, ResultCache } from '../ports.ts'

const FORMAT = 'seeknal.compiled/1'

interface Lengths {
  /** Path and length in UTF-16 code units, in the order of the texts. */
  readonly texts: readonly (readonly [string, number])[]
  readonly digest: string
}

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
      const whole = [...texts.values()].join('')
      const lengths: Lengths = { texts: [...texts].map(([path, text]) => [path, text.length]), digest: sha256(whole) }
      const aside = `${this.#path(slot)}.${process.pid}`
      try {
        mkdirSync(this.#folder, { recursive: true })
        writeFileSync(aside, `${this.#first()}${JSON.stringify([lengths, head])}\n${whole}`)
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
  const whole = text.slice(end + 1)
  if (sha256(whole) !== lengths.digest) return undefined
  const texts = new Map<string, string>()
  let at = 0
  for (const [path, length] of lengths.texts) {
    texts.set(path, whole.slice(at, at + length))
    at += length
  }
  return { head, texts }
}
