// What a step reads of its inputs: the fingerprint of each, down to the digest of the columns that it reads where rows
// decide, and the files at the place where the step looks for them.

import { Bug } from '../contract/failures.ts'
import { asNodeId, type NodeId } from '../contract/ids.ts'
import { type ManifestInput, type ManifestNode, rowsDecide } from '../contract/manifest.ts'
import type { Snapshot } from '../contract/state.ts'
import type { Engine } from '../engine.ts'
import { type ReadInput, rowsFingerprint } from './fingerprints.ts'
import { edgeTo, type Readable } from './plan.ts'
import type { Scratch } from './scratch.ts'
import { outputFile, provideInput } from './step.ts'
import type { World } from './world.ts'

interface Context {
  readonly world: World
  readonly scratch: Scratch
  readonly engine: () => Promise<Engine>
}

/** What is read at an edge. Starts the engine only when a digest is not known yet. */
export async function readOf(
  context: Context,
  input: ManifestInput,
  readable: Readable | undefined,
): Promise<ReadInput> {
  if (readable === undefined) throw new Bug(`${input.ref} is not readable`)
  const edge = edgeTo(context.world, input, readable.node, readable.inputs)
  if (!rowsDecide(readable.node)) return { ref: input.ref, edge, data: readable.data }
  if (readable.snapshot === null) throw new Bug(`${input.ref} is read before it is stored`)
  const digest = await columnsDigest(context, asNodeId(input.ref), readable.snapshot, input.reads)
  return { ref: input.ref, edge, data: rowsFingerprint(digest) }
}

async function columnsDigest(
  { world, scratch, engine }: Context,
  id: NodeId,
  snapshot: Snapshot,
  columns: readonly string[] | null,
): Promise<string> {
  const known = world.digests.get(snapshot, columns)
  if (known !== undefined || columns === null) return known ?? snapshot.digest
  const started = await engine()
  provideInput(world, scratch, id, snapshot)
  const digest = await started.digestColumns(outputFile(scratch, id), columns)
  world.digests.set(snapshot, columns, digest)
  return digest
}

/** Links what is read from the store into the folder where the step looks for it. An environment reads production's in place. */
export function provideInputs({ world, scratch }: Context, node: ManifestNode, readables: readonly Readable[]): void {
  for (const [i, input] of node.inputs.entries()) {
    const id = asNodeId(input.ref)
    const snapshot = readables[i]?.snapshot ?? null
    if (world.environment !== null && !world.steps.has(id)) continue
    if (snapshot !== null) provideInput(world, scratch, id, snapshot)
  }
}
