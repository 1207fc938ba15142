// One table or view of an engine that is PostgreSQL: made of a query, or filled with rows that stream. Reports STEP_FAILED,
// CONNECTION_FAILED, QUERY_FAILED.

import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { RuntimeFailure } from '../../contract/failures.ts'
import type { OutputColumn } from '../../engine.ts'
import { copyFrom } from './driver.ts'
import { serverFailure } from './failures.ts'
import type { Session } from './session.ts'
import { duckdbType } from './types.ts'
import { utf16OfPosition } from './utf16.ts'

export interface TableFacts {
  readonly columns: readonly OutputColumn[]
  readonly sizeBytes: number
}

/** A statement of a step, and where it is in the step's file. */
export interface PlacedStatement {
  readonly sql: string
  /** What stands in front of it when it is executed. */
  readonly leading: string
  /** The offset in the step's file of an offset in `sql`. */
  readonly origin: (offset: number) => number
  /** Where an error is that the server knows no place of; null: anywhere. */
  readonly otherwise: number | null
}

/** Rows that the statement gave, by its tag. Throws STEP_FAILED (facts: message, statement, offset), CONNECTION_FAILED. */
export async function executeStep(session: Session, statement: PlacedStatement, what: string): Promise<number> {
  const text = statement.leading + statement.sql
  try {
    return (await session.client.query(text)).rowCount ?? 0
  } catch (error) {
    throw stepFailure(serverFailure(error, session.connection, what), what, (position) => {
      const offset = position === null ? -1 : utf16OfPosition(text, position) - statement.leading.length
      return offset < 0 ? statement.otherwise : statement.origin(offset)
    })
  }
}

/** A statement that no file of the bundle holds. */
export const ourOwn = (sql: string): PlacedStatement => ({ sql, leading: '', origin: () => 0, otherwise: null })

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
  await executeStep(session, ourOwn(create), what)
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

/** Whether two tables, as SQL spells them, have the same columns of the same types. */
export async function sameColumns(session: Session, one: string, other: string, what: string): Promise<boolean> {
  const columns = (parameter: string): string =>
    `(SELECT json_agg(json_build_array(attname, format_type(atttypid, atttypmod)) ORDER BY attnum)::text
      FROM pg_attribute WHERE attrelid = ${parameter}::regclass AND attnum > 0 AND NOT attisdropped)`
  const [found] = await session.rows(what, `SELECT (${columns('$1')} = ${columns('$2')})::text AS same`, [one, other])
  return found?.same === 'true'
}

/** Columns and size of a relation that the name, as SQL spells it, leads to. */
export async function tableFacts(session: Session, relation: string, what: string): Promise<TableFacts> {
  const rows = await session.rows(
    what,
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attndims AS dimensions, pg_relation_size(a.attrelid) AS size
     FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [relation],
  )
  return {
    columns: rows.map(({ name, type, dimensions }) => ({
      name: name ?? '',
      type: duckdbType(type ?? 'text', Number(dimensions ?? 1)),
    })),
    sizeBytes: Number(rows[0]?.size ?? 0),
  }
}

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
