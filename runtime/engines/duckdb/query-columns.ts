// The columns of one query, with types in the engine's own spelling. Preparing gives names and types at once; the types
// that it spells in another way (fields of a STRUCT, JSON) are asked for again. What depends on data is looked up first.

import type { DuckDBConnection } from './driver.ts'

export interface QueryColumn {
  readonly name: string
  readonly type: string
}

/** Throws what the engine throws, also for a query whose columns only data can tell. */
export async function queryColumns(connection: DuckDBConnection, sql: string): Promise<readonly QueryColumn[]> {
  const prepared = await connection.prepare(sql)
  try {
    const columns = Array.from({ length: prepared.columnCount }, (_, i) => {
      const type = prepared.columnType(i)
      return { name: prepared.columnName(i), type: type.toString(), isPlain: type.alias === undefined }
    })
    if (columns.every(({ type, isPlain }) => isPlain && !NESTED.test(type)))
      return columns.map(({ name, type }) => ({ name, type }))
  } finally {
    prepared.destroySync()
  }
  return describedColumns(connection, sql)
}

/** Names of fields, and what JSON may be inside of. */
const NESTED = /"|VARCHAR\[|\(.*VARCHAR/

const DESCRIBE = 'DESCRIBE '

/** How far a position in the text that is described stands behind the same position in the query. */
export const DESCRIBE_OFFSET = DESCRIBE.length

/**
 * The same for every query. PIVOT without IN is extracted to several parts: each but the last makes a type of the keys
 * that the data holds.
 */
export async function describedColumns(connection: DuckDBConnection, sql: string): Promise<readonly QueryColumn[]> {
  const extracted = await connection.extractStatements(DESCRIBE + sql)
  let rows: readonly (readonly unknown[])[] = []
  for (let part = 0; part < extracted.count; part++) {
    const prepared = await extracted.prepare(part)
    try {
      rows = await (await prepared.run()).getRows()
    } finally {
      prepared.destroySync()
    }
  }
  return rows.map(([name, type]) => ({ name: String(name), type: String(type) }))
}
