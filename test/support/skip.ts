// `skip('reason')` ends the running test as skipped, with its reason in words. The runner prints every reason, so that
// nothing is left out silently; uvu's own `test.skip` gives none and is refused.

export class Skipped extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'Skipped'
  }
}

/** Ends the running test. `reason` says what is missing here and where the test does run. */
export function skip(reason: string): never {
  throw new Skipped(reason)
}
