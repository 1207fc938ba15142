// What a run of files leaves where the state is in a ledger: one transaction that checks and advances it, and only then
// target/. A kill in between is healed by whoever refreshes target/ next. Reports STATE_MOVED, STATE_NOT_FOUND, STATE_IO.

import { prettyJson } from '../contract/canonical-json.ts'
import { Bug, RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type NodeId } from '../contract/ids.ts'
import { keepInLedger } from '../engines/postgresql/ledger-reader.ts'
import { baseRequirements } from '../promote/base.ts'
import { refsDocument } from '../promote/plan-document.ts'
import { requireMet, type StagedSwitch } from '../promote/switch.ts'
import type { SharedState } from '../shared-state.ts'
import { readEnvConfig, usedNow } from '../store/environments.ts'
import { hasSnapshot } from '../store/snapshots.ts'
import { unlessDamaged } from '../store/store.ts'
import type { Predictions } from './due.ts'
import { type Application, failedChecks, stateOf } from './environment.ts'
import { keepBundle } from './finish.ts'
import type { Prediction } from './plan.ts'
import type { Faults } from './run.ts'
import { commitGeneration } from './table-commit.ts'
import type { World } from './world.ts'

/** What the run made becomes production. */
export async function switchInLedger(
  shared: SharedState,
  world: World,
  staged: StagedSwitch,
  faults: Faults,
): Promise<void> {
  const { ledger } = shared
  requireMet(world.store, staged.requirements)
  faults('staged')
  await ledger.commit(async () => {
    await keepInLedger(ledger, world.contract.digest, world.bundle.files)
    await commitGeneration(shared, staged, { bundle: world.bundle, nodes: world.nodes, before: [] })
  })
  faults('recorded')
  await shared.refresh(faults)
}

/** What was executed becomes the environment's. An incomplete run only says so; what is finished stays in the store. */
export async function applyInLedger(shared: SharedState, world: World, application: Application): Promise<void> {
  const { store, environment, contract, production } = world
  if (environment === null) throw new Bug('production is no environment')
  const { checks, complete, faults } = application
  const present = unlessDamaged(
    () => readEnvConfig(store, environment),
    () => null,
  )
  const config = complete
    ? ({ status: 'applied', promoted_to: null, promoted_generation: null, promoted_from: null } as const)
    : ({ status: 'failed', failed_checks: failedChecks(checks) } as const)
  const documents = {
    'env_config.json': prettyJson(usedNow(present, environment, config)),
    ...(complete
      ? {
          'manifest.json': world.bundle.files.get('manifest.json') ?? prettyJson(world.manifest),
          'run_state.json': prettyJson(stateOf(world, application)),
          'refs.json': prettyJson(refsDocument(contract, production)),
        }
      : {}),
    'promotion/requirements.json': complete ? prettyJson(baseRequirements(contract, production)) : null,
  }
  if (complete) keepBundle(store, world.bundle, faults)
  faults('staged')
  await shared.ledger.commit(async () => {
    await keepInLedger(shared.ledger, contract.digest, world.bundle.files)
    await shared.saveEnvironment(environment, { views: [], promotion: null, documents })
  })
  faults('recorded')
  await shared.refresh(faults)
}

/**
 * Refuses when a step would read an output that is not on this machine and that the run does not make again.
 * Throws STATE_NOT_FOUND (facts: nodes).
 */
export function requireReadable(world: World, predictions: Predictions): void {
  const missing = new Set<NodeId>()
  for (const prediction of predictions.values()) {
    for (const id of readBy(world, prediction)) {
      if (world.steps.has(id) && world.selected(id)) continue
      const entry = (world.steps.has(id) ? world.own.get(id) : undefined) ?? world.outside.get(id)
      const isHere =
        entry === undefined || (world.outputs.isThere(entry) && hasSnapshot(world.store, entry.state.snapshot))
      if (!isHere) missing.add(id)
    }
  }
  if (missing.size === 0) return
  const nodes = [...missing].sort()
  throw new RuntimeFailure(
    'STATE_NOT_FOUND',
    `not on this machine: the stored ${nodes.length === 1 ? 'output' : 'outputs'} of ${nodes.join(', ')}`,
    { nodes },
    {
      hints: [
        "'seeknal run --restore' makes those of production here again, and leaves production as it is.",
        'Machines that share the folder target/snapshots need not.',
      ],
    },
  )
}

/** What a node's steps will read that is stored already. */
function readBy(world: World, { id, status }: Prediction): readonly NodeId[] {
  if (!world.steps.has(id)) return status === 'check' || status === 'write' ? [id] : []
  if (status !== 'execute' && status !== 'maybe') return []
  return (world.nodes.get(id)?.inputs ?? []).map(({ ref }) => asNodeId(ref))
}
