// Promoting an applied environment and going back to an earlier generation: both stage a switch as data, then commit it
// (promote/switch.ts). Reports ENVIRONMENT_NOT_FOUND, ENVIRONMENT_NOT_APPLIED, STATE_MOVED, STATE_NOT_FOUND, STATE_LOCKED.
//
// An applied environment leaves the same change prepared for people without Seeknal, below
// environments/<env>/promotion/, all paths relative to target/:
//   base         one line: what `current` must point to, `generations/7`, or `none`
//   next         one line: where the folder goes, `generations/8`; it must not exist yet
//   generation/  the generation, complete: manifest.json, run_state.json, generation.json, bundle.digest, intermediate/
// By hand: take locks/production.lock (create it, refuse if it exists), compare `readlink current` with base, rename
// generation/ to next, make a link to next beside `current`, rename that link over `current` without following it, remove
// the lock. Going back: point `current` at generations/<"parent" of current/generation.json>. The next writer notices.

import type { OpenedBundle } from './contract/bundle.ts'
import { Bug, RuntimeFailure } from './contract/failures.ts'
import { asNodeId, type EnvironmentName, type NodeId } from './contract/ids.ts'
import type { PostgresqlConnection } from './engines/postgresql/connection.ts'
import { changesBetween } from './execute/finish.ts'
import { placeIn } from './execute/plan-targets.ts'
import type { Faults } from './execute/run.ts'
import { makeScratch, type Scratch, sweepScratch } from './execute/scratch.ts'
import { readApplied } from './promote/applied.ts'
import { readElsewhere, requireOwnRows } from './promote/other-databases.ts'
import { preparedRecord, stagePrepared } from './promote/prepared.ts'
import { dueTargets, type PromotedTarget, rematerialize } from './promote/rematerialize.ts'
import { type Applied, stagePromotion } from './promote/stage.ts'
import { commitSwitch, type Requirement, requireMet, type StagedSwitch, unmetRequirements } from './promote/switch.ts'
import type { SharedState } from './shared-state.ts'
import { acquireEnvironment, touchEnvironment } from './store/environments.ts'
import {
  currentGeneration,
  type Generation,
  readGeneration,
  readProduction,
  readRecord,
  settleProduction,
  wholeBefore,
} from './store/generations.ts'
import { acquireWriter } from './store/locks.ts'
import { openStore, type Store, unlessDamaged } from './store/store.ts'

export type { Requirement, StagedSwitch } from './promote/switch.ts'

export interface SwitchOptions {
  readonly projectDir: string
  /** Only say what would happen: takes no lock, writes nothing. */
  readonly dryRun?: boolean
  readonly lockTimeoutMs?: number
  readonly command?: string
  readonly signal?: AbortSignal
  readonly faults?: Faults
  /** Where the engine is a database: the state is there, and its tables change with the switch in any case. */
  readonly shared?: SharedState
}

export interface PromoteOptions extends SwitchOptions {
  readonly environment: EnvironmentName
  /** Go on although production moved. */
  readonly force?: boolean
  /** Production's connections, by name; without them nothing is asked of another database. */
  readonly connection?: (name: string) => PostgresqlConnection
  /** Write production's targets before the switch. */
  readonly rematerialize?: boolean
  readonly onWriting?: (target: PromotedTarget) => void
}

/** A promotion, with production's tables of databases: which were written, and which the next run will write. */
export interface PromoteResult extends SwitchResult {
  readonly written: readonly PromotedTarget[]
  readonly dueTargets: readonly PromotedTarget[]
  /** Sources whose rows are those of another database than production's, until the next run. */
  readonly readElsewhere: readonly NodeId[]
}

export interface SwitchResult {
  readonly staged: StagedSwitch
  /** Requirements that do not hold; only a dry run gives back any. */
  readonly unmet: readonly Requirement[]
  readonly committed: boolean
  readonly from: number | null
  readonly to: number
  /** Nodes whose output becomes another one, sorted. */
  readonly changed: readonly NodeId[]
  readonly removed: readonly NodeId[]
}

/**
 * Makes an applied environment production. Throws ENVIRONMENT_NOT_FOUND, ENVIRONMENT_NOT_APPLIED, STATE_MOVED (facts:
 * nodes), STATE_LOCKED, STATE_IO, and what rematerialize() reports: then production is as it was.
 */
export async function promote(options: PromoteOptions): Promise<PromoteResult> {
  const { environment, connection = null } = options
  const store = openStore(options.projectDir)
  let read: Awaited<ReturnType<typeof readApplied>> | undefined
  const stage = async (): Promise<StagedSwitch> => {
    const production = readProduction(store)
    read = await readApplied(store, environment, { production, force: options.force ?? false })
    const staged = stagedOf(store, production, read)
    return options.shared === undefined ? staged : withoutFiles(staged)
  }
  /** What was staged: read once, under the lock. */
  const applied = (): NonNullable<typeof read> => {
    if (read === undefined) throw new Bug('nothing was staged')
    return read
  }
  const about = () => aboutDatabases(store, applied(), connection)
  if (options.dryRun) {
    const result = described(store, await stage(), false)
    const asked = await about()
    if (options.rematerialize === true) requireOwnRows(applied(), asked)
    return { ...result, written: [], ...asked }
  }
  const command = options.command ?? `seeknal env promote ${environment}`
  const own = await acquireEnvironment(store, environment, { command, timeoutMs: options.lockTimeoutMs ?? 0 })
  const there = await options.shared?.lock(`environment-${environment}`, lockOptions(options, command))
  let written: readonly PromotedTarget[] = []
  const before = async (staged: StagedSwitch, scratch: Scratch): Promise<void> => {
    if (options.shared?.inFiles === false) {
      // They change with the switch, in its transaction.
      written = staged.updates.create === null ? [] : (await about()).dueTargets
      return
    }
    if (options.rematerialize !== true || connection === null) return
    requireMet(store, staged.requirements)
    requireOwnRows(applied(), await about())
    const { signal, faults, onWriting } = options
    const run = { connection, scratch, runId: staged.runId, note: options.shared?.noteTargets }
    written = await rematerialize(store, applied(), { ...run, signal, faults, onWriting })
  }
  try {
    const result = await switchProduction(store, options, command, stage, { before, applied: () => applied().bundle })
    const promoted = { status: 'promoted', promoted_to: 'production', promoted_generation: result.to } as const
    if (options.shared === undefined) touchEnvironment(store, environment, promoted)
    return { ...result, written, ...(await about()) }
  } finally {
    await there?.release()
    own.release()
  }
}

const aboutDatabases = async (
  store: Store,
  applied: Awaited<ReturnType<typeof readApplied>>,
  connection: PromoteOptions['connection'] | null,
): Promise<Pick<PromoteResult, 'dueTargets' | 'readElsewhere'>> => ({
  dueTargets: await dueTargets(store, applied, connection ?? null),
  readElsewhere: connection == null ? [] : readElsewhere(applied, (name) => placeIn(connection, name)),
})

/**
 * Makes an earlier generation production again, exactly as it was; without `to`, the one before the present.
 * Throws STATE_NOT_FOUND (facts: generation), STATE_LOCKED, STATE_IO.
 */
export async function rollback(options: SwitchOptions & { readonly to?: number }): Promise<SwitchResult> {
  const store = openStore(options.projectDir)
  const stage = async (): Promise<StagedSwitch> => stageRollback(store, options.to)
  if (options.dryRun) return described(store, await stage(), false)
  return switchProduction(store, options, options.command ?? 'seeknal rollback', stage)
}

async function switchProduction(
  store: Store,
  options: SwitchOptions,
  command: string,
  stage: () => Promise<StagedSwitch>,
  { before = async () => {}, applied }: Promoting = {},
): Promise<SwitchResult> {
  const { shared } = options
  const lock = await acquireWriter(store, 'production', { command, timeoutMs: options.lockTimeoutMs ?? 0 })
  let there: { release(): Promise<void> } | undefined
  try {
    there = await shared?.lock('production', lockOptions(options, command))
    if (shared === undefined) settleProduction(store)
    else await shared.refresh()
    sweepScratch(store)
    const staged = await stage()
    const result = described(store, staged, true)
    const scratch = makeScratch(store, staged.runId)
    try {
      await before(staged, scratch)
      if (shared === undefined) commitSwitch(store, staged, scratch.folder, options.faults)
      else {
        requireMet(store, staged.requirements)
        const { commitShared } = await import('./execute/table-commit.ts')
        await commitShared(shared, staged, applied?.(), options.faults)
      }
    } finally {
      scratch.remove()
    }
    return result
  } finally {
    await there?.release()
    lock.release()
  }
}

interface Promoting {
  readonly before?: (staged: StagedSwitch, scratch: Scratch) => Promise<void>
  /** The bundle that is promoted; absent: nothing new is made. */
  readonly applied?: () => OpenedBundle
}

const lockOptions = ({ lockTimeoutMs: timeoutMs = 0 }: SwitchOptions, command: string) => ({ command, timeoutMs })

/** Where outputs are tables, no file is required. */
const withoutFiles = (staged: StagedSwitch): StagedSwitch => ({
  ...staged,
  requirements: staged.requirements.filter(({ kind }) => kind !== 'snapshot'),
})

function stageRollback(store: Store, wanted: number | undefined): StagedSwitch {
  const from = currentGeneration(store)
  const to = wanted ?? (from === null ? null : generationBefore(store, from))
  if (from === null || to === null)
    throw new RuntimeFailure(
      'STATE_NOT_FOUND',
      'there is no earlier generation to go back to',
      { current: from },
      { hints: ["'seeknal history' lists those that are kept."] },
    )
  return {
    kind: 'rollback',
    runId: readRecord(store, to)?.record.run_id ?? `generation-${to}`,
    requirements: [
      { kind: 'current', generation: from },
      { kind: 'generation', generation: to },
    ],
    updates: {
      create: null,
      current: { from, to },
      ...changesBetween(outputsOf(store, from), readGeneration(store, to).state.nodes),
    },
  }
}

/** The one that it was made on, as it says itself; when it does not say any more, the newest before it that is whole. */
function generationBefore(store: Store, number: number): number | null {
  const found = readRecord(store, number)
  return found === null ? wholeBefore(store, number) : found.record.parent
}

/** Outputs of the present generation, which may be damaged: then all that it is left for counts as changed. */
const outputsOf = (store: Store, number: number): Generation['state']['nodes'] =>
  unlessDamaged(
    () => readGeneration(store, number).state.nodes,
    () => ({}),
  )

/** What was prepared, as long as it fits; put together anew otherwise. */
function stagedOf(
  store: Store,
  production: Generation | null,
  applied: Applied & { readonly folder: string },
): StagedSwitch {
  const present = isPromoted(production, applied)
  if (present !== null) return present
  const prepared = preparedRecord(applied.folder)
  const staged = prepared && stagePrepared(store, production, applied, prepared)
  return staged ?? stagePromotion(store, production, applied, prepared?.record ?? null)
}

/**
 * The empty switch when production has all of it already: by a promotion that was killed just after its commit point, or
 * since the plan has no changes.
 */
function isPromoted(production: Generation | null, { contract, state }: Applied): StagedSwitch | null {
  if (production === null) return null
  const { replace, remove } = contract.promote
  const isEmpty = replace.length + remove.length === 0 && contract.files['manifest.json'] === production.manifestDigest
  if (!isEmpty && production.state.bundle !== contract.digest) return null
  const isThere = replace.every((id) => production.state.nodes[id]?.fingerprint === state.nodes[id]?.fingerprint)
  if (!isThere || remove.some((id) => production.state.nodes[id] !== undefined)) return null
  const current = { from: production.number, to: production.number }
  return {
    kind: 'promote',
    runId: state.run_id,
    requirements: [],
    updates: { create: null, current, changed: [], removed: [] },
  }
}

function described(store: Store, staged: StagedSwitch, committed: boolean): SwitchResult {
  const { current, changed, removed } = staged.updates
  const unmet = committed ? [] : unmetRequirements(store, staged.requirements)
  return { staged, unmet, committed, ...current, changed: changed.map(asNodeId), removed: removed.map(asNodeId) }
}
