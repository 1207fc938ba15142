// Whether a person's statement only reads: by its leading words and by the engine's own classification, both of which
// must agree. Allowed: queries, EXPLAIN of queries, SET VARIABLE, CREATE TEMP. Reports STATEMENT_REFUSED.

import { RuntimeFailure } from '../../contract/failures.ts'
import type { DuckDBConnection } from './driver.ts'
import { splitStatements } from './split-statements.ts'
import { leadingKind } from './statement-kind.ts'

/** DuckDB's numbers of statement types (StatementType of the client). */
const SELECT = 1
const EXPLAIN = 4
const CREATE = 7
const SET = 20

const COMMENTS = /^(\s|--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/)+/
const EXPLAINED = /^explain(\s+analyze)?(\s*\([^)]*\))?\s+/i
const CREATE_TEMP = /^create\s+(or\s+replace\s+)?(temp|temporary)\s/i
const SET_VARIABLE = /^(set|reset)\s+variable\s/i

/** Why `sql` is not run, or null. `onlyQueries` allows nothing but a query. Engine errors of a query pass through. */
export async function refusal(
  connection: DuckDBConnection,
  sql: string,
  onlyQueries: boolean,
): Promise<RuntimeFailure | null> {
  const text = sql.replace(COMMENTS, '')
  const kind = leadingKind(text)
  if (kind === 'select') return (await isQuery(connection, text)) ? null : refused(text)
  // What the engine cannot parse is its to report.
  await connection.extractStatements(text)
  if (onlyQueries) return refused(text)
  if (kind === 'explain') {
    const explained = text.replace(EXPLAINED, '').replace(COMMENTS, '')
    const query = leadingKind(explained) === 'select' && (await isQuery(connection, explained))
    return query && (await typesOf(connection, text)).every((type) => type === EXPLAIN) ? null : refused(text)
  }
  if (kind === 'create' && CREATE_TEMP.test(text))
    return (await isOnly(connection, text, CREATE)) ? null : refused(text)
  if (kind === 'set' && SET_VARIABLE.test(text)) return (await isOnly(connection, text, SET)) ? null : refused(text)
  return refused(text)
}

async function isOnly(connection: DuckDBConnection, text: string, type: number): Promise<boolean> {
  const types = await typesOf(connection, text)
  return types.length === 1 && types[0] === type
}

/** One SELECT, or what PIVOT stands for: types that it creates for itself, then a SELECT. */
async function isQuery(connection: DuckDBConnection, text: string): Promise<boolean> {
  const extracted = await connection.extractStatements(text)
  if (extracted.count === 1) return (await typesOf(connection, text))[0] === SELECT
  return /\bpivot\b/i.test(text) && splitStatements(`${text}\n;`).statements.length === 1
}

async function typesOf(connection: DuckDBConnection, text: string): Promise<readonly number[]> {
  const extracted = await connection.extractStatements(text)
  const types: number[] = []
  for (let i = 0; i < extracted.count; i++) {
    const statement = await extracted.prepare(i)
    types.push(statement.statementType)
    statement.destroySync()
  }
  return types
}

function refused(text: string): RuntimeFailure {
  const shown = text.trim().split(/\s+/).slice(0, 2).join(' ').slice(0, 60)
  return new RuntimeFailure(
    'STATEMENT_REFUSED',
    `The REPL only reads: '${shown}' is refused.`,
    { statement: shown },
    { hints: ['Allowed are queries, EXPLAIN, DESCRIBE, SHOW, SUMMARIZE, SET VARIABLE and CREATE TEMP.'] },
  )
}
