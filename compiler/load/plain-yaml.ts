// The YAML that nearly every file of a project is, read line by line: one document of block mappings and lists, with
// plain and quoted scalars on one line, words in brackets and braces on one line, and literal blocks. Twenty times as fast as the
// parser of all YAML, and what comes out is the same: values, places and source texts. Whatever is not clearly of
// this kind, mistakes above all, is left to that parser. Reports nothing.

import type { Json } from '../load.ts'
import type { PackedPosition, PackedPositions } from './positions.ts'

export interface PlainDocument {
  readonly value: { readonly [key: string]: Json }
  readonly positions: PackedPositions
  /** As `LoadedDocument.sources`. */
  readonly sources: Readonly<Record<string, string>>
}

/** Line, column and length of a key; zeros without one. */
type Key = readonly [number, number, number]
type Mapping = { [key: string]: Json }

const MOST_CHARACTERS = 100_000
const MOST_LEVELS = 20
const NO_KEY: Key = [0, 0, 0]

/** Tabs, carriage returns, control characters, byte order marks. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it looks for.
const SPECIAL = /[\0-\x09\x0b-\x1f\x7f-\x9f\ufeff]/
const ENTRY = /([A-Za-z_][\w-]*):(?: +|$)/y
const ITEM = /- +(?=[^ ])/y
/** Of keys and values that are no text although they begin with a letter. */
const WORDS = /^(?:null|true|false)$/i
const QUOTED = /(?:"([^"\\]*)"|'([^']*)')(?=[ ,\]}]|$)/y
const LITERAL = /^\|(-?)$/
const FLOW_ENTRY = /([A-Za-z_][\w-]*): +/y
const FLOW_WORD = /[\w.][\w./-]*(?=[ ,\]}])/y
/** What may come after a scalar or brackets. */
const REST = / *(?: #.*)?$/y
const PLAIN = /^(?:[A-Za-z0-9_./(+<=$^;]|-[^ -])/
/** All that may be a number; a decimal one that is read the same everywhere. */
const NUMERIC = /^[-+]?(?:[\d.][\d._]*(?:e[-+]?\d*)?|0[xo][\da-f]*|\.inf|\.nan)$/i
const DECIMAL = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,6})?$/

/** The one document of a file, or undefined when all of YAML is needed to read it. Pure. */
export function readPlain(text: string): PlainDocument | undefined {
  if (text.length > MOST_CHARACTERS || !text.endsWith('\n') || SPECIAL.test(text)) return undefined
  return new PlainReader(text.split('\n')).document()
}

const spaces = (line: string): number => {
  let n = 0
  while (line.charCodeAt(n) === 0x20) n++
  return n
}

const isNewName = (name: string, mapping: Mapping): boolean =>
  name !== '' && name !== '__proto__' && !WORDS.test(name) && !Object.hasOwn(mapping, name)

/** What is read is undefined where it is not plain; all that is around it is not, then. */
class PlainReader {
  readonly #lines: string[]
  readonly #positions: Record<string, PackedPosition> = {}
  readonly #sources: Record<string, string> = {}
  /** Index of the next line that is neither empty nor a comment, and its indentation; -1 after the last. */
  #at = 0
  #indent = -1
  #passedComment = false
  /** Within the line, where brackets and quotes are read. */
  #column = 0
  #levels = 0

  constructor(lines: string[]) {
    this.#lines = lines
  }

  document(): PlainDocument | undefined {
    if (!this.#goOn(0) || this.#indent !== 0) return undefined
    this.#positions[''] = [this.#at + 1, 1, this.#line().length, ...NO_KEY]
    const value = this.#mapping('', 0)
    return value === undefined ? undefined : { value, positions: this.#positions, sources: this.#sources }
  }

  #line(): string {
    return this.#lines[this.#at] ?? ''
  }

  /** Moves to the next line that says something, from line `from` on. False: a comment stands where it may mean more. */
  #goOn(from: number): boolean {
    this.#passedComment = false
    let commentIndent = -1
    for (let at = from; at < this.#lines.length; at++) {
      const line = this.#lines[at] ?? ''
      const indent = spaces(line)
      if (indent === line.length) continue
      if (line[indent] === '#') {
        if (this.#passedComment && indent !== commentIndent) return false
        this.#passedComment = true
        commentIndent = indent
        continue
      }
      this.#at = at
      this.#indent = indent
      return !this.#passedComment || commentIndent === indent
    }
    this.#at = this.#lines.length
    this.#indent = -1
    return commentIndent <= 0
  }

  #mapping(pointer: string, indent: number): Mapping | undefined {
    const value: Mapping = {}
    if (++this.#levels > MOST_LEVELS) return undefined
    do {
      ENTRY.lastIndex = indent
      const name = ENTRY.exec(this.#line())?.[1] ?? ''
      if (!isNewName(name, value)) return undefined
      const key: Key = [this.#at + 1, indent + 1, name.length]
      const child = this.#value(`${pointer}/${name}`, key, ENTRY.lastIndex, indent)
      if (child === undefined) return undefined
      value[name] = child
    } while (this.#indent === indent)
    this.#levels--
    return this.#indent < indent ? value : undefined
  }

  /** The value of a key: at `from` of its line, or on the lines below. */
  #value(pointer: string, key: Key, from: number, indent: number): Json | undefined {
    const line = this.#line()
    if (from < line.length && line[from] !== '#') return this.#scalar(pointer, key, from, indent)
    if (!this.#goOn(this.#at + 1) || this.#passedComment) return undefined
    const inner = this.#indent
    const below = this.#line()
    const isList = below[inner] === '-'
    if (inner < indent || (inner === indent && !isList)) return undefined
    this.#positions[pointer] = [this.#at + 1, inner + 1, below.length - inner, ...key]
    return isList ? this.#list(pointer, inner, inner === indent) : this.#mapping(pointer, inner)
  }

  /** `isLevel`: it stands as far to the left as the key that it belongs to, so that the next key ends it. */
  #list(pointer: string, indent: number, isLevel: boolean): Json[] | undefined {
    const items: Json[] = []
    do {
      const line = this.#line()
      if (isLevel && line[indent] !== '-') return items
      ITEM.lastIndex = indent
      if (!ITEM.test(line)) return undefined
      const item = this.#item(`${pointer}/${items.length}`, line, ITEM.lastIndex, indent)
      if (item === undefined) return undefined
      items.push(item)
    } while (this.#indent === indent)
    return this.#indent < indent ? items : undefined
  }

  #item(pointer: string, line: string, from: number, indent: number): Json | undefined {
    ENTRY.lastIndex = from
    if (!ENTRY.test(line)) return this.#scalar(pointer, NO_KEY, from, indent)
    this.#lines[this.#at] = ' '.repeat(from) + line.slice(from)
    this.#positions[pointer] = [this.#at + 1, from + 1, line.length - from, ...NO_KEY]
    return this.#mapping(pointer, from)
  }

  /** Nothing of it may go on in the lines below. */
  #scalar(pointer: string, key: Key, from: number, indent: number): Json | undefined {
    const written = this.#line().slice(from)
    const literal = LITERAL.exec(written)
    if (literal !== null) return this.#literal(pointer, key, from, indent, literal[1] === '-')
    const value = this.#oneLine(pointer, key, from, written)
    return value !== undefined && this.#goOn(this.#at + 1) && this.#indent <= indent ? value : undefined
  }

  #oneLine(pointer: string, key: Key, from: number, written: string): Json | undefined {
    const first = written[0]
    if (first === '[' || first === '{' || first === '"' || first === "'") {
      this.#column = from
      const value = first === '[' || first === '{' ? this.#flow(pointer, key) : this.#quoted(pointer, key)
      REST.lastIndex = this.#column
      return REST.test(this.#line()) ? value : undefined
    }
    const comment = written.indexOf(' #')
    let end = comment < 0 ? written.length : comment
    while (written[end - 1] === ' ') end--
    const text = written.slice(0, end)
    return PLAIN.test(text) && !text.includes(': ') && !text.endsWith(':')
      ? this.#plain(pointer, key, from, text)
      : undefined
  }

  #plain(pointer: string, key: Key, from: number, text: string): Json | undefined {
    this.#positions[pointer] = [this.#at + 1, from + 1, text.length, ...key]
    if (WORDS.test(text)) return text === 'true' ? true : text === 'false' ? false : text === 'null' ? null : undefined
    if (!NUMERIC.test(text)) return text
    if (!DECIMAL.test(text) || Object.is(Number(text), -0)) return undefined
    if (String(Number(text)) !== text) this.#sources[pointer] = text
    return Number(text)
  }

  #quoted(pointer: string, key: Key): string | undefined {
    QUOTED.lastIndex = this.#column
    const found = QUOTED.exec(this.#line())
    if (found === null) return undefined
    const place = [this.#at + 1, this.#column + 1, found[0].length]
    this.#positions[pointer] = [...place, ...key, 0, this.#at + 1, this.#column + 2]
    this.#column = QUOTED.lastIndex
    return found[1] ?? found[2]
  }

  /** Within brackets or braces, or these themselves; what is read of the line ends at the column. */
  #flow(pointer: string, key: Key): Json | undefined {
    const from = this.#column
    const line = this.#line()
    const first = line[from]
    if (first === '"' || first === "'") return this.#quoted(pointer, key)
    if (first === '[' || first === '{') {
      const position = [this.#at + 1, from + 1, 0, ...key]
      this.#positions[pointer] = position
      const value: Json[] | Mapping = first === '[' ? [] : {}
      if (!this.#members(pointer, value)) return undefined
      position[2] = this.#column - from
      return value
    }
    FLOW_WORD.lastIndex = from
    const word = FLOW_WORD.exec(line)?.[0]
    if (word === undefined) return undefined
    this.#column += word.length
    return this.#plain(pointer, key, from, word)
  }

  #members(pointer: string, into: Json[] | Mapping): boolean {
    const line = this.#line()
    const close = Array.isArray(into) ? ']' : '}'
    if (++this.#levels > MOST_LEVELS) return false
    let separated = true
    this.#skip(1)
    for (let n = 0; line[this.#column] !== close || (separated && n > 0); n++) {
      if (!separated || !this.#member(pointer, into)) return false
      separated = line[this.#skip(0)] === ','
      if (separated) this.#skip(1)
    }
    this.#column++
    this.#levels--
    return true
  }

  #member(pointer: string, into: Json[] | Mapping): boolean {
    let name = ''
    let key = NO_KEY
    if (!Array.isArray(into)) {
      FLOW_ENTRY.lastIndex = this.#column
      name = FLOW_ENTRY.exec(this.#line())?.[1] ?? ''
      if (!isNewName(name, into)) return false
      key = [this.#at + 1, this.#column + 1, name.length]
      this.#column = FLOW_ENTRY.lastIndex
    }
    const value = this.#flow(`${pointer}/${Array.isArray(into) ? into.length : name}`, key)
    if (value === undefined) return false
    if (Array.isArray(into)) into.push(value)
    else into[name] = value
    return true
  }

  /** So many characters and the spaces behind them; the new column. */
  #skip(characters: number): number {
    this.#column += characters
    const line = this.#line()
    while (line[this.#column] === ' ') this.#column++
    return this.#column
  }

  #literal(pointer: string, key: Key, from: number, indent: number, isStripped: boolean): Json | undefined {
    const position = [this.#at + 1, from + 1, isStripped ? 2 : 1, ...key]
    const inner = spaces(this.#lines[this.#at + 1] ?? '')
    if (inner <= indent) return undefined
    let value = ''
    /** Up to the last line that is not empty. */
    let end = { value: 0, position: 0 }
    let at = this.#at + 1
    for (; at < this.#lines.length; at++) {
      const line = this.#lines[at] ?? ''
      const indented = spaces(line)
      if (indented === line.length) {
        if (indented > 0) return undefined
        value += '\n'
        position.push(value.length - 1, at + 1, 1)
        continue
      }
      if (indented < inner) break
      position.push(value.length, at + 1, inner + 1)
      value += `${line.slice(inner)}\n`
      end = { value: value.length, position: position.length }
    }
    this.#positions[pointer] = position.slice(0, end.position)
    if (!this.#goOn(at) || this.#indent > indent) return undefined
    return value.slice(0, isStripped ? end.value - 1 : end.value)
  }
}
