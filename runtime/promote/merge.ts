// Production's manifest and state after a change: nodes that were made anew come from the bundle, removed ones go, all
// others keep what their outputs were made from. An edge of a node that stays is renewed when the version of its input
// is another now: that is how a node that was left out stays due. Pure.

import { canonicalJson, sortedKeys } from '../contract/canonical-json.ts'
import { freshEdge, type Manifest, type ManifestInput, type ManifestNode } from '../contract/manifest.ts'
import { areOf, type ChecksByNode, type NodeChecks, type NodeState } from '../contract/state.ts'

export interface MergeInput {
  /** Production before, or null. */
  readonly before: {
    readonly manifest: Manifest
    readonly nodes: Readonly<Record<string, NodeState>>
    readonly checks?: ChecksByNode | undefined
  } | null
  readonly bundle: Manifest
  /** Production's manifest that the bundle was compiled against: tells which descriptions the bundle changed. */
  readonly base: Manifest | null
  /** States of nodes that are as the bundle describes them, by id. */
  readonly made: ReadonlyMap<string, NodeState>
  readonly removed: ReadonlySet<string>
  /** What came out of checks. */
  readonly checked: ChecksByNode
  /** Take over descriptions, tags and the like of nodes that were not made anew. */
  readonly describe: boolean
}

export interface Merged {
  readonly manifest: Manifest
  /** The manifest's text where there is one already. */
  readonly text?: string
  readonly nodes: Readonly<Record<string, NodeState>>
  readonly checks: Readonly<Record<string, NodeChecks>>
}

export function mergeProduction(input: MergeInput): Merged {
  const before = byId(input.before?.manifest)
  const bundle = byId(input.bundle)
  const kept = new Set([...before.keys()].filter((id) => !input.made.has(id) && !input.removed.has(id)))
  const described = describedNodes(input, before, bundle, kept)
  const done = new Map<string, ManifestNode>()
  const renewed = (edge: ManifestInput, id: string): ManifestInput => {
    // Left-out nodes can make a cycle with new ones; the edge that closes it sees its input as it was.
    const source = done.get(edge.ref) ?? described.get(edge.ref)
    if (source === undefined || (kept.has(id) && sameVersion(source, before.get(edge.ref)))) return edge
    const wanted = bundle.get(id)
    const planned = wanted?.inputs.find((other) => other.ref === edge.ref)
    const isOurs = !kept.has(id) || wanted?.definition_fingerprint === before.get(id)?.definition_fingerprint
    if (planned !== undefined && isOurs && sameVersion(source, bundle.get(edge.ref))) return planned
    return { ref: edge.ref, fingerprint: freshEdge(source), covers: null, reads: edge.reads }
  }
  for (const node of inputsFirst(described))
    done.set(node.id, { ...node, inputs: node.inputs.map((edge) => renewed(edge, node.id)) })
  const nodes = [...done.keys()].sort().flatMap((id) => done.get(id) ?? [])
  const states = statesOf(input, kept)
  const checks = fittingChecks(nodes, states, [input.checked, input.before?.checks ?? {}])
  return { manifest: { ...input.bundle, nodes }, nodes: states, checks }
}

/** Of several records the results that belong to each node's checks and output as they are now; without any, they are due. */
export function fittingChecks(
  nodes: readonly ManifestNode[],
  states: Readonly<Record<string, NodeState>>,
  records: readonly ChecksByNode[],
): Readonly<Record<string, NodeChecks>> {
  const found = nodes.flatMap((node) => {
    const snapshot = states[node.id]?.snapshot
    const fitting = records
      .map((record) => record[node.id])
      .find((checks) => checks !== undefined && snapshot !== undefined && areOf(checks, node, snapshot))
    return fitting === undefined ? [] : [[node.id, fitting] as const]
  })
  return Object.fromEntries(found)
}

type Nodes = ReadonlyMap<string, ManifestNode>

/** Each node of the result as it is described, edges not yet renewed. */
function describedNodes(input: MergeInput, before: Nodes, bundle: Nodes, kept: ReadonlySet<string>): Nodes {
  const base = byId(input.base ?? undefined)
  const made = [...input.made.keys()].flatMap((id) => bundle.get(id) ?? [])
  const rest = [...kept].flatMap((id) => {
    const [old, wanted] = [before.get(id), bundle.get(id)]
    if (old === undefined || wanted === undefined || !input.describe) return old ?? []
    const isOurs =
      wanted.definition_fingerprint === old.definition_fingerprint && canonicalJson(base.get(id)) === canonicalJson(old)
    return isOurs ? { ...wanted, inputs: old.inputs } : old
  })
  return new Map([...made, ...rest].map((node) => [node.id, node]))
}

/** Inputs before readers; nodes of a cycle come last. */
function inputsFirst(nodes: Nodes): ManifestNode[] {
  const waiting = new Map(
    [...nodes].map(([id, node]) => [id, new Set(node.inputs.map((edge) => edge.ref).filter((ref) => nodes.has(ref)))]),
  )
  const readers = new Map<string, string[]>()
  for (const [id, refs] of waiting) for (const ref of refs) append(readers, ref, id)
  const ready = [...waiting].filter(([, refs]) => refs.size === 0).map(([id]) => id)
  for (const id of ready) {
    for (const reader of readers.get(id) ?? []) {
      const refs = waiting.get(reader)
      if (refs?.delete(id) && refs.size === 0) ready.push(reader)
    }
  }
  return [...new Set([...ready, ...nodes.keys()])].flatMap((id) => nodes.get(id) ?? [])
}

function statesOf(input: MergeInput, kept: ReadonlySet<string>): Readonly<Record<string, NodeState>> {
  const states: Record<string, NodeState> = {}
  for (const id of kept) {
    const state = input.before?.nodes[id]
    if (state !== undefined) states[id] = { ...state, status: 'cached' }
  }
  for (const [id, state] of input.made) states[id] = state
  return Object.fromEntries(sortedKeys(states).flatMap((id) => (states[id] === undefined ? [] : [[id, states[id]]])))
}

const byId = (manifest: Manifest | undefined): Nodes => new Map((manifest?.nodes ?? []).map((node) => [node.id, node]))

/** Whether two descriptions of a node stand for the same rows: definition and edges. */
function sameVersion(a: ManifestNode, b: ManifestNode | undefined): boolean {
  return b !== undefined && freshEdge(a) === freshEdge(b)
}

function append(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
