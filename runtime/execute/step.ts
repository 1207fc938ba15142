// One step: its inputs are put where it reads them, the engine runs it, and what it wrote is inspected and stored.
// Reports STEP_FAILED, SOURCE_CHANGED_WHILE_READ, STATE_NOT_FOUND, STATE_IO.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Step } from '../contract/bundle.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type NodeId, outputStem } from '../contract/ids.ts'
import type { ManifestNode } from '../contract/manifest.ts'
import { literalGlob } from '../contract/source-paths.ts'
import type { Snapshot } from '../contract/state.ts'
import type { Engine, StepRequest } from '../engine.ts'
import { linkOrCopy, removeTree } from '../store/files.ts'
import { storeSnapshot } from '../store/snapshots.ts'
import type { SourceListing } from '../store/source-files.ts'
import { snapshotPath } from '../store/store.ts'
import type { Scratch } from './scratch.ts'
import type { World } from './world.ts'

/** Name of the SQL variable below whose value this bundle writes. */
export const outputsVariable = (world: World): string => `${world.contract.prefix}outputs`

/** Folder of production's outputs that an environment reads. */
export const productionOutputs = (world: World): string =>
  world.production === null ? '' : join(world.production.folder, 'intermediate')

export const outputFile = (scratch: Scratch, id: NodeId): string => join(scratch.outputs, `${outputStem(id)}.parquet`)

/** Runs the step's file; its output is in the scratch folder afterwards, not stored yet. */
export async function runStep(
  world: World,
  scratch: Scratch,
  engine: Engine,
  step: Step,
  source: SourceListing | null,
): Promise<void> {
  const file = outputFile(scratch, asNodeId(step.node))
  removeTree(file)
  try {
    await engine.runStep(stepRequest(world, scratch, step))
  } catch (error) {
    if (source !== null) world.sources.confirm(source)
    throw located(error, step)
  }
  if (source !== null) world.sources.confirm(source)
  if (!existsSync(file))
    throw new RuntimeFailure('STEP_FAILED', `${step.node} wrote no output`, {
      node: step.node,
      file: step.file,
      message: 'no output',
      statement: null,
      offset: null,
    })
}

/** Makes an input's stored output readable for a step of this bundle. */
export function provideInput(world: World, scratch: Scratch, id: NodeId, snapshot: Snapshot): void {
  const file = outputFile(scratch, id)
  if (existsSync(file)) return
  const stored = snapshotPath(world.store, snapshot.sha256)
  if (!existsSync(stored))
    throw new RuntimeFailure(
      'STATE_NOT_FOUND',
      `the stored output of ${id} is missing`,
      { node: id, path: stored },
      { hints: [`Run it again: 'seeknal run --nodes ${id} --full'.`] },
    )
  linkOrCopy(stored, file)
}

/** Inspects and stores what a step wrote. */
export async function storeOutput(world: World, engine: Engine, file: string): Promise<Snapshot> {
  const [facts, stored] = await Promise.all([engine.inspectOutput(file), storeSnapshot(world.store, file)])
  return {
    sha256: stored.sha256,
    size_bytes: stored.sizeBytes,
    rows: facts.rows,
    digest: facts.digest,
    columns: [...facts.columns],
  }
}

function stepRequest(world: World, scratch: Scratch, step: Step): StepRequest {
  const variable = outputsVariable(world)
  const roots = {
    data: literalGlob(world.store.project),
    outputs: literalGlob(productionOutputs(world)),
    [variable]: scratch.outputs,
  }
  return {
    prelude: world.bundle.files.get('prelude.sql') ?? '',
    sql: world.bundle.files.get(step.file) ?? '',
    variables: { values: { ...world.values.parameters, ...roots }, runTimestamp: world.values.runTimestamp },
    output: { variable, file: step.output.file },
  }
}

function located(error: unknown, step: Step): unknown {
  if (!(error instanceof RuntimeFailure) || error.code !== 'STEP_FAILED') return error
  return new RuntimeFailure(
    'STEP_FAILED',
    error.message,
    { ...error.facts, node: step.node, file: step.file },
    { cause: error.cause, hints: error.hints },
  )
}

/** What the engine may read besides the scratch folder: source files, and production's outputs for an environment. */
export function readablePaths(
  world: World,
  sources: Iterable<SourceListing>,
  nodes: readonly ManifestNode[],
): string[] {
  const files = [...sources].flatMap((source) => readableSource(world.store.project, source))
  if (world.environment === null) return files
  const read = nodes
    .flatMap((node) => node.inputs.map((input) => asNodeId(input.ref)))
    .filter((id) => !world.steps.has(id))
  const folders = [productionOutputs(world), literalGlob(productionOutputs(world))]
  return [...files, ...[...new Set(read)].flatMap((id) => folders.map((f) => join(f, `${outputStem(id)}.parquet`)))]
}

/** The pattern as the engine is given it, and the files that it finds. */
export const readableSource = (
  project: string,
  { pattern, files }: { readonly pattern: string; readonly files: readonly { readonly path: string }[] },
): readonly string[] => [join(literalGlob(project), pattern), ...files.map(({ path }) => join(project, path))]
