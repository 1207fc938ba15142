// The shared state of a project whose state is in a database, for commands that read or switch it; and the outputs of any
// project, for those that read them. Reports PROFILE_INVALID, CONNECTION_FAILED.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { RuntimeFailure } from '../contract/failures.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import { executedEngine } from '../executed-engine.ts'
import { type Profile, resolveProfile } from '../profile.ts'
import { findEngine, type ProjectEngine, type StatePlace, stateOf } from '../project-engine.ts'
import { fileOutputs, missingOutputs, type OutputSource } from '../repl/outputs.ts'
import type { SharedState } from '../shared-state.ts'
import { removeTree } from '../store/files.ts'
import { onLeaving } from '../store/leaving.ts'
import { ledgerMark, requireOwnState } from '../store/ledger-cache.ts'
import { openStore, pathIn, type Store } from '../store/store.ts'
import type { Surroundings } from './command.ts'
import { connectionsOf } from './profile.ts'
import { outputsRoot, PROJECT_FILE } from './project-root.ts'
import { oneLine } from './text.ts'

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

const productionProfile = (request: SharedRequest, surroundings: Surroundings): Profile | null =>
  profileOf({ ...request, environment: null }, surroundings)

function statePlace(request: SharedRequest, surroundings: Surroundings): StatePlace | null {
  const isAsked = request.environment === null && request.engine === undefined
  const production = isAsked ? null : () => productionProfile(request, surroundings)
  return stateOf(request.root, engineOf(request, surroundings), production)
}

/** Runs `body` with the shared state, target/ saying what it says; null: the state is target/ itself. */
export async function withSharedState<T>(
  request: SharedRequest,
  surroundings: Surroundings,
  body: (shared: SharedState | null) => Promise<T>,
): Promise<T> {
  const state = statePlace(request, surroundings)
  if (state === null) {
    requireOwnState(openStore(request.root))
    return body(null)
  }
  const { openShared } = await import('../shared-state.ts')
  const find = state.schema === null ? productionProfile : profileOf
  const shared = await openShared(openStore(request.root), state, connectionsOf(find(request, surroundings)))
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
  return withRemembered({ root, environment, profile }, surroundings, async (shared) => {
    const store = openStore(root)
    if (shared?.inFiles === true) sayMissing(store, environment, surroundings)
    const scratchDirectory = pathIn(store, 'tmp', `${command}-${process.pid}`)
    const forget = onLeaving(() => removeTree(scratchDirectory))
    try {
      if (shared === null || shared.inFiles)
        return await body({ store, scratchDirectory, source: fileOutputs(store, scratchDirectory) })
      const { databaseOutputs } = await import('../repl/database-outputs.ts')
      return await body({ store, scratchDirectory, source: databaseOutputs(store, shared, command) })
    } finally {
      forget()
      removeTree(scratchDirectory)
    }
  })
}

/** The same, going on without the database where outputs are files: then what target/ remembers counts, and is said. */
async function withRemembered<T>(
  request: SharedRequest,
  surroundings: Surroundings,
  body: (shared: SharedState | null) => Promise<T>,
): Promise<T> {
  let isOpen = false
  try {
    return await withSharedState(request, surroundings, (shared) => {
      isOpen = true
      return body(shared)
    })
  } catch (error) {
    const isRemembered = !isOpen && statePlace(request, surroundings)?.schema === null
    if (!isRemembered || !(error instanceof RuntimeFailure) || error.code !== 'CONNECTION_FAILED') throw error
    surroundings.terminal.warn(
      `Production cannot be asked for; shown is what target/ remembers of it. ${error.message}`,
    )
    return body(null)
  }
}

/** Says which outputs are not on this machine. */
function sayMissing(store: Store, environment: EnvironmentName | null, { terminal }: Surroundings): void {
  const missing = missingOutputs(store, environment)
  const say = (nodes: readonly string[], again: string): void => {
    if (nodes.length > 0)
      terminal.warn(`Not on this machine: ${nodes.map(oneLine).join(', ')}. \`${again}\` makes them here again.`)
  }
  say(missing.production, 'seeknal run --restore')
  if (environment !== null) say(missing.own, `seeknal env apply ${environment}`)
}
