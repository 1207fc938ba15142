// A source → the text of its step: one COPY of what its files hold, every column by name and in the type that bind
// settled, so that a file that moved or lost a column fails instead of filling another column.

import type { Column } from '../../runtime/contract/manifest.ts'
import { hasMagic } from '../../runtime/contract/source-paths.ts'
import type { BoundNode } from '../bind.ts'
import { quoteName, readerCall, textLiteral } from '../dialect/duckdb.ts'
import type { ResolvedSource } from '../resolve.ts'
import { parameterSql, parsePlaceholder, runParameter } from '../sql/parameters.ts'
import type { Marks } from './marks.ts'
import { fillStep, outputFile, selected } from './step-text.ts'

type Options = Readonly<Record<string, unknown>>

/** The folder as files are named below it: the variable is a glob, in which `[*]` stands for `*`. */
const DATA_FOLDER = String.raw`regexp_replace(getvariable('data'), '\[(.)\]', '\1', 'g')`

export const sourceStep = (node: ResolvedSource, types: BoundNode, marks: Marks): string =>
  stepReading(pathOf(node), node, types, marks)

/** The pattern of CSV files of which DuckDB would look for the columns in each, also where it is empty. */
const isCsvGlob = ({ node, path }: ResolvedSource): boolean => node.format === 'csv' && hasMagic(path)

/** The same for DuckDB's own shell, which has to leave out empty files itself; null: there is nothing to leave out. */
export function sourceByHand(node: ResolvedSource, types: BoundNode, marks: Marks): string | null {
  if (!isCsvGlob(node)) return null
  const none = textLiteral(`every file of ${node.path} is empty`)
  return `-- DuckDB looks for the columns in every file: empty ones are left out. The brackets keep a name from being a pattern.
SET VARIABLE seeknal_files = (
  SELECT coalesce(list(regexp_replace(filename, '[*?[]', '[\\0]', 'g') ORDER BY filename),
    error(${none}))
  FROM read_blob(${pathOf(node)})
  WHERE size > 0
);
${stepReading("getvariable('seeknal_files')", node, types, marks)}RESET VARIABLE seeknal_files;
`
}

const relativePath = ({ path }: ResolvedSource): string => path.replace(/^(?:\.\/)+/, '')

/** An expression of the files. */
const pathOf = (node: ResolvedSource): string => `getvariable('data') || ${pathExpression(`/${relativePath(node)}`)}`

function stepReading(path: string, node: ResolvedSource, types: BoundNode, marks: Marks): string {
  const relative = relativePath(node)
  const { options, casts } =
    types.columns === null ? { options: node.options, casts: new Set<string>() } : typed(node, relative, types.columns)
  const item = (column: Column): string => {
    const type = Object.hasOwn(types.casts, column.name) || casts.has(column.name) ? column.type : null
    // Where the project lies is no part of its data.
    if (isFilename(column.name, node.options))
      return `substr(${quoteName(column.name)}, length(${DATA_FOLDER}) + 2) AS ${quoteName(column.name)}`
    return selected(column.name, type)
  }
  const list = types.columns?.map(item).join(',\n  ') ?? '*'
  const query = `SELECT\n  ${list}\nFROM ${readerCall({ format: node.node.format, path, options })}`
  return fillStep({ inputs: [], leading: '', query, output: outputFile(node.id, true, marks, 'write') })
}

/** A path with placeholders of run parameters → an SQL expression of it at the run. */
function pathExpression(path: string): string {
  const parts = path.split(/(\{\{[^{}]*\}\})/).filter((part) => part !== '')
  const expressions = parts.map((part) => {
    const placeholder = part.startsWith('{{') ? parsePlaceholder(part) : undefined
    const parameter = placeholder === undefined ? undefined : runParameter(placeholder)
    return parameter === undefined || typeof parameter === 'string' ? textLiteral(part) : parameterSql(parameter)
  })
  return expressions.join(' || ')
}

const isFilename = (name: string, options: Options): boolean =>
  options.filename === true && name.toLowerCase() === 'filename'

/** Options that fix the types of the columns, and the columns that must be cast since the reader cannot be told. */
function typed(
  node: ResolvedSource,
  path: string,
  columns: readonly Column[],
): { readonly options: Options; readonly casts: ReadonlySet<string> } {
  const { types: _, ...options } = node.options
  const inFile = columns.filter((column) => !isFilename(column.name, options))
  const all = new Set(inFile.map((column) => column.name))
  const typesOf = (some: readonly Column[]) => Object.fromEntries(some.map(({ name, type }) => [name, type]))
  switch (node.node.format) {
    case 'parquet': {
      // The files have types of their own: only what the author declared is cast.
      const declared = new Set(node.node.columns.filter((c) => c.type !== null).map((c) => c.name.toLowerCase()))
      return { options, casts: new Set([...all].filter((name) => declared.has(name.toLowerCase()))) }
    }
    case 'json':
      return { options: { ...options, columns: typesOf(inFile) }, casts: new Set() }
    case 'csv': {
      // The reader takes types by name (`columns` would go by position), but not those of partition columns, which a
      // glob over folders may hide.
      if (mayHidePartitions(path, options)) return { options: { ...options, all_varchar: true }, casts: all }
      const partitions = new Set([...path.matchAll(/(?:^|\/)([^/=*?]+)=/g)].map((match) => match[1]))
      const own = inFile.filter((column) => !partitions.has(column.name))
      const read = own.map((column) => (isZoned(column) ? { ...column, type: 'VARCHAR' } : column))
      const zoned = new Set(own.filter(isZoned).map(({ name }) => name))
      return {
        options: { ...options, types: typesOf(read) },
        casts: new Set([...all].filter((name) => partitions.has(name) || zoned.has(name))),
      }
    }
  }
}

/** A time with its zone that the reader cannot read becomes NULL without a word; a cast says so. */
const isZoned = ({ type }: Column): boolean => type.endsWith(' WITH TIME ZONE')

const mayHidePartitions = (path: string, options: Options): boolean =>
  options.hive_partitioning !== false &&
  path
    .split('/')
    .slice(0, -1)
    .some((part) => /[*?[]/.test(part) && !part.includes('='))
