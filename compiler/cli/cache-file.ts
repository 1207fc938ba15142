// A cache in one file of lines `key TAB day TAB json`, read in one go and parsed entry by entry on demand. New entries are
// put behind the others; once a day, and when many lines are out of date, it is written whole and renamed, so a reader sees
// the old file or the new one. Whatever is damaged counts as not there: losing the cache costs time, never correctness.

import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { textOf } from '../../runtime/store/texts.ts'

const FORMAT = 'seeknal.cache/1'
/** Entries that nothing asked for in so many days are dropped when the file is written whole. */
const KEPT_DAYS = 14
const MOST_BYTES = 256_000_000
/** Lines a key from which on the file is written whole. */
const MOST_LINES = 1.25

interface Entry {
  readonly json: string
  day: number
}

interface Parsed {
  readonly entries: Map<string, Entry>
  /** The file cannot be added to. */
  readonly isStale: boolean
}

export class CacheFile {
  readonly #path: string
  readonly #version: string
  readonly #today: number
  #entries: Map<string, Entry> | undefined
  /** What was set since the file was written. */
  readonly #set = new Map<string, Entry>()
  /** Adding to the file would not do: an entry of another day was asked for. */
  #isStale = false

  /** `version` names what made the entries: of another version, none is used. `today` is a day number. */
  constructor(path: string, version: string, today: number) {
    this.#path = path
    this.#version = version
    this.#today = today
  }

  get(key: string): unknown {
    const line = oneLine(key)
    return this.#answer(this.#set.get(line) ?? this.#read().get(line))
  }

  /** The same, if it can be told without reading the file. */
  peek(key: string): unknown {
    const line = oneLine(key)
    return this.#answer(this.#set.get(line) ?? this.#entries?.get(line))
  }

  #answer(entry: Entry | undefined): unknown {
    if (entry === undefined) return undefined
    if (entry.day !== this.#today) this.#isStale = true
    entry.day = this.#today
    try {
      return JSON.parse(entry.json)
    } catch {
      return undefined
    }
  }

  /** `value` is JSON. */
  set(key: string, value: unknown): void {
    this.#set.set(oneLine(key), { json: JSON.stringify(value), day: this.#today })
  }

  /** Writes what was set, if anything. A disk that refuses is no error. */
  save(): void {
    if (this.#set.size === 0) return
    const aside = `${this.#path}.${process.pid}`
    try {
      mkdirSync(dirname(this.#path), { recursive: true })
      if (this.#isStale || !addLines(this.#path, this.#head(), this.#added())) {
        writeLines(aside, this.#lines())
        renameSync(aside, this.#path)
        this.#isStale = false
      }
      for (const [key, entry] of this.#set) this.#entries?.set(key, entry)
      this.#set.clear()
    } catch {
      rmSync(aside, { force: true })
    }
  }

  *#lines(): Iterable<string> {
    yield this.#head()
    let size = 0
    for (const [key, entry] of new Map([...this.#read(), ...this.#set])) {
      if (entry.day < this.#today - KEPT_DAYS || size > MOST_BYTES) continue
      size += entry.json.length
      yield lineOf(key, entry)
    }
  }

  *#added(): Iterable<string> {
    for (const [key, entry] of this.#set) yield lineOf(key, entry)
  }

  #head(): string {
    return `${FORMAT}\t${this.#version}\n`
  }

  #read(): Map<string, Entry> {
    if (this.#entries !== undefined) return this.#entries
    const { entries, isStale } = parsed(this.#text(), this.#head())
    this.#isStale ||= isStale
    this.#entries = entries
    return entries
  }

  #text(): string {
    try {
      return textOf(readFileSync(this.#path))
    } catch {
      return ''
    }
  }
}

const lineOf = (key: string, { day, json }: Entry): string => `${key}\t${day}\t${json}\n`

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

/** In one piece, so that no other command's lines come between. False: there is no file, or it is another version's or too large. */
function addLines(path: string, head: string, lines: Iterable<string>): boolean {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? MOST_BYTES) >= MOST_BYTES) return false
  const file = openSync(path, constants.O_RDWR | constants.O_APPEND)
  try {
    const there = Buffer.alloc(Buffer.byteLength(head))
    readSync(file, there, 0, there.length, 0)
    if (there.toString() !== head) return false
    writeFileSync(file, [...lines].join(''))
    return true
  } finally {
    closeSync(file)
  }
}

function parsed(text: string, head: string): Parsed {
  const entries = new Map<string, Entry>()
  if (!text.startsWith(head) || !text.endsWith('\n')) return { entries, isStale: true }
  let lines = 0
  for (let at = head.length; at < text.length; lines++) {
    const end = text.indexOf('\n', at)
    const first = text.indexOf('\t', at)
    const second = text.indexOf('\t', first + 1)
    if (first === -1 || second === -1 || second > end) return { entries, isStale: true }
    entries.set(text.slice(at, first), {
      day: Number(text.slice(first + 1, second)),
      json: text.slice(second + 1, end),
    })
    at = end + 1
  }
  return { entries, isStale: lines > entries.size * MOST_LINES || text.length > MOST_BYTES }
}

const oneLine = (key: string): string => key.replace(/[\t\n]/g, ' ')

/** Days since 1970, UTC. */
export const today = (): number => Math.floor(Date.now() / 86_400_000)
