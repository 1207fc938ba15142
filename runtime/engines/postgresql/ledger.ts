// The ledger: the state of a project in the database that executes it, schema `seeknal`. Made and migrated forward when it is
// first written; a newer one is refused. A session that holds a lock is the one that commits, so that who lost the lock
// commits nothing. Reports STATE_MOVED, STATE_LOCKED, ENVIRONMENT_NOT_APPLIED, TARGET_FAILED, BUNDLE_UNSUPPORTED.

import { setTimeout as sleep } from 'node:timers/promises'
import { RuntimeFailure } from '../../contract/failures.ts'
import type { LedgerView } from '../../contract/ledger.ts'
import { MIGRATIONS } from '../../contract/ledger-migrations.ts'
import { type Capabilities, capabilitiesOf } from './capabilities.ts'
import type { PostgresqlConnection } from './connection.ts'
import { advisoryLocks, type LedgerLocks, leases } from './ledger-locks.ts'
import { doPending, migrateBySteps } from './ledger-steps.ts'
import { openSession, type Row, type Session } from './session.ts'
import { askLedger, transaction } from './transaction.ts'

const WHAT = 'Keeping the state'
const RETRY_MS = 100
/** The role lacks a right. */
const MAY_NOT = '42501'

export interface LedgerLock {
  release(): Promise<void>
}

export class Ledger {
  readonly session: Session
  readonly project: string
  readonly #capabilities: Capabilities
  readonly #locks: LedgerLocks
  /** There is one of an earlier version, which cannot be read. */
  readonly isOlder: boolean
  #isMade: boolean
  #backend: Promise<string> | undefined
  /** For which lock a commit notes what is done after it: production's, where it is held. */
  #noted: string | null = null
  #lastShown: Promise<void> = Promise.resolve()

  private constructor(session: Session, project: string, capabilities: Capabilities, version: number) {
    this.session = session
    this.project = project
    this.#capabilities = capabilities
    this.#locks = capabilities.advisory_locks ? advisoryLocks(session) : leases(session)
    this.isOlder = version > 0 && version < MIGRATIONS.length
    this.#isMade = version === MIGRATIONS.length
  }

  /** Makes nothing. Throws CONNECTION_FAILED, BUNDLE_UNSUPPORTED. */
  static async open(connection: PostgresqlConnection, project: string): Promise<Ledger> {
    const session = await openSession(connection)
    try {
      await session.rows(WHAT, "SELECT set_config('search_path', 'pg_catalog, public', false)")
      const version = await versionOf(session)
      return new Ledger(session, project, await capabilitiesOf(session), version)
    } catch (error) {
      await session.close()
      throw error
    }
  }

  /** Whether there is anything to read. */
  get isMade(): boolean {
    return this.#isMade
  }

  /** Makes or migrates it, and notes the project. */
  async make(): Promise<void> {
    if (!this.#isMade) await migrate(this.session, MIGRATIONS.length, this.#capabilities)
    this.#isMade = true
    await this.ask('INSERT INTO seeknal.projects (project) VALUES ($1) ON CONFLICT DO NOTHING', [this.project])
  }

  /** Does what a client that is gone had decided on; what another is doing is left to it. */
  async heal(): Promise<void> {
    if (!this.#isMade) return
    const rows = await this.ask('SELECT DISTINCT lock FROM seeknal.pending WHERE project = $1', [this.project])
    for (const { lock } of rows)
      try {
        const free = await this.#locks.take(this.#keyOf(lock ?? ''), 'alone', 'doing what was begun')
        if (free !== null) await doPending(this.session, this.project, lock ?? '').finally(free)
      } catch (error) {
        // Whoever may only look leaves it to those who may.
        if (!(error instanceof RuntimeFailure) || error.facts.sqlstate !== MAY_NOT) throw error
      }
  }

  /** Whether nothing is made within a transaction. */
  get isStepwise(): boolean {
    return !this.#capabilities.ddl_in_transactions
  }

  /** Leads a view of an environment elsewhere, in steps that the next holder of the lock ends where this one does not. */
  showBySteps(environment: string, view: LedgerView, isOurs: boolean): Promise<void> {
    const shown = this.#lastShown.then(async () => {
      await this.ask('SELECT seeknal.show_by_steps($1, $2, $3::jsonb, $4::boolean)', [
        this.project,
        environment,
        JSON.stringify(view),
        String(isOurs),
      ])
      await this.#doNoted()
    })
    this.#lastShown = shown.catch(() => {})
    return shown
  }

  async #doNoted(): Promise<void> {
    if (this.isStepwise && this.#noted !== null) await doPending(this.session, this.project, this.#noted)
  }

  /** What a commit of this session notes is for this lock; null: it makes everything itself. */
  async #noteFor(lock: string | null): Promise<void> {
    this.#noted = lock
    if (this.isStepwise)
      await this.ask("SELECT set_config('seeknal.project', $1, false), set_config('seeknal.lock', $2, false)", [
        this.project,
        lock ?? '',
      ])
  }

  /** Rows of a statement on the session of the ledger. */
  async ask(sql: string, values: readonly (string | null)[] = []): Promise<readonly Row[]> {
    return askLedger(this.session, WHAT, sql, values)
  }

  /** The server's number of the session that holds the locks. */
  async backend(): Promise<string> {
    this.#backend ??= this.ask('SELECT pg_backend_pid() AS pid').then(([row]) => row?.pid ?? '')
    return this.#backend
  }

  /** One transaction, tried again when others hold what it needs; waiting for locks is limited. */
  async commit(body: () => Promise<void>): Promise<void> {
    await transaction(this.session, WHAT, async () => {
      await this.#locks.requireHeld()
      await body()
    })
    await this.#doNoted()
  }

  /** Takes a lock of the project for this session. Throws STATE_LOCKED (facts: lock, holder). */
  async lock(name: string, holder: string, timeoutMs: number): Promise<LedgerLock> {
    const deadline = Date.now() + timeoutMs
    let free = await this.#locks.take(this.#keyOf(name), 'alone', holder)
    while (free === null) {
      if (Date.now() >= deadline) throw lockedBy(name, (await this.holderOf(name)) ?? '')
      await sleep(Math.min(RETRY_MS, Math.max(1, deadline - Date.now())) * (0.5 + Math.random()))
      free = await this.#locks.take(this.#keyOf(name), 'alone', holder)
    }
    const unlock = free
    const outer = this.#noted
    try {
      await this.ask(
        `INSERT INTO seeknal.holders (project, lock, backend, holder) VALUES ($1, $2, pg_backend_pid(), $3)
         ON CONFLICT (project, lock) DO UPDATE SET backend = excluded.backend, holder = excluded.holder`,
        [this.project, name, holder],
      )
      // What a holder that was killed had decided on.
      await doPending(this.session, this.project, name)
      if (outer !== 'production') await this.#noteFor(name)
    } catch (error) {
      await unlock()
      throw error
    }
    return {
      release: async () => {
        await this.#noteFor(outer).catch(() => {})
        await this.session
          .rows(WHAT, 'DELETE FROM seeknal.holders WHERE project = $1 AND lock = $2', [this.project, name])
          .catch(() => [])
        await unlock()
      },
    }
  }

  /** The text that stands for a lock; the same that seeknal.lock_key() hashes. */
  #keyOf(name: string): string {
    return `seeknal ${this.project} ${name}`
  }

  /** While something is made in a store, nothing of it is removed; null: the store of all projects. Throws STATE_LOCKED. */
  async enterStore(whose: string | null): Promise<() => Promise<void>> {
    await this.make()
    return this.#ofStore('shared', whose, 'The store is being cleaned')
  }

  /** For removing what nobody needs. Throws STATE_LOCKED while somebody makes something. */
  keepOthersOut(whose: string | null): Promise<() => Promise<void>> {
    return this.#ofStore('alone', whose, 'The store is being written')
  }

  async #ofStore(how: 'alone' | 'shared', whose: string | null, refused: string): Promise<() => Promise<void>> {
    const store = whose === null ? 'seeknal store' : `seeknal store of ${whose}`
    const free = await this.#locks.take(store, how, this.project)
    if (free !== null) return free
    throw new RuntimeFailure('STATE_LOCKED', `${refused} by another session`, {}, { hints: ['Wait for it.'] })
  }

  /** Who holds a lock now, as it said itself; null: nobody. */
  async holderOf(name: string): Promise<string | null> {
    const [row] = await this.ask(
      `SELECT h.holder FROM seeknal.holders h JOIN pg_locks l ON l.pid = h.backend AND l.locktype = 'advisory' AND l.granted
       WHERE h.project = $1 AND h.lock = $2
         AND ((l.classid::bigint << 32) | l.objid::bigint) = seeknal.lock_key($1, $2)
       UNION ALL SELECT holder FROM seeknal.leases WHERE lock = $3 AND expires_at > clock_timestamp()`,
      [this.project, name, this.#keyOf(name)],
    )
    return row?.holder ?? null
  }

  /** Ends the session that holds a lock, and a lease, by which a commit of its holder would fail. */
  async endHolder(name: string): Promise<void> {
    await this.ask('DELETE FROM seeknal.leases WHERE lock = $1', [this.#keyOf(name)])
    await this.ask(
      `SELECT pg_terminate_backend(backend) FROM seeknal.holders h WHERE project = $1 AND lock = $2
       AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = h.backend AND l.locktype = 'advisory' AND l.granted)`,
      [this.project, name],
    )
  }

  async close(): Promise<void> {
    await this.session.close()
  }
}

async function versionOf(session: Session): Promise<number> {
  const [found] = await session.rows(WHAT, "SELECT to_regclass('seeknal.migrations') IS NOT NULL AS there")
  if (found?.there !== 't') return 0
  const [row] = await session.rows(WHAT, 'SELECT coalesce(max(version), 0) AS version FROM seeknal.migrations')
  const version = Number(row?.version ?? 0)
  if (version <= MIGRATIONS.length) return version
  throw new RuntimeFailure(
    'BUNDLE_UNSUPPORTED',
    `the state in '${session.connection.name}' was written by a newer seeknal: version ${version}, this one knows ${MIGRATIONS.length}`,
    { version, supported: MIGRATIONS.length },
    { hints: ['Use a newer version of seeknal.'] },
  )
}

/** Two sessions made the same thing at the same time. */
const MADE_TWICE: readonly unknown[] = ['23505', '42P06', '42P07', 'XX000']
const MOST_MIGRATIONS = 20

/** Forward to a version, one transaction; others wait, and find it done. */
export async function migrate(
  session: Session,
  to: number,
  { advisory_locks, ddl_in_transactions }: Pick<Capabilities, 'advisory_locks' | 'ddl_in_transactions'> = {
    advisory_locks: true,
    ddl_in_transactions: true,
  },
): Promise<void> {
  if (!ddl_in_transactions) {
    await makeSchema(session)
    const from = await versionOf(session)
    return migrateBySteps(session, MIGRATIONS.slice(from, to), from)
  }
  for (let attempt = 1; ; attempt++)
    try {
      await migrateOnce(session, to, advisory_locks)
      return
    } catch (error) {
      await session.rows(WHAT, 'ROLLBACK').catch(() => [])
      const isMade = error instanceof RuntimeFailure && MADE_TWICE.includes(error.facts.sqlstate)
      if (advisory_locks || !isMade || attempt === MOST_MIGRATIONS) throw error
      await sleep(RETRY_MS * (0.5 + Math.random()))
    }
}

async function migrateOnce(session: Session, to: number, hasLocks: boolean): Promise<void> {
  await session.rows(WHAT, 'BEGIN')
  if (hasLocks) await session.rows(WHAT, "SELECT pg_advisory_xact_lock(hashtextextended('seeknal migrations', 0))")
  await makeSchema(session)
  await session.rows(WHAT, 'LOCK TABLE seeknal.migrations IN SHARE ROW EXCLUSIVE MODE')
  const from = await versionOf(session)
  for (const [i, sql] of MIGRATIONS.slice(from, to).entries()) {
    await session.rows(WHAT, sql)
    await session.rows(WHAT, 'INSERT INTO seeknal.migrations (version) VALUES ($1)', [String(from + i + 1)])
  }
  await session.rows(WHAT, 'COMMIT')
}

async function makeSchema(session: Session): Promise<void> {
  // Making it needs a right even where it is there.
  const [found] = await session.rows(WHAT, "SELECT to_regnamespace('seeknal') IS NOT NULL AS there")
  if (found?.there !== 't') await session.rows(WHAT, 'CREATE SCHEMA IF NOT EXISTS seeknal')
  await session.rows(
    WHAT,
    'CREATE TABLE IF NOT EXISTS seeknal.migrations (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
  )
}

function lockedBy(name: string, holder: string): RuntimeFailure {
  const what = name.startsWith('environment-') ? `environment '${name.slice('environment-'.length)}'` : name
  return new RuntimeFailure(
    'STATE_LOCKED',
    `${what} is being written by ${holder === '' ? 'another session' : holder}`,
    { lock: name, holder },
    { hints: ["Wait for it, or pass '--lock-timeout 60s'."] },
  )
}
