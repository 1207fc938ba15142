// Source files → their columns, as the engine sniffs them. Only files below the given folder can be read. A column keeps
// an expected type when the rows that were looked at can be read so without loss: files of text have no types of their
// own, and today's amounts may happen to be whole numbers.

import { messageOf } from '../../contract/failures.ts'
import type { Column } from '../../contract/manifest.ts'
import { literalGlob } from '../../contract/source-paths.ts'
import { foldCase, storedType } from '../../contract/stored-columns.ts'
import { type DuckDBConnection, openDatabase } from './driver.ts'
import { engineError } from './engine-errors.ts'
import { literal, quoted } from './quoting.ts'
import { type FurtherLooks, type Unread, unreadColumns } from './unread-columns.ts'

export type Observation =
  | { readonly kind: 'columns'; readonly columns: readonly Column[]; readonly unread?: readonly Unread[] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'error'; readonly message: string }

export interface Look {
  /** A table function call: `read_csv('…')`. */
  readonly call: string
  /** One that gives the same in less time, where the caller knows one. What is wrong is said of `call`. */
  readonly told?: string
  /** The call as execution makes it, which takes values by the names of columns: only in JSON may it find others. */
  readonly byName?: (types: Readonly<Record<string, string>>) => string
  /** Absent: files hold no other columns, or it cannot be told at little cost. */
  readonly further?: FurtherLooks
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
    const folders = [folder, literalGlob(folder)].map((path) => literal(`${path}/`))
    await connection.run(`SET allowed_directories = [${folders.join(', ')}]`)
    await connection.run('SET enable_external_access = false; SET lock_configuration = true')
    return await observeSideBySide([connection, await instance.connect()], looks, folder)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** Finding out how a file is written is work of one thread: each connection takes the next file when it is done. */
async function observeSideBySide(
  connections: readonly DuckDBConnection[],
  looks: readonly Look[],
  folder: string,
): Promise<readonly Observation[]> {
  const observations: Observation[] = []
  const waiting = looks.entries()
  const lane = async (connection: DuckDBConnection): Promise<void> => {
    for (const [i, look] of waiting) observations[i] = await observe(connection, look, folder)
  }
  await Promise.all(connections.map(lane))
  return observations
}

async function observe(connection: DuckDBConnection, look: Look, folder: string): Promise<Observation> {
  const { told, ...plain } = look
  try {
    if (told !== undefined) return await columnsSeen(connection, { ...plain, call: told })
  } catch {
    // Said below.
  }
  try {
    return await columnsSeen(connection, plain)
  } catch (error) {
    if (/No files found that match/.test(messageOf(error))) return { kind: 'absent' }
    return {
      kind: 'error',
      message: engineError(error)
        .message.replaceAll(`${folder}/`, '')
        .replaceAll(`${literalGlob(folder)}/`, ''),
    }
  }
}

async function columnsSeen(connection: DuckDBConnection, look: Look): Promise<Observation> {
  const sampled = await sample(connection, look)
  const sniffed = await columnsOf(connection, sampled ? SAMPLE : `SELECT * FROM ${look.call}`)
  const invented = await inventedName(connection, look, sniffed)
  if (invented !== undefined) return { kind: 'error', message: inventedText(invented) }
  const columns = sampled ? await withExpectedTypes(connection, look, sniffed) : sniffed
  if (look.further === undefined) return { kind: 'columns', columns }
  const unread = await unreadColumns(sniffed, look.further, (call) => columnsOf(connection, `SELECT * FROM ${call}`))
  return { kind: 'columns', columns, ...(unread.length === 0 ? {} : { unread }) }
}

/**
 * A column that the reader named itself, since its key is empty or is there twice but for letter case: reading it by
 * that name would find nothing. Only names that may be such are looked for, in all rows.
 */
async function inventedName(
  connection: DuckDBConnection,
  { call, byName }: Look,
  columns: readonly Column[],
): Promise<string | undefined> {
  if (byName === undefined) return undefined
  const names = new Set(columns.map(({ name }) => foldCase(name)))
  const doubtful = columns
    .map(({ name }) => name)
    .filter((name) => EMPTY_KEY.test(name) || (/_\d+$/.test(name) && names.has(foldCase(name.replace(/_\d+$/, '')))))
  if (doubtful.length === 0) return undefined
  const counts = doubtful.map((name) => `count(${quoted(name)})`).join(', ')
  const types = Object.fromEntries(columns.map(({ name }) => [name, 'JSON']))
  const sniffed = (await connection.runAndReadAll(`SELECT ${counts} FROM ${call}`)).getRows()[0]
  const found = (await connection.runAndReadAll(`SELECT ${counts} FROM ${byName(types)}`)).getRows()[0]
  return doubtful.find((_, i) => sniffed?.[i] !== found?.[i])
}

/** What the reader calls the key `""`. */
const EMPTY_KEY = /^C\d+$/

const inventedText = (name: string): string =>
  EMPTY_KEY.test(name)
    ? `one of its keys is empty (the engine calls it '${name}'). Give it a name.`
    : `it has keys that differ at most in letter case (the engine calls one of them '${name}'). Give each a name of its own.`

const SAMPLE = 'sample_of_rows'

/** Keeps the first rows in a table, where there are types to try on them: the file is opened and sniffed once. */
async function sample(connection: DuckDBConnection, look: Look): Promise<boolean> {
  if (Object.keys(look.expected).length === 0) return false
  try {
    await connection.run(`CREATE OR REPLACE TEMP TABLE ${SAMPLE} AS SELECT * FROM ${look.call} LIMIT ${SAMPLE_ROWS}`)
    return true
  } catch {
    // What is wrong is said by the description of the file, which reads no more than it must.
    return false
  }
}

async function columnsOf(connection: DuckDBConnection, query: string): Promise<readonly Column[]> {
  const rows = (await connection.runAndReadAll(`DESCRIBE ${query}`)).getRows()
  return rows.map((row) => ({ name: String(row[0]), type: storedType(String(row[1])).type }))
}

async function withExpectedTypes(
  connection: DuckDBConnection,
  look: Look,
  sniffed: readonly Column[],
): Promise<readonly Column[]> {
  const expected = new Map(Object.entries(look.expected).map(([name, type]) => [name.toLowerCase(), type]))
  const wanted = sniffed.map((column) => ({ ...column, type: expected.get(column.name.toLowerCase()) ?? column.type }))
  const checks = sniffed.map((column, i) => readable(column, wanted[i]?.type ?? column.type))
  const fits = await answers(connection, checks)
  return sniffed.map((column, i) => (fits[i] === true ? (wanted[i] ?? column) : column))
}

/** Whether each condition holds for the sample. One question for all; one each where the engine refuses that. */
async function answers(connection: DuckDBConnection, checks: readonly string[]): Promise<readonly unknown[]> {
  try {
    const answer = await connection.runAndReadAll(`SELECT ${checks.join(', ')} FROM ${SAMPLE}`)
    return answer.getRows()[0] ?? []
  } catch {
    // Between some types there is not even a cast.
    if (checks.length === 1) return [false]
    const each: unknown[] = []
    for (const check of checks) each.push(...(await answers(connection, [check])))
    return each
  }
}

/** SQL that is true when every value can be read as `type`, and, unless it is plain text, read back as it was. */
function readable(column: Column, type: string): string {
  if (type === column.type) return 'true'
  const name = quoted(column.name)
  const cast = `TRY_CAST(${name} AS ${type})`
  const back = column.type === 'VARCHAR' ? 'true' : `TRY_CAST(${cast} AS ${column.type}) IS NOT DISTINCT FROM ${name}`
  return `coalesce(bool_and(${name} IS NULL OR (${cast} IS NOT NULL AND ${back})), true)`
}
