// One table or view of an engine that is PostgreSQL: made of a query, or filled with rows that stream. Reports STEP_FAILED,
// CONNECTION_FAILED, QUERY_FAILED.

import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { RuntimeFailure } from '../../contract/failures.ts'
import { pgText } from '../../contract/postgresql-names.ts'
import type { OutputColumn } from '../../engine.ts'
import { copyFrom, type QueryResult } from './driver.ts'
import { serverFailure } from './failures.ts'
import type { Row, Session } from './session.ts'
import { duckdbType } from './types.ts'
import { utf16OfPosition } from './utf16.ts'

export interface TableFacts {
  readonly columns: readonly OutputColumn[]
  readonly sizeBytes: number
}

/** A statement of a step, and where it is in the step's file. */
export interface PlacedStatement {
  readonly sql: string
  /** The offset in the step's file of an offset in `sql`. */
  readonly origin: (offset: number) => number
  /** Where an error is that the server knows no place of; null: anywhere. */
  readonly otherwise: number | null
}

/** What stands around a statement when it is executed. */
interface Around {
  readonly leading: string
  readonly trailing: string
}

export interface MadeTable extends TableFacts {
  /** By the tag of the statement that filled it. */
  readonly rows: number
}

/**
 * A table in place of one of that name, and what it is, in one message, which is one transaction, unless `isStepwise`: nothing
 * is made within one. `comment` goes before all of it. Throws STEP_FAILED (facts: message, statement, offset), CONNECTION_FAILED.
 */
export async function makeTable(
  session: Session,
  {
    query,
    isStepwise,
    ...named
  }: Readonly<Record<'comment' | 'table' | 'what', string>> & {
    readonly query: PlacedStatement
    readonly isStepwise: boolean
  },
): Promise<MadeTable> {
  const { comment, table, what } = named
  if (isStepwise) {
    await session.rows(what, `${comment} DROP TABLE IF EXISTS ${table}`)
    const [alone] = await executed(
      session,
      query,
      { leading: `${comment} CREATE TABLE ${table} AS\n`, trailing: '' },
      what,
    )
    return { rows: alone?.rowCount ?? 0, ...(await tableFacts(session, table, what)) }
  }
  const leading = `${comment} DROP TABLE IF EXISTS ${table};\nCREATE TABLE ${table} AS\n`
  const [, made, facts] = await executed(session, query, { leading, trailing: `\n;\n${factsQuery(table)}` }, what)
  return { rows: made?.rowCount ?? 0, ...factsOf(facts?.rows ?? []) }
}

/** A statement about temporary objects. Throws what makeTable() throws. */
export async function executeStep(
  session: Session,
  {
    comment,
    statement,
    what,
  }: { readonly comment: string; readonly statement: PlacedStatement; readonly what: string },
): Promise<void> {
  await executed(session, statement, { leading: `${comment} `, trailing: '' }, what)
}

/** The answer to each statement of a message. */
async function executed(
  session: Session,
  { sql, origin, otherwise }: PlacedStatement,
  { leading, trailing }: Around,
  what: string,
): Promise<readonly QueryResult<Row>[]> {
  const text = leading + sql + trailing
  try {
    const results: unknown = await session.client.query<Row>(text)
    // The driver gives a list where there are several statements.
    return (Array.isArray(results) ? results : [results]) as readonly QueryResult<Row>[]
  } catch (error) {
    throw stepFailure(serverFailure(error, session.connection, what), what, (position) => {
      const offset = position === null ? -1 : utf16OfPosition(text, position) - leading.length
      return offset < 0 || offset > sql.length ? otherwise : origin(offset)
    })
  }
}

/** A statement that no file of the bundle holds. */
const ourOwn = (sql: string): PlacedStatement => ({ sql, origin: () => 0, otherwise: null })

function stepFailure(
  failure: RuntimeFailure,
  what: string,
  offsetOf: (position: number | null) => number | null,
): RuntimeFailure {
  if (failure.code !== 'QUERY_FAILED') return failure
  if (failure.facts.sqlstate === '57014')
    return new RuntimeFailure('INTERRUPTED', `${what} was cancelled`, failure.facts, { cause: failure })
  const message = failure.message.replace(`${what} failed: `, '')
  const { position } = failure.facts
  const offset = offsetOf(typeof position === 'number' ? position : null)
  const facts = { ...failure.facts, message, statement: 0, offset }
  return new RuntimeFailure('STEP_FAILED', message, facts, { cause: failure.cause, hints: failure.hints })
}

export interface RowStream {
  readonly stream: Readable
  /** Ends with the writer of the rows. */
  readonly settled: Promise<void>
}

/** Streams CSV without a header into a table that `create` makes. Within a transaction. */
export async function fillTable(
  session: Session,
  { create, copy, what }: { readonly create: string; readonly copy: string; readonly what: string },
  rows: () => RowStream,
): Promise<void> {
  await executed(session, ourOwn(create), { leading: '', trailing: '' }, what)
  const sink = session.client.query(copyFrom(copy))
  const { stream, settled } = rows()
  const [sent, made] = await Promise.allSettled([
    pipeline(stream, sink).catch((error: unknown) => {
      stream.destroy()
      throw error
    }),
    settled.catch((error: unknown) => {
      stream.destroy(error instanceof Error ? error : new Error(String(error)))
      throw error
    }),
  ])
  // What the writer of the rows says is only that nobody reads them, where the server has said why.
  if (made.status === 'rejected' && (sent.status === 'fulfilled' || sent.reason === made.reason)) throw made.reason
  if (sent.status === 'rejected')
    throw stepFailure(serverFailure(sent.reason, session.connection, what), what, () => null)
}

/** Names of the columns of a table, as SQL spells it, with types as format_type() spells them. */
export async function exactColumns(
  session: Session,
  table: string,
  what: string,
): Promise<readonly (readonly [string, string])[]> {
  const rows = await session.rows(
    what,
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type
     FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [table],
  )
  return rows.map(({ name, type }) => [name ?? '', type ?? ''] as const)
}

const factsQuery = (relation: string): string =>
  `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attndims AS dimensions, pg_relation_size(a.attrelid) AS size
   FROM pg_attribute a WHERE a.attrelid = ${pgText(relation)}::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

const factsOf = (rows: readonly Row[]): TableFacts => ({
  columns: rows.map(({ name, type, dimensions }) => ({
    name: name ?? '',
    type: duckdbType(type ?? 'text', Number(dimensions ?? 1)),
  })),
  sizeBytes: Number(rows[0]?.size ?? 0),
})

/** Columns and size of a relation that the name, as SQL spells it, leads to. */
export const tableFacts = async (session: Session, relation: string, what: string): Promise<TableFacts> =>
  factsOf(await session.rows(what, factsQuery(relation)))

const MODULUS = 1n << 128n

/** Rows, and the sum of their hashes modulo 2^128 in hexadecimal. `row`: an expression over `q`, the relation. */
export async function rowDigest(
  session: Session,
  relation: string,
  row: string,
  what: string,
): Promise<{ readonly rows: number; readonly sum: string }> {
  const [found] = await session.rows(
    what,
    `SELECT count(*) AS rows, coalesce(sum(hashtextextended((${row})::text, 0)::numeric), 0) AS sum FROM ${relation} AS q`,
  )
  const sum = ((BigInt(found?.sum ?? '0') % MODULUS) + MODULUS) % MODULUS
  return { rows: Number(found?.rows ?? 0), sum: sum.toString(16) }
}
