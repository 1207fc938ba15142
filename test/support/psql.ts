// Runs a file of SQL as psql would with ON_ERROR_STOP: statement by statement in one session, its own commands understood as far
// as our files use them.

import pg from 'pg'
import type { TestDatabase } from './postgres.ts'

/** Rows of the last statement. Throws the server's error, and leaves the transaction as psql would: gone. */
export async function psql(database: TestDatabase, text: string): Promise<Record<string, unknown>[]> {
  const { host, port, database: name, user, password } = database
  const client = new pg.Client({ host, port, database: name, user, password, ssl: false })
  client.on('error', () => {})
  await client.connect()
  try {
    let rows: Record<string, unknown>[] = []
    for (const statement of statementsOf(text)) rows = (await client.query(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}

/** Without comments and commands of psql; semicolons in quotes do not separate. */
function statementsOf(text: string): string[] {
  const plain = text
    .split('\n')
    .filter((line) => !/^\s*(--|\\)/.test(line))
    .join('\n')
  return plain
    .split(/;(?=(?:[^']*'[^']*')*[^']*$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
}
