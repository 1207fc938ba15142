// Takes away what an environment made in a database: its tables, then the schemas that were made for them if nothing else is
// in them by then. Nothing that others made is dropped, and nothing that depends on a table goes with it: one transaction,
// or none of it. Reports TARGET_FAILED, CONNECTION_FAILED.

import { RuntimeFailure } from '../../contract/failures.ts'
import type { PostgresqlConnection } from './connection.ts'
import { openSession, type Session } from './session.ts'

export interface Removal {
  readonly tables: readonly { readonly schema: string; readonly table: string }[]
  readonly schemas: readonly string[]
}

export interface Removed {
  readonly tables: readonly string[]
  readonly schemas: readonly string[]
  /** Schemas that hold things of others, with their names. */
  readonly kept: readonly { readonly schema: string; readonly holds: readonly string[] }[]
}

export async function removeTargets(connection: PostgresqlConnection, removal: Removal): Promise<Removed> {
  const session = await openSession(connection)
  try {
    await session.rows('removing tables', 'BEGIN')
    await session.rows('removing tables', "SET LOCAL lock_timeout = '10s'")
    const tables: string[] = []
    for (const { schema, table } of removal.tables)
      if (await dropTable(session, schema, table)) tables.push(`${schema}.${table}`)
    const schemas: string[] = []
    const kept: { schema: string; holds: readonly string[] }[] = []
    for (const schema of removal.schemas) {
      const holds = await thingsIn(session, schema)
      if (holds === null) continue
      if (holds.length > 0) kept.push({ schema, holds })
      else {
        await session.rows(
          `dropping the schema ${schema}`,
          `DROP SCHEMA ${session.client.escapeIdentifier(schema)} RESTRICT`,
        )
        schemas.push(schema)
      }
    }
    await session.rows('removing tables', 'COMMIT')
    return { tables, schemas, kept }
  } finally {
    await session.close()
  }
}

/** Whether it was there. What depends on it stops all. */
async function dropTable(session: Session, schema: string, table: string): Promise<boolean> {
  const { client } = session
  const name = `${client.escapeIdentifier(schema)}.${client.escapeIdentifier(table)}`
  const what = `dropping the table ${schema}.${table}`
  const found = await session.rows(
    what,
    `SELECT 1 AS one FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')`,
    [schema, table],
  )
  if (found.length === 0) return false
  try {
    await session.rows(what, `DROP TABLE ${name} RESTRICT`)
    return true
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error
    throw new RuntimeFailure(
      'TARGET_FAILED',
      error.message,
      { ...error.facts, relation: `${schema}.${table}` },
      {
        cause: error,
        hints: ['Drop what others made of it first, or leave all tables with --keep-schemas.'],
      },
    )
  }
}

const MOST_NAMED = 10

/** Names of what is in a schema; null: there is no such schema. */
async function thingsIn(session: Session, schema: string): Promise<readonly string[] | null> {
  const rows = await session.rows(
    `looking into the schema ${schema}`,
    `SELECT n.oid AS schema, pg_catalog.pg_describe_object(d.classid, d.objid, 0) AS thing
     FROM pg_catalog.pg_namespace n
     LEFT JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_namespace'::regclass AND d.refobjid = n.oid
       AND d.deptype = 'n'
     WHERE n.nspname = $1
     LIMIT ${MOST_NAMED}`,
    [schema],
  )
  return rows.length === 0 ? null : rows.flatMap(({ thing }) => thing ?? [])
}
