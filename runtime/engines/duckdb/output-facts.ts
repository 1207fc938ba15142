// A written output → its rows, columns and content digest. The digest does not depend on the order of rows: it is the
// number of rows, the sum of the rows' hashes modulo 2^128 and the fingerprint of names and types (the hash ignores
// integer widths and field names). Hashes belong to the engine's version.

import { digestOf } from '../../contract/state.ts'
import type { OutputFacts } from '../../engine.ts'
import type { DuckDBConnection } from './driver.ts'
import { queryColumns } from './query-columns.ts'
import { literal, quoted } from './quoting.ts'

const MODULUS = 1n << 128n

/** `known`: its columns, where they are known. */
export async function outputFacts(connection: DuckDBConnection, file: string, known?: Columns): Promise<OutputFacts> {
  const columns = known ?? (await columnsOf(connection, file))
  const { rows, digest } = await contentDigest(connection, file, columns)
  return { rows, digest, columns }
}

/** Digest of some columns; their order in the file and names' letter case do not matter. Absent columns are part of the digest by name. */
export async function digestOfColumns(
  connection: DuckDBConnection,
  file: string,
  wanted: readonly string[],
): Promise<string> {
  const columns = await columnsOf(connection, file)
  const byName = new Map(columns.map((column) => [column.name.toLowerCase(), column]))
  const names = [...new Set(wanted.map((name) => name.toLowerCase()))].sort()
  const chosen = names.map((name) => ({ name, type: byName.get(name)?.type ?? 'absent' }))
  const present = names.flatMap((name) => byName.get(name) ?? [])
  return (await contentDigest(connection, file, present, chosen)).digest
}

type Columns = OutputFacts['columns']

/** As the file has them. */
export const columnsOf = (connection: DuckDBConnection, file: string): Promise<Columns> =>
  queryColumns(connection, `SELECT * FROM read_parquet(${literal(file)})`)

async function contentDigest(
  connection: DuckDBConnection,
  file: string,
  hashed: Columns,
  named: Columns = hashed,
): Promise<{ readonly rows: number; readonly digest: string }> {
  const hash = hashed.length === 0 ? 'NULL' : `sum(hash(${hashed.map((column) => quoted(column.name)).join(', ')}))`
  const answer = await connection.runAndReadAll(`SELECT count(*), ${hash} FROM read_parquet(${literal(file)})`)
  const [rows, sum] = answer.getRows()[0] ?? []
  const total = typeof sum === 'bigint' ? sum % MODULUS : 0n
  return {
    rows: Number(rows),
    digest: digestOf(Number(rows), total.toString(16).padStart(32, '0'), named),
  }
}
