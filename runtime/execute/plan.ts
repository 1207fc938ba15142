// What a run would do, without the engine: each node's execution fingerprint as far as it is known before anything runs,
// compared with what is there. Where the rows of a node that is yet to run decide, the answer is `maybe`.

import { canonicalJson } from '../contract/canonical-json.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type Fingerprint, type NodeId } from '../contract/ids.ts'
import { type ManifestInput, type ManifestNode, rowsDecide } from '../contract/manifest.ts'
import type { NodeState, Snapshot } from '../contract/state.ts'
import type { StoredOutput } from '../store/snapshots.ts'
import type { SourceContents, SourceListing } from '../store/source-files.ts'
import {
  dataFingerprint,
  executionFingerprint,
  isVersion,
  type ReadInput,
  type RunDependence,
  realEdge,
  rowsFingerprint,
} from './fingerprints.ts'
import { withChecks } from './plan-checks.ts'
import { placeNow, withTargets } from './plan-targets.ts'
import { stepProof } from './proof.ts'
import type { DueNode } from './run.ts'
import { dependenceOn, sourcePattern } from './values.ts'
import type { Entry, World } from './world.ts'

/** An output that a reader reads: how it was described, what it was made from. */
export interface Readable {
  readonly node: ManifestNode
  readonly inputs: readonly ReadInput[]
  readonly data: string
  /** Null while it is still being stored; then its rows do not decide. */
  readonly snapshot: Snapshot | null
  /** It is what the compiler's fingerprint of it says. */
  readonly isProven: boolean
}

export const readableOf = (
  node: ManifestNode,
  state: Pick<NodeState, 'inputs' | 'data' | 'snapshot' | 'proof'>,
): Readable => ({
  node,
  inputs: state.inputs,
  data: state.data,
  snapshot: state.snapshot,
  isProven: state.proof === undefined,
})

/** What is known of a node before the run. */
export interface Prediction {
  readonly id: NodeId
  readonly status: DueNode['status']
  readonly reason: string
  /** The output that its readers will read, when it is known already. */
  readonly readable: Readable | null
  /** What it will be made from, when that is known. */
  readonly inputs: readonly ReadInput[] | null
  readonly data: string | null
  /** A source's files when it was predicted. */
  readonly source: SourceListing | null
  /** Ids of its checks whose result is not known, or that failed. */
  readonly checks: readonly string[]
  /** They are known to fail the node. */
  readonly failsChecks: boolean
  /** Tables of its targets that are not known to hold its output. */
  readonly targets: readonly string[]
  readonly failure: RuntimeFailure | null
}

/** What a node reads at the edge of an input: the bundle's edge if the input's output is at the bundle's version. */
export function edgeTo(world: World, input: ManifestInput, made: ManifestNode, inputs: readonly ReadInput[]): string {
  const wanted = world.nodes.get(asNodeId(input.ref))
  return wanted !== undefined && isVersion(wanted, made, inputs)
    ? input.fingerprint
    : realEdge(made, { inputs: [...inputs] })
}

/** The contents of a source's files now; null for other nodes. */
export const sourceContents = async (world: World, node: ManifestNode): Promise<SourceContents | null> =>
  node.source_files === undefined ? null : world.sources.contents(sourcePattern(node.source_files.path, world.values))

/** Files of a source that has no output yet: reading them can wait until it is its turn. */
const sourceListing = (world: World, node: ManifestNode): SourceListing | null =>
  node.source_files === undefined ? null : world.sources.list(sourcePattern(node.source_files.path, world.values))

const isRead = (source: SourceListing): source is SourceContents => 'digest' in source

const noOutput = (world: World, id: NodeId): string =>
  world.environment !== null && world.outside.has(id) ? 'it differs from production' : 'it has no output yet'

/** What `body` gives, or why a node's files cannot be had. */
async function orFailure<T>(body: () => T | Promise<T>): Promise<T | RuntimeFailure> {
  try {
    return await body()
  } catch (error) {
    if (error instanceof RuntimeFailure && error.code !== 'STATE_IO') return error
    throw error
  }
}

export const runDependence = (
  world: World,
  node: ManifestNode,
  source: { readonly digest: Fingerprint } | null,
): RunDependence => ({
  source: source?.digest ?? null,
  ...dependenceOn(node, world.values),
})

/** What a source in a database gave: its rows say when it is the same. */
export const tableContents = (digest: string): { readonly digest: Fingerprint } => ({ digest: rowsFingerprint(digest) })

/** Only reading it tells whether a table is what it was; a node that wants to be made once a day says when that can wait. */
function predictTable(world: World, node: ManifestNode, own: Entry | null): Prediction {
  const id = asNodeId(node.id)
  if (own === null) return { ...UNKNOWN, id, status: 'execute', reason: noOutput(world, id) }
  const dependence = runDependence(world, node, tableContents(own.state.snapshot.digest))
  const isSame = own.state.fingerprint === executionFingerprint(node, [], dependence)
  const place = placeNow(world, world.steps.get(id)?.extract?.connection ?? '')
  const isHere = place === null || place === own.state.place
  if (
    isSame &&
    isHere &&
    node.volatile === 'day' &&
    world.outputs.isThere(own) &&
    !world.full &&
    own.state.proof === undefined
  )
    return { ...UNKNOWN, id, status: 'cached', reason: '', readable: readableOf(node, own.state) }
  const changed = own.node.definition_fingerprint !== node.definition_fingerprint
  return { ...UNKNOWN, id, status: 'execute', reason: changed ? 'its definition changed' : READ_AGAIN }
}

export const READ_AGAIN = 'its table is looked at again'

const lacking = ({ outputs }: World, entry: Entry | null): string =>
  entry !== null && outputs.isDamaged(entry) ? 'its output is damaged' : 'its output is missing'

/** Predicts every step of the bundle, inputs first. */
export async function predict(world: World): Promise<Map<NodeId, Prediction>> {
  const predictions = new Map<NodeId, Prediction>()
  for (const id of world.order) {
    const prediction = world.steps.has(id) ? await predictNode(world, id, predictions) : predictPresent(world, id)
    predictions.set(id, withTargets(world, withChecks(world, prediction)))
  }
  return predictions
}

/** A node of production that has no step but that of its checks. */
function predictPresent(world: World, id: NodeId): Prediction {
  const entry = world.outside.get(id) ?? null
  if (!world.selected(id)) return leftOut(id, entry)
  if (entry === null) return { ...UNKNOWN, id, status: 'blocked', reason: 'production has no output of it' }
  return { ...UNKNOWN, id, status: 'cached', reason: '', readable: readableOf(entry.node, entry.state) }
}

const UNKNOWN = {
  readable: null,
  inputs: null,
  data: null,
  source: null,
  checks: [],
  failsChecks: false,
  targets: [],
  failure: null,
} as const

async function predictNode(world: World, id: NodeId, earlier: ReadonlyMap<NodeId, Prediction>): Promise<Prediction> {
  const node = world.nodes.get(id)
  const own = world.own.get(id) ?? null
  const blocked = (reason: string, failure: RuntimeFailure | null = null): Prediction => ({
    ...UNKNOWN,
    id,
    status: 'blocked',
    reason,
    failure,
  })
  if (node === undefined) return blocked('it is not in the manifest')
  if (!world.selected(id)) return leftOut(id, own ?? world.outside.get(id) ?? null)
  const unfit = node.inputs.map((input) => earlier.get(asNodeId(input.ref))).find((input) => isUnfit(input))
  if (unfit?.failure)
    return blocked(`${unfit.id}, which it reads, was left out: ${unfit.failure.message}`, unfit.failure)
  const missing = node.inputs.find((input) => isMissing(world, asNodeId(input.ref), earlier))
  if (missing !== undefined) return blocked(`${missing.ref} has no output`)
  if (node.source_table !== undefined) return predictTable(world, node, own)
  const source = await orFailure(() => (own === null ? sourceListing(world, node) : sourceContents(world, node)))
  if (source instanceof RuntimeFailure) return blocked(source.message, source)
  if (source !== null && !isRead(source))
    return { ...UNKNOWN, id, source, status: 'execute', reason: noOutput(world, id) }
  const reads = node.inputs.map((input) => predictedRead(world, input, earlier))
  const known = reads.flatMap((read) => (read.data === null ? [] : [{ ...read, data: read.data }]))
  if (known.length === reads.length) return predictKnown(world, node, known, source, earlier)
  const certain = reasonOf(world, node, own, known, runDependence(world, node, source))
  if (certain !== null) return { ...UNKNOWN, id, source, status: 'execute', reason: certain }
  const waiting = reads.filter((read) => read.data === null).map((read) => read.ref)
  return { ...UNKNOWN, id, source, status: 'maybe', reason: `depends on the rows of ${waiting.join(', ')}` }
}

const leftOut = (id: NodeId, entry: Entry | null): Prediction => ({
  ...UNKNOWN,
  id,
  status: 'left_out',
  reason: 'not selected',
  readable: entry && readableOf(entry.node, entry.state),
  inputs: entry?.state.inputs ?? null,
  data: entry?.state.data ?? null,
})

/** The prediction of a node of which everything that it reads is known. */
function predictKnown(
  world: World,
  node: ManifestNode,
  inputs: readonly ReadInput[],
  source: SourceContents | null,
  earlier: ReadonlyMap<NodeId, Prediction>,
): Prediction {
  const id = asNodeId(node.id)
  const own = world.own.get(id) ?? null
  const dependence = runDependence(world, node, source)
  const made = { ...UNKNOWN, id, source, inputs, data: dataFingerprint(inputs, dependence) }
  const read = node.inputs.map(({ ref }) => [ref, predictedReadable(world, asNodeId(ref), earlier)] as const)
  const stored = storedOutput(world, id, executionFingerprint(node, inputs, dependence), read)
  if (stored?.status === 'cached')
    return { ...made, status: 'cached', reason: '', readable: readableOf(node, stored.output) }
  const changed = reasonOf(world, node, own, inputs, dependence)
  if (stored !== null)
    return {
      ...made,
      status: 'reuse',
      reason: changed ?? lacking(world, own),
      readable: readableOf(node, stored.output),
    }
  const otherwise = world.full
    ? 'asked for in full'
    : own !== null && world.outputs.isThere(own)
      ? FOREIGN
      : lacking(world, own)
  return { ...made, status: 'execute', reason: changed ?? otherwise }
}

const FOREIGN = 'a bundle that does something else made its output'

/** What a step reads, by node; null: not known before the run. */
export type Read = readonly (readonly [node: string, readable: Readable | null])[]

/** The output that is there for an execution fingerprint: in place (`cached`), or in the store. Null in a full run. */
export function storedOutput(
  world: World,
  id: NodeId,
  fingerprint: Fingerprint,
  read: Read,
): { readonly status: 'cached' | 'reused'; readonly output: StoredOutput } | null {
  if (world.full) return null
  const own = world.own.get(id)
  const proof = (): Fingerprint | null =>
    stepProof(
      world,
      id,
      read.map(([ref, readable]) => [ref, readable?.snapshot ?? null]),
    )
  const fits = own?.state.fingerprint === fingerprint && (own.state.proof === undefined || own.state.proof === proof())
  if (own !== undefined && fits && world.outputs.isThere(own))
    return { status: 'cached', output: accepted(world, own.state, read) }
  const output = world.outputs.find(id, fingerprint, proof)
  return output && { status: 'reused', output: accepted(world, output, read) }
}

/** Whether an output that is made from these inputs now is what the compiler's fingerprint says. */
export const isProvenFrom = (world: World, read: Read): boolean =>
  world.compiled && read.every(([, readable]) => readable?.isProven === true)

/** An output whose proof fits, as this run knows it: nobody needs to prove again what the compiler's own step would make. */
function accepted(world: World, output: StoredOutput, read: Read): StoredOutput {
  if (output.proof === undefined || !isProvenFrom(world, read)) return output
  const { proof: _, ...proven } = output
  return proven
}

/** Left out, with an output that is known to fail its checks: nothing is built on it. */
const isUnfit = (input: Prediction | undefined): boolean => input?.status === 'left_out' && input.failure !== null

function isMissing(world: World, ref: NodeId, earlier: ReadonlyMap<NodeId, Prediction>): boolean {
  const prediction = earlier.get(ref)
  if (prediction === undefined) return !world.outside.has(ref)
  return prediction.status === 'blocked' || (prediction.status === 'left_out' && prediction.readable === null)
}

export function readableOutside(world: World, ref: NodeId): Readable | null {
  const entry = world.outside.get(ref)
  return entry === undefined ? null : readableOf(entry.node, entry.state)
}

function predictedReadable(world: World, ref: NodeId, earlier: ReadonlyMap<NodeId, Prediction>): Readable | null {
  const prediction = earlier.get(ref)
  return prediction === undefined ? readableOutside(world, ref) : prediction.readable
}

function predictedRead(
  world: World,
  input: ManifestInput,
  earlier: ReadonlyMap<NodeId, Prediction>,
): { ref: string; edge: string; data: string | null } {
  const ref = asNodeId(input.ref)
  const prediction = earlier.get(ref)
  const readable = predictedReadable(world, ref, earlier)
  if (readable !== null) {
    const edge = edgeTo(world, input, readable.node, readable.inputs)
    if (!rowsDecide(readable.node)) return { ref, edge, data: readable.data }
    const digest = readable.snapshot && world.digests.get(readable.snapshot, input.reads)
    return { ref, edge, data: digest == null ? null : rowsFingerprint(digest) }
  }
  const node = world.nodes.get(ref)
  if (node === undefined || prediction?.inputs == null) return { ref, edge: input.fingerprint, data: null }
  return { ref, edge: edgeTo(world, input, node, prediction.inputs), data: rowsDecide(node) ? null : prediction.data }
}

/** Whether two definitions differ in nothing but the columns of what is read. */
function isOnlyInputColumns({ definition: a }: ManifestNode, { definition: b }: ManifestNode): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  keys.delete('input_columns')
  return [...keys].every((key) => canonicalJson(a[key] ?? null) === canonicalJson(b[key] ?? null))
}

/** Why a node is due, in words; null when what is known gives no reason. */
export function reasonOf(
  world: World,
  node: ManifestNode,
  own: Entry | null,
  inputs: readonly ReadInput[],
  dependence: RunDependence,
): string | null {
  if (own === null) return noOutput(world, asNodeId(node.id))
  const isAsBefore = own.node.definition_fingerprint === node.definition_fingerprint
  const before = new Map(own.state.inputs.map((input) => [input.ref, input]))
  const changed = inputs.filter(
    (input) => before.get(input.ref)?.edge !== input.edge || before.get(input.ref)?.data !== input.data,
  )
  if (!isAsBefore && (changed.length === 0 || !isOnlyInputColumns(own.node, node))) return 'its definition changed'
  if (changed.length > 0) return `what it reads of ${changed.map((input) => input.ref).join(', ')} changed`
  if (inputs.length < node.inputs.length) return null
  if (own.state.fingerprint === executionFingerprint(node, inputs, dependence)) return null
  if (node.source_files !== undefined && own.state.data !== dataFingerprint(inputs, dependence))
    return 'its source files changed'
  return 'the parameters of the run changed'
}

/** Whether the run will do something for the node. */
export const isDue = (prediction: Prediction): boolean => !['cached', 'left_out'].includes(prediction.status)

export const isSettled = (predictions: ReadonlyMap<NodeId, Prediction>): boolean =>
  ![...predictions.values()].some(isDue)
