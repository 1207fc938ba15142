// environments/<name>/: what an environment has, its folder's size, and its removal. Nothing is followed out of it.
// Reports ENVIRONMENT_NOT_FOUND, STATE_INVALID, STATE_IO.

import { lstatSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { prettyJson } from '../contract/canonical-json.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import {
  asNodeId,
  type EnvironmentName,
  environmentName,
  type NodeId,
  namespacePrefix,
  outputStem,
} from '../contract/ids.ts'
import { Manifest, type ManifestNode } from '../contract/manifest.ts'
import { parseDocument } from '../contract/schema.ts'
import { EnvConfig, type NodeState, Plan, RunState } from '../contract/state.ts'
import {
  errno,
  guarded,
  ioFailure,
  kindAt,
  readIfThere,
  removeTree,
  sweepBesides,
  syncPath,
  writeAtomic,
} from './files.ts'
import { acquireWriter, type Lock, type LockOptions } from './locks.ts'
import {
  environmentFolder,
  environmentPlace,
  folderIn,
  inProject,
  pathIn,
  placeAside,
  type Store,
  unlessDamaged,
} from './store.ts'

/** Days that an environment stays after its last use. */
export const DEFAULT_TTL_SECONDS = 7 * 24 * 60 * 60

/** Names of environments that have a folder, sorted. */
export function environmentNames(store: Store): EnvironmentName[] {
  try {
    const names = readdirSync(join(store.target, 'environments')).flatMap(
      (name) => environmentName(name.replace(/^\.(.*)\.before$/, '$1')) ?? [],
    )
    return [...new Set(names)].filter((name) => isEnvironment(store, name)).sort()
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw ioFailure(error, 'list', join(store.target, 'environments'))
  }
}

function isEnvironment(store: Store, name: EnvironmentName): boolean {
  const kind = kindAt(pathIn(store, 'environments', name))
  return kind === 'folder' || (kind === 'absent' && kindAt(placeAside(store, name)) === 'folder')
}

/** Refuses a new environment whose schemas could be taken for another's: `dev_2_orders` is of dev-2, or `2_orders` of dev. */
function requireOwnPrefix(store: Store, environment: EnvironmentName): void {
  const prefix = namespacePrefix(environment)
  const other = environmentNames(store).find((name) => {
    const taken = namespacePrefix(name)
    return name !== environment && (taken.startsWith(prefix) || prefix.startsWith(taken))
  })
  if (other === undefined) return
  throw new RuntimeFailure(
    'ENVIRONMENT_NAME',
    `environment '${environment}' would put '${prefix}' before its schemas, and environment '${other}' puts '${namespacePrefix(other)}'`,
    { environment, other },
    { hints: ['Choose a name of which neither begins the other.'] },
  )
}

/** The lock of one who writes an environment, which is then in its place, whatever ended a writer before. */
export async function acquireEnvironment(
  store: Store,
  environment: EnvironmentName,
  options: LockOptions,
): Promise<Lock> {
  const lock = await acquireWriter(store, `environment-${environment}`, options)
  try {
    settleEnvironment(store, environment)
    if (kindAt(environmentPlace(store, environment)) === 'absent') requireOwnPrefix(store, environment)
    return lock
  } catch (error) {
    lock.release()
    throw error
  }
}

/**
 * Ends what a killed writer began: an environment that is aside goes back, or is removed when the new one is in place.
 * The caller keeps all others from writing the environment.
 */
export function settleEnvironment(store: Store, environment: EnvironmentName): void {
  const aside = placeAside(store, environment)
  const place = environmentPlace(store, environment)
  if (kindAt(aside) === 'folder') {
    if (kindAt(place) !== 'absent') removeTree(aside)
    else guarded('put back', place, () => renameSync(aside, place))
  }
  for (const folder of [place, join(place, 'promotion')]) sweepBesides(folder)
}

/**
 * Puts the complete folder `made`, on the same file system, in the environment's place. Readers see the old one or the
 * new one. The caller holds the environment's lock.
 */
export function replaceEnvironment(
  store: Store,
  environment: EnvironmentName,
  made: string,
  faults: (point: 'set_aside' | 'switched') => void = () => {},
): void {
  const folder = folderIn(store, 'environments')
  const place = environmentPlace(store, environment)
  const aside = placeAside(store, environment)
  guarded('replace', place, () => {
    if (kindAt(place) !== 'absent') renameSync(place, aside)
    faults('set_aside')
    // Commit point. Until here the one aside counts.
    renameSync(made, place)
  })
  syncPath(folder)
  faults('switched')
  removeTree(aside)
}

function documentIn<T>(
  store: Store,
  environment: EnvironmentName,
  file: string,
  parse: (text: string, what: string) => T,
): T | null {
  const path = join(environmentFolder(store, environment), file)
  const text = readIfThere(path)
  return unlessDamaged(
    () => (text === null ? null : parse(text, inProject(store, path))),
    ({ message, facts, cause }) => {
      const hints = [`Plan it again: 'seeknal env plan ${environment}'; what is still right is not executed again.`]
      throw new RuntimeFailure('STATE_INVALID', message, { ...facts, environment }, { cause, hints })
    },
  )
}

export const readEnvConfig = (store: Store, environment: EnvironmentName): EnvConfig | null =>
  documentIn(store, environment, 'env_config.json', (text, what) =>
    parseDocument(EnvConfig, text, what, 'STATE_INVALID'),
  )

export const readEnvPlan = (store: Store, environment: EnvironmentName): Plan | null =>
  documentIn(store, environment, 'plan.json', (text, what) => parseDocument(Plan, text, what, 'STATE_INVALID'))

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
  const present = unlessDamaged(
    () => readEnvConfig(store, environment),
    () => null,
  )
  const config = usedNow(present, environment, change)
  writeEnvDocument(store, environment, 'env_config.json', config)
  return config
}

/** The configuration of an environment that is used now; null: it is new. */
export function usedNow(
  present: EnvConfig | null,
  environment: EnvironmentName,
  change: Partial<EnvConfig> = {},
): EnvConfig {
  const now = new Date().toISOString()
  const { failed_checks, ...config }: EnvConfig = {
    format: 'seeknal.env/1',
    name: environment,
    status: 'planned',
    created_at: now,
    ttl_seconds: DEFAULT_TTL_SECONDS,
    promoted_to: null,
    promoted_generation: null,
    ...present,
    ...change,
    last_used_at: now,
  }
  return config.status === 'failed' && failed_checks !== undefined ? { ...config, failed_checks } : config
}

/**
 * For a new plan: what is damaged of what was applied goes, since nobody can use it. Its outputs are in the store as well.
 * Gives the digest of the bundle that is applied, or null.
 */
export function dropDamagedState(store: Store, environment: EnvironmentName): string | null {
  const read = () => ({ state: readEnvState(store, environment), manifest: readEnvManifest(store, environment) })
  const damaged = () => {
    for (const file of ['run_state.json', 'manifest.json'])
      removeTree(join(environmentFolder(store, environment), file))
    return null
  }
  return unlessDamaged(() => read().state?.bundle ?? null, damaged)
}

/**
 * Removes an environment, whole: its folder becomes `gone`, a free name on the same file system that the caller removes.
 * Throws ENVIRONMENT_NOT_FOUND. The caller holds its lock.
 */
export function deleteEnvironment(store: Store, environment: EnvironmentName, gone: string): void {
  const folder = environmentFolder(store, environment)
  if (kindAt(folder) === 'absent') throw environmentNotFound(store, environment)
  // Commit point.
  guarded('remove', folder, () => renameSync(folder, gone))
  syncPath(join(store.target, 'environments'))
}

export function environmentNotFound(store: Store, environment: string): RuntimeFailure {
  const names = environmentNames(store)
  return new RuntimeFailure(
    'ENVIRONMENT_NOT_FOUND',
    `there is no environment '${environment}'`,
    { environment, present: names },
    {
      hints:
        names.length === 0
          ? [`'seeknal env plan ${environment}' makes it where something differs from production.`]
          : [`There are: ${names.join(', ')}.`],
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
