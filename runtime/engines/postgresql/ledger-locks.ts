// Locks of the ledger, by a text, alone or shared: advisory locks of the server, or where there are none leases, rows that whoever
// holds the lock renews while it lives. Each kind is announced before the other is looked at, so that of two who want the same
// at most one goes on, whatever each of them uses. Reports STATE_LOCKED when a lease was lost.

import { randomUUID } from 'node:crypto'
import { RuntimeFailure } from '../../contract/failures.ts'
import type { Session } from './session.ts'

const WHAT = 'Keeping the state'
/** Whoever was not heard of for so long is taken for gone. */
const LEASE = "interval '60 seconds'"
const RENEW_MS = 15_000

export interface LedgerLocks {
  /** The function that gives the lock back; null: somebody else has it. */
  take(lock: string, how: 'alone' | 'shared', holder: string): Promise<(() => Promise<void>) | null>
  /** Within a transaction that commits. Throws STATE_LOCKED when a lock that was taken is held no more. */
  requireHeld(): Promise<void>
}

/** Leases of others that stand against a lock. */
const LEASED = `SELECT 1 FROM seeknal.leases WHERE expires_at > clock_timestamp() AND token <> $2
  AND (lock = $1 OR ($3 = 'alone' AND starts_with(lock, $1 || ' shared ')))`

/** Advisory locks that do. */
const ADVISED = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND ($2 = 'alone' OR mode = 'ExclusiveLock')
  AND ((classid::bigint << 32) | objid::bigint) = hashtextextended($1, 0)`

/** They end with the session, so that who lost one commits nothing. */
export const advisoryLocks = (session: Session): LedgerLocks => ({
  async take(lock, how) {
    const suffix = how === 'shared' ? '_shared' : ''
    const free = async (): Promise<void> => {
      await session.rows(WHAT, `SELECT pg_advisory_unlock${suffix}(hashtextextended($1, 0))`, [lock]).catch(() => [])
    }
    const [taken] = await session.rows(WHAT, `SELECT pg_try_advisory_lock${suffix}(hashtextextended($1, 0)) AS taken`, [
      lock,
    ])
    if (taken?.taken !== 't') return null
    if ((await session.rows(WHAT, LEASED, [lock, '', how])).length === 0) return free
    await free()
    return null
  },
  requireHeld: async () => {},
})

export function leases(session: Session): LedgerLocks {
  const held = new Map<string, string>()
  return {
    async take(lock, how, holder) {
      const token = randomUUID()
      const row = how === 'shared' ? `${lock} shared ${token}` : lock
      const free = async (): Promise<void> => {
        held.delete(token)
        const sql = 'DELETE FROM seeknal.leases WHERE lock = $1 AND token = $2'
        await session.rows(WHAT, sql, [row, token]).catch(() => [])
      }
      const taken = await session.rows(
        WHAT,
        `INSERT INTO seeknal.leases AS l (lock, token, holder, expires_at) VALUES ($1, $2, $3, clock_timestamp() + ${LEASE})
         ON CONFLICT (lock) DO UPDATE SET token = excluded.token, holder = excluded.holder, expires_at = excluded.expires_at
         WHERE l.expires_at <= clock_timestamp() RETURNING 1`,
        [row, token, holder],
      )
      if (taken.length === 0) return null
      const others = [
        ...(await session.rows(WHAT, LEASED, [lock, token, how])),
        ...(await session.rows(WHAT, ADVISED, [lock, how])),
      ]
      if (others.length > 0) {
        await free()
        return null
      }
      held.set(token, row)
      const timer = setInterval(() => void renew(session, row, token), RENEW_MS)
      timer.unref()
      return async () => {
        clearInterval(timer)
        await free()
      }
    },
    requireHeld: () => requireHeld(session, held),
  }
}

async function renew(session: Session, row: string, token: string): Promise<void> {
  const sql = `UPDATE seeknal.leases SET expires_at = clock_timestamp() + ${LEASE} WHERE lock = $1 AND token = $2`
  // What could not be renewed is noticed by whoever commits.
  await session.rows(WHAT, sql, [row, token]).catch(() => [])
}

/** Nobody can take one over until the transaction ends. */
async function requireHeld(session: Session, held: ReadonlyMap<string, string>): Promise<void> {
  if (held.size === 0) return
  const found = await session.rows(
    WHAT,
    'SELECT lock FROM seeknal.leases WHERE token = ANY ($1::text[]) AND expires_at > clock_timestamp() FOR UPDATE',
    [`{${[...held.keys()].join(',')}}`],
  )
  if (found.length === held.size) return
  throw new RuntimeFailure(
    'STATE_LOCKED',
    'the lock was lost: the server had not heard of this process for a minute, or somebody removed it',
    { locks: [...held.values()] },
    { hints: ['Nothing was changed. Run the command again.'] },
  )
}
