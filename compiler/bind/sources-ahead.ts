// Binding of file sources, begun as soon as resolve knows them: the engine looks into the data while SQL is still read.
// What comes of it is said where sources are bound, and not at all when a pass before that ends the compile.

import type { ResolvedSource } from '../resolve.ts'
import type { LockedSource } from '../validate.ts'
import type { World } from './bound-node.ts'
import { type BoundSources, bindSources } from './sources.ts'

export class SourcesAhead {
  readonly #world: World
  #begun: Promise<BoundSources> | undefined

  constructor(world: World) {
    this.#world = world
  }

  /** `sources` are all file sources, sorted by id. */
  begin(sources: readonly ResolvedSource[], lock: Readonly<Record<string, LockedSource>>): void {
    this.#begun = bindSources(sources, lock, this.#world)
    // Who awaits it says what went wrong.
    this.#begun.catch(() => {})
  }

  /** Null: not begun. */
  get bound(): Promise<BoundSources> | null {
    return this.#begun ?? null
  }

  /** Once nothing is asked of the world any more, which whoever gets the result may close. */
  async settled(): Promise<void> {
    await this.#begun?.catch(() => {})
  }
}
