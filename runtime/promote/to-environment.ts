// Promotes an applied environment to another one: what it was applied with becomes the other's bundle, plan, refs and
// outputs, as if the same project had been planned and applied there. Staged as data, then one rename puts the complete
// folder in the other's place. Both environments are locked, in the order of their names.
// Reports ENVIRONMENT_NOT_FOUND, ENVIRONMENT_NOT_APPLIED, STATE_MOVED, STATE_NOT_FOUND, STATE_LOCKED, BUNDLE_INVALID.

import { retarget } from '../bundle/retarget.ts'
import type { OpenedBundle } from '../contract/bundle.ts'
import { canonicalJson, prettyJson } from '../contract/canonical-json.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type EnvironmentName, type NodeId, outputStem } from '../contract/ids.ts'
import type { Manifest } from '../contract/manifest.ts'
import type { BaseRequirement, NodeState, Plan, RunState } from '../contract/state.ts'
import { outputSchemas } from '../contract/table-steps.ts'
import { changesBetween, newSnapshots } from '../execute/finish.ts'
import type { Faults } from '../execute/run.ts'
import { makeScratch, sweepScratch } from '../execute/scratch.ts'
import { open } from '../open.ts'
import type { SharedState } from '../shared-state.ts'
import {
  acquireEnvironment,
  readEnvConfig,
  readEnvPlan,
  readEnvState,
  touchEnvironment,
  usedNow,
} from '../store/environments.ts'
import { type Generation, readProduction } from '../store/generations.ts'
import { openStore, pathIn, type Store } from '../store/store.ts'
import { readTargetWrites, TARGETS_FILE } from '../store/target-writes.ts'
import { readApplied } from './applied.ts'
import { commitEnvironment, type NewEnvironment, type StagedEnvironment } from './environment-switch.ts'
import { requireOwnNamespace } from './namespaces.ts'
import { type PlanProfile, planDocument, refsDocument } from './plan-document.ts'
import { promotionDocuments, stagePromotion } from './stage.ts'
import { type Requirement, unmetRequirements } from './switch.ts'

export type { StagedEnvironment } from './environment-switch.ts'

export interface EnvironmentPromotion {
  readonly staged: StagedEnvironment
  /** Requirements that do not hold; only a dry run gives back any. */
  readonly unmet: readonly Requirement[]
  readonly committed: boolean
  readonly environment: EnvironmentName
  readonly changed: readonly NodeId[]
  readonly removed: readonly NodeId[]
  readonly lost: readonly NodeId[]
}

export interface EnvironmentPromotionOptions {
  readonly projectDir: string
  readonly from: EnvironmentName
  readonly to: EnvironmentName
  /** What `to` uses. */
  readonly profile: PlanProfile
  /** Only say what would happen: takes no lock, writes nothing. */
  readonly dryRun?: boolean
  /** Go on although production moved, or although the environment has changes of its own. */
  readonly force?: boolean
  readonly lockTimeoutMs?: number
  readonly faults?: Faults
  /** Where the engine is a database: the state is there. */
  readonly shared?: SharedState
}

/** Throws what the header names. STATE_MOVED has `nodes`, and `environment` when its own changes would be lost. */
export async function promoteToEnvironment(options: EnvironmentPromotionOptions): Promise<EnvironmentPromotion> {
  const { from, to, force = false } = options
  if (from === to)
    throw new RuntimeFailure('USAGE', `Environment '${from}' cannot be promoted to itself.`, { environment: from })
  const store = openStore(options.projectDir)
  if (options.dryRun) return described(store, await stage(store, options), false)
  const locks = await lockBoth(store, options)
  try {
    sweepScratch(store)
    await options.shared?.refresh()
    const staged = await stage(store, options)
    if (!force && staged.updates.lost.length > 0) throw ownChanges(options, staged.updates.lost)
    await commit(store, staged, options)
    return described(store, staged, true)
  } finally {
    for (const lock of locks.reverse()) await lock.release()
  }
}

async function commit(store: Store, staged: StagedEnvironment, options: EnvironmentPromotionOptions): Promise<void> {
  const { from, to, shared, faults } = options
  if (shared !== undefined) {
    const { commitSharedEnvironment } = await import('./environment-in-database.ts')
    return commitSharedEnvironment(shared, store, from, staged, faults)
  }
  const scratch = makeScratch(store, staged.runId)
  try {
    commitEnvironment(store, staged, scratch.folder, faults)
  } finally {
    scratch.remove()
  }
  touchEnvironment(store, from, { status: 'promoted', promoted_to: to, promoted_generation: null })
}

/** In the order of their names, so that two promotions in opposite directions do not wait for each other. */
async function lockBoth(store: Store, options: EnvironmentPromotionOptions): Promise<Released[]> {
  const { from, to, lockTimeoutMs: timeoutMs = 0, shared } = options
  const command = `seeknal env promote ${from} ${to}`
  const locks: Released[] = []
  try {
    for (const name of [from, to].sort()) {
      locks.push(await acquireEnvironment(store, name, { command, timeoutMs }))
      if (shared !== undefined) locks.push(await shared.lock(`environment-${name}`, { command, timeoutMs }))
    }
    return locks
  } catch (error) {
    for (const lock of locks.reverse()) await lock.release()
    throw error
  }
}

interface Released {
  release(): void | Promise<void>
}

async function stage(store: Store, options: EnvironmentPromotionOptions): Promise<StagedEnvironment> {
  const { from, to, profile, force = false } = options
  const production = readProduction(store)
  const applied = await readApplied(store, from, { production, force: false })
  const present = await contentsOf(store, to, production)
  requireOwnNamespace(to, [applied.manifest, applied.base], outputSchemas(applied.contract.engine.schema))
  const bundle = retarget(applied.bundle, to)
  const { remove } = bundle.contract.promote
  const nodes = Object.fromEntries(
    Object.entries(applied.state.nodes).map(([id, node]): [string, NodeState] => [id, { ...node, status: 'reused' }]),
  )
  const state: RunState = { ...applied.state, environment: to, bundle: bundle.contract.digest, nodes }
  const before = visible(production, present?.state?.nodes ?? {}, present?.bundle.contract.promote.remove ?? [])
  const isThere = present?.isApplied === true && sameOutputs(present.state, state)
  const create = isThere
    ? null
    : newEnvironment(store, {
        ...{ from, to, profile, bundle, production, state },
        project: projectOf(store, from, applied.contract.digest),
        requirements: applied.requirements,
      })
  return {
    kind: 'environment',
    runId: state.run_id,
    requirements: [
      ...(force ? [] : applied.requirements),
      ...(options.shared === undefined ? newSnapshots(nodes) : []),
    ],
    updates: {
      environment: to,
      create,
      bundle: { from: present?.state.bundle ?? null, to: state.bundle },
      ...changesBetween(before, visible(production, nodes, remove)),
      lost: present === null ? [] : lostChanges(present, bundle.manifest, production?.manifest ?? null),
    },
  }
}

interface Contents {
  readonly isApplied: boolean
  readonly isPromoted: boolean
  readonly state: RunState
  readonly bundle: OpenedBundle
}

/** What an environment was applied with last, or null. */
async function contentsOf(
  store: Store,
  environment: EnvironmentName,
  production: Generation | null,
): Promise<Contents | null> {
  const status = readEnvConfig(store, environment)?.status
  const state = readEnvState(store, environment)
  if (state === null) return null
  const bundle = await open(pathIn(store, 'bundles', state.bundle), production)
  return {
    isApplied: status === 'applied' || status === 'promoted',
    isPromoted: status === 'promoted',
    state,
    bundle,
  }
}

type States = Readonly<Record<string, NodeState>>

/** What a reader of an environment sees: production's outputs and its own. */
function visible(production: Generation | null, own: States, removed: readonly string[]): States {
  const gone = new Set(removed)
  const kept = Object.entries(production?.state.nodes ?? {}).filter(([id]) => !gone.has(id))
  return { ...Object.fromEntries(kept), ...own }
}

/** From the same bundle, and of the same data. */
const sameOutputs = (present: RunState, wanted: RunState): boolean =>
  present.bundle === wanted.bundle &&
  Object.keys(wanted.nodes).every((id) => present.nodes[id]?.fingerprint === wanted.nodes[id]?.fingerprint)

/** Changes that were applied and neither promoted nor part of what comes. What was only planned can be planned again. */
function lostChanges(present: Contents, wanted: Manifest, production: Manifest | null): string[] {
  if (!present.isApplied || present.isPromoted) return []
  const spelled = (manifest: Manifest | null, id: string): string => {
    const node = manifest?.nodes.find((other) => other.id === id)
    return node === undefined ? '' : canonicalJson({ ...node, inputs: node.inputs.map((edge) => edge.ref) })
  }
  return present.bundle.diff.changes
    .map((change) => change.node)
    .filter((id) => {
      const own = spelled(present.bundle.manifest, id)
      return own !== spelled(wanted, id) && own !== spelled(production, id)
    })
    .sort()
}

/** What a plan says of the project that it was made from; nothing when the environment was applied without that plan. */
function projectOf(store: Store, environment: EnvironmentName, bundle: string): Pick<Plan, 'params' | 'project'> {
  const plan = readEnvPlan(store, environment)
  if (plan?.bundle !== bundle) return {}
  const { params, project } = plan
  return { ...(params === undefined ? {} : { params }), ...(project === undefined ? {} : { project }) }
}

interface Ingredients {
  readonly from: EnvironmentName
  readonly to: EnvironmentName
  readonly profile: PlanProfile
  readonly bundle: OpenedBundle
  readonly production: Generation | null
  readonly state: RunState
  readonly project: Pick<Plan, 'params' | 'project'>
  /** What `from` was made on. */
  readonly requirements: readonly BaseRequirement[]
}

function newEnvironment(store: Store, made: Ingredients): NewEnvironment {
  const { from, to, bundle, production, state, requirements } = made
  const { contract, manifest, base } = bundle
  const staged = stagePromotion(store, production, { contract, manifest, base, state, requirements })
  const config = usedNow(readEnvConfig(store, to), to, {
    status: 'applied',
    promoted_to: null,
    promoted_generation: null,
    promoted_from: from,
  })
  return {
    documents: {
      'env_config.json': prettyJson(config),
      'manifest.json': bundle.files.get('manifest.json') ?? prettyJson(manifest),
      'run_state.json': prettyJson(state),
      'refs.json': prettyJson(refsDocument(contract, production)),
      'plan.json': prettyJson({ ...planDocument(bundle, production, made.profile), ...made.project }),
      ...promotionDocuments(staged, requirements),
      ...targetsOf(store, to),
    },
    bundle: Object.fromEntries(bundle.files),
    outputs: Object.fromEntries(
      Object.entries(state.nodes).map(([id, node]) => [`${outputStem(asNodeId(id))}.parquet`, node.snapshot.sha256]),
    ),
    generation: staged.updates.create,
  }
}

/** What the environment's tables in databases hold stays true. */
function targetsOf(store: Store, environment: EnvironmentName): Readonly<Record<string, string>> {
  const writes = readTargetWrites(store, environment)
  return writes === null ? {} : { [TARGETS_FILE]: prettyJson(writes) }
}

function ownChanges({ from, to }: EnvironmentPromotionOptions, nodes: readonly string[]): RuntimeFailure {
  const hints = [
    `Promote '${to}' to production first, or make '${from}' from a project that has them.`,
    `'--force' goes on without them.`,
  ]
  return new RuntimeFailure(
    'STATE_MOVED',
    `environment '${to}' has changes that '${from}' does not have: ${nodes.join(', ')}`,
    { environment: to, nodes },
    { hints },
  )
}

function described(store: Store, staged: StagedEnvironment, committed: boolean): EnvironmentPromotion {
  const { environment, changed, removed, lost } = staged.updates
  return {
    staged,
    unmet: committed ? [] : unmetRequirements(store, staged.requirements),
    committed,
    environment,
    changed: changed.map(asNodeId),
    removed: removed.map(asNodeId),
    lost: lost.map(asNodeId),
  }
}
