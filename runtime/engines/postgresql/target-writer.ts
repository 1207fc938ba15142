// Writes rows to a target: they stream into a staging table that only this session sees, then the target changes; or they
// stream straight into a table that is overwritten, where that comes to the same. All in one transaction, so that whatever
// ends it leaves the target as it was and no staging table. Waiting for locks is limited, and tried again. Reports
// TARGET_FAILED, CONNECTION_FAILED, INTERRUPTED.

import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Bug, RuntimeFailure } from '../../contract/failures.ts'
import {
  BATCH_VARIABLE,
  BATCHES,
  binaryCopy,
  type StatementRole,
  targetStatements,
  type WrittenTarget,
} from '../../contract/target-sql.ts'
import { wireFields } from '../../contract/target-wire.ts'
import { BinaryRows, CutRows } from './binary-rows.ts'
import type { PostgresqlConnection } from './connection.ts'
import { copyFrom } from './driver.ts'
import { serverFailure } from './failures.ts'
import { openSession, type Session } from './session.ts'
import { type Fit, type FoundTable, findTable, fitTable, isDirect } from './target-table.ts'

export interface TargetRequest {
  readonly written: WrittenTarget
  /** Begins the message of a failure: `writing transform.orders to analytics.orders`. */
  readonly what: string
  /** Of an `append`: stands for the rows. The same again right after itself is not added. */
  readonly batch: string
  /** The node, and the one that it was renamed from. */
  readonly nodes: readonly string[]
  /** Called once, before anything is changed, with what is not there yet. */
  begin(found: { readonly schema: boolean; readonly table: boolean; readonly batches: boolean }): Promise<void>
  /** CSV without a header, or as contract/target-wire.ts spells it; `settled` ends with the writer. Called at most once. */
  rows(spelling: 'csv' | 'wire'): { readonly stream: Readable; readonly settled: Promise<void> }
  readonly signal?: AbortSignal | undefined
  readonly faults?: ((point: 'copied' | 'changed') => void) | undefined
}

export interface TargetAnswer {
  /** The batch was there already: nothing was changed. */
  readonly known: boolean
}

const MOST_ATTEMPTS = 4
const FIRST_PAUSE_MS = 250
/** A lock was not given in time; two sessions waited for each other. */
const LOCKED: readonly unknown[] = ['55P03', '40P01']
/** Somebody else has just made the same schema or table. */
const MADE: readonly unknown[] = ['23505', '42P06', '42P07', '42701', '42710']
const MAKING: readonly StatementRole[] = ['schema', 'table', 'column', 'batches']

export async function writeTarget(connection: PostgresqlConnection, request: TargetRequest): Promise<TargetAnswer> {
  const session = await openSession(connection)
  const cancel = (): void => void session.cancel()
  request.signal?.addEventListener('abort', cancel)
  try {
    return await new Writing(session, request).run()
  } catch (error) {
    if (request.signal?.aborted) throw new RuntimeFailure('INTERRUPTED', 'interrupted', {}, { cause: error })
    throw error
  } finally {
    request.signal?.removeEventListener('abort', cancel)
    await session.close()
  }
}

class MadeMeanwhile extends Error {
  readonly failure: RuntimeFailure

  constructor(failure: RuntimeFailure) {
    super(failure.message)
    this.failure = failure
  }
}

class Writing {
  readonly #session: Session
  readonly #request: TargetRequest

  constructor(session: Session, request: TargetRequest) {
    this.#session = session
    this.#request = request
  }

  async run(): Promise<TargetAnswer> {
    const { written, begin, faults } = this.#request
    await this.#requireDatabase()
    // What cannot be written is known before any row is sent.
    const found = await this.#find()
    const fit = fitTable(written, found)
    if (await this.#isKnown(found)) return { known: true }
    await begin({ schema: found.hasSchema, table: found.columns !== null, batches: found.hasBatches })
    await this.#ask('BEGIN')
    const direct = isDirect(written, found, fit) && (await this.#change(() => this.#emptyOnce()))
    if (!direct) await this.#all('staging')
    await this.#copy(direct ? 'fill' : 'copy')
    faults?.('copied')
    if (!direct) await this.#all('analyze')
    const known = !direct && (await this.#change(() => this.#changeOnce()))
    faults?.('changed')
    await this.#ask('COMMIT')
    return { known }
  }

  async #requireDatabase(): Promise<void> {
    const { database } = this.#request.written.target
    const { connection } = this.#session
    if (database === undefined || database === connection.database) return
    throw new RuntimeFailure(
      'TARGET_FAILED',
      `the table is in the database '${database}', and the connection '${connection.name}' leads to '${connection.database}'`,
      { connection: connection.name, database },
      {
        hints: [
          'Name a connection of the profile that leads there, or leave the database out of the name of the table.',
        ],
      },
    )
  }

  #find(): Promise<FoundTable> {
    return findTable(this.#session, this.#request.what, this.#request.written)
  }

  /** Whether these rows are the last that the node has added. */
  async #isKnown({ hasBatches, columns }: FoundTable): Promise<boolean> {
    const { written, batch } = this.#request
    // A table that was dropped has lost what was added.
    if (written.target.mode !== 'append' || !hasBatches || columns === null) return false
    const { client } = this.#session
    const schema = client.escapeIdentifier(`${written.prefix}${written.target.schema}`)
    const sql = `SELECT batch FROM ${schema}.${BATCHES} WHERE relation = $1 AND node = ANY ($2) ORDER BY id DESC LIMIT 1`
    const nodes = `{${this.#request.nodes.join(',')}}`
    const [last] = await this.#session.rows(this.#request.what, sql, [written.target.table, nodes])
    return last?.batch === batch
  }

  #ask(sql: string, values: readonly string[] = []): Promise<unknown> {
    return asTarget(this.#session.rows(this.#request.what, sql, values))
  }

  async #all(role: StatementRole): Promise<void> {
    for (const statement of targetStatements(this.#request.written))
      if (statement.role === role) await this.#ask(statement.sql)
  }

  async #copy(into: 'copy' | 'fill'): Promise<void> {
    const { written, what, rows } = this.#request
    const copy = targetStatements(written).find(({ role }) => role === into)?.sql ?? ''
    const fields = wireFields(written.columns)
    const sink = this.#session.client.query(copyFrom(fields === null ? copy : binaryCopy(copy)))
    const { stream, settled } = rows(fields === null ? 'csv' : 'wire')
    const sending = fields === null ? pipeline(stream, sink) : pipeline(stream, new BinaryRows(fields), sink)
    const [sent, made] = await Promise.allSettled([
      sending.catch((error: unknown) => {
        stream.destroy()
        throw error
      }),
      settled.catch((error: unknown) => {
        stream.destroy(error instanceof Error ? error : new Error(String(error)))
        throw error
      }),
    ])
    // What the writer of the rows says is only that nobody reads them, where the server has said why.
    const isCut = sent.status === 'fulfilled' || sent.reason instanceof CutRows
    if (made.status === 'rejected' && (isCut || sent.reason === made.reason)) throw made.reason
    if (sent.status === 'rejected' && sent.reason instanceof Bug) throw sent.reason
    if (sent.status === 'rejected') throw targetFailure(serverFailure(sent.reason, this.#session.connection, what))
  }

  /** Tried again when others hold what it needs; false leaves nothing behind for `#emptyOnce`. */
  async #change(once: () => Promise<boolean>): Promise<boolean> {
    await this.#ask('SAVEPOINT unchanged')
    for (let attempt = 1; ; attempt++) {
      try {
        return await once()
      } catch (error) {
        const isMade = error instanceof MadeMeanwhile
        const cause = isMade ? error.failure : error
        const sqlstate = cause instanceof RuntimeFailure ? cause.facts.sqlstate : null
        if ((!isMade && !LOCKED.includes(sqlstate)) || this.#request.signal?.aborted) throw cause
        if (attempt === MOST_ATTEMPTS) throw isMade ? cause : lockFailure(cause, this.#request)
        await this.#ask('ROLLBACK TO SAVEPOINT unchanged')
        if (!isMade) await sleep(FIRST_PAUSE_MS * 2 ** attempt, undefined, { signal: this.#request.signal })
      }
    }
  }

  /** Before the first row is sent, since rows come only once; whether the table, which nobody changes by now, is one for it. */
  async #emptyOnce(): Promise<boolean> {
    const { written } = this.#request
    const found = await this.#find()
    const fit = fitTable(written, found)
    for (const { role, sql, column } of targetStatements(written)) {
      if (role === 'empty') {
        const locked = await this.#find()
        if (!isDirect(written, locked, fitTable(written, locked))) {
          await this.#ask('ROLLBACK TO SAVEPOINT unchanged')
          return false
        }
        await this.#ask(sql)
      } else if (role !== 'change' && this.#isNeeded(role, column, found, fit)) {
        await (MAKING.includes(role) ? this.#make(sql) : this.#ask(sql))
      }
    }
    return true
  }

  /** Changes the target by the staging table; whether a batch turned out to be known. */
  async #changeOnce(): Promise<boolean> {
    const { written, batch } = this.#request
    const found = await this.#find()
    const fit = fitTable(written, found)
    let isMerged = false
    for (const { role, sql, column } of targetStatements(written)) {
      if (!this.#isNeeded(role, column, found, fit) || (role === 'change' && isMerged)) continue
      // Under the lock: as it was found before, it may have got a trigger or lost its index.
      if (role === 'merge') {
        isMerged = (await this.#find()).keyed
        if (isMerged) await this.#ask(sql)
      } else if (MAKING.includes(role)) await this.#make(sql)
      else if (role !== 'batch') await this.#ask(sql)
      // Another run has written this very batch while this one sent its rows.
      else if (await this.#isKnown({ ...found, hasBatches: true })) return true
      else await this.#ask(sql.replace(`, ${BATCH_VARIABLE}, count(*)`, ', $1, count(*)'), [batch])
    }
    return false
  }

  /** What is missing may be made by another session at the same time: then it is there. */
  async #make(sql: string): Promise<void> {
    await this.#ask(sql).catch((error: unknown) => {
      const isMade = error instanceof RuntimeFailure && MADE.includes(error.facts.sqlstate)
      throw isMade ? new MadeMeanwhile(error) : error
    })
  }

  #isNeeded(role: StatementRole, column: string | undefined, found: FoundTable, fit: Fit): boolean {
    switch (role) {
      case 'staging':
      case 'copy':
      case 'analyze':
      case 'empty':
      case 'fill':
        return false
      case 'wait':
        return this.#session.connection.lockTimeoutMs === null
      case 'schema':
        return !found.hasSchema
      case 'table':
        return found.columns === null || fit.recreate
      case 'drop':
        return fit.recreate
      case 'column':
        return fit.missing.includes(column ?? '')
      case 'batches':
        return !found.hasBatches
      default:
        return true
    }
  }
}

/** What the server refused is a failure of the target; a lost connection stays one. */
const targetFailure = (failure: RuntimeFailure): RuntimeFailure =>
  failure.code === 'QUERY_FAILED'
    ? new RuntimeFailure('TARGET_FAILED', failure.message, failure.facts, {
        cause: failure.cause,
        hints: failure.hints,
      })
    : failure

const asTarget = <T>(asked: Promise<T>): Promise<T> =>
  asked.catch((error: unknown) => {
    throw error instanceof RuntimeFailure ? targetFailure(error) : error
  })

function lockFailure(error: unknown, { what }: TargetRequest): RuntimeFailure {
  const facts = error instanceof RuntimeFailure ? error.facts : {}
  return new RuntimeFailure(
    'TARGET_FAILED',
    `${what} failed: other sessions hold locks on the table, and did not give them up in ${MOST_ATTEMPTS} attempts`,
    facts,
    {
      cause: error,
      hints: [
        'See who: SELECT pid, query FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids(PID)).',
        "'lock_timeout' of the connection says how long each attempt waits (default: 10s). The table is as it was; run again.",
      ],
    },
  )
}
