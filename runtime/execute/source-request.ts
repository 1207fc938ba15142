// A step that reads source files → the same for the files that there are: of CSV files some of which hold nothing, a folder of
// links to the others under the same relative paths, since DuckDB looks for the columns in every file; where all are empty
// the step has no rows. Of JSON the files, since the reader gives NULL for a key that is nowhere.

import { mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ManifestNode } from '../contract/manifest.ts'
import { literalGlob } from '../contract/source-paths.ts'
import type { StepRequest } from '../engine.ts'
import { literal, quoted } from '../engines/duckdb/quoting.ts'
import { guarded, removeTree } from '../store/files.ts'
import { filesWithContent, type SourceListing } from '../store/source-files.ts'

interface Files {
  readonly project: string
  readonly listing: SourceListing | null
  /** For links: one that the engine may read. */
  readonly folder: string
}

export function sourceRequest(
  request: StepRequest,
  node: ManifestNode | undefined,
  { project, listing, folder }: Files,
): StepRequest {
  const format = node?.source_files?.format
  const columns = node?.columns ?? null
  if (listing === null || columns === null) return request
  if (format === 'json') return { ...request, jsonFiles: listing.files.map(({ path }) => join(project, path)) }
  const full = format === 'csv' ? filesWithContent(project, listing) : listing.files
  if (full.length === listing.files.length) return request
  if (full.length === 0) return { ...request, sql: noRows(columns, request.output) }
  removeTree(folder)
  for (const { path } of full) {
    const link = join(folder, path)
    guarded('link', link, () => {
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(join(project, path), link)
    })
  }
  const values = { ...request.variables.values, data: literalGlob(folder) }
  return { ...request, variables: { ...request.variables, values } }
}

function noRows(columns: NonNullable<ManifestNode['columns']>, { variable, file }: StepRequest['output']): string {
  const items = columns.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoted(name)}`)
  return `COPY (\nSELECT ${items.join(', ')} WHERE false\n) TO (getvariable(${literal(variable)}) || ${literal(`/${file}`)}) (FORMAT parquet, PARQUET_VERSION v2)`
}
