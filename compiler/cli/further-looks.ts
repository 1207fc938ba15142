// The files of a source → how to find out, at little cost, whether some of them hold columns that are not read: Parquet by
// what each file says of itself, CSV by first lines that differ, JSON by all rows where they are not many.

import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { FurtherLooks } from '../../runtime/engines/duckdb/unread-columns.ts'
import { totalBytes } from '../../runtime/store/files.ts'
import type { SourceRequest } from '../ports.ts'

type Options = SourceRequest['options']

interface Files {
  readonly root: string
  readonly paths: readonly string[]
  /** The reader's call for one file, or for all. */
  readonly callOf: (file: string | null, options: Options) => string
}

/** Looking at more files takes longer than it is worth. */
const MOST_FILES = 1000
/** The engine looks at each of these for itself. */
const MOST_HEADERS = 20
/** So much JSON is looked at as a whole. */
const MOST_JSON_BYTES = 8_000_000
/** So much JSON has fewer rows than the engine looks at. */
const FEW_JSON_BYTES = 60_000
/** Longer lines are compared by their beginning. */
const HEADER_BYTES = 16_384

/** Undefined: there is nothing to look for, or it would take long. */
export function furtherLooks(
  { format, options }: Pick<SourceRequest, 'format' | 'options'>,
  files: Files,
): FurtherLooks | undefined {
  const { paths } = files
  if (paths.length > MOST_FILES || options.columns !== undefined) return undefined
  switch (format) {
    case 'parquet':
      return paths.length < 2 || options.union_by_name === true ? undefined : parquetLooks(options, files)
    case 'csv':
      return paths.length < 2 || options.union_by_name === true ? undefined : csvLooks(options, files)
    case 'json':
      return jsonLooks(options, files)
  }
}

const parquetLooks = (options: Options, { paths, callOf }: Files): FurtherLooks => ({
  whole: callOf(null, { ...options, union_by_name: true }),
  each: paths.slice(1).map((file) => ({ file, call: callOf(file, options) })),
})

function csvLooks(options: Options, { root, paths, callOf }: Files): FurtherLooks | undefined {
  if (options.header === false || options.names !== undefined || options.column_names !== undefined) return undefined
  const lines = typeof options.skip === 'number' ? options.skip + 1 : 1
  const seen = new Set<string>()
  const each: FurtherLooks['each'][number][] = []
  for (const file of paths) {
    const head = headOf(join(root, file), lines)
    if (head === null || seen.has(head)) continue
    if (seen.size > 0) each.push({ file, call: callOf(file, options) })
    seen.add(head)
    if (each.length >= MOST_HEADERS) break
  }
  return each.length === 0 ? undefined : { whole: null, each }
}

function headOf(path: string, lines: number): string | null {
  try {
    const file = openSync(path, 'r')
    try {
      const bytes = Buffer.alloc(HEADER_BYTES)
      const text = bytes.toString('latin1', 0, readSync(file, bytes, 0, HEADER_BYTES, 0))
      return text.split(/\r\n?|\n/, lines).join('\n')
    } finally {
      closeSync(file)
    }
  } catch {
    // Whoever reads it says what is wrong.
    return null
  }
}

function jsonLooks(options: Options, { root, paths, callOf }: Files): FurtherLooks | undefined {
  if (options.sample_size === -1) return undefined
  const bytes = totalBytes(paths.map((path) => join(root, path)))
  if (bytes > MOST_JSON_BYTES || (paths.length < 2 && bytes < FEW_JSON_BYTES)) return undefined
  const all = { ...options, sample_size: -1, maximum_sample_files: paths.length }
  return { whole: callOf(null, all), each: paths.map((file) => ({ file, call: callOf(file, all) })) }
}
