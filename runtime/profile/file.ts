// The text of a profile → its mappings and texts with their places. Nothing of the text is ever in a message: it holds
// passwords. Reports PROFILE_INVALID.

import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml'
import { RuntimeFailure } from '../contract/failures.ts'

/** 1-based. */
export interface Position {
  readonly line: number
  readonly column: number
}

export type Entry =
  | {
      readonly kind: 'value'
      readonly value: string | number | boolean | null
      readonly written: string
      readonly at: Position
    }
  | { readonly kind: 'list'; readonly items: readonly Entry[]; readonly at: Position }
  | { readonly kind: 'mapping'; readonly entries: ReadonlyMap<string, Entry>; readonly at: Position }

export type Mapping = Extract<Entry, { kind: 'mapping' }>

/** Deeper, or larger with its aliases, than any profile. */
const MOST_LEVELS = 30
const MOST_ENTRIES = 20_000

/** A mistake in a profile, with its place. `file` is shown as it is given. */
export const mistake = (file: string, { line, column }: Position, message: string, hints: readonly string[] = []) =>
  new RuntimeFailure('PROFILE_INVALID', `${file}:${line}:${column}: ${message}`, { file, line, column }, { hints })

/** Throws PROFILE_INVALID. An empty file is an empty mapping. */
export function readProfileText(text: string, shown: string): Mapping {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2', merge: true })
  const place = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const [error] = document.errors
  if (error !== undefined) {
    const at = place(error.pos[0])
    const line = text.split('\n')[at.line - 1] ?? ''
    const hints = /[{,].*[^"']\$\{/.test(line)
      ? [`Within { } a value such as \${NAME} stands in quotes: "\${NAME}".`]
      : []
    throw mistake(shown, at, `This is not YAML (${error.code.toLowerCase().replaceAll('_', ' ')}).`, hints)
  }
  const reader = new Reader(document, shown, place)
  const root = document.contents === null ? EMPTY : reader.read(document.contents, 0)
  if (root.kind === 'mapping') return root
  if (root.kind === 'value' && root.value === null) return EMPTY
  throw mistake(shown, root.at, 'A profile is a mapping, such as `connections:`.')
}

const EMPTY: Mapping = { kind: 'mapping', entries: new Map(), at: { line: 1, column: 1 } }

class Reader {
  readonly #document: Document.Parsed
  readonly #shown: string
  readonly #place: (offset: number) => Position
  #read = 0

  constructor(document: Document.Parsed, shown: string, place: (offset: number) => Position) {
    this.#document = document
    this.#shown = shown
    this.#place = place
  }

  read(node: unknown, level: number): Entry {
    const target = isAlias(node) ? node.resolve(this.#document) : node
    const at = this.#at(node)
    this.#read += 1
    if (level > MOST_LEVELS || this.#read > MOST_ENTRIES) throw mistake(this.#shown, at, 'This is nested without end.')
    if (isMap(target)) return { kind: 'mapping', entries: this.#entries(target.items, level), at }
    if (isSeq(target)) return { kind: 'list', items: target.items.map((item) => this.read(item, level + 1)), at }
    const value = isScalar(target) ? target.value : null
    const plain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
    const written = isScalar(target) && typeof value !== 'string' ? (target.source ?? '') : String(plain ?? '')
    return { kind: 'value', value: plain, written, at }
  }

  #entries(pairs: readonly Pair[], level: number): ReadonlyMap<string, Entry> {
    const entries = new Map<string, Entry>()
    const merged: unknown[] = []
    for (const { key, value } of pairs) {
      const name = isScalar(key) ? key.value : key
      if (name === '<<' || typeof name === 'symbol') merged.push(value)
      else if (typeof name === 'string' || typeof name === 'number')
        entries.set(String(name), this.#pair(key, value, level))
      else throw mistake(this.#shown, this.#at(key), 'This key is no text.')
    }
    for (const value of merged) this.#merge(value, entries, level)
    return entries
  }

  /** A key without a value has the key's place. */
  #pair(key: unknown, value: unknown, level: number): Entry {
    const entry = this.read(value, level + 1)
    return entry.kind === 'value' && entry.value === null ? { ...entry, at: this.#at(key) } : entry
  }

  #merge(node: unknown, into: Map<string, Entry>, level: number): void {
    const entry = this.read(node, level + 1)
    const mappings = entry.kind === 'list' ? entry.items : [entry]
    for (const mapping of mappings)
      if (mapping.kind === 'mapping')
        for (const [name, value] of mapping.entries) if (!into.has(name)) into.set(name, value)
  }

  #at(node: unknown): Position {
    const range = isNode(node) ? node.range : undefined
    return this.#place(range?.[0] ?? 0)
  }
}

const isNode = (node: unknown): node is Node => isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)
