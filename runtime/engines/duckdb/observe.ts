// Source files → their columns, as the engine sniffs them. Only files below the given folder can be read. A column keeps
// an expected type when the rows that were looked at can be read so without loss: files of text have no types of their
// own, and today's amounts may happen to be whole numbers.

import { messageOf } from '../../contract/failures.ts'
import type { Column } from '../../contract/manifest.ts'
import { type DuckDBConnection, openDatabase } from './driver.ts'
import { engineError } from './engine-errors.ts'
import { storedType } from './stored-types.ts'

export type Observation =
  | { readonly kind: 'columns'; readonly columns: readonly Column[] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'error'; readonly message: string }

export interface Look {
  /** A table function call: `read_csv('…')`. */
  readonly call: string
  /** Types by column name; letter case does not count. */
  readonly expected: Readonly<Record<string, string>>
}

/** As many rows as DuckDB's own sniffer looks at. */
const SAMPLE_ROWS = 20_480

/** The columns of each call, in order. `folder` is absolute; no message holds it. */
export async function observeFiles(folder: string, looks: readonly Look[]): Promise<readonly Observation[]> {
  const instance = await openDatabase({ autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' })
  const connection = await instance.connect()
  try {
    await connection.run("SET errors_as_json = true; SET TimeZone = 'UTC'")
    await connection.run(`SET allowed_directories = ['${`${folder}/`.replaceAll("'", "''")}']`)
    await connection.run('SET enable_external_access = false; SET lock_configuration = true')
    const observations: Observation[] = []
    for (const look of looks) observations.push(await observe(connection, look, folder))
    return observations
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

async function observe(connection: DuckDBConnection, look: Look, folder: string): Promise<Observation> {
  try {
    const rows = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${look.call}`)).getRows()
    const sniffed = rows.map((row) => ({ name: String(row[0]), type: storedType(String(row[1])).type }))
    return { kind: 'columns', columns: await withExpectedTypes(connection, look, sniffed) }
  } catch (error) {
    if (/No files found that match/.test(messageOf(error))) return { kind: 'absent' }
    return { kind: 'error', message: engineError(error).message.replaceAll(`${folder}/`, '') }
  }
}

async function withExpectedTypes(
  connection: DuckDBConnection,
  look: Look,
  sniffed: readonly Column[],
): Promise<readonly Column[]> {
  const expected = new Map(Object.entries(look.expected).map(([name, type]) => [name.toLowerCase(), type]))
  const columns: Column[] = []
  for (const column of sniffed) {
    const type = expected.get(column.name.toLowerCase()) ?? column.type
    columns.push(type !== column.type && (await fits(connection, look, column, type)) ? { ...column, type } : column)
  }
  return columns
}

async function fits(connection: DuckDBConnection, look: Look, column: Column, type: string): Promise<boolean> {
  try {
    const sample = `SELECT * FROM ${look.call} LIMIT ${SAMPLE_ROWS}`
    const answer = await connection.runAndReadAll(`SELECT ${readable(column, type)} FROM (${sample})`)
    return answer.getRows()[0]?.[0] === true
  } catch {
    // Not even a cast between the two types exists.
    return false
  }
}

/** SQL that is true when every value can be read as `type`, and, unless it is plain text, read back as it was. */
function readable(column: Column, type: string): string {
  const name = `"${column.name.replaceAll('"', '""')}"`
  const cast = `TRY_CAST(${name} AS ${type})`
  const back = column.type === 'VARCHAR' ? 'true' : `TRY_CAST(${cast} AS ${column.type}) IS NOT DISTINCT FROM ${name}`
  return `coalesce(bool_and(${name} IS NULL OR (${cast} IS NOT NULL AND ${back})), true)`
}
