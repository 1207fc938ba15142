// A project with mistakes → what is wrong in the rest of it. A pass needs what the one before it made without an error, so
// the documents that are wrong are cut out, with those that cannot be judged without them, and the passes run over the
// rest until nothing more is found: all mistakes of a project in one run.

import { type Diagnostic, isError, type Place } from '../runtime/contract/diagnostics.ts'
import { kindOf } from './load/file-kinds.ts'
import { isMapping, type Json, type LoadedDocument, type ProjectFile, sqlPath, withoutDocuments } from './load.ts'

export interface Judged {
  readonly diagnostics: readonly Diagnostic[]
  /** No pass is left that would look at what had no mistake. */
  readonly isWhole: boolean
}

/**
 * What `judge` says of the documents beside those that are wrong. `found`: of the whole project. Mistakes of the project file
 * change what all others mean; then nothing more is said.
 */
export async function mistakesElsewhere(
  files: readonly ProjectFile[],
  documents: readonly LoadedDocument[],
  found: Judged,
  judge: (rest: readonly ProjectFile[]) => Promise<Judged>,
): Promise<readonly Diagnostic[]> {
  const rest = new Rest(files, documents)
  const elsewhere: Diagnostic[] = []
  let last = found
  while (!last.isWhole && rest.cut(last.diagnostics.filter(isError)) && rest.holdsNodes) {
    last = await judge(rest.files())
    elsewhere.push(...last.diagnostics.filter((diagnostic) => !rest.explains(diagnostic)))
  }
  return elsewhere
}

/** What of the files is left. */
class Rest {
  readonly #files: readonly ProjectFile[]
  readonly #documents: readonly LoadedDocument[]
  /** By file; in order. */
  readonly #of: ReadonlyMap<string, readonly LoadedDocument[]>
  readonly #naming: ReadonlyMap<string, readonly LoadedDocument[]>
  readonly #readers: ReadonlyMap<string, readonly LoadedDocument[]>
  readonly #cutFiles = new Set<string>()
  readonly #cutDocuments = new Set<LoadedDocument>()
  /** Of what was cut: names of nodes that it may hold. In small letters. */
  readonly #words = new Set<string>()

  constructor(files: readonly ProjectFile[], documents: readonly LoadedDocument[]) {
    this.#files = files
    this.#documents = documents
    this.#of = grouped(documents, ({ file }) => [file])
    this.#naming = grouped(documents, ({ value: { file } }) => (typeof file === 'string' ? [sqlPath(file)] : []))
    this.#readers = grouped(documents, refsOf)
  }

  get holdsNodes(): boolean {
    return this.#documents.some((document) => this.#isLeft(document))
  }

  files(): readonly ProjectFile[] {
    return this.#files.flatMap((file) => {
      if (this.#cutFiles.has(file.path)) return []
      const all = this.#of.get(file.path) ?? []
      const cut = all.filter((document) => this.#cutDocuments.has(document)).map(({ index }) => index)
      if (cut.length === 0) return [file]
      return cut.length === all.length ? [] : [{ ...file, text: withoutDocuments(file.text, cut) }]
    })
  }

  /** Whether it only says that something is missing which was cut. */
  explains({ code, facts }: Diagnostic): boolean {
    if (code === 'RESOLVE_PLACEHOLDER_NOT_FOUND') return [...this.#cutFiles].some((path) => kindOf(path) === 'common')
    const isRef = code === 'RESOLVE_REF_NOT_FOUND' || code === 'RESOLVE_REF_NOT_IN_INPUTS'
    if (!isRef || typeof facts.ref !== 'string') return false
    return this.#words.has(facts.ref.slice(facts.ref.indexOf('.') + 1).toLowerCase())
  }

  /** Cuts out what these errors are in. False: that is nothing, or everything hangs on it. */
  cut(errors: readonly Diagnostic[]): boolean {
    const size = this.#size
    for (const error of errors) {
      const followsFromCut = this.explains(error)
      for (const place of [error.place, ...error.notes.map((note) => note.place)]) {
        if (kindOf(place.file) === 'project') return false
        // What of a file that is no YAML can be read says little of where its mistake is.
        if (error.code.startsWith('LOAD_')) this.#cutFile(place.file)
        else this.#cutPlace(place, followsFromCut)
      }
    }
    return this.#size > size
  }

  get #size(): number {
    return this.#cutFiles.size + this.#cutDocuments.size
  }

  #isLeft = (document: LoadedDocument): boolean =>
    !this.#cutDocuments.has(document) && !this.#cutFiles.has(document.file)

  /** What cannot be judged takes those along that read it, directly or not: their own mistakes are told already. */
  #cutPlace({ file: path, line }: Place, withReaders: boolean): void {
    const begun = (this.#of.get(path) ?? []).filter((document) => startOf(document) <= line)
    const here = this.#naming.get(path) ?? begun.slice(-1)
    if (here.length === 0) this.#cutFile(path)
    for (const document of here) this.#cutDocument(document, withReaders)
  }

  #cutFile(path: string): void {
    const file = this.#files.find((one) => one.path === path)
    if (file === undefined) return
    this.#cutFiles.add(path)
    this.#know(`${path} ${file.text}`)
  }

  #cutDocument(document: LoadedDocument, withReaders: boolean): void {
    if (this.#cutDocuments.has(document)) return
    this.#cutDocuments.add(document)
    this.#know(String(document.value.name))
    if (!withReaders) return
    const id = `${document.value.kind}.${document.value.name}`
    for (const reader of this.#readers.get(id) ?? []) this.#cutDocument(reader, true)
  }

  #know(text: string): void {
    for (const [word] of text.toLowerCase().matchAll(/\w+/g)) this.#words.add(word)
  }
}

const startOf = ({ positions }: LoadedDocument): number => positions.at('')?.value.line ?? 1

function refsOf({ value }: LoadedDocument): readonly string[] {
  return [value.inputs, value.depends_on]
    .flatMap((list) => (Array.isArray(list) ? (list as Json[]) : []))
    .flatMap((input) => (isMapping(input) && typeof input.ref === 'string' ? [input.ref] : []))
}

function grouped(
  documents: readonly LoadedDocument[],
  keysOf: (document: LoadedDocument) => readonly string[],
): ReadonlyMap<string, readonly LoadedDocument[]> {
  const groups = new Map<string, LoadedDocument[]>()
  for (const document of documents)
    for (const key of keysOf(document)) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [document])
      else group.push(document)
    }
  return groups
}
