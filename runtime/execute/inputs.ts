// What a step reads of its inputs: the fingerprint of each, down to the digest of the columns that it reads where rows
// decide, and the files at the place where the step looks for them.

import { Bug, RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type NodeId } from '../contract/ids.ts'
import { type ManifestInput, type ManifestNode, rowsDecide } from '../contract/manifest.ts'
import type { Snapshot } from '../contract/state.ts'
import { isWhole } from '../store/snapshots.ts'
import { inProject, snapshotPath } from '../store/store.ts'
import { type ReadInput, rowsFingerprint } from './fingerprints.ts'
import type { Maker } from './maker.ts'
import { edgeTo, type Readable } from './plan.ts'
import type { Scratch } from './scratch.ts'
import { provideInput } from './step.ts'
import type { World } from './world.ts'

interface Context {
  readonly world: World
  readonly scratch: Scratch
}

/** What is read at an edge. Asks only when a digest is not known yet. */
export async function readOf(
  context: { readonly world: World; readonly maker: Pick<Maker, 'digestColumns'> },
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
  { world, maker }: { readonly world: World; readonly maker: Pick<Maker, 'digestColumns'> },
  id: NodeId,
  snapshot: Snapshot,
  columns: readonly string[] | null,
): Promise<string> {
  const known = world.digests.get(snapshot, columns)
  if (known !== undefined || columns === null) return known ?? snapshot.digest
  const digest = await maker.digestColumns(id, snapshot, columns)
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

/** What an engine says of a file that it cannot read, rather than of the SQL or of the rows. */
const READ_FAILURE = /parquet|magic bytes|decompress|snappy|zstd|TProtocol|corrupt|deserializ/i

/** The input because of which a step failed: its stored output is not what was stored. Null: it was not that. */
export async function damagedInput(
  { store }: World,
  readables: readonly Pick<Readable, 'node' | 'snapshot'>[],
  error: unknown,
): Promise<RuntimeFailure | null> {
  if (!(error instanceof RuntimeFailure) || error.code !== 'STEP_FAILED' || !READ_FAILURE.test(error.message))
    return null
  for (const { node, snapshot } of readables) {
    if (snapshot === null || (await isWhole(store, snapshot))) continue
    const path = inProject(store, snapshotPath(store, snapshot.sha256))
    return new RuntimeFailure(
      'STATE_INVALID',
      `the stored output of ${node.id} is damaged: ${path}`,
      { node: node.id, path },
      { cause: error, hints: [`Make it again: 'seeknal run --full --nodes ${node.id}'.`] },
    )
  }
  return null
}
