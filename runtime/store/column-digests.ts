// Digests of some columns of a snapshot, remembered: cache/column-digests.json. A snapshot never changes, so an entry is
// true for ever; losing it costs reading the snapshot again.

import Type, { type Static } from 'typebox'
import { fingerprintOf } from '../contract/canonical-json.ts'
import { misfits } from '../contract/schema.ts'
import type { Snapshot } from '../contract/state.ts'
import { readIfThere, writeAtomic } from './files.ts'
import { folderIn, pathIn, type Store } from './store.ts'

const Cache = Type.Object({
  format: Type.Literal('seeknal.column_digests/1'),
  digests: Type.Record(Type.String(), Type.String()),
})

export class ColumnDigests {
  readonly #store: Store
  readonly #known: Map<string, string>
  #changed = false

  constructor(store: Store) {
    this.#store = store
    this.#known = new Map(Object.entries(readCache(cachePath(store))))
  }

  /** Columns null: all. Undefined: not known. */
  get(snapshot: Snapshot, columns: readonly string[] | null): string | undefined {
    return columns === null ? snapshot.digest : this.#known.get(keyOf(snapshot, columns))
  }

  set(snapshot: Snapshot, columns: readonly string[], digest: string): void {
    this.#known.set(keyOf(snapshot, columns), digest)
    this.#changed = true
  }

  /** Writes nothing when nothing is new. */
  save(): void {
    if (!this.#changed) return
    folderIn(this.#store, 'cache')
    const digests = Object.fromEntries(this.#known)
    const text = JSON.stringify({ format: 'seeknal.column_digests/1', digests } satisfies Static<typeof Cache>)
    writeAtomic(cachePath(this.#store), text, false)
    this.#changed = false
  }
}

const cachePath = (store: Store): string => pathIn(store, 'cache', 'column-digests.json')

const keyOf = (snapshot: Snapshot, columns: readonly string[]): string =>
  `${snapshot.sha256}:${fingerprintOf([...columns].map((name) => name.toLowerCase()).sort())}`

function readCache(path: string): Readonly<Record<string, string>> {
  const text = readIfThere(path)
  if (text === null) return {}
  try {
    const value: unknown = JSON.parse(text)
    return misfits(Cache, value).length === 0 ? (value as Static<typeof Cache>).digests : {}
  } catch {
    return {}
  }
}
