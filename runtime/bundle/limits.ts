// What a bundle may hold at most. Far above any real project, low enough that a forged archive cannot fill memory: every
// reader counts before it reads. Reports BUNDLE_INVALID.

import { RuntimeFailure } from '../contract/failures.ts'

export const LIMITS = { files: 100_000, bytes: 512 * 1024 * 1024 } as const

export type Limits = { readonly [Name in keyof typeof LIMITS]: number }

/** Counts what is about to be read. Throws when that is more than a bundle may hold. `what` names the bundle. */
export class Allowance {
  readonly #what: string
  readonly #limits: Limits
  #files = 0
  #bytes = 0

  constructor(what: string, limits: Limits = LIMITS) {
    this.#what = what
    this.#limits = limits
  }

  takeFile(bytes: number): void {
    this.#files += 1
    this.#bytes += bytes
    if (this.#files > this.#limits.files || this.#bytes > this.#limits.bytes) throw tooLarge(this.#what, this.#limits)
  }
}

export const tooLarge = (what: string, limits: Limits): RuntimeFailure =>
  new RuntimeFailure(
    'BUNDLE_INVALID',
    `${what} is larger than a bundle can be: at most ${limits.files} files and ${limits.bytes / 1024 / 1024} MiB, unpacked`,
    { path: what, ...limits },
    { hints: ['It was not read. Get it again from where it came from, or compile it again.'] },
  )
