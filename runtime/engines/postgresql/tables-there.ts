// Names of tables → which of them the server has. Only reads its catalogue. A server that cannot be asked is no error here: who
// wants to read or write a table says what is wrong.

import { RuntimeFailure } from '../../contract/failures.ts'
import type { PostgresqlConnection } from './connection.ts'
import { openSession } from './session.ts'

export interface TableName {
  readonly schema: string
  readonly table: string
}

/** Looking is not worth waiting longer for. */
const MOST_SECONDS = 5

/** For each name whether something has it, table or not; null: the server did not say. */
export async function tablesThere(
  connection: PostgresqlConnection,
  names: readonly TableName[],
): Promise<readonly boolean[] | null> {
  try {
    const connectTimeoutS = Math.min(connection.connectTimeoutS, MOST_SECONDS)
    const session = await openSession({ ...connection, connectTimeoutS })
    try {
      const rows = await session.rows(
        'looking for tables',
        `SELECT (c.oid IS NOT NULL)::text AS there
         FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS asked(name, place)
         LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = asked.name->>'schema'
         LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = asked.name->>'table'
         ORDER BY asked.place`,
        [JSON.stringify(names.map(({ schema, table }) => ({ schema, table })))],
      )
      return rows.map(({ there }) => there === 'true')
    } finally {
      await session.close()
    }
  } catch (error) {
    if (error instanceof RuntimeFailure) return null
    throw error
  }
}
