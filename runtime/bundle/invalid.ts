// A bundle whose parts do not fit together, as the failure to throw.

import { RuntimeFailure } from '../contract/failures.ts'

export const RECOMPILE = ['Compile the project again, or get the bundle again from where it came from.']

export const invalidBundle = (why: string): RuntimeFailure =>
  new RuntimeFailure('BUNDLE_INVALID', `the bundle is not valid: ${why}`, {}, { hints: RECOMPILE })
