// What came out of checks, remembered: cache/check-results.json. The same checks on the same rows give the same, so an
// entry is true for ever; losing it costs running a check again. Failures are remembered too: they fail the next run.

import Type, { type Static } from 'typebox'
import { misfits } from '../contract/schema.ts'
import { NodeChecks } from '../contract/state.ts'
import { readIfThere, writeAtomic } from './files.ts'
import { folderIn, pathIn, type Store } from './store.ts'

const Cache = Type.Object({
  format: Type.Literal('seeknal.check_results/1'),
  results: Type.Record(Type.String(), NodeChecks),
})

/** The newest are kept: what production and environments have is in their own records as well. */
export const MOST_RESULTS = 5_000

/** What was asked of which rows. */
type Asked = Pick<NodeChecks, 'asked' | 'digest'>

export class CheckResults {
  readonly #store: Store
  /** Read when it is first asked. */
  #known: Map<string, NodeChecks> | null = null
  #changed = false

  constructor(store: Store) {
    this.#store = store
  }

  get(asked: Asked): NodeChecks | undefined {
    return this.#results().get(keyOf(asked))
  }

  set(result: NodeChecks): void {
    const known = this.#results()
    known.delete(keyOf(result))
    known.set(keyOf(result), result)
    this.#changed = true
  }

  /** Writes nothing when nothing is new. */
  save(): void {
    if (!this.#changed) return
    folderIn(this.#store, 'cache')
    const results = Object.fromEntries([...this.#results()].slice(-MOST_RESULTS))
    const text = JSON.stringify({ format: 'seeknal.check_results/1', results } satisfies Static<typeof Cache>)
    writeAtomic(cachePath(this.#store), text, false)
    this.#changed = false
  }

  #results(): Map<string, NodeChecks> {
    this.#known ??= new Map(Object.entries(readCache(cachePath(this.#store))))
    return this.#known
  }
}

const keyOf = ({ asked, digest }: Asked): string => `${asked}:${digest}`

const cachePath = (store: Store): string => pathIn(store, 'cache', 'check-results.json')

function readCache(path: string): Readonly<Record<string, NodeChecks>> {
  const text = readIfThere(path)
  if (text === null) return {}
  try {
    const value: unknown = JSON.parse(text)
    return misfits(Cache, value).length === 0 ? (value as Static<typeof Cache>).results : {}
  } catch {
    return {}
  }
}
