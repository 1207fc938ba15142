// Project files as text → YAML documents with the position of every key and value. Reports LOAD_*. Reads nothing
// itself: the CLI hands in the texts. Files are cached by content: an unchanged file is not parsed again.

import {
  type Document,
  isScalar,
  LineCounter,
  parseAllDocuments,
  type Scalar,
  Schema,
  visit,
  type YAMLError,
} from 'yaml'
import { byCodeUnit } from '../runtime/contract/canonical-json.ts'
import { type Diagnostic, isError, type Place, sortDiagnostics } from '../runtime/contract/diagnostics.ts'
import { errorAt, warningAt } from './diagnostic-codes.ts'
import { fileDigest, fileFacts } from './file-facts.ts'
import { readDocument, tooDeep } from './load/document.ts'
import { encodingProblem } from './load/encoding.ts'
import { isSql, kindOf } from './load/file-kinds.ts'
import { readPlain } from './load/plain-yaml.ts'
import { type PackedPositions, Positions } from './load/positions.ts'
import { withoutConnection } from './load/withheld.ts'
import type { CompileCache } from './ports.ts'

/** `path` is relative to the project with `/`. */
export interface ProjectFile {
  readonly path: string
  readonly text: string
  /** False: some bytes were no UTF-8; the text has U+FFFD in their place. */
  readonly isUtf8?: boolean
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export const isMapping = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  value !== undefined && value !== null && typeof value === 'object' && !Array.isArray(value)

/** From offset `start` of a string on, until the next piece, its characters stand side by side in the file at `line`, `column`. */
export interface TextPiece {
  readonly start: number
  readonly line: number
  readonly column: number
}

/**
 * `key` is the place of the key, `value` of the value.
 * `pieces` is given for strings that are not a single run of the file: block scalars, folded lines, escapes.
 */
export interface Position {
  readonly key: Place | null
  readonly value: Place
  readonly pieces?: readonly TextPiece[]
}

export interface LoadedDocument {
  readonly file: string
  /** Index of the document in its file. */
  readonly index: number
  readonly value: { readonly [key: string]: Json }
  readonly positions: Positions
  /** Scalars that were not plain strings and whose source text matters (`1.10`, `012`, dates), by pointer. */
  readonly sources: Readonly<Record<string, string>>
}

export interface Loaded {
  /** seeknal_project.yml. */
  readonly project: LoadedDocument | null
  /** Node documents of seeknal/**, sorted by (file, index). */
  readonly nodes: readonly LoadedDocument[]
  /** seeknal/common/*.yml. */
  readonly common: readonly LoadedDocument[]
  /** .sql files by path. */
  readonly sql: Readonly<Record<string, string>>
  /** Text of seeknal.lock.json, or null. */
  readonly lock: string | null
  readonly diagnostics: readonly Diagnostic[]
}

/** Documents sorted by (file, index). Reports everything that is wrong in any file. Pure, apart from the cache. */
export function load(files: readonly ProjectFile[], cache: CompileCache): Loaded {
  const documents: Record<'project' | 'node' | 'common', LoadedDocument[]> = { project: [], node: [], common: [] }
  const sql: Record<string, string> = {}
  const diagnostics: Diagnostic[] = []
  let lock: string | null = null
  for (const file of [...files].sort((a, b) => byCodeUnit(a.path, b.path))) {
    const kind = kindOf(file.path)
    if (kind === undefined) continue
    if (kind === 'python') {
      diagnostics.push(inPython(file.path))
      continue
    }
    const encoding = encodingProblem(file)
    if (encoding !== undefined) diagnostics.push(encoding)
    else if (kind === 'sql') sql[file.path] = file.text
    else if (kind === 'lock') lock = file.text
    else {
      const read = readFile(file, cache)
      documents[kind].push(...read.documents)
      diagnostics.push(...read.diagnostics)
    }
  }
  diagnostics.push(...missing(documents.project.length, documents.node.length, diagnostics))
  return {
    // `.yaml` sorts before `.yml`, which wins.
    project: documents.project.at(-1) ?? null,
    nodes: documents.node,
    common: documents.common,
    sql,
    lock,
    diagnostics: sortDiagnostics(diagnostics),
  }
}

const inPython = (path: string): Diagnostic =>
  warningAt(
    'LOAD_PYTHON',
    { file: path, line: 1, column: 1, length: 1 },
    'Nodes in Python are not supported yet; those of this file are left out.',
  )

function missing(projects: number, nodes: number, found: readonly Diagnostic[]): Diagnostic[] {
  const place: Place = { file: 'seeknal_project.yml', line: 1, column: 1, length: 1 }
  const errors = found.filter(isError)
  const wrongProject = errors.some((d) => d.place.file.startsWith('seeknal_project.'))
  const result: Diagnostic[] = []
  if (projects === 0 && !wrongProject)
    result.push(
      errorAt('LOAD_NO_PROJECT_FILE', place, "There is no file 'seeknal_project.yml'.", {
        hints: ["Run 'seeknal init', or give the project's folder with --project-path."],
      }),
    )
  if (nodes === 0 && errors.length === 0)
    result.push(
      errorAt('LOAD_NO_NODES', place, "There is no node: no file 'seeknal/**/*.yml' holds one.", {
        hints: ["Write one with 'seeknal draft source NAME'."],
      }),
    )
  return result
}

/** `file:` of a node as a path relative to the project. */
export const sqlPath = (file: string): string => file.replace(/^(\.\/)+/, '')

/** Paths of the .sql files that nodes of a YAML file name. Pure, apart from the cache. */
export function namedSql(file: ProjectFile, cache: CompileCache): readonly string[] {
  if (!fileFacts(file).namesSql || encodingProblem(file) !== undefined) return []
  return readFile(file, cache).documents.flatMap(({ value }) =>
    typeof value.file === 'string' && isSql(value.file) ? [sqlPath(value.file)] : [],
  )
}

/** The text of a YAML file without these of its documents (`LoadedDocument.index`); empty lines take their place. Pure. */
export function withoutDocuments(text: string, indexes: readonly number[]): string {
  const parsed = parseAllDocuments(text, optionsFor(text))
  const cut = [...('empty' in parsed ? [] : parsed)].flatMap(({ contents }, i) =>
    indexes.includes(i) && contents?.range ? [contents.range] : [],
  )
  const lines = (piece: string) => piece.replaceAll(/[^\n]/g, '')
  return cut
    .reverse()
    .reduce((rest, [start, , end]) => rest.slice(0, start) + lines(rest.slice(start, end)) + rest.slice(end), text)
}

/** A document with what `load` withholds (load/withheld.ts). Pure. */
export const documentAsWritten = (file: ProjectFile, index: number): LoadedDocument | undefined =>
  parseFile(file).documents.find((document) => document.index === index)

interface ReadFile {
  readonly documents: readonly LoadedDocument[]
  readonly diagnostics: readonly Diagnostic[]
}

function readFile(file: ProjectFile, cache: CompileCache): ReadFile {
  const end = file.path.slice(file.path.lastIndexOf('.'))
  const ending: Diagnostic[] =
    end === '.yml'
      ? []
      : [
          warningAt(
            'LOAD_FILE_ENDING',
            { file: file.path, line: 1, column: 1, length: 1 },
            `The file ends with '${end}'; node files end with '.yml'.`,
          ),
        ]
  const key = `load/2:${fileDigest(file)}`
  const known = cache.get(key)
  // Written below by this function only, under the hash of the text.
  if (known !== undefined)
    return {
      documents: (known as readonly PackedDocument[]).map((one) => unpacked(one, file.path)),
      diagnostics: ending,
    }
  const parsed = parseFile(file)
  const documents = parsed.documents.map(withoutConnection)
  if (parsed.diagnostics.length === 0) cache.set(key, documents.map(packed))
  return { documents, diagnostics: [...ending, ...parsed.diagnostics] }
}

/** A document without its file's path. */
interface PackedDocument extends Omit<LoadedDocument, 'file' | 'positions'> {
  readonly positions: PackedPositions
}

const packed = ({ index, value, positions, sources }: LoadedDocument): PackedDocument => ({
  index,
  value,
  positions: positions.packed,
  sources,
})

const unpacked = (document: PackedDocument, file: string): LoadedDocument => ({
  ...document,
  file,
  positions: new Positions(file, document.positions),
})

const OPTIONS = { prettyErrors: false, merge: true } as const

/** YAML 1.2 with merge keys. One for all documents: by itself, each makes its own, which takes a tenth of the time. */
const SCHEMA = new Schema({ schema: 'core', resolveKnownTags: true, merge: true })

/** A document may say that it is written in another version. */
const optionsFor = (text: string) => (text.includes('%YAML') ? OPTIONS : { ...OPTIONS, schema: SCHEMA })

function parseFile(file: ProjectFile): ReadFile {
  const text = file.text.replace(/^\ufeff/, '')
  const plain = readPlain(text)
  if (plain === undefined) return parseAny(file.path, text)
  const { value, sources } = plain
  const positions = new Positions(file.path, plain.positions)
  return { documents: [{ file: file.path, index: 0, value, positions, sources }], diagnostics: [] }
}

/** The documents of any YAML file. Pure. */
export function parseAny(path: string, text: string): ReadFile {
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: lines, ...optionsFor(text) })
  const all = 'empty' in parsed ? [] : parsed
  const documents: LoadedDocument[] = []
  const diagnostics: Diagnostic[] = []
  for (const [index, document] of all.entries()) {
    for (const problem of untilExhaustion([...document.errors, ...document.warnings])) {
      const [start, end] = problem.pos
      const { line, col } = lines.linePos(Math.min(start, text.length))
      const place = { file: path, line, column: col, length: Math.max(1, end - start) }
      diagnostics.push(yamlProblem(problem, place, document))
    }
    if (document.errors.length > 0 || isEmpty(document)) continue
    const read = readDocument(document, index, { file: path, text, lines })
    if (read.document !== undefined) documents.push(read.document)
    diagnostics.push(...read.diagnostics)
  }
  return { documents, diagnostics }
}

/** Nothing between two `---`, or after the last. */
const isEmpty = ({ contents }: Document.Parsed): boolean =>
  contents === null || (isScalar(contents) && contents.value === null && contents.source === '')

/** Where the parser gave up, what it finds after that are no mistakes of the author's. */
const untilExhaustion = (problems: readonly YAMLError[]): readonly YAMLError[] => {
  const end = problems.findIndex(({ code }) => code === 'RESOURCE_EXHAUSTION')
  return end < 0 ? problems : problems.slice(0, end + 1)
}

function yamlProblem({ code, message, pos }: YAMLError, place: Place, document: Document.Parsed): Diagnostic {
  if (code === 'RESOURCE_EXHAUSTION') return tooDeep(place)
  if (code !== 'DUPLICATE_KEY')
    return errorAt('LOAD_YAML_SYNTAX', place, `This is not YAML: ${message}.`, {
      facts: { yaml: code },
      hints: /Unexpected scalar at node end/.test(message)
        ? [`A value that begins with a quote is quoted as a whole: '"My Schema".orders'.`]
        : [],
    })
  const key = keyAt(document, pos[0])
  const name = String(key?.value ?? key?.source ?? '')
  const length = key?.range ? key.range[1] - key.range[0] : place.length
  return errorAt('LOAD_DUPLICATE_KEY', { ...place, length }, `The key '${name}' is here twice.`, {
    facts: { key: name },
    hints: ['Keep one of the two.'],
  })
}

/** The key that begins at `start`. */
function keyAt({ contents }: Document.Parsed, start: number): Scalar | undefined {
  let found: Scalar | undefined
  visit(contents, {
    Pair: (_, { key }) => {
      if (!isScalar(key) || key.range?.[0] !== start) return undefined
      found = key
      return visit.BREAK
    },
  })
  return found
}
