// One transaction on a session: tried again when others hold what it needs; waiting for locks is limited. What the functions of
// the ledger refuse has its own code. Reports STATE_MOVED, STATE_LOCKED, ENVIRONMENT_NOT_APPLIED, TARGET_FAILED and what a
// session reports.

import { setTimeout as sleep } from 'node:timers/promises'
import { type FailureCode, RuntimeFailure } from '../../contract/failures.ts'
import type { Row, Session } from './session.ts'

/** Whoever waits for a lock makes readers wait behind it: so it waits a short time, and tries again. */
const LOCK_TIMEOUT = '500ms'
const GIVE_UP_MS = 60_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 3000
/** A lock was not given in time; two sessions waited for each other. */
const LOCKED: readonly unknown[] = ['55P03', '40P01']

export const isLockFailure = (error: unknown): error is RuntimeFailure =>
  error instanceof RuntimeFailure && LOCKED.includes(error.facts.sqlstate)

/** What the functions of the ledger refuse. */
const REFUSALS: Readonly<Record<string, FailureCode>> = {
  SK001: 'STATE_MOVED',
  SK002: 'ENVIRONMENT_NOT_APPLIED',
  SK003: 'STATE_LOCKED',
  SK004: 'TARGET_FAILED',
}

/** Rows of a statement that may call the ledger's functions. */
export async function askLedger(
  session: Session,
  what: string,
  sql: string,
  values: readonly (string | null)[] = [],
): Promise<readonly Row[]> {
  try {
    return await session.rows(what, sql, values)
  } catch (error) {
    throw refusal(error, what)
  }
}

function refusal(error: unknown, what: string): unknown {
  if (!(error instanceof RuntimeFailure)) return error
  const code = REFUSALS[String(error.facts.sqlstate)]
  if (code === undefined) return error
  const message = error.message.replace(`${what} failed: `, '')
  const isOthers = /is there already, and seeknal did not make it/.test(message)
  const hints = isOthers ? [...error.hints, OF_OTHERS] : error.hints
  return new RuntimeFailure(code, message, error.facts, { cause: error.cause, hints })
}

const OF_OTHERS = 'Give it or the node another name, or drop it where nobody needs it. Nothing was changed.'

export async function transaction(
  session: Session,
  what: string,
  body: () => Promise<void>,
  isOver: () => boolean = () => false,
): Promise<void> {
  const deadline = Date.now() + GIVE_UP_MS
  for (let attempt = 0; ; attempt++) {
    try {
      await session.rows(what, 'BEGIN')
      if (session.connection.lockTimeoutMs === null)
        await session.rows(what, `SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`)
      await body()
      await session.rows(what, 'COMMIT')
      return
    } catch (error) {
      await session.rows(what, 'ROLLBACK').catch(() => [])
      if (!isLockFailure(error) || Date.now() > deadline || isOver()) throw error
      await sleep(Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS) * (0.5 + Math.random()))
    }
  }
}
