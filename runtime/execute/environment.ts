// What a run of an environment's bundle asks of production, and what it leaves in environments/<env>/: outputs, state,
// what was read of production, and the promotion, prepared. It counts as applied only when everything is written.
// Reports STATE_MOVED, STATE_STALE, STATE_IO.

import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { failedResults } from '../check.ts'
import { byCodeUnit, prettyJson, sortedKeys } from '../contract/canonical-json.ts'
import { Bug, RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type EnvironmentName, outputStem } from '../contract/ids.ts'
import type { EnvConfig, NodeChecks, NodeState, RunState } from '../contract/state.ts'
import { baseRequirements, isHeld, movedDefinitions, movedSincePlan } from '../promote/base.ts'
import { refsDocument } from '../promote/plan-document.ts'
import { promotionDocuments, stagePromotion } from '../promote/stage.ts'
import { buildGeneration } from '../promote/switch.ts'
import { readEnvConfig, readEnvPlan, readEnvState, touchEnvironment, writeEnvDocument } from '../store/environments.ts'
import { guarded, linkOrCopy, makeFolder, readIfThere, removeTree, syncPath } from '../store/files.ts'
import { environmentFolder, folderIn, snapshotPath } from '../store/store.ts'
import { keepBundle } from './finish.ts'
import type { Faults, RunRequest } from './run.ts'
import type { World } from './world.ts'

const nameOf = (world: World): EnvironmentName => {
  if (world.environment === null) throw new Bug('production is no environment')
  return world.environment
}

/** Whether this very bundle is applied, and can be promoted as production is now, unless production has it already. */
export function isApplied(world: World): boolean {
  const environment = nameOf(world)
  const status = readEnvConfig(world.store, environment)?.status
  if (status !== 'applied' && status !== 'promoted') return false
  if (readEnvState(world.store, environment)?.bundle !== world.contract.digest) return false
  return isHeldByProduction(world) || isPrepared(world, environment)
}

function isHeldByProduction(world: World): boolean {
  const state = readEnvState(world.store, nameOf(world))
  return state !== null && isHeld(world.contract, state, world.production)
}

function isPrepared(world: World, environment: EnvironmentName): boolean {
  const path = join(environmentFolder(world.store, environment), 'promotion', 'requirements.json')
  const now = prettyJson(baseRequirements(world.contract, world.production))
  return readIfThere(path) === now
}

/**
 * Refuses when production's nodes that the bundle replaces, removes or reads are not what it was planned on; the plan, if
 * there is one, also knows the data. An environment that production has taken over is not behind it.
 * Throws STATE_MOVED (facts: nodes, moved).
 */
export function requireBase(world: World, { force, plan }: Pick<RunRequest, 'force' | 'plan'>): void {
  if (force === true) return
  const moved = new Map(
    [
      ...movedDefinitions(world.contract, world.base, world.production),
      ...(plan === undefined ? [] : movedSincePlan(plan, world.production)),
    ].map((one) => [one.node, one] as const),
  )
  if (moved.size === 0 || isHeldByProduction(world)) return
  const environment = nameOf(world)
  const sorted = [...moved.values()].sort((a, b) => byCodeUnit(a.node, b.node))
  throw new RuntimeFailure(
    'STATE_MOVED',
    `production moved since environment '${environment}' was planned: ${sorted.map(({ node, what }) => `${node} (${what})`).join(', ')}`,
    { environment, nodes: sorted.map(({ node }) => node), moved: sorted },
    {
      hints: [
        `Plan again: 'seeknal env plan ${environment}'; then apply executes what reads them, and nothing else.`,
        "Or go on with '--force'.",
      ],
    },
  )
}

/** Refuses when the environment was planned again or deleted before its lock was taken. Throws STATE_STALE. */
export function requirePlan(world: World, { plan }: Pick<RunRequest, 'plan'>): void {
  const environment = nameOf(world)
  if (plan === undefined || readEnvPlan(world.store, environment)?.bundle === plan.bundle) return
  throw new RuntimeFailure(
    'STATE_STALE',
    `environment '${environment}' was planned again or deleted in between`,
    { environment },
    { hints: [`Look at it with 'seeknal env list'; then plan or apply it.`] },
  )
}

export interface Application {
  readonly states: ReadonlyMap<string, NodeState>
  /** What came out of checks. */
  readonly checks: Readonly<Record<string, NodeChecks>>
  /** Every step ended well. */
  readonly complete: boolean
  readonly engine: string
  /** The run's own folder. */
  readonly scratch: string
  readonly faults: Faults
}

/** Makes what was executed the environment's. An incomplete run only says so; what is finished stays in the store. */
export function applyToEnvironment(world: World, application: Application): void {
  const environment = nameOf(world)
  const { store } = world
  if (!application.complete) {
    touchEnvironment(store, environment, { status: 'failed', failed_checks: failedChecks(application.checks) })
    removeTree(join(environmentFolder(store, environment), 'promotion'))
    return
  }
  touchEnvironment(store, environment, {
    status: 'planned',
    promoted_to: null,
    promoted_generation: null,
    promoted_from: null,
  })
  keepBundle(store, world.bundle, application.faults)
  const state = stateOf(world, application)
  replaceOutputs(world, environment, application)
  writeEnvDocument(
    store,
    environment,
    'manifest.json',
    world.bundle.files.get('manifest.json') ?? prettyJson(world.manifest),
  )
  writeEnvDocument(store, environment, 'run_state.json', state)
  writeEnvDocument(store, environment, 'refs.json', refsDocument(world.contract, world.production))
  preparePromotion(world, environment, state, application.scratch)
  application.faults('placed')
  touchEnvironment(store, environment, { status: 'applied' })
  application.faults('recorded')
}

export const failedChecks = (checks: Application['checks']): NonNullable<EnvConfig['failed_checks']> =>
  sortedKeys(checks).flatMap((node) =>
    failedResults(checks[node] ?? { results: [] }).map(({ id, failing_rows }) => ({ node, check: id, failing_rows })),
  )

export function stateOf(world: World, application: Application): RunState {
  return {
    format: 'seeknal.run_state/1',
    generation: null,
    environment: world.environment,
    bundle: world.contract.digest,
    ...(world.compiled ? {} : { unproven: true }),
    run_id: world.values.runId,
    run_timestamp: world.values.runTimestamp,
    engine: application.engine,
    nodes: Object.fromEntries(application.states),
    ...(Object.keys(application.checks).length === 0 ? {} : { checks: { ...application.checks } }),
  }
}

function replaceOutputs(world: World, environment: EnvironmentName, application: Application): void {
  const folder = folderIn(world.store, 'environments', environment)
  const made = join(application.scratch, 'intermediate')
  makeFolder(made)
  for (const [id, { snapshot }] of application.states)
    linkOrCopy(snapshotPath(world.store, snapshot.sha256), join(made, `${outputStem(asNodeId(id))}.parquet`))
  syncPath(made)
  application.faults('staged')
  const present = join(folder, 'intermediate')
  guarded('replace', present, () => {
    if (existsSync(present)) renameSync(present, join(application.scratch, 'intermediate.old'))
    renameSync(made, present)
  })
  syncPath(folder)
}

/** Lays the promotion out as files (promote.ts describes them). */
function preparePromotion(world: World, environment: EnvironmentName, state: RunState, scratch: string): void {
  const requirements = baseRequirements(world.contract, world.production)
  const staged = stagePromotion(world.store, world.production, {
    contract: world.contract,
    manifest: world.manifest,
    base: world.base,
    state,
    requirements,
  })
  const { create } = staged.updates
  const made = join(scratch, 'promotion')
  makeFolder(made)
  if (create !== null) buildGeneration(world.store, create, join(made, 'generation'))
  const folder = join(environmentFolder(world.store, environment), 'promotion')
  removeTree(folder)
  guarded('place', folder, () => renameSync(made, folder))
  for (const [file, text] of Object.entries(promotionDocuments(staged, requirements)))
    writeEnvDocument(world.store, environment, file, text)
}
