// environments/<name>/: what an environment has, its folder's size, and its removal. Nothing is followed out of it.
// Reports ENVIRONMENT_NOT_FOUND, STATE_INVALID, STATE_IO.

import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { prettyJson } from '../contract/canonical-json.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type EnvironmentName, environmentName, type NodeId, outputStem } from '../contract/ids.ts'
import { Manifest, type ManifestNode } from '../contract/manifest.ts'
import { parseDocument } from '../contract/schema.ts'
import { EnvConfig, type NodeState, RunState } from '../contract/state.ts'
import { errno, ioFailure, kindAt, readIfThere, removeTree, writeAtomic } from './files.ts'
import { environmentFolder, folderIn, inProject, type Store } from './store.ts'

/** Days that an environment stays after its last use. */
export const DEFAULT_TTL_SECONDS = 7 * 24 * 60 * 60

/** Names of environments that have a folder, sorted. */
export function environmentNames(store: Store): EnvironmentName[] {
  try {
    return readdirSync(join(store.target, 'environments'))
      .flatMap((name) => environmentName(name) ?? [])
      .filter((name) => kindAt(join(store.target, 'environments', name)) === 'folder')
      .sort()
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw ioFailure(error, 'list', join(store.target, 'environments'))
  }
}

function documentIn<T>(
  store: Store,
  environment: EnvironmentName,
  file: string,
  parse: (text: string, what: string) => T,
): T | null {
  const path = join(environmentFolder(store, environment), file)
  const text = readIfThere(path)
  return text === null ? null : parse(text, inProject(store, path))
}

export const readEnvConfig = (store: Store, environment: EnvironmentName): EnvConfig | null =>
  documentIn(store, environment, 'env_config.json', (text, what) =>
    parseDocument(EnvConfig, text, what, 'STATE_INVALID'),
  )

/** State of what was applied last, or null. */
export const readEnvState = (store: Store, environment: EnvironmentName): RunState | null =>
  documentIn(store, environment, 'run_state.json', (text, what) => parseDocument(RunState, text, what, 'STATE_INVALID'))

export const readEnvManifest = (store: Store, environment: EnvironmentName): Manifest | null =>
  documentIn(store, environment, 'manifest.json', (text, what) => parseDocument(Manifest, text, what, 'STATE_INVALID'))

/** Outputs that the environment has, by node. */
export function readEnvironmentOutputs(
  store: Store,
  environment: EnvironmentName,
): Map<NodeId, { readonly node: ManifestNode; readonly state: NodeState; readonly file: string }> {
  const state = readEnvState(store, environment)
  const manifest = readEnvManifest(store, environment)
  const folder = join(environmentFolder(store, environment), 'intermediate')
  const found = (manifest?.nodes ?? []).flatMap((node) => {
    const own = state?.nodes[node.id]
    const id = asNodeId(node.id)
    return own === undefined
      ? []
      : [[id, { node, state: own, file: join(folder, `${outputStem(id)}.parquet`) }] as const]
  })
  return new Map(found)
}

/** Writes a document of the environment, in one step. */
export function writeEnvDocument(store: Store, environment: EnvironmentName, file: string, value: unknown): void {
  folderIn(store, 'environments', environment)
  writeAtomic(join(environmentFolder(store, environment), file), typeof value === 'string' ? value : prettyJson(value))
}

/** Updates env_config.json, which is made when it is missing. `last_used_at` becomes now. */
export function touchEnvironment(store: Store, environment: EnvironmentName, change: Partial<EnvConfig>): EnvConfig {
  const now = new Date().toISOString()
  const config: EnvConfig = {
    format: 'seeknal.env/1',
    name: environment,
    status: 'planned',
    created_at: now,
    ttl_seconds: DEFAULT_TTL_SECONDS,
    promoted_to: null,
    promoted_generation: null,
    ...readEnvConfig(store, environment),
    ...change,
    last_used_at: now,
  }
  writeEnvDocument(store, environment, 'env_config.json', config)
  return config
}

/** Removes an environment's folder. Throws ENVIRONMENT_NOT_FOUND. The caller holds its lock. */
export function deleteEnvironment(store: Store, environment: EnvironmentName): void {
  const folder = environmentFolder(store, environment)
  if (kindAt(folder) === 'absent') throw environmentNotFound(store, environment)
  removeTree(folder)
}

export function environmentNotFound(store: Store, environment: string): RuntimeFailure {
  const names = environmentNames(store)
  return new RuntimeFailure(
    'ENVIRONMENT_NOT_FOUND',
    `there is no environment '${environment}'`,
    { environment, present: names },
    {
      hints: names.length === 0 ? [`'seeknal env plan ${environment}' makes it.`] : [`There are: ${names.join(', ')}.`],
    },
  )
}

/** Bytes below the environment's folder that nothing else keeps: a file with other names outside it costs nothing. */
export function environmentSize(store: Store, environment: EnvironmentName): number {
  const seen = new Map<number, { names: number; links: number; bytes: number }>()
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) walk(path)
      else {
        const { ino, nlink, size } = lstatSync(path)
        seen.set(ino, { names: (seen.get(ino)?.names ?? 0) + 1, links: nlink, bytes: size })
      }
    }
  }
  walk(environmentFolder(store, environment))
  // The store's own snapshot is one more name of an output, and is swept with the environment.
  return [...seen.values()].reduce((sum, file) => sum + (file.links <= file.names + 1 ? file.bytes : 0), 0)
}
