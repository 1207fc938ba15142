// A step that reads source files → the same for the files that there are: of CSV files some of which have no rows, a folder of
// links to the others under the same relative paths, since DuckDB looks for the columns in every file; where none has any
// the step has no rows. Of JSON the files, since the reader gives NULL for a key that is nowhere.

import { mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ManifestNode } from '../contract/manifest.ts'
import { literalGlob } from '../contract/source-paths.ts'
import type { StepRequest } from '../engine.ts'
import { literal, quoted } from '../engines/duckdb/quoting.ts'
import { guarded, removeTree } from '../store/files.ts'
import { filesWithRows, type SourceListing } from '../store/source-files.ts'

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
  const full = format === 'csv' ? filesWithRows(project, listing, areBlankLinesRows(node, listing)) : listing.files
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

/** Where files have one column and no header, the engine takes each blank line for a NULL. */
function areBlankLinesRows(node: ManifestNode | undefined, { files }: SourceListing): boolean {
  const isInPath = (name: string): boolean => files.some(({ path }) => `/${path}`.includes(`/${name}=`))
  const own = (node?.columns ?? []).filter(({ name }) => name !== 'filename' && !isInPath(name))
  return node?.source_files?.header === false && own.length <= 1
}

function noRows(columns: NonNullable<ManifestNode['columns']>, { variable, file }: StepRequest['output']): string {
  const items = columns.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoted(name)}`)
  return `COPY (\nSELECT ${items.join(', ')} WHERE false\n) TO (getvariable(${literal(variable)}) || ${literal(`/${file}`)}) (FORMAT parquet, PARQUET_VERSION v2)`
}
