// A cache in one file of lines `key TAB day TAB json`, read in one go and parsed entry by entry on demand. Written
// whole and renamed, so a reader sees the old file or the new one. Whatever is damaged counts as not there: losing the
// cache costs time, never correctness.

import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

const FORMAT = 'seeknal.cache/1'
/** Entries that nothing asked for in so many days are dropped at the next write. */
const KEPT_DAYS = 14
const MOST_BYTES = 256_000_000

interface Entry {
  readonly json: string
  day: number
}

export class CacheFile {
  readonly #path: string
  readonly #version: string
  readonly #today: number
  #entries: Map<string, Entry> | undefined
  #changed = false

  /** `version` names what made the entries: of another version, none is used. `today` is a day number. */
  constructor(path: string, version: string, today: number) {
    this.#path = path
    this.#version = version
    this.#today = today
  }

  get(key: string): unknown {
    const entry = this.#read().get(oneLine(key))
    if (entry === undefined) return undefined
    entry.day = this.#today
    try {
      return JSON.parse(entry.json)
    } catch {
      return undefined
    }
  }

  /** `value` is JSON. */
  set(key: string, value: unknown): void {
    this.#read().set(oneLine(key), { json: JSON.stringify(value), day: this.#today })
    this.#changed = true
  }

  /** Writes what was set, if anything. A disk that refuses is no error. */
  save(): void {
    if (!this.#changed) return
    const aside = `${this.#path}.${process.pid}`
    try {
      mkdirSync(dirname(this.#path), { recursive: true })
      writeLines(aside, this.#lines())
      renameSync(aside, this.#path)
      this.#changed = false
    } catch {
      rmSync(aside, { force: true })
    }
  }

  *#lines(): Iterable<string> {
    yield `${FORMAT}\t${this.#version}\n`
    let size = 0
    for (const [key, { json, day }] of this.#read()) {
      if (day < this.#today - KEPT_DAYS || size > MOST_BYTES) continue
      size += json.length
      yield `${key}\t${day}\t${json}\n`
    }
  }

  #read(): Map<string, Entry> {
    this.#entries ??= parsed(this.#text(), this.#version)
    return this.#entries
  }

  #text(): string {
    try {
      return readFileSync(this.#path, 'utf8')
    } catch {
      return ''
    }
  }
}

const PART_LENGTH = 1_000_000

/** In parts: the whole text would be in memory twice more. */
function writeLines(path: string, lines: Iterable<string>): void {
  const file = openSync(path, 'w')
  try {
    let part = ''
    for (const line of lines) {
      part += line
      if (part.length < PART_LENGTH) continue
      writeFileSync(file, part)
      part = ''
    }
    writeFileSync(file, part)
  } finally {
    closeSync(file)
  }
}

function parsed(text: string, version: string): Map<string, Entry> {
  const entries = new Map<string, Entry>()
  const head = `${FORMAT}\t${version}\n`
  if (!text.startsWith(head) || !text.endsWith('\n')) return entries
  for (let at = head.length; at < text.length; ) {
    const end = text.indexOf('\n', at)
    const first = text.indexOf('\t', at)
    const second = text.indexOf('\t', first + 1)
    if (first === -1 || second === -1 || second > end) return entries
    entries.set(text.slice(at, first), {
      day: Number(text.slice(first + 1, second)),
      json: text.slice(second + 1, end),
    })
    at = end + 1
  }
  return entries
}

const oneLine = (key: string): string => key.replace(/[\t\n]/g, ' ')

/** Days since 1970, UTC. */
export const today = (): number => Math.floor(Date.now() / 86_400_000)
