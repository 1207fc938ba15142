// Execution fingerprints: what a node's output is made from, down to the contents of source files. Equal fingerprints,
// equal output. Pure. Rule: design of outputs, "Execution fingerprint".

import { fingerprintOf } from '../contract/canonical-json.ts'
import type { Fingerprint } from '../contract/ids.ts'
import { freshEdge, type ManifestNode } from '../contract/manifest.ts'
import type { NodeState } from '../contract/state.ts'

/** What a node read of an input: which version of its definition, and which data. */
export type ReadInput = NodeState['inputs'][number]

/** What an output was made from besides its inputs. */
export interface RunDependence {
  /** Contents of a source's files. */
  readonly source: Fingerprint | null
  /** Parameters of the run that the node reads, by value (null: its default); without those that name the run itself. */
  readonly parameters: Readonly<Record<string, string | null>>
  /** Date or timestamp of the run, for a node that wants to be made anew with each. */
  readonly stamp: string | null
}

/** Stands for all data behind an output. */
export const dataFingerprint = (inputs: readonly ReadInput[], dependence: RunDependence): Fingerprint =>
  fingerprintOf({ inputs: inputs.map((input) => input.data), ...dependence })

/** Stands for the output itself. */
export const executionFingerprint = (
  node: Pick<ManifestNode, 'definition_fingerprint'>,
  inputs: readonly ReadInput[],
  dependence: RunDependence,
): Fingerprint =>
  fingerprintOf({
    definition: node.definition_fingerprint,
    inputs: inputs.map((input) => [input.ref, input.edge, input.data]),
    ...dependence,
  })

/** What a reader takes for the data of such a node: the digest of the rows of the columns that it reads. */
export const rowsFingerprint = (digest: string): Fingerprint => fingerprintOf({ rows: digest })

/** The fingerprint of an edge from an output that was made with other edges than its manifest entry may say now. */
export const realEdge = (node: ManifestNode, state: Pick<NodeState, 'inputs'>): Fingerprint =>
  freshEdge({
    definition_fingerprint: node.definition_fingerprint,
    inputs: state.inputs.map(({ ref, edge }) => ({ ref, fingerprint: edge, covers: null, reads: null })),
  })

/** Whether an output made by `made` from `state` is what `wanted` describes. */
export const isVersion = (
  wanted: ManifestNode,
  made: Pick<ManifestNode, 'definition_fingerprint'>,
  inputs: readonly Pick<ReadInput, 'ref' | 'edge'>[],
): boolean =>
  made.definition_fingerprint === wanted.definition_fingerprint &&
  inputs.length === wanted.inputs.length &&
  inputs.every((input, i) => input.ref === wanted.inputs[i]?.ref && input.edge === wanted.inputs[i]?.fingerprint)
