// A run whose state is in a ledger, whatever its engine: what is noted of it, and the locks that it holds while it goes on.

import type { LedgerRun, SharedState } from '../shared-state.ts'
import type { ExecuteOptions } from './run.ts'
import type { World } from './world.ts'

export const runOf = (
  { values, environment, contract }: World,
  { command = 'seeknal run' }: ExecuteOptions,
): LedgerRun => ({
  runId: values.runId,
  environment,
  bundle: contract.digest,
  command,
})

/** The lock of production or of the environment; and nothing is removed from the store meanwhile. Throws STATE_LOCKED. */
export async function lockInLedger(
  shared: SharedState,
  { environment }: Pick<World, 'environment'>,
  { command = 'seeknal run', lockTimeoutMs: timeoutMs = 0 }: ExecuteOptions,
): Promise<{ release(): Promise<void> }> {
  const name = environment === null ? 'production' : `environment-${environment}`
  const lock = await shared.lock(name, { command, timeoutMs })
  const leave = await shared.enterStore().catch(async (error: unknown) => {
    await lock.release()
    throw error
  })
  return {
    release: async () => {
      await leave()
      await lock.release()
    },
  }
}
