// A source in a database → two texts: what asks the database (extract/), in PostgreSQL's SQL, and the step that makes the
// output of what the database answered.

import { COPY_NULL, extractPattern, extractText } from '../../runtime/contract/extract.ts'
import type { BoundNode } from '../bind.ts'
import { readerCall, textLiteral } from '../dialect/duckdb.ts'
import type { ResolvedTable } from '../resolve.ts'
import type { Marks } from './marks.ts'
import { fillStep, outputFile } from './step-text.ts'
import { type ReadColumn, readItems, sentQuery } from './table-query.ts'

/** Files are read one by one, whole: where a text has line breaks, a reader that starts in the middle may be mistaken. */
const MOST_LINE_BYTES = 134_217_728
const OPTIONS = {
  header: false,
  auto_detect: false,
  delim: ',',
  quote: '"',
  escape: '"',
  new_line: '\\n',
  nullstr: COPY_NULL,
  allow_quoted_nulls: false,
  parallel: false,
  buffer_size: MOST_LINE_BYTES,
  max_line_size: MOST_LINE_BYTES,
} as const

export function tableStep(node: ResolvedTable, types: BoundNode, marks: Marks): string {
  const { items, csvTypes } = readItems(columnsOf(node, types))
  const path = `getvariable('extracts') || ${textLiteral(extractPattern(node.id))}`
  const call = readerCall({ format: 'csv', path, options: { columns: csvTypes, ...OPTIONS } })
  const query = `SELECT\n  ${items.join(',\n  ')}\nFROM ${call}`
  return fillStep({ inputs: [], leading: '', query, output: outputFile(node.id, true, marks, 'write') })
}

export function extractOf(node: ResolvedTable, types: BoundNode): string {
  const columns = columnsOf(node, types)
  return extractText(sentQuery(node, columns), columns.length)
}

function columnsOf(node: ResolvedTable, types: BoundNode): readonly ReadColumn[] {
  const declared = new Set(node.node.columns.filter((c) => c.type !== null).map((c) => c.name.toLowerCase()))
  return (types.columns ?? []).map(({ name, type }) => ({
    name,
    type,
    sourceType: types.sourceTypes?.[name],
    isDeclared: declared.has(name.toLowerCase()),
  }))
}
