// plan.json and refs.json of an environment: what its bundle will do on top of production as it is. Written by `env plan`
// and by a promotion to the environment. Pure.

import { type BundleFile, buildSteps, checkSteps, type OpenedBundle } from '../contract/bundle.ts'
import { asNodeId, outputStem } from '../contract/ids.ts'
import type { Plan, Refs } from '../contract/state.ts'
import type { Generation } from '../store/generations.ts'
import { baseRequirements } from './base.ts'

/** The profile that a plan was made with, as it is shown; null: there was none. */
export type PlanProfile = { readonly shown: string; readonly fingerprint: string } | null

export function planDocument(
  { contract, diff }: OpenedBundle,
  production: Generation | null,
  profile: PlanProfile,
): Plan {
  const base = baseRequirements(contract, production).flatMap(({ node, definition, execution }) =>
    definition === null || execution === null ? [] : [[node, { definition, execution }] as const],
  )
  const maybe = new Set(diff.execute.filter((execution) => execution.maybe).map((execution) => execution.node))
  const ids = buildSteps(contract).map((step) => step.node)
  const built = new Set(ids)
  const checked = checkSteps(contract).flatMap((step) => (built.has(step.node) ? [] : [step.node]))
  const certain = ids.filter((id) => !maybe.has(id))
  return {
    env_name: contract.environment ?? '',
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
    ...(checked.length === 0 ? {} : { check: checked }),
    reasons: Object.fromEntries([...contract.steps].reverse().map((step) => [step.node, step.reasons])),
    base: { generation: production?.number ?? null, nodes: Object.fromEntries(base) },
    bundle: contract.digest,
  }
}

/** What the steps read of production. */
export function refsDocument({ promote }: BundleFile, production: Generation | null): Refs {
  if (production === null) return {}
  const refs = promote.read.flatMap((id) => {
    const sha256 = production.state.nodes[id]?.snapshot.sha256
    const path = `target/generations/${production.number}/intermediate/${outputStem(asNodeId(id))}.parquet`
    return sha256 === undefined ? [] : [[id, { path, sha256, generation: production.number }] as const]
  })
  return Object.fromEntries(refs)
}
