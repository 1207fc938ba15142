// kind: source → what to read and how. Options of the reader are an allow-list; anything else is an error, since a
// misspelt option would change data silently.

import type { Diagnostic } from '../../runtime/contract/diagnostics.ts'
import { nearest } from '../../runtime/contract/diagnostics.ts'
import { type DiagnosticCode, errorAt } from '../diagnostic-codes.ts'
import { isMapping, type Json, type LoadedDocument } from '../load.ts'
import type { Columns } from '../schema/common.ts'
import {
  DATABASE_TYPES,
  type FileFormat,
  LATER_SOURCE_TYPES,
  OPTION_ALIASES,
  READER_OPTIONS,
  SOURCE_FORMATS,
  Source,
} from '../schema/source.ts'
import type { PlacedText, SourceNode } from '../validate.ts'
import { declaredColumns, nodeCommon, uniqueColumns } from './node-fields.ts'
import { sourcePathProblem } from './path.ts'
import { placedText } from './placed.ts'
import { keyPlaceOf, placeOf, SchemaReader } from './read-schema.ts'
import { readTableSource } from './table-source.ts'
import { declaredChecks } from './tests.ts'

/** The source, undefined with reports when something is wrong, or the type that is not built yet. */
export function readSource(
  document: LoadedDocument,
  report: (d: Diagnostic) => void,
): SourceNode | { readonly later: string } | undefined {
  const reader = new SchemaReader(document)
  const fields = reader.read(Source, document.value, '')
  reader.diagnostics.forEach(report)
  const type = String(document.value.source)
  if (LATER_SOURCE_TYPES.includes(type)) return fields === undefined ? undefined : { later: type }
  if (Object.hasOwn(DATABASE_TYPES, type)) return readTableSource(document, fields, report)
  const format = Object.hasOwn(SOURCE_FORMATS, type) ? SOURCE_FORMATS[type] : undefined
  if (format === undefined) return undefined
  const path = sourcePath(document, report)
  const { params } = document.value
  const options = readerOptions(format, isMapping(params) ? params : {}, document, report)
  const checks = declaredChecks('source', document, report)
  if (fields === undefined || path === undefined || options === undefined) return undefined
  const common = nodeCommon('source', fields, document, report)
  const inParams = ['columns', 'schema'].flatMap((key) =>
    declaredColumns(options[key] as Columns | undefined, `/params/${key}`, document),
  )
  return {
    ...common,
    checks,
    kind: 'source',
    format,
    path,
    columns: inParams.length === 0 ? common.columns : uniqueColumns([...common.columns, ...inParams], report),
    options: canonicalOptions(type, options, document, report),
  }
}

function sourcePath(document: LoadedDocument, report: (d: Diagnostic) => void): PlacedText | undefined {
  const { params } = document.value
  const inParams = isMapping(params) ? params.path : undefined
  const { table } = document.value
  const [pointer, value] = typeof table === 'string' ? ['/table', table] : ['/params/path', inParams]
  if (typeof value !== 'string') {
    // What is there and no text has been reported already.
    if ((table ?? null) !== null) return undefined
    report(
      errorAt(
        'VALIDATE_MISSING_KEY',
        keyPlaceOf(document, '/source'),
        "The key 'table' is missing: the file to read.",
        { facts: { key: 'table' } },
      ),
    )
    return undefined
  }
  if (pointer === '/table' && typeof inParams === 'string')
    report(
      errorAt(
        'VALIDATE_CONFLICT',
        keyPlaceOf(document, '/params/path'),
        "Both 'table' and 'params.path' name a file.",
        { hints: ["Use only 'table'."] },
      ),
    )
  const problem = sourcePathProblem(value, placeOf(document, pointer))
  if (problem !== undefined) report(problem)
  return placedText(document, pointer, value)
}

/** Options that fit the reader, under the names of the YAML. Values with placeholders are checked when these are known. */
export function readerOptions(
  format: FileFormat,
  params: { readonly [key: string]: Json },
  document: LoadedDocument,
  report: (d: Diagnostic) => void,
): { readonly [key: string]: Json } | undefined {
  const reader = new SchemaReader(document, (key, place, known) => {
    const near = nearest(key, known)
    const code: DiagnosticCode = 'VALIDATE_UNKNOWN_OPTION'
    return errorAt(code, place, `The ${format} reader has no option '${key}'.`, {
      facts: { option: key, format, known },
      hints: [near === undefined ? `Its options: ${known.join(', ')}.` : `Did you mean '${near}'?`],
    })
  })
  const options = reader.read(READER_OPTIONS[format], params, '/params')
  reader.diagnostics.forEach(report)
  return options as { readonly [key: string]: Json } | undefined
}

/** One spelling a option, in code-unit order; without path and declared columns. */
function canonicalOptions(
  source: string,
  options: { readonly [key: string]: Json },
  document: LoadedDocument,
  report: (d: Diagnostic) => void,
): { readonly [key: string]: Json } {
  const result: Record<string, Json> = source === 'jsonl' ? { format: 'newline_delimited' } : {}
  const from = new Map<string, string>()
  for (const [key, value] of Object.entries(options)) {
    if (key === 'path' || key === 'columns' || key === 'schema') continue
    const name = OPTION_ALIASES[key] ?? key
    const other = from.get(name)
    if (other !== undefined)
      report(
        errorAt(
          'VALIDATE_CONFLICT',
          keyPlaceOf(document, `/params/${key}`),
          `'${key}' and '${other}' are the same option.`,
          { hints: [`Use only '${name}'.`] },
        ),
      )
    from.set(name, key)
    result[name] = key === 'format' && value === 'newline' ? 'newline_delimited' : value
  }
  return Object.fromEntries(Object.entries(result).sort(([a], [b]) => (a < b ? -1 : 1)))
}
