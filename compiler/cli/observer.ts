// Looks at source files for the compiler, and remembers what it saw by the files' stamps. Globs are expanded here as at
// execution, so that a new file is noticed, and what execution would refuse is not looked at either.

import { readdirSync } from 'node:fs'
import { basename, dirname, join, posix } from 'node:path'
import { fingerprintOf } from '../../runtime/contract/canonical-json.ts'
import { nearest } from '../../runtime/contract/diagnostics.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import { hasMagic, literalGlob } from '../../runtime/contract/source-paths.ts'
import { holdsBlankLines, holdsNothing, statIfThere } from '../../runtime/store/files.ts'
import { readableFiles } from '../../runtime/store/readable-files.ts'
import { readerCall, textLiteral } from '../dialect/duckdb.ts'
import type { CompileCache, ObserveSources, SourceObservation, SourceRequest } from '../ports.ts'
import { stampOf } from './file-stamps.ts'
import { furtherLooks } from './further-looks.ts'
import { isWithoutQuotes, NO_QUOTES } from './plain-csv.ts'

/** Files that an observation rests on: path → stamp; null when a stamp cannot be trusted yet. */
type Files = readonly (readonly [path: string, stamp: string | null])[]

export interface Observer {
  readonly observe: ObserveSources
}

export function createObserver(root: string, cache: CompileCache): Observer {
  const observe: ObserveSources = async (requests) => {
    const found = requests.map((request) => ({ request, ...lookUp(root, request, cache) }))
    const asked = found.filter(({ known }) => known === undefined)
    const answers = asked.length === 0 ? [] : await lookAt(root, asked)
    asked.forEach(({ key }, i) => {
      if (key !== null && answers[i]?.kind === 'columns') cache.set(key, answers[i])
    })
    const fresh = answers.values()
    return found.map(({ known }) => known ?? fresh.next().value ?? ABSENT)
  }
  return { observe }
}

interface LookedUp {
  readonly request: SourceRequest
  readonly paths: readonly string[]
  /** Those that have rows; absent: not looked at. */
  readonly full?: readonly string[]
  readonly key: string | null
  readonly known: SourceObservation | undefined
}

/** What is known of a source without opening its files, and the key under which the answer is to be kept. */
function lookUp(root: string, request: SourceRequest, cache: CompileCache): Omit<LookedUp, 'request'> {
  try {
    const paths = readableFiles(root, request.path)
    if (paths.length === 0) return { paths, key: null, known: absent(root, request) }
    const key = cacheKey(
      request,
      paths.map((path) => [path, stampOf(join(root, path))] as const),
    )
    const known = key === null ? undefined : (cache.get(key) as SourceObservation | undefined)
    if (known !== undefined || request.format === 'parquet') return { paths, key, known }
    const full = paths.filter((path) => !holdsBlankLines(join(root, path)))
    if (full.length > 0) return { paths, full, key, known }
    return {
      paths,
      key: null,
      known: { kind: 'empty', isBlank: !paths.every((path) => holdsNothing(join(root, path))) },
    }
  } catch (error) {
    if (!(error instanceof RuntimeFailure) || error.code !== 'STATEMENT_REFUSED') throw error
    return { paths: [], key: null, known: { kind: 'refused', message: error.message, hints: error.hints } }
  }
}

const ABSENT: SourceObservation = { kind: 'absent' }

/** What is there in place of the files. */
function absent(root: string, { path, format }: SourceRequest): SourceObservation {
  const shown = path.replace(/\/+$/, '')
  const there = statIfThere(join(root, shown))
  if (there?.isDirectory() === true)
    return { kind: 'absent', hints: [`'${shown}' is a folder; '${shown}/*.${format}' names the files in it.`] }
  if (there !== undefined)
    return { kind: 'absent', hints: [`'${shown}' is a pipe, a socket or a device; files are read.`] }
  const [folder, name] = [dirname(path), basename(path)]
  if (hasMagic(path) || statIfThere(join(root, folder))?.isDirectory() !== true) return ABSENT
  const near = nearest(name, readdirSync(join(root, folder)))
  return near === undefined ? ABSENT : { kind: 'absent', hints: [`Did you mean '${posix.join(folder, near)}'?`] }
}

/** Null: a file is too young to be remembered. */
function cacheKey({ format, path, options, expected }: SourceRequest, files: Files): string | null {
  if (files.some(([, stamp]) => stamp === null)) return null
  return `source:${fingerprintOf({ format, path, options, expected, files })}`
}

async function lookAt(root: string, asked: readonly Omit<LookedUp, 'known'>[]): Promise<readonly SourceObservation[]> {
  const { observeFiles } = await import('../../runtime/engines/duckdb/observe.ts')
  const looks = asked.map(({ request: { format, path, options, expected }, paths, full = paths }) => {
    const pathOf = (relative: string): string => textLiteral(join(literalGlob(root), relative))
    // Of several files the engine takes columns that are not there from an empty one.
    const some = `[${full.map((file) => pathOf(literalGlob(file))).join(', ')}]`
    const reader = { format, path: full.length < paths.length ? some : pathOf(path), options }
    const told =
      format === 'csv' && isWithoutQuotes(root, paths, options)
        ? { told: readerCall({ ...reader, options: { ...options, ...NO_QUOTES } }) }
        : {}
    const byName = (types: Readonly<Record<string, string>>) =>
      readerCall({ ...reader, options: { ...options, columns: types } })
    const callOf = (file: string | null, by: SourceRequest['options']): string =>
      readerCall({ format, path: file === null ? reader.path : pathOf(literalGlob(file)), options: by })
    const further = furtherLooks({ format, options }, { root, paths: full, callOf })
    return {
      ...{ call: readerCall(reader), ...told, ...(format === 'json' ? { byName } : {}), expected },
      ...(further === undefined ? {} : { further }),
    }
  })
  return observeFiles(root, looks)
}
