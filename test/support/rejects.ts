// uvu's `throws(fn, Class)` does not check the class, and no test may depend on a sentence: these check the code.

import { inspect } from 'node:util'
import * as assert from 'uvu/assert'
import { type FailureCode, RuntimeFailure } from '../../runtime/contract/failures.ts'

/** Runs `body`, which must end with a RuntimeFailure of `code`; gives that failure for further checks. */
export async function rejects(body: () => unknown, code: FailureCode): Promise<RuntimeFailure> {
  let result: unknown
  try {
    result = await body()
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error
    assert.is(error.code, code, `expected the failure ${code}, got ${error.code}: ${error.message}`)
    return error
  }
  assert.unreachable(`expected the failure ${code}, but it gave ${inspect(result)}`)
  throw result
}
