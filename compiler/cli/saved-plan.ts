// The plan of an environment as files: bundle/, refs.json, plan.json below target/environments/<env>/. plan.json comes
// last and names the bundle by digest: without it, or with another digest, there is no plan.
// Reports ENVIRONMENT_NOT_FOUND, STATE_INVALID, STATE_LOCKED, STATE_IO.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeBundle } from '../../runtime/bundle/directory.ts'
import type { Profile } from '../../runtime/cli/profile.ts'
import type { OpenedBundle } from '../../runtime/contract/bundle.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import { asNodeId, type EnvironmentName, outputStem } from '../../runtime/contract/ids.ts'
import { parseDocument } from '../../runtime/contract/schema.ts'
import { Plan, type Refs } from '../../runtime/contract/state.ts'
import { open } from '../../runtime/open.ts'
import {
  environmentNotFound,
  readEnvConfig,
  readEnvState,
  touchEnvironment,
  writeEnvDocument,
} from '../../runtime/store/environments.ts'
import { kindAt, readIfThere } from '../../runtime/store/files.ts'
import { acquireWriter } from '../../runtime/store/locks.ts'
import { environmentFolder, folderIn } from '../../runtime/store/store.ts'
import type { Workspace } from './workspace.ts'

/** plan.json. Pure but for production, which was looked up once. */
export function environmentPlan(
  workspace: Workspace,
  environment: EnvironmentName,
  bundle: OpenedBundle,
  profile: Profile | null,
): Plan {
  const production = workspace.production()
  const { contract, diff } = bundle
  const { replace, remove, read } = contract.promote
  const base = [...new Set([...replace, ...remove, ...read])].sort().flatMap((id) => {
    const definition = production?.manifest.nodes.find((node) => node.id === id)?.definition_fingerprint
    const execution = production?.state.nodes[id]?.fingerprint
    return definition === undefined || execution === undefined ? [] : [[id, { definition, execution }] as const]
  })
  const maybe = new Set(diff.execute.filter((execution) => execution.maybe).map((execution) => execution.node))
  const ids = contract.steps.map((step) => step.node)
  const certain = ids.filter((id) => !maybe.has(id))
  return {
    env_name: environment,
    manifest_fingerprint: contract.files['manifest.json'] ?? '',
    categorized_changes: Object.fromEntries(
      diff.changes.filter((c) => c.change === 'modified').map((c) => [c.node, c.category]),
    ),
    added_nodes: diff.changes.filter((c) => c.change === 'added').map((c) => c.node),
    removed_nodes: diff.changes.filter((c) => c.change === 'removed').map((c) => c.node),
    total_nodes_to_execute: certain.length,
    profile_path: profile?.shown ?? null,
    profile_fingerprint: profile?.fingerprint ?? null,
    execute: certain,
    may_execute: ids.filter((id) => maybe.has(id)),
    reasons: Object.fromEntries(contract.steps.map((step) => [step.node, step.reasons])),
    base: { generation: production?.number ?? null, nodes: Object.fromEntries(base) },
    bundle: contract.digest,
  }
}

/** Keeps the plan in place of an earlier one. What was applied stays only when it was applied from the same bundle. */
export async function savePlan(
  workspace: Workspace,
  environment: EnvironmentName,
  bundle: OpenedBundle,
  plan: Plan,
): Promise<void> {
  const { store } = workspace
  const lock = await acquireWriter(store, `environment-${environment}`, { command: `seeknal env plan ${environment}` })
  try {
    const folder = folderIn(store, 'environments', environment)
    const same = readEnvState(store, environment)?.bundle === plan.bundle
    const status = readEnvConfig(store, environment)?.status
    touchEnvironment(store, environment, same && status !== undefined ? {} : { status: 'planned' })
    rmSync(join(folder, 'plan.json'), { force: true })
    writeBundle(join(folder, 'bundle'), bundle)
    writeEnvDocument(store, environment, 'refs.json', refsOf(workspace, bundle))
    writeEnvDocument(store, environment, 'plan.json', plan)
  } finally {
    lock.release()
  }
}

/** What the steps will read of production. */
function refsOf(workspace: Workspace, { contract }: OpenedBundle): Refs {
  const production = workspace.production()
  if (production === null) return {}
  const refs = contract.promote.read.flatMap((id) => {
    const sha256 = production.state.nodes[id]?.snapshot.sha256
    const path = `target/generations/${production.number}/intermediate/${outputStem(asNodeId(id))}.parquet`
    return sha256 === undefined ? [] : [[id, { path, sha256, generation: production.number }] as const]
  })
  return Object.fromEntries(refs)
}

/** The saved plan with its bundle, verified. */
export async function readPlan(
  { store }: Workspace,
  environment: EnvironmentName,
): Promise<{ readonly plan: Plan; readonly bundle: OpenedBundle }> {
  const folder = environmentFolder(store, environment)
  if (kindAt(folder) === 'absent') throw environmentNotFound(store, environment)
  const text = readIfThere(join(folder, 'plan.json'))
  const again = [`Plan it with \`seeknal env plan ${environment}\`.`]
  if (text === null)
    throw new RuntimeFailure(
      'STATE_STALE',
      `Environment '${environment}' has no plan.`,
      { environment },
      { hints: again },
    )
  const plan = parseDocument(Plan, text, `target/environments/${environment}/plan.json`, 'STATE_INVALID')
  const bundle = await open(join(folder, 'bundle'))
  if (bundle.contract.digest !== plan.bundle)
    throw new RuntimeFailure(
      'STATE_STALE',
      `The plan of environment '${environment}' and its bundle do not belong together.`,
      { environment },
      { hints: again },
    )
  return { plan, bundle }
}
