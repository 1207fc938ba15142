// The shared state of a project whose engine is a database, for commands that read or switch it; and the outputs of any
// project, for those that read them. Reports PROFILE_INVALID, CONNECTION_FAILED.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DEFAULT_OUTPUT_SCHEMA, isDatabaseEngine } from '../contract/engines.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import { executedEngine } from '../executed-engine.ts'
import { resolveProfile } from '../profile.ts'
import { findEngine, type ProjectEngine } from '../project-engine.ts'
import { fileOutputs, type OutputSource } from '../repl/outputs.ts'
import type { SharedState } from '../shared-state.ts'
import { removeTree } from '../store/files.ts'
import { onLeaving } from '../store/leaving.ts'
import { ledgerMark, requireOwnState } from '../store/ledger-cache.ts'
import { openStore, pathIn, type Store } from '../store/store.ts'
import type { Surroundings } from './command.ts'
import { connectionsOf } from './profile.ts'
import { outputsRoot, PROJECT_FILE } from './project-root.ts'

export interface SharedRequest {
  /** The project's folder. */
  readonly root: string
  readonly environment: EnvironmentName | null
  /** `--profile`. */
  readonly profile?: string | undefined
  /** Of a bundle, where that says what executes. */
  readonly engine?: ProjectEngine
}

const profileOf = ({ root, environment, profile }: SharedRequest, surroundings: Surroundings) =>
  resolveProfile({
    explicit: profile,
    environment,
    root,
    cwd: surroundings.cwd,
    variables: surroundings.environment,
  })

const engineOf = (request: SharedRequest, surroundings: Surroundings): ProjectEngine =>
  request.engine ?? executedBy(request.root) ?? findEngine(request.root, () => profileOf(request, surroundings))

/** Where a bundle was executed without a project, it says by what. */
const executedBy = (root: string): ProjectEngine | null => {
  const store = openStore(root)
  return existsSync(join(root, PROJECT_FILE)) || ledgerMark(store) === null ? null : executedEngine(store)
}

/** Runs `body` with the shared state, target/ saying what it says; null: the engine has none. */
export async function withSharedState<T>(
  request: SharedRequest,
  surroundings: Surroundings,
  body: (shared: SharedState | null) => Promise<T>,
): Promise<T> {
  const engine = engineOf(request, surroundings)
  if (!isDatabaseEngine(engine.name) || engine.connection === null) {
    requireOwnState(openStore(request.root))
    return body(null)
  }
  const { openShared } = await import('../shared-state.ts')
  const schema = engine.schema ?? DEFAULT_OUTPUT_SCHEMA
  const connection = connectionsOf(profileOf(request, surroundings))
  const shared = await openShared(openStore(request.root), { ...engine, schema }, connection)
  try {
    await shared.refresh()
    return await body(shared)
  } finally {
    await shared.close()
  }
}

/** Where the outputs of a project are, for a command that reads them. */
export interface OutputsRequest {
  readonly environment: EnvironmentName | null
  readonly profile?: string | undefined
  /** `repl`: what reads, and the name of its scratch folder. */
  readonly command: string
}

export interface ReadOutputs {
  readonly store: Store
  readonly source: OutputSource
  /** For temporary files; gone when `body` has ended. Absolute. */
  readonly scratchDirectory: string
}

/** Runs `body` with the outputs, as the state says that they are now. */
export async function withOutputs<T>(
  { environment, profile, command }: OutputsRequest,
  surroundings: Surroundings,
  body: (outputs: ReadOutputs) => Promise<T>,
): Promise<T> {
  const root = outputsRoot(surroundings)
  return withSharedState({ root, environment, profile }, surroundings, async (shared) => {
    const store = openStore(root)
    const scratchDirectory = pathIn(store, 'tmp', `${command}-${process.pid}`)
    const forget = onLeaving(() => removeTree(scratchDirectory))
    try {
      if (shared === null) return await body({ store, scratchDirectory, source: fileOutputs(store, scratchDirectory) })
      const { databaseOutputs } = await import('../repl/database-outputs.ts')
      return await body({ store, scratchDirectory, source: databaseOutputs(store, shared, command) })
    } finally {
      forget()
      removeTree(scratchDirectory)
    }
  })
}
