// Steps of an engine that is a database: the texts around the one query of each, spelled by the compiler and taken apart by the
// runtime, so that a step does nothing but make its output. psql runs the texts as they are; its variable `output` is the
// name of the table. Pure. Rule: FORMAT.md, "Outputs in a database".

import type { TableOutput } from './bundle.ts'
import { sha256 } from './canonical-json.ts'
import { COPIED_ROWS } from './extract.ts'
import type { Column } from './manifest.ts'
import { LONGEST_IDENTIFIER, pgName, pgText } from './postgresql-names.ts'
import { copiedType, targetType } from './target-types.ts'

/** Where the tables of all outputs are, whoever reads them. */
export const STORE_SCHEMA = 'seeknal_store'
/** Where the steps of a run of production read what it makes, until it is production. */
export const NEXT_SCHEMA = 'seeknal_next'
/** Where the state is. */
export const LEDGER_SCHEMA = 'seeknal'

/** Schemas that are ours whatever the project. */
export const OWN_SCHEMAS: readonly string[] = [STORE_SCHEMA, NEXT_SCHEMA, LEDGER_SCHEMA]

/** Whether a schema is ours whatever the project, or was made for a run of one. */
export const isOwnSchema = (schema: string): boolean =>
  OWN_SCHEMAS.includes(schema) || schema.startsWith(`${NEXT_SCHEMA}_`)

/** Where a run of production of a project reads what it makes. */
export const nextSchema = (project: string, kind: string): string =>
  `${NEXT_SCHEMA}_${sha256(project).slice(0, 8)}_${kind}`

/** The schema of what nodes of a kind make: transforms are what people look for. */
export const kindSchema = (schema: string, kind: string): string =>
  kind === 'transform' ? schema : `${schema}_${kind}`

/** Schemas of production, and ours, of an engine that is a database; none without a schema. */
export const outputSchemas = (schema: string | undefined): readonly string[] =>
  schema === undefined ? [] : [schema, kindSchema(schema, 'source'), ...OWN_SCHEMAS]

/** The name of a node's view: as SQL without quotes finds it. */
export const viewNameOf = (node: string): string => node.slice(node.indexOf('.') + 1).toLowerCase()

/** The table of a node's output of a version: within the 63 bytes of a name, with what tells it from others whole. */
export function tableNameOf(node: string, version: string): string {
  const mark = `__${version.slice(0, VERSION_DIGITS)}`
  return `${node.toLowerCase().slice(0, LONGEST_IDENTIFIER - mark.length)}${mark}`
}

const VERSION_DIGITS = 16

/** The table of an output, as the text of a step names it. */
export const STORED = `${STORE_SCHEMA}.:"output"`
const LOADED = 'seeknal_load'

export const stepLoadFile = (id: string): string => `load/${id}.sql`

type Made = Pick<TableOutput, 'made' | 'publish'> & {
  /** As SQL spells it: `dev_analytics.orders`. */
  readonly view: string
  /** Of what is loaded, copied and published. */
  readonly columns: readonly Column[]
  /** Of what is copied: the other database's own types, where they are not declared. */
  readonly types?: Readonly<Record<string, string>>
  readonly node: string
}

/** What stands before and after the query of a step. */
function around({ made, publish, view, columns, node, types = {} }: Made): readonly [string, string] {
  const shown =
    publish === 'table'
      ? `\n;\n\n${published(view, columns)}\n;\n`
      : `\n;\n\nCREATE OR REPLACE VIEW ${view} AS\nTABLE ${STORED}\n;\n`
  switch (made) {
    case 'view':
      return [`CREATE OR REPLACE VIEW ${view} AS\n`, '\n;\n']
    case 'query':
      return [`CREATE TABLE ${STORED} AS\n`, shown]
    case 'load':
    case 'copy': {
      const [before, after] = made === 'load' ? loadedBy(node, columns) : copiedBy(node, columns, types)
      return [`${before}CREATE TABLE ${STORED} AS\n`, `\n;\n${after}${shown}`]
    }
  }
}

/** The rows of the store in a table that stays the same one; columns that are others a run changes, see FORMAT.md. */
function published(table: string, columns: readonly Column[]): string {
  const names = columns.map(({ name }) => pgName(name)).join(', ')
  const [into, from] = columns.length === 0 ? ['', '*'] : [` (${names})`, names]
  return `CREATE TABLE IF NOT EXISTS ${table} (LIKE ${STORED});
WITH gone AS (
  DELETE FROM ${table} RETURNING 1
)
INSERT INTO ${table}${into}
SELECT ${from}
FROM ${STORED}
WHERE (SELECT count(*) FROM gone) IS NOT NULL`
}

/** `id bigint`, `note text`. */
export const columnItems = (columns: readonly Column[]): readonly string[] =>
  columns.map(({ name, type }) => `${pgName(name)} ${targetType(type) ?? 'text'}`)

/** The same of rows of another database. */
export const copiedItems = (columns: readonly Column[], types: Readonly<Record<string, string>>): readonly string[] =>
  columns.map(({ name, type }) => `${pgName(name)} ${copiedType(type, types[name])}`)

export const loadQuery = `TABLE ${LOADED}`

/** What psql runs before a table is made of rows in a file, and after it. */
const rowsBy = (node: string, items: readonly string[], options: string): readonly [string, string] => [
  `CREATE TEMP TABLE ${LOADED} (\n  ${items.join(',\n  ')}\n);\n\\copy ${LOADED} FROM ${pgText(`loads/${node}.csv`)} ${options}\n`,
  `DROP TABLE ${LOADED}`,
]

/** The same of rows of files. */
export const loadedBy = (node: string, columns: readonly Column[]): readonly [string, string] =>
  rowsBy(node, columnItems(columns), '(FORMAT csv)')

/** The same of rows of another database. */
export const copiedBy = (
  node: string,
  columns: readonly Column[],
  types: Readonly<Record<string, string>>,
): readonly [string, string] => rowsBy(node, copiedItems(columns, types), COPIED_ROWS)

/** What makes the table of a query; `before`: statements about temporary objects. */
export const tableMaker = (query: string, before: readonly string[]): string =>
  [...before.map((statement) => `${statement}\n;\n`), `CREATE TABLE ${STORED} AS\n`, query].join('')

/** Whether such a text has statements before the table is made. */
export const isScript = (text: string): boolean => !text.startsWith(`CREATE TABLE ${STORED} AS\n`)

/** What ends a step that makes temporary objects: the next one may use their names. */
const FORGET = '\nDISCARD TEMP\n;\n'

/** The text of a step's file; `before`: statements about temporary objects. */
export function tableStepText(step: Made, query: string, before: readonly string[] = []): string {
  const [head, tail] = around(step)
  const statements = before.map((statement) => `${statement}\n;\n`).join('')
  return statements + head + query + tail + (before.length === 0 ? '' : FORGET)
}

export interface StepQuery {
  readonly query: string
  /** Where it begins. */
  readonly start: number
  /** The statements before it, from the beginning of the file on. */
  readonly before: string
}

/** The query of such a text; null: it is another text. */
export function tableStepQuery(step: Made, text: string): StepQuery | null {
  const [head, tail] = around(step)
  const at = step.made === 'query' ? text.indexOf(head) : 0
  const end = at > 0 ? tail + FORGET : tail
  const start = at + head.length
  if (!text.startsWith(head, at) || !text.endsWith(end) || text.length < start + end.length) return null
  return { query: text.slice(start, text.length - end.length), start, before: text.slice(0, at) }
}
