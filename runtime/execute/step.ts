// One step: its inputs are put where it reads them, the engine runs it, and what it wrote is inspected and stored.
// Reports STEP_FAILED, OUTPUT_NOT_STORABLE, OUTPUT_DIFFERS, SOURCE_CHANGED_WHILE_READ, STATE_NOT_FOUND, STATE_IO.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildStep, fileOf, type Step } from '../contract/bundle.ts'
import { type FailureCode, RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type NodeId, outputStem } from '../contract/ids.ts'
import type { ManifestNode } from '../contract/manifest.ts'
import { literalGlob } from '../contract/source-paths.ts'
import { digestOf, type Snapshot } from '../contract/state.ts'
import { foldCase } from '../contract/stored-columns.ts'
import type { Engine, OutputColumn, StepRequest, StepVariables, WrittenOutput } from '../engine.ts'
import { linkOrCopy, removeTree } from '../store/files.ts'
import { storeSnapshot } from '../store/snapshots.ts'
import type { SourceListing } from '../store/source-files.ts'
import { snapshotPath } from '../store/store.ts'
import type { Written } from './running.ts'
import type { Scratch } from './scratch.ts'
import { sourceRequest } from './source-request.ts'
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
  step: BuildStep,
  source: SourceListing | null,
): Promise<WrittenOutput> {
  const file = outputFile(scratch, asNodeId(step.node))
  removeTree(file)
  let written: WrittenOutput
  try {
    written = await engine.runStep(stepRequest(world, scratch, step, source))
  } catch (error) {
    if (source !== null) world.sources.confirm(source)
    throw located(error, step, world.nodes.get(asNodeId(step.node)))
  }
  requireDeclared(world.nodes.get(asNodeId(step.node)), written.columns)
  if (source !== null) world.sources.confirm(source)
  if (!existsSync(file))
    throw new RuntimeFailure('STEP_FAILED', `${step.node} wrote no output`, {
      node: step.node,
      file: step.file,
      message: 'no output',
      statement: null,
      offset: null,
    })
  return written
}

/** Refuses columns of other types than are declared, where only data could tell them. */
function requireDeclared(node: ManifestNode | undefined, columns: readonly OutputColumn[]): void {
  const types = new Map((node?.declared ?? []).map((column) => [foldCase(column.name), column.type]))
  const wrong = columns.filter(({ name, type }) => (types.get(foldCase(name)) ?? type) !== type)
  if (node === undefined || wrong.length === 0) return
  const each = wrong.map(({ name, type }) => `'${name}' is ${type} and declared as ${types.get(foldCase(name))}`)
  throw new RuntimeFailure(
    'OUTPUT_DIFFERS',
    `the output of ${node.id} has other columns than are declared: ${each.join(', ')}`,
    { node: node.id, columns: wrong.map(({ name }) => name) },
    { hints: ['Cast them in the SQL, or declare the types that it gives.'] },
  )
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

/** Inspects and stores what a step wrote. `known`: what looking at it gave already; `digits`: see `digitsOf`. */
export async function storeOutput(
  world: World,
  engine: Engine,
  file: string,
  { columns, rows, facts: known }: Omit<Written, 'ms'>,
  digits: string | null,
): Promise<Snapshot> {
  // What writing the rows has said of them need not be asked again.
  const digest = digits === null ? null : digestOf(rows, digits, columns)
  const looked = known ?? (digest === null ? engine.inspectOutput(file, columns) : { rows, digest, columns })
  const [facts, stored] = await Promise.all([looked, storeSnapshot(world.store, file)])
  return {
    sha256: stored.sha256,
    size_bytes: stored.sizeBytes,
    rows: facts.rows,
    digest: facts.digest,
    columns: [...facts.columns],
  }
}

/** Values of the roots and of the run's parameters. */
export function stepVariables(world: World, scratch: Scratch): StepVariables {
  const roots = {
    data: literalGlob(world.store.project),
    outputs: literalGlob(productionOutputs(world)),
    [outputsVariable(world)]: scratch.outputs,
    extracts: literalGlob(scratch.extracts),
  }
  return { values: { ...world.values.parameters, ...roots }, runTimestamp: world.values.runTimestamp }
}

function stepRequest(world: World, scratch: Scratch, step: BuildStep, listing: SourceListing | null): StepRequest {
  const node = world.nodes.get(asNodeId(step.node))
  const request: StepRequest = {
    prelude: world.bundle.files.get('prelude.sql') ?? '',
    sql: world.bundle.files.get(step.file) ?? '',
    variables: stepVariables(world, scratch),
    output: { variable: outputsVariable(world), file: fileOf(step) ?? '' },
    columns: node?.columns ?? null,
  }
  const folder = join(scratch.outputs, `${outputStem(asNodeId(step.node))}.files`)
  return sourceRequest(request, node, { project: world.store.project, listing, folder })
}

const OF_STEP: readonly FailureCode[] = ['STEP_FAILED', 'OUTPUT_NOT_STORABLE', 'OUTPUT_DIFFERS']

/** What a step's file threw, with the file. */
export function located(error: unknown, step: Step, node: ManifestNode | undefined): unknown {
  if (!(error instanceof RuntimeFailure) || !OF_STEP.includes(error.code)) return error
  return new RuntimeFailure(
    error.code,
    error.message,
    { ...error.facts, node: step.node, file: step.file },
    { cause: error.cause, hints: [...error.hints, ...(error.code === 'OUTPUT_DIFFERS' ? compiledAgain(node) : [])] },
  )
}

/** What to do where the bundle knows the columns, and they are others. */
function compiledAgain(node: ManifestNode | undefined): readonly string[] {
  if (node === undefined || node.columns === null) return []
  return node.source_files === undefined
    ? ['Compile the bundle again with this version of the engine.']
    : [
        `If the columns of '${node.source_files.path}' are right, accept them with 'seeknal lock --accept' and compile again.`,
      ]
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
    .flatMap((node) => {
      const id = asNodeId(node.id)
      return world.steps.has(id) ? node.inputs.map((input) => asNodeId(input.ref)) : [id]
    })
    .filter((id) => !world.steps.has(id))
  const folders = [productionOutputs(world), literalGlob(productionOutputs(world))]
  return [...files, ...[...new Set(read)].flatMap((id) => folders.map((f) => join(f, `${outputStem(id)}.parquet`)))]
}

/** The pattern as the engine is given it, and the files that it finds. */
export const readableSource = (
  project: string,
  { pattern, files }: { readonly pattern: string; readonly files: readonly { readonly path: string }[] },
): readonly string[] => [join(literalGlob(project), pattern), ...files.map(({ path }) => join(project, path))]
