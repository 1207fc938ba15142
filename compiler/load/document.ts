// One YAML document → JSON value with the place of every key and value. YAML 1.2, core schema: dates stay text. Anchors,
// aliases and merge keys are put in with a limit; numbers keep their source text, so that `1.10` can stay `1.10`.

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Pair,
  type Scalar,
  visit,
  type YAMLMap,
} from 'yaml'
import { type Diagnostic, type Place, sortDiagnostics } from '../../runtime/contract/diagnostics.ts'
import { errorAt } from '../diagnostic-codes.ts'
import type { Json, LoadedDocument, Position } from '../load.ts'
import { nulAt } from './encoding.ts'
import { kindOf } from './file-kinds.ts'
import { type PackedPosition, Positions, packPosition } from './positions.ts'
import { scalarPieces } from './scalar-pieces.ts'

/** More values than this in one document come from aliases of aliases. */
const MOST_VALUES = 100_000
/** Mappings and lists within each other, aliases put in: far more than a project needs, far less than the stack holds. */
const MOST_LEVELS = 100

export interface YamlSource {
  readonly file: string
  readonly text: string
  readonly lines: LineCounter
}

/** With what a document of a kind of file begins. */
const FIRST_KEYS = {
  node: 'Begin with `kind:` and `name:`.',
  project: 'Begin with `name:` and `version:`.',
  common: 'Begin with `sources:`, `transformations:` or `rules:`.',
}

function firstKeys(file: string): string {
  const kind = kindOf(file)
  return kind === 'project' || kind === 'common' ? FIRST_KEYS[kind] : FIRST_KEYS.node
}

type Converted = { [key: string]: Json }

/** The document, or undefined with diagnostics when it holds no mapping. Pure. */
export function readDocument(
  document: Document.Parsed,
  index: number,
  source: YamlSource,
): { readonly document: LoadedDocument | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const reader = new DocumentReader(document, source)
  const root = document.contents
  if (!isMap(root)) {
    const place = root === null ? reader.placeOf(0, 1) : reader.placeOf(root.range[0], root.range[1])
    return {
      document: undefined,
      diagnostics: [
        errorAt('LOAD_NOT_A_MAPPING', place, 'This document is not a mapping of keys to values.', {
          hints: [firstKeys(source.file)],
        }),
      ],
    }
  }
  const value = reader.read(root, '', null)
  if (reader.diagnostics.length > 0) return { document: undefined, diagnostics: sortDiagnostics(reader.diagnostics) }
  return {
    document: {
      file: source.file,
      index,
      value: value as Converted,
      positions: new Positions(source.file, reader.positions),
      sources: reader.sources,
    },
    diagnostics: [],
  }
}

class DocumentReader {
  readonly positions: Record<string, PackedPosition> = {}
  readonly sources: Record<string, string> = {}
  readonly diagnostics: Diagnostic[] = []
  readonly #document: Document.Parsed
  readonly #source: YamlSource
  readonly #open = new Set<object>()
  #anchors: ReadonlyMap<Alias, unknown> | undefined
  #values = 0
  #stopped = false

  constructor(document: Document.Parsed, source: YamlSource) {
    this.#document = document
    this.#source = source
  }

  /** The place of a range of the file; its length ends with the line. */
  placeOf(start: number, end: number): Place {
    const { line, col } = this.#source.lines.linePos(start)
    const newline = this.#source.text.indexOf('\n', start)
    const most = (newline < 0 ? this.#source.text.length : newline) - start
    return { file: this.#source.file, line, column: col, length: Math.max(1, Math.min(end - start, most)) }
  }

  read(node: unknown, pointer: string, key: Place | null): Json {
    if (this.#stopped) return null
    const target = isAlias(node) ? this.#anchored(node) : node
    if (++this.#values > MOST_VALUES) return this.#tooMany(target)
    if (isScalar(target)) return this.#scalar(target, pointer, key)
    if (!isMap(target) && !isSeq(target)) {
      this.#position(pointer, { key, value: key ?? this.placeOf(0, 1) })
      return null
    }
    const range = target.range ?? [0, 1]
    this.#position(pointer, { key, value: this.placeOf(range[0], range[1]) })
    if (this.#open.has(target)) return this.#tooMany(target)
    if (this.#open.size >= MOST_LEVELS) return this.#stop(tooDeep(this.placeOf(range[0], range[1])))
    this.#open.add(target)
    const value = isMap(target)
      ? this.#mapping(target, pointer)
      : target.items.map((item, i) => this.read(item, `${pointer}/${i}`, null))
    this.#open.delete(target)
    return value
  }

  #scalar(node: Scalar, pointer: string, key: Place | null): Json {
    const range = node.range ?? [0, 1]
    const place = this.placeOf(range[0], range[1])
    const pieces = typeof node.value === 'string' ? scalarPieces(node, node.value, this.#source) : undefined
    this.#position(pointer, pieces === undefined ? { key, value: place } : { key, value: place, pieces })
    const { value } = node
    if (typeof value === 'string' && value.includes('\0')) this.diagnostics.push(nulAt(place))
    if (typeof value === 'string' || value === null) return value
    const written = node.source ?? String(value)
    if (
      typeof value === 'boolean' ||
      (typeof value === 'number' &&
        Number.isFinite(value) &&
        !(Number.isInteger(value) && !Number.isSafeInteger(value)))
    ) {
      if (String(value) !== written) this.sources[pointer] = written
      return value
    }
    return written
  }

  #position(pointer: string, position: Position): void {
    this.positions[pointer] = packPosition(position)
  }

  #mapping(map: YAMLMap, pointer: string): Converted {
    const value: Converted = {}
    const merged: Pair[] = []
    for (const pair of map.items) {
      const name = this.#keyOf(pair)
      if (name === undefined) continue
      if (name.text === '<<' && name.plain) merged.push(pair)
      else define(value, name.text, this.read(pair.value, `${pointer}/${escapePointer(name.text)}`, name.place))
    }
    for (const pair of merged) this.#merge(pair.value, value, pointer)
    return value
  }

  /** Keys of a merged mapping that the mapping itself does not have. */
  #merge(node: unknown, into: Converted, pointer: string): void {
    if (this.#stopped) return
    const target = isAlias(node) ? this.#anchored(node) : node
    if (isSeq(target)) for (const item of target.items) this.#merge(item, into, pointer)
    if (!isMap(target) || this.#open.has(target)) return
    if (this.#open.size >= MOST_LEVELS) {
      this.#stop(tooDeep(this.placeOf(target.range?.[0] ?? 0, target.range?.[1] ?? 1)))
      return
    }
    this.#open.add(target)
    for (const pair of target.items) {
      const name = this.#keyOf(pair)
      if (name === undefined) continue
      if (name.text === '<<' && name.plain) this.#merge(pair.value, into, pointer)
      else if (!Object.hasOwn(into, name.text))
        define(into, name.text, this.read(pair.value, `${pointer}/${escapePointer(name.text)}`, name.place))
    }
    this.#open.delete(target)
  }

  #keyOf(pair: Pair): { readonly text: string; readonly place: Place; readonly plain: boolean } | undefined {
    const key = isAlias(pair.key) ? this.#anchored(pair.key) : pair.key
    if (isScalar(key)) {
      const range = key.range ?? [0, 1]
      const text = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
      return { text, place: this.placeOf(range[0], range[1]), plain: key.type === 'PLAIN' }
    }
    const range = (isMap(key) || isSeq(key) ? key.range : undefined) ?? [0, 1]
    this.diagnostics.push(
      errorAt(
        'LOAD_KEY_NOT_TEXT',
        this.placeOf(range[0], range[1]),
        'A key is a list or a mapping; a text was expected.',
      ),
    )
    return undefined
  }

  #anchored(alias: Alias): unknown {
    this.#anchors ??= anchorsOf(this.#document)
    return this.#anchors.get(alias)
  }

  #tooMany(node: unknown): null {
    const range = (isMap(node) || isSeq(node) || isScalar(node) ? node.range : undefined) ?? [0, 1]
    return this.#stop(
      errorAt('LOAD_ALIAS_LIMIT', this.placeOf(range[0], range[1]), 'Aliases repeat this without end or too often.', {
        facts: { most: MOST_VALUES },
      }),
    )
  }

  /** Says what is too much; nothing more is read. */
  #stop(diagnostic: Diagnostic): null {
    if (!this.#stopped) this.diagnostics.push(diagnostic)
    this.#stopped = true
    return null
  }
}

/** What each alias stands for: the last node before it that has the anchor. Asked of the document once, not for each. */
function anchorsOf(document: Document.Parsed): ReadonlyMap<Alias, unknown> {
  const last = new Map<string, unknown>()
  const found = new Map<Alias, unknown>()
  visit(document, {
    Node: (_, node) => {
      if (isAlias(node)) found.set(node, last.get(node.source))
      else if (node.anchor !== undefined) last.set(node.anchor, node)
    },
  })
  return found
}

/** One level too many is at `place`. */
export const tooDeep = (place: Place): Diagnostic =>
  errorAt('LOAD_DEPTH', place, `Mappings and lists are nested too deeply here; ${MOST_LEVELS} levels are allowed.`, {
    facts: { most: MOST_LEVELS },
  })

/** Also for a key named `__proto__`. */
function define(object: Converted, key: string, value: Json): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
}

/** A key as a part of a JSON pointer. */
export const escapePointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')
