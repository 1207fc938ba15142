// Changes of the ledger where nothing can be made within a transaction: texts of migrations statement by statement, and the
// statements that a commit noted, in their order. A statement that was done before a kill is recognised by what the server says
// of doing it again. Reports QUERY_FAILED.

import { setTimeout as sleep } from 'node:timers/promises'
import { RuntimeFailure } from '../../contract/failures.ts'
import { splitStatements } from './read-only.ts'
import type { Row, Session } from './session.ts'

const WHAT = 'Keeping the state'
/** It is there already: a schema, a relation, a function, a column, a row. */
const MADE: readonly unknown[] = ['42P06', '42P07', '42723', '42701', '23505']
/** A relation, function or schema that is to be dropped is gone; a column that a comment or grant was about. */
const GONE: readonly unknown[] = ['42P01', '42883', '3F000']
const NO_COLUMN = '42703'
/** Locked, or changed by another session at the same time. */
const PASSES: readonly unknown[] = ['55P03', '40P01', 'XX000']
const GIVE_UP_MS = 60_000
const PAUSE_MS = 300

const sqlstateOf = (error: unknown): unknown => (error instanceof RuntimeFailure ? error.facts.sqlstate : null)

/** Each text is done when all its statements are; `isDone` is told. */
export async function migrateBySteps(session: Session, texts: readonly string[], from: number): Promise<void> {
  for (const [i, text] of texts.entries()) {
    for (const statement of await splitStatements(text)) await done(session, statement)
    const version = String(from + i + 1)
    await session.rows(WHAT, 'INSERT INTO seeknal.migrations (version) VALUES ($1) ON CONFLICT DO NOTHING', [version])
  }
}

/** Does what is noted for a lock, which the session holds. */
export async function doPending(session: Session, project: string, lock: string): Promise<void> {
  const noted: readonly Row[] = await session.rows(
    WHAT,
    'SELECT id, statement FROM seeknal.pending WHERE project = $1 AND lock = $2 ORDER BY id',
    [project, lock],
  )
  for (const { id, statement } of noted) {
    await done(session, statement ?? '')
    await session.rows(WHAT, 'DELETE FROM seeknal.pending WHERE id = $1', [id ?? null])
  }
}

async function done(session: Session, statement: string): Promise<void> {
  const deadline = Date.now() + GIVE_UP_MS
  for (;;)
    try {
      await session.rows(WHAT, statement)
      return
    } catch (error) {
      const state = sqlstateOf(error)
      if (isDone(statement, state)) return
      if (!PASSES.includes(state) || Date.now() > deadline) throw error
      await sleep(PAUSE_MS * (0.5 + Math.random()))
    }
}

function isDone(statement: string, sqlstate: unknown): boolean {
  if (/^(GRANT|COMMENT)\b/.test(statement)) return sqlstate === NO_COLUMN
  return (/^DROP\b/.test(statement) ? GONE : MADE).includes(sqlstate)
}
