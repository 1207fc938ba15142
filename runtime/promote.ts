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

import Type from 'typebox'
import { RuntimeFailure } from './contract/failures.ts'
import { asNodeId, type EnvironmentName, type NodeId } from './contract/ids.ts'
import { parseDocument } from './contract/schema.ts'
import { BaseRequirement } from './contract/state.ts'
import { changesBetween } from './execute/finish.ts'
import type { Faults } from './execute/run.ts'
import { makeScratch, sweepScratch } from './execute/scratch.ts'
import { open } from './open.ts'
import { type Applied, stagePromotion, unappliedNodes } from './promote/stage.ts'
import { commitSwitch, type Requirement, type StagedSwitch, unmetRequirements } from './promote/switch.ts'
import { environmentNotFound, readEnvConfig, readEnvState, touchEnvironment } from './store/environments.ts'
import { kindAt, readIfThere } from './store/files.ts'
import {
  currentGeneration,
  type Generation,
  readGeneration,
  readProduction,
  readRecord,
  settleProduction,
} from './store/generations.ts'
import { acquireWriter } from './store/locks.ts'
import { environmentFolder, openStore, pathIn, type Store } from './store/store.ts'

export type { Requirement, StagedSwitch } from './promote/switch.ts'

export interface SwitchOptions {
  readonly projectDir: string
  /** Only say what would happen: takes no lock, writes nothing. */
  readonly dryRun?: boolean
  readonly lockTimeoutMs?: number
  readonly command?: string
  readonly faults?: Faults
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
 * Makes an applied environment production.
 * Throws ENVIRONMENT_NOT_FOUND, ENVIRONMENT_NOT_APPLIED, STATE_MOVED (facts: nodes), STATE_LOCKED, STATE_IO.
 */
export async function promote(
  options: SwitchOptions & {
    readonly environment: EnvironmentName /** Go on although production moved. */
    readonly force?: boolean
  },
): Promise<SwitchResult> {
  const { environment } = options
  const store = openStore(options.projectDir)
  const stage = async (): Promise<StagedSwitch> => {
    const applied = await readApplied(store, environment, options.force ?? false)
    const production = readProduction(store)
    return isPromoted(production, applied) ?? stagePromotion(store, production, applied)
  }
  if (options.dryRun) return described(store, await stage(), false)
  const command = options.command ?? `seeknal env promote ${environment}`
  const own = await acquireWriter(store, `environment-${environment}`, {
    command,
    timeoutMs: options.lockTimeoutMs ?? 0,
  })
  try {
    const result = await switchProduction(store, options, command, stage)
    touchEnvironment(store, environment, {
      status: 'promoted',
      promoted_to: 'production',
      promoted_generation: result.to,
    })
    return result
  } finally {
    own.release()
  }
}

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
): Promise<SwitchResult> {
  const lock = await acquireWriter(store, 'production', { command, timeoutMs: options.lockTimeoutMs ?? 0 })
  try {
    settleProduction(store)
    sweepScratch(store)
    const staged = await stage()
    const result = described(store, staged, true)
    const scratch = makeScratch(store, staged.runId)
    try {
      commitSwitch(store, staged, scratch.folder, options.faults)
    } finally {
      scratch.remove()
    }
    return result
  } finally {
    lock.release()
  }
}

function stageRollback(store: Store, wanted: number | undefined): StagedSwitch {
  const from = currentGeneration(store)
  const parent = from === null ? null : (readRecord(store, from)?.record.parent ?? null)
  const to = wanted ?? parent
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
      ...changesBetween(readGeneration(store, from).state.nodes, readGeneration(store, to).state.nodes),
    },
  }
}

/** What the environment was applied with. Throws when it was not, or not completely. */
async function readApplied(store: Store, environment: EnvironmentName, force: boolean): Promise<Applied> {
  const folder = environmentFolder(store, environment)
  if (kindAt(folder) === 'absent') throw environmentNotFound(store, environment)
  const config = readEnvConfig(store, environment)
  const state = readEnvState(store, environment)
  if (state === null || (config?.status !== 'applied' && config?.status !== 'promoted'))
    throw notApplied(environment, config?.status ?? 'planned')
  const bundle = await open(pathIn(store, 'bundles', state.bundle))
  const requirements = force ? [] : readRequirements(folder, environment)
  const applied = { contract: bundle.contract, manifest: bundle.manifest, base: bundle.base, state, requirements }
  if (unappliedNodes(applied).length > 0) throw notApplied(environment, config.status)
  return applied
}

/** The empty switch when production has all of it already: a promotion that was killed just after its commit point. */
function isPromoted(production: Generation | null, { contract, state }: Applied): StagedSwitch | null {
  if (production === null || production.state.bundle !== contract.digest) return null
  const { replace, remove } = contract.promote
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

function readRequirements(folder: string, environment: EnvironmentName): Requirement[] {
  const text = readIfThere(`${folder}/promotion/requirements.json`)
  if (text === null) throw notApplied(environment, 'planned')
  return parseDocument(
    Type.Array(BaseRequirement),
    text,
    `target/environments/${environment}/promotion/requirements.json`,
    'STATE_INVALID',
  )
}

const notApplied = (environment: EnvironmentName, status: string): RuntimeFailure =>
  new RuntimeFailure(
    'ENVIRONMENT_NOT_APPLIED',
    `environment '${environment}' is not applied: its status is '${status}'`,
    { environment, status },
    { hints: [`Run 'seeknal env apply ${environment}' first.`] },
  )

function described(store: Store, staged: StagedSwitch, committed: boolean): SwitchResult {
  const { current, changed, removed } = staged.updates
  const unmet = committed ? [] : unmetRequirements(store, staged.requirements)
  return { staged, unmet, committed, ...current, changed: changed.map(asNodeId), removed: removed.map(asNodeId) }
}
