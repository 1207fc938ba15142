// Targets in the database that executes: an output's table → what the ledger's write_target() is asked for, as data, and one
// transaction that changes the target and records what it holds. The rows stay in the server. Reports TARGET_FAILED,
// STATE_LOCKED, CONNECTION_FAILED.

import { Bug, RuntimeFailure } from '../contract/failures.ts'
import type { ManifestNode } from '../contract/manifest.ts'
import type { Snapshot } from '../contract/state.ts'
import { targetOrder } from '../contract/target-order.ts'
import { contentOf, type Target } from '../contract/targets.ts'
import type { Session } from '../engines/postgresql/session.ts'
import { askLedger, isLockFailure, transaction } from '../engines/postgresql/transaction.ts'
import type { SharedState } from '../shared-state.ts'
import type { MakerTarget } from './maker.ts'
import type { ExecuteOptions } from './run.ts'
import { located } from './run-targets.ts'
import { storedTable } from './table-views.ts'
import type { World } from './world.ts'

interface Written {
  /** Of the step. */
  readonly id: string
  readonly node: ManifestNode
  readonly target: Target
  readonly prefix: string
  readonly types?: Readonly<Record<string, string>> | undefined
  readonly output: { readonly data: string; readonly snapshot: Snapshot }
}

/** `held`: what holds these rows already is left alone. */
export function filledOrder({ id, node, target, prefix, types, output }: Written, held: boolean): object {
  const { columns } = node
  if (columns === null) throw new Bug(`${node.id} has a target and no columns`)
  const { data, snapshot } = output
  return {
    ...targetOrder({ id, node, columns, target, prefix, types, table: storedTable(node.id, snapshot) }),
    content: contentOf(target, { data, digest: snapshot.digest }),
    rows: snapshot.rows,
    held,
  }
}

interface TargetSession {
  readonly world: World
  readonly shared: SharedState
  readonly session: Session
  /** Begins what is asked: whose it is. */
  readonly comment: string
  readonly options: Pick<ExecuteOptions, 'faults' | 'signal'>
}

export async function writeStoredTarget(
  { world, shared, session, comment, options }: TargetSession,
  order: MakerTarget,
): Promise<void> {
  const what = `writing ${order.node.id} to ${order.relation}`
  const { ledger } = shared
  const environment = world.environment ?? ''
  const lock = environment === '' ? 'production' : `environment-${environment}`
  const ask = (sql: string, values: readonly (string | null)[] = []) => askLedger(session, what, sql, values)
  try {
    await transaction(
      session,
      what,
      async () => {
        // A process that is stopped in the middle must not keep others waiting.
        await ask("SET LOCAL idle_in_transaction_session_timeout = '60s'")
        await ask('SELECT seeknal.require_holder($1, $2, $3::integer)', [ledger.project, lock, await ledger.backend()])
        options.faults?.('target_begun')
        await ask(`${comment} SELECT seeknal.write_target($1, $2, $3, $4::jsonb)`, [
          ledger.project,
          environment,
          world.values.runId,
          JSON.stringify(filledOrder(order, false)),
        ])
        options.faults?.('target_changed')
      },
      () => options.signal?.aborted === true,
    )
    options.faults?.('target_committed')
  } catch (error) {
    throw located(isLockFailure(error) ? lockFailure(error, what) : error, order)
  }
}

const lockFailure = (error: RuntimeFailure, what: string): RuntimeFailure =>
  new RuntimeFailure(
    'TARGET_FAILED',
    `${what} failed: other sessions hold locks on the table, and did not give them up`,
    error.facts,
    {
      cause: error,
      hints: ["'lock_timeout' of the connection says how long each attempt waits (default: 10s). Run again."],
    },
  )
