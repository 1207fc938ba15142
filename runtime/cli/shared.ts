// The shared state of a project whose engine is a database, for commands that read or switch it; and the refusal of those that
// only know files. Reports PROFILE_INVALID, CONNECTION_FAILED, ENGINE_UNSUPPORTED.

import { DEFAULT_OUTPUT_SCHEMA, ENGINES, isDatabaseEngine } from '../contract/engines.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import { resolveProfile } from '../profile.ts'
import { findEngine, type ProjectEngine } from '../project-engine.ts'
import type { SharedState } from '../shared-state.ts'
import { requireOwnState } from '../store/ledger-cache.ts'
import { openStore } from '../store/store.ts'
import type { Surroundings } from './command.ts'
import { connectionsOf } from './profile.ts'
import { outputsRoot } from './project-root.ts'

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
  request.engine ?? findEngine(request.root, () => profileOf(request, surroundings))

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

const BY_PSQL = 'Its outputs are views of the database: look at them with psql.'

/** The folder of outputs, for a command that only knows them in files. Throws ENGINE_UNSUPPORTED. `what`: `seeknal repl`. */
export function fileOutputsRoot(surroundings: Surroundings, what: string, instead = BY_PSQL): string {
  const root = outputsRoot(surroundings)
  const { name } = engineOf({ root, environment: null }, surroundings)
  if (isDatabaseEngine(name)) throw unsupported(what, ENGINES[name].title, instead)
  return root
}

export const unsupported = (what: string, engine: string, instead: string): RuntimeFailure =>
  new RuntimeFailure(
    'ENGINE_UNSUPPORTED',
    `${what} is not supported yet on the engine ${engine}.`,
    { engine },
    { hints: [instead] },
  )
