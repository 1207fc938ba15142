// A project as the commands use it: its folder, its store, its files, and the world that the compiler asks: engine,
// observer and cache, each started when it is first needed.

import { join } from 'node:path'
import type { Surroundings } from '../../runtime/cli/command.ts'
import { projectRoot } from '../../runtime/cli/project-root.ts'
import type { RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { EnvironmentName, Fingerprint } from '../../runtime/contract/ids.ts'
import { once } from '../../runtime/contract/once.ts'
import type { SharedState } from '../../runtime/shared-state.ts'
import { type Generation, type KnownForms, readProduction } from '../../runtime/store/generations.ts'
import { requireOwnState } from '../../runtime/store/ledger-cache.ts'
import { folderIn, openStore, type Store, unlessDamaged } from '../../runtime/store/store.ts'
import type { ProjectFile } from '../load.ts'
import type { CompileCache, LazySqlEngine } from '../ports.ts'
import { buildIdentity } from './build-identity.ts'
import { today } from './cache-file.ts'
import { type Databases, databasesOf } from './databases.ts'
import { createObserver, type Observer } from './observer.ts'
import { readProject, stampedFiles } from './project.ts'
import { ProjectCache } from './project-cache.ts'
import { ResultFiles } from './result-files.ts'
import { isKnown } from './text-cache.ts'

export interface Workspace {
  readonly root: string
  readonly store: Store
  readonly cache: ProjectCache
  /** What was compiled last. */
  readonly results: ResultFiles
  readonly engine: LazySqlEngine
  /** Resolves as soon as the engine opens on a thread of its own. */
  readonly beginEngine: () => Promise<void>
  readonly observer: Observer
  readonly databases: Databases
  /** The ledger of a project whose state is in a database, of which target/ says now what it says; null: it is not. Once. */
  readonly shared: (environment: EnvironmentName | null) => Promise<SharedState | null>
  /** Read once. */
  readonly files: () => readonly ProjectFile[]
  /** Whether one of the project's own files has a text that is not known, as far as can be told before they are read. */
  readonly hasNews: () => boolean
  /** Looked up once. */
  readonly production: () => Generation | null
  /** Writes the cache, unless the command must touch nothing. */
  readonly close: (options?: { readonly save: boolean }) => void
}

/** DuckDB as the compiler asks it; the caller closes it. */
export const analysisEngine = async () =>
  (await import('../../runtime/engines/duckdb/analysis.ts')).createAnalysisEngine()

/** `onDamage` is told when production cannot be read, which then counts as none; without it that is an error. */
export function openWorkspace(surroundings: Surroundings, onDamage?: (damage: RuntimeFailure) => void): Workspace {
  const store = openStore(projectRoot(surroundings))
  const root = store.project
  const cache = new ProjectCache(join(store.target, 'cache'), buildIdentity(), today())
  const results = new ResultFiles(join(store.target, 'cache'), buildIdentity())
  const forms = formsIn(cache)
  const own = once(() => stampedFiles(root))
  const files = once(() => readProject(root, cache, own()))
  let started: Promise<{ close(): void } & Awaited<ReturnType<LazySqlEngine>>> | undefined
  const engine: LazySqlEngine = () => {
    started ??= analysisEngine()
    return started
  }
  const databases = databasesOf({ root, files, cache, engine }, surroundings)
  let sharing: Promise<SharedState | null> | undefined
  const shared: Workspace['shared'] = (environment) => {
    sharing ??= shareState(store, databases, environment)
    return sharing
  }
  return {
    root,
    store,
    cache,
    results,
    engine,
    beginEngine: () => begun(engine),
    observer: createObserver(root, cache),
    databases,
    shared,
    files,
    hasNews: () => own().some((file) => !isKnown(cache, file)),
    production: once(() =>
      onDamage === undefined
        ? readProduction(store, forms)
        : unlessDamaged(
            () => readProduction(store, forms),
            (damage) => {
              onDamage(damage)
              return null
            },
          ),
    ),
    close: (options = { save: true }) => {
      if (options.save) saveCaches(store, [cache, results])
      // An engine that did not open has been told of by who asked for it.
      void started?.then((opened) => opened.close()).catch(() => {})
      void sharing?.then((opened) => opened?.close()).catch(() => {})
    },
  }
}

/** What is known of texts of production, in a cache that holds what this build has put there. */
export const formsIn = (cache: CompileCache): KnownForms => ({
  get: (digest) => {
    const known = cache.get(formKey(digest))
    return typeof known === 'boolean' ? known : undefined
  },
  set: (digest, isPretty) => cache.set(formKey(digest), isPretty),
})

const formKey = (digest: Fingerprint): string => `form/${digest}`

/** Whoever asks for it is told what it fails with. */
function begun(engine: LazySqlEngine): Promise<void> {
  void engine().catch(() => {})
  return new Promise((settle) => setImmediate(settle))
}

/** As an option of an execution. */
export const sharedBy = (shared: SharedState | null): { readonly shared?: SharedState } =>
  shared === null ? {} : { shared }

async function shareState(
  store: Store,
  databases: Databases,
  environment: EnvironmentName | null,
): Promise<SharedState | null> {
  const state = databases.state(environment)
  if (state === null) {
    requireOwnState(store)
    return null
  }
  const { openShared } = await import('../../runtime/shared-state.ts')
  const connection = state.schema === null ? databases.stateConnection : await databases.connection(environment)
  const shared = await openShared(store, state, connection)
  try {
    await shared.refresh()
    return shared
  } catch (error) {
    await shared.close()
    throw error
  }
}

/** A store that cannot be written is for the command to report, not for its cache. */
function saveCaches(store: Store, caches: readonly { save(): void }[]): void {
  try {
    folderIn(store, 'cache')
  } catch {
    return
  }
  for (const cache of caches) cache.save()
}
