// How a run began and how a step ended → a line of the run's journal.

import type { RuntimeFailure } from '../contract/failures.ts'
import type { NodeId } from '../contract/ids.ts'
import type { Journal } from '../journal.ts'
import { messageWithoutValues } from '../kept-message.ts'
import type { StoredOutput } from '../store/snapshots.ts'
import type { ExecuteOptions } from './run.ts'
import type { World } from './world.ts'

interface Context {
  readonly journal: Journal
  readonly options: ExecuteOptions
}

/** What is executed, by whom and for which environment. */
export const noteStarted = ({ journal, options }: Context, { values, contract, environment }: World): Promise<void> =>
  journal.append({
    kind: 'started',
    run_id: values.runId,
    bundle: contract.digest,
    environment,
    pid: process.pid,
    command: options.command ?? 'seeknal run',
  })

export const noteFailed = ({ journal }: Context, id: NodeId, failure: RuntimeFailure, ms: number): Promise<void> =>
  journal.append({
    kind: 'step',
    node: id,
    status: 'failed',
    fingerprint: null,
    sha256: null,
    rows: null,
    ms: Math.round(ms),
    message: messageWithoutValues(failure),
  })

export async function noteStored(
  { journal, options }: Context,
  id: NodeId,
  status: 'executed' | 'reused',
  stored: StoredOutput,
  ms: number,
): Promise<void> {
  await journal.append({
    kind: 'step',
    node: id,
    status,
    fingerprint: stored.fingerprint,
    sha256: stored.snapshot.sha256,
    rows: stored.snapshot.rows,
    ms: Math.round(ms),
    message: '',
  })
  options.faults?.('journal')
}
