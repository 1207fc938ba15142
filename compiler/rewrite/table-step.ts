// A source in a database → two texts: what asks the database (extract/), in PostgreSQL's SQL, and the step that makes the
// output of what the database answered.

import type { Diagnostic } from '../../runtime/contract/diagnostics.ts'
import { COPY_NULL, extractPattern, extractText } from '../../runtime/contract/extract.ts'
import type { BoundNode } from '../bind.ts'
import { errorAt } from '../diagnostic-codes.ts'
import { readerCall, textLiteral } from '../dialect/duckdb.ts'
import type { PlannedStep } from '../plan.ts'
import { tableKey } from '../resolve/target-readers.ts'
import type { ResolvedTable } from '../resolve.ts'
import { placeAt } from '../sql/placed-text.ts'
import { namespacesIn } from '../sql/postgresql-namespaces.ts'
import { splice } from '../sql/spliced-text.ts'
import { Marks, type PrefixSpan } from './marks.ts'
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

export interface ExtractFile {
  readonly extract: string
  readonly extractSpans: readonly PrefixSpan[]
}

/** The SELECT, given what it is of and the prefix of its schema. */
type Send = (table: ResolvedTable, types: BoundNode, prefix: string) => string

/** What asks the database; the tables that the environment writes are read where it writes them. */
export function extractOf(
  node: ResolvedTable,
  types: BoundNode,
  { own, prefix, send }: { readonly own: OwnTables; readonly prefix: string; readonly send?: Send },
): ExtractFile {
  const columns = columnsOf(node, types)
  const { asked } = node
  const marks = new Marks(prefix, prefix === '' ? '' : JSON.stringify([asked, columns]))
  const mark = (identifier: string, reason: string): string => marks.at({ identifier, role: 'read', reason })
  let [marked, before]: [ResolvedTable, string] = [node, '']
  if (asked.kind === 'query') {
    const { places } = namespacesIn(asked.text, asked.uses, own.writer, own)
    const edits = places.map(({ at, identifier, reason }) => ({
      start: at,
      end: at,
      replacement: mark(identifier, reason),
    }))
    marked = { ...node, asked: { ...asked, text: splice(asked.text, edits).text } }
  } else {
    const schema = asked.schema ?? own.fallback
    const writer = own.writer(schema, asked.name)
    if (writer !== undefined) {
      before = mark(schema, `${writer} is a step of this bundle`)
      marked = { ...node, asked: { ...asked, schema } }
    }
  }
  const query = send === undefined ? sentQuery(marked, columns, before) : send(marked, types, before)
  const { sql, spans } = marks.resolve(extractText(query, columns.length))
  return { extract: sql, extractSpans: spans }
}

/** What cannot be followed to a table of the environment's own, as mistakes of the source. */
export function extractMistakes({ node, asked }: ResolvedTable, own: OwnTables): readonly Diagnostic[] {
  if (asked.kind === 'table') return []
  return namespacesIn(asked.text, asked.uses, own.writer, own).problems.map(({ start, message, hint }) => {
    const origin = asked.uses.find((use) => use.start === start)?.origin ?? 0
    const name = /^'[^'\n]*'|^[\w."]+/.exec(node.query?.text.slice(origin) ?? '')?.[0] ?? ' '
    const place = node.query === null ? node.readPlace : placeAt(node.query, origin, name.length)
    return errorAt('REWRITE_NAME_NOT_FOLLOWED', place, message, { facts: { node: node.id }, hints: [hint] })
  })
}

/** Tables of a source's connection that the steps of a bundle write. */
export interface OwnTables {
  readonly writer: (schema: string, name: string) => string | undefined
  readonly schemas: ReadonlySet<string>
  readonly fallback: string
}

export function ownTables({ connection, searched }: ResolvedTable, steps: readonly PlannedStep[]): OwnTables {
  const writers = new Map<string, string>()
  const schemas = new Set<string>()
  for (const step of steps) {
    if (step.kind !== 'materialize' || step.target.connection !== connection) continue
    writers.set(tableKey(connection, step.target.schema, step.target.table), step.node)
    schemas.add(step.target.schema)
  }
  const writer = (schema: string, name: string) => writers.get(tableKey(connection, schema, name))
  return { writer, schemas, fallback: searched }
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
