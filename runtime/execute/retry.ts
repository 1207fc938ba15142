// Tries what may pass when it is done again, as often as was asked for.

import { type FailureCode, RuntimeFailure } from '../contract/failures.ts'
import type { NodeId } from '../contract/ids.ts'
import type { ExecuteOptions } from './run.ts'

/** Failures that may be gone when it is tried again. */
const MAY_PASS: readonly FailureCode[] = ['STEP_FAILED', 'TARGET_FAILED', 'CONNECTION_FAILED', 'QUERY_FAILED']

export async function tried<T>(
  options: Pick<ExecuteOptions, 'retries' | 'signal' | 'onEvent'>,
  id: NodeId,
  body: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await body()
    } catch (error) {
      const canRetry =
        error instanceof RuntimeFailure && MAY_PASS.includes(error.code) && attempt <= (options.retries ?? 0)
      if (!canRetry || options.signal?.aborted) throw error
      options.onEvent?.({ kind: 'retried', node: id, attempt, failure: error })
    }
  }
}
