// Queries that read each other → the columns of each, from one statement in which every query is a common table expression:
// the engine binds all of them at once, and nothing is made or executed. A reader sees there what a query gives, not what
// an output stores of it: where these differ, or may, nothing is told of the reader.

import type { Column } from '../../contract/manifest.ts'
import { foldCase, type StoredColumns, storedColumns } from '../../contract/stored-columns.ts'
import type { DuckDBConnection } from './driver.ts'
import type { Relation } from './empty-tables.ts'
import { queryColumns } from './query-columns.ts'
import { quoted } from './quoting.ts'

/** See ChainRequest in compiler/ports.ts. */
export interface ChainRequest {
  readonly queries: readonly { readonly name: string; readonly sql: string; readonly reads: readonly number[] }[]
  readonly named: readonly Relation[]
  readonly relations: readonly Relation[]
}

/** In the order of the queries; null: not told. Throws what the engine says of any of them. */
export async function chainedColumns(
  connection: DuckDBConnection,
  { queries, named }: ChainRequest,
): Promise<readonly (StoredColumns | null)[]> {
  const mark = unusedWord([...queries.map(({ sql }) => sql), ...named.flatMap(columnNames)])
  const read = new Set(queries.flatMap(({ reads }) => reads))
  const items = queries.flatMap((_, i) => [`${mark}${i}.*`, ...(read.has(i) ? [probe(`${mark}${i}`)] : [])])
  const expressions = [
    ...named.map((relation) => `${quoted(relation.name)} AS MATERIALIZED (SELECT ${emptyRow(relation)})`),
    ...queries.map(({ name, sql }) => `${quoted(name)} AS MATERIALIZED (\n${sql}\n)`),
  ]
  const sources = queries.map(({ name }, i) => `${quoted(name)} AS ${mark}${i}`)
  const columns = await queryColumns(
    connection,
    `WITH ${expressions.join(',\n')}\nSELECT ${items.map((item) => `${item}, NULL AS ${mark}`).join(', ')}\nFROM ${sources.join(', ')}`,
  )
  const parts = partsOf(columns, mark)
  if (parts.length !== items.length) return queries.map(() => null)
  const next = parts.values()
  const isExact: boolean[] = []
  return queries.map(({ reads }, i) => {
    const own = next.next().value ?? []
    const probed = read.has(i) ? (next.next().value ?? []) : []
    if (reads.some((before) => isExact[before] !== true) || isRenamed(own)) return null
    const stored = storedColumns(own)
    isExact[i] = own.every((column, at) => isReadAsStored(column, stored.columns[at], probed[at]))
    return stored
  })
}

const columnNames = ({ columns }: Relation): readonly string[] => columns.map(({ name }) => name)

/** A word that is in none of the texts. */
function unusedWord(texts: readonly string[]): string {
  const all = texts.join('\n').toLowerCase()
  let word = 'chained'
  while (all.includes(word)) word += '_'
  return word
}

const emptyRow = ({ columns }: Relation): string =>
  columns.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoted(name)}`).join(', ')

/**
 * Columns of the same names and types but for those that are NULL in every row: they have a type of their own, which
 * readers see, and which is an INTEGER only where it leaves the statement. These come out as texts.
 */
const probe = (source: string): string => `coalesce(COLUMNS(${source}.*), '')`

/** What stands before each mark. */
function partsOf(columns: readonly Column[], mark: string): readonly (readonly Column[])[] {
  const parts: Column[][] = []
  let part: Column[] = []
  for (const column of columns) {
    if (column.name !== mark) part.push(column)
    else {
      parts.push(part)
      part = []
    }
  }
  return parts
}

/** Of two columns of one name the engine renames the second, in all but the last SELECT. */
function isRenamed(columns: readonly Column[]): boolean {
  if (!columns.some(({ name }) => RENAMED.test(name))) return false
  const names = new Set(columns.map(({ name }) => foldCase(name)))
  return columns.some(({ name }) => names.has(foldCase(RENAMED.exec(name)?.[1] ?? '')))
}

const RENAMED = /^(.*)[_:]\d+$/s

/** NULL may hide in every INTEGER of a nested type. */
function isReadAsStored({ type }: Column, stored: Column | undefined, probed: Column | undefined): boolean {
  if (stored?.type !== type) return false
  return type === 'INTEGER' ? probed?.type === type : !type.includes('INTEGER')
}
