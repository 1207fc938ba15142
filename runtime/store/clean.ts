// Removes what nothing refers to any more: old generations, expired environments, then snapshots, index entries and
// bundles that no generation or environment that stays needs. Mark and sweep, under a lock that keeps writers out.
// Reports STATE_LOCKED, STATE_IO.

import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { EnvironmentName } from '../contract/ids.ts'
import { misfits } from '../contract/schema.ts'
import type { RunState } from '../contract/state.ts'
import { deleteEnvironment, environmentNames, readEnvConfig, readEnvState, settleEnvironment } from './environments.ts'
import { errno, guarded, ioFailure, kindAt, readIfThere, removeTree } from './files.ts'
import {
  currentGeneration,
  generationFolder,
  generationNumbers,
  readGeneration,
  settleProduction,
} from './generations.ts'
import { acquireLock, heldLocks, lockedBy } from './locks.ts'
import { StoredOutput } from './snapshots.ts'
import { folderIn, openStore, type Store, type StoreFolder, unlessDamaged } from './store.ts'
import { readTargetWrites } from './target-writes.ts'

export interface CleanOptions {
  readonly projectDir: string
  /** How many generations stay, the current one included. Default 10. */
  readonly keepGenerations?: number
  /** Only say what would be removed. */
  readonly dryRun?: boolean
  readonly command?: string
  readonly lockTimeoutMs?: number
  /** Where the state is in a ledger, of which target/ is a copy by now: removes there what goes, before it goes here. */
  readonly forget?: (gone: Pick<CleanResult, 'generations' | 'environments'>) => Promise<void>
}

export interface CleanResult {
  readonly generations: readonly number[]
  readonly environments: readonly EnvironmentName[]
  /** Expired, and not removed: they have tables in databases. */
  readonly withTables: readonly EnvironmentName[]
  readonly snapshots: number
  readonly bundles: number
  /** What cannot be read of what stays: while it is there, nobody knows which snapshots and bundles are needed, and all stay. */
  readonly damaged: readonly string[]
  /** Disk space that becomes free: every output is a snapshot. */
  readonly bytes: number
}

/** How many generations stay. */
export const KEPT_GENERATIONS = 10
const KEPT_JOURNALS = 100

/** Removes what is expired and unreferenced. A dry run takes no lock. */
export async function clean(options: CleanOptions): Promise<CleanResult> {
  const store = openStore(options.projectDir)
  if (options.dryRun) return removals(store, options).result
  const lock = await acquireLock(store, 'clean', {
    command: options.command ?? 'seeknal clean',
    timeoutMs: options.lockTimeoutMs ?? 0,
  })
  try {
    const other = heldLocks(store).find((held) => held.name !== 'clean')
    if (other !== undefined) throw lockedBy(other.name, other.holder)
    if (options.forget === undefined) settleProduction(store)
    for (const name of environmentNames(store)) settleEnvironment(store, name)
    const { result, paths } = removals(store, options)
    await options.forget?.(result)
    // What a kill leaves below tmp/ the next clean removes.
    const gone = folderIn(store, 'tmp', `clean-${process.pid}`)
    for (const name of result.environments) deleteEnvironment(store, name, join(gone, name))
    for (const path of [...paths, gone]) removeTree(path)
    return result
  } finally {
    lock.release()
  }
}

interface Removals {
  readonly result: CleanResult
  readonly paths: readonly string[]
}

function removals(store: Store, options: CleanOptions): Removals {
  const generations = oldGenerations(store, options.keepGenerations ?? KEPT_GENERATIONS)
  const expired = environmentNames(store).filter((name) => isExpired(store, name))
  const withTables = expired.filter((name) => hasTables(store, name))
  const environments = expired.filter((name) => !withTables.includes(name))
  const used = marked(store, new Set(generations), new Set(environments))
  const unneeded = (folder: StoreFolder, isUsed: (name: string) => boolean) =>
    used.damaged.length > 0 ? [] : filesIn(store, folder).filter((name) => !isUsed(name))
  const snapshots = unneeded('snapshots', (name) => used.snapshots.has(name.replace(/\.(parquet|json)$/, '')))
  const bundles = unneeded('bundles', (name) => used.bundles.has(name))
  const index = unneeded('index', (name) => leadsTo(store, name, used.snapshots))
  const paths = [
    ...generations.map((number) => generationFolder(store, number)),
    ...index.map((name) => join(store.target, 'index', name)),
    ...snapshots.map((name) => join(store.target, 'snapshots', name)),
    ...bundles.map((name) => join(store.target, 'bundles', name)),
    ...oldJournals(store).map((name) => join(store.target, 'journal', name)),
    ...filesIn(store, 'tmp').map((name) => join(store.target, 'tmp', name)),
    ...forgottenLocks(store).map((name) => join(store.target, 'locks', name)),
  ]
  const bytes = snapshots.reduce(
    (sum, name) => sum + guarded('look at', name, () => lstatSync(join(store.target, 'snapshots', name)).size),
    0,
  )
  const { damaged } = used
  const counts = { snapshots: snapshots.filter((name) => name.endsWith('.parquet')).length, bundles: bundles.length }
  return { result: { generations, environments, withTables, ...counts, damaged, bytes }, paths }
}

/** What was made in databases goes with `env delete`, which has the connections. */
const hasTables = (store: Store, name: EnvironmentName): boolean =>
  unlessDamaged(
    () => {
      const writes = readTargetWrites(store, name)
      return (
        writes !== null && (writes.schemas.length > 0 || Object.values(writes.tables).some(({ created }) => created))
      )
    },
    () => true,
  )

function oldGenerations(store: Store, keep: number): number[] {
  const current = currentGeneration(store)
  const numbers = generationNumbers(store).filter((number) => number !== current)
  return numbers.slice(0, Math.max(0, numbers.length - Math.max(0, keep - 1)))
}

const ABOUT_TO_LOCK_MS = 60_000

/** Lock files that a killed process wrote beside the one that it wanted. */
const forgottenLocks = (store: Store): string[] =>
  filesIn(store, 'locks').filter(
    (name) => name.startsWith('.') && Date.now() - changedMs(store, 'locks', name) > ABOUT_TO_LOCK_MS,
  )

/** 0: it is gone. */
const changedMs = (store: Store, folder: StoreFolder, name: string): number =>
  guarded('look at', name, () => lstatSync(join(store.target, folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0)

function oldJournals(store: Store): string[] {
  return filesIn(store, 'journal')
    .filter((name) => name !== 'production.jsonl')
    .map((name) => ({ name, at: changedMs(store, 'journal', name) }))
    .sort((a, b) => b.at - a.at)
    .slice(KEPT_JOURNALS)
    .map(({ name }) => name)
}

/** Not used for longer than its time to live. An environment without a readable configuration is left to its owner. */
export function isExpired(store: Store, name: EnvironmentName): boolean {
  const config = unlessDamaged(
    () => readEnvConfig(store, name),
    () => null,
  )
  return config !== null && Date.parse(config.last_used_at) + config.ttl_seconds * 1000 < Date.now()
}

/** Old generations, and expired environments. */
export const leftovers = (
  store: Store,
  keep: number,
): { readonly generations: readonly number[]; readonly environments: readonly EnvironmentName[] } => ({
  generations: oldGenerations(store, keep),
  environments: environmentNames(store).filter((name) => isExpired(store, name)),
})

/** What the generations and environments that stay are made of. Throws STATE_INVALID when one cannot be read. */
export const keptStates = (
  store: Store,
  generations: ReadonlySet<number>,
  environments: ReadonlySet<EnvironmentName>,
): readonly RunState[] => [
  ...generationNumbers(store)
    .filter((number) => !generations.has(number))
    .map((number) => readGeneration(store, number).state),
  ...environmentNames(store)
    .filter((name) => !environments.has(name))
    .flatMap((name) => readEnvState(store, name) ?? []),
]

function marked(store: Store, generations: ReadonlySet<number>, environments: ReadonlySet<EnvironmentName>) {
  const damaged: string[] = []
  const stateIn = (read: () => RunState | null): readonly RunState[] =>
    unlessDamaged(
      () => {
        const state = read()
        return state === null ? [] : [state]
      },
      (failure) => {
        damaged.push(failure.message)
        return []
      },
    )
  const states = [
    ...generationNumbers(store)
      .filter((number) => !generations.has(number))
      .flatMap((number) => stateIn(() => readGeneration(store, number).state)),
    ...environmentNames(store)
      .filter((name) => !environments.has(name))
      .flatMap((name) => stateIn(() => readEnvState(store, name))),
  ]
  return {
    damaged,
    snapshots: new Set(states.flatMap((state) => Object.values(state.nodes).map((node) => node.snapshot.sha256))),
    bundles: new Set(states.map((state) => state.bundle)),
  }
}

function leadsTo(store: Store, name: string, snapshots: ReadonlySet<string>): boolean {
  try {
    const value: unknown = JSON.parse(readIfThere(join(store.target, 'index', name)) ?? '')
    return misfits(StoredOutput, value).length === 0 && snapshots.has((value as StoredOutput).snapshot.sha256)
  } catch {
    return false
  }
}

function filesIn(store: Store, folder: StoreFolder): string[] {
  const path = join(store.target, folder)
  if (kindAt(path) !== 'folder') return []
  try {
    return readdirSync(path).sort()
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw ioFailure(error, 'list', path)
  }
}
