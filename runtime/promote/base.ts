// The base of an environment: the nodes of production that its bundle replaces, removes or reads, as they were when it was
// planned. What else moves in production does not matter. Pure. Rule: design of environments, "Base".

import type { BundleFile } from '../contract/bundle.ts'
import { freshEdge, type Manifest, type ManifestNode, wholeDefinition } from '../contract/manifest.ts'
import type { BaseRequirement, Plan, RunState } from '../contract/state.ts'
import type { Generation } from '../store/generations.ts'

/** A node that is another than it was, and in what: a plan or promotion is stale then. */
export interface Moved {
  readonly node: string
  readonly what: 'its definition' | 'its data' | 'new in production' | 'gone from production'
}

/** Ids of the nodes that a bundle stands on, sorted. */
export const baseNodes = ({ promote: { replace, remove, read } }: Pick<BundleFile, 'promote'>): string[] =>
  [...new Set([...replace, ...remove, ...read])].sort()

/** The same of a plan: what it reads is in production, and so is in its base. */
const planNodes = (plan: Plan): string[] =>
  [...new Set([...Object.keys(plan.base.nodes), ...plan.execute, ...plan.may_execute, ...plan.removed_nodes])].sort()

/** Production's nodes of a bundle's base, as they are now. */
export const baseRequirements = (contract: BundleFile, production: Generation | null): BaseRequirement[] =>
  baseNodes(contract).map((node) => ({ kind: 'base', node, ...versionIn(production, node) }))

/** What a bundle can tell by itself: the definitions of what it stands on. */
export function movedDefinitions(contract: BundleFile, base: Manifest | null, production: Generation | null): Moved[] {
  const versions = (manifest: Manifest | null) =>
    new Map((manifest?.nodes ?? []).map((node) => [node.id, freshEdge(node) + wholeDefinition(node)]))
  const [planned, now] = [versions(base), versions(production?.manifest ?? null)]
  return baseNodes(contract).flatMap((node): Moved[] => {
    if (planned.get(node) === now.get(node)) return []
    if (now.get(node) === undefined) return [{ node, what: 'gone from production' }]
    return [{ node, what: planned.get(node) === undefined ? 'new in production' : 'its definition' }]
  })
}

/** What a plan can tell: definitions, and what the outputs were made from. */
export function movedSincePlan(plan: Plan, production: Generation | null): Moved[] {
  const planned = new Map(Object.entries(plan.base.nodes))
  return planNodes(plan).flatMap((node): Moved[] => {
    const [before, now] = [planned.get(node), versionIn(production, node)]
    if (before === undefined) return now.execution === null ? [] : [{ node, what: 'new in production' }]
    if (now.execution === null) return [{ node, what: 'gone from production' }]
    if (before.definition !== now.definition) return [{ node, what: 'its definition' }]
    return before.execution === now.execution ? [] : [{ node, what: 'its data' }]
  })
}

/** What a base says of one of production's nodes; nulls: there is none. */
export function versionIn(
  production: Generation | null,
  id: string,
): Pick<BaseRequirement, 'definition' | 'execution'> {
  const node = nodeIn(production, id)
  return {
    definition: node === undefined ? null : wholeDefinition(node),
    execution: production?.state.nodes[id]?.fingerprint ?? null,
  }
}

const nodeIn = (production: Generation | null, id: string): ManifestNode | undefined =>
  production?.manifest.nodes.find((node) => node.id === id)

/** Whether production has everything that an environment has: it was promoted, or production was made the same. */
export function isHeld(
  { promote: { replace, remove } }: Pick<BundleFile, 'promote'>,
  { nodes, checks = {} }: Pick<RunState, 'nodes' | 'checks'>,
  production: Generation | null,
): boolean {
  const there = production?.state.nodes ?? {}
  const checked = [...new Set([...replace, ...Object.keys(checks)])]
  return (
    checked.length + remove.length > 0 &&
    replace.every((id) => nodes[id] !== undefined && there[id]?.fingerprint === nodes[id]?.fingerprint) &&
    checked.every((id) => nodeIn(production, id)?.checks_fingerprint === checks[id]?.fingerprint) &&
    remove.every((id) => there[id] === undefined)
  )
}
