// The first rows that a node would give: its step and those above it are executed into a scratch folder, starting from
// production's outputs where these were made from the same definition. Nothing stays.

import { existsSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { buildSteps, fileOf, type OpenedBundle } from '../../runtime/contract/bundle.ts'
import { asNodeId, type NodeId, outputStem } from '../../runtime/contract/ids.ts'
import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import { literalGlob } from '../../runtime/contract/source-paths.ts'
import { extractTable } from '../../runtime/execute/read-table.ts'
import type { RunRequest } from '../../runtime/execute/run.ts'
import { makeScratch, type Scratch } from '../../runtime/execute/scratch.ts'
import { readableSource } from '../../runtime/execute/step.ts'
import { type RunValues, runValues, sourcePattern } from '../../runtime/execute/values.ts'
import type { QueryAnswer } from '../../runtime/query.ts'
import { linkOrCopy, makeFolder } from '../../runtime/store/files.ts'
import type { Generation } from '../../runtime/store/generations.ts'
import { readableFiles } from '../../runtime/store/readable-files.ts'
import type { Workspace } from './workspace.ts'

export type Preview =
  | { readonly kind: 'rows'; readonly answer: QueryAnswer; readonly rows: number }
  /** A source has no file yet. */
  | { readonly kind: 'no_data'; readonly source: NodeId; readonly pattern: string }

/** Executes what `id` needs and reads its first rows. Throws STEP_FAILED (facts: node, file, offset). */
export async function preview(
  workspace: Workspace,
  bundle: OpenedBundle,
  id: NodeId,
  limit: number,
  request: RunRequest,
): Promise<Preview> {
  return inScratch({ workspace, bundle, id, run: request }, outputFile, async ({ provide, ...prepared }) => {
    const { scratch } = prepared
    for (const [node, file] of provide) linkOrCopy(file, join(scratch.outputs, `${outputStem(node)}.parquet`))
    const { connection } = request
    const execution = { ...prepared, connection, most: (node: string) => (node === id ? limit : undefined) }
    const rows = await executeSteps(workspace, bundle, execution)
    return { kind: 'rows', answer: await firstRows(scratch, id, limit), rows }
  })
}

interface Asked {
  readonly workspace: Workspace
  readonly bundle: OpenedBundle
  readonly id: NodeId
  readonly run: RunRequest
}

interface Prepared<Place> extends Needed<Place> {
  readonly values: RunValues
  readonly scratch: Scratch
  /** Files of the sources that are executed, and their patterns. */
  readonly readable: readonly string[]
}

/**
 * Makes a preview from what `id` needs, in a folder that is gone afterwards, unless a source has no file. `placeIn`: where
 * an output of production is; null: it is not there.
 */
export async function inScratch<Place>(
  { workspace, bundle, id, run }: Asked,
  placeIn: (production: Generation, id: string) => Place | null,
  body: (prepared: Prepared<Place>) => Promise<Preview>,
): Promise<Preview> {
  const values = runValues(run, bundle.contract)
  const nodes = new Map(bundle.manifest.nodes.map((node) => [node.id, node]))
  const { execute, provide } = neededFor(nodes, bundle, id, sameDefinition(workspace, placeIn))
  const sources = filesOf(execute, values)
  const absent = withoutFiles(workspace, sources)
  if (absent !== null) return absent
  const hadTarget = existsSync(workspace.store.target)
  const scratch = makeScratch(workspace.store, 'preview')
  try {
    return await body({ values, execute, provide, scratch, readable: readablePaths(workspace, sources) })
  } finally {
    scratch.remove()
    if (!hadTarget) removeEmpty([join(workspace.store.target, 'tmp'), workspace.store.target])
  }
}

interface SourceFiles {
  readonly id: NodeId
  readonly pattern: string
}

/** Of sources that are files. */
const filesOf = (nodes: readonly ManifestNode[], values: RunValues): readonly SourceFiles[] =>
  nodes.flatMap((node) =>
    node.source_files === undefined
      ? []
      : [{ id: asNodeId(node.id), pattern: sourcePattern(node.source_files.path, values) }],
  )

function withoutFiles(workspace: Workspace, sources: readonly SourceFiles[]): Preview | null {
  const absent = sources.find(({ pattern }) => readableFiles(workspace.root, pattern).length === 0)
  return absent === undefined ? null : { kind: 'no_data', source: absent.id, pattern: absent.pattern }
}

const readablePaths = (workspace: Workspace, sources: readonly SourceFiles[]): readonly string[] =>
  sources.flatMap(({ pattern }) => {
    const files = readableFiles(workspace.root, pattern).map((path) => ({ path }))
    return readableSource(workspace.root, { pattern, files })
  })

interface Needed<Place> {
  /** In the order of the steps. */
  readonly execute: readonly ManifestNode[]
  /** Where production's outputs are that can stand for the same definition. */
  readonly provide: ReadonlyMap<NodeId, Place>
}

/** What `id` needs. `placeOf`: where production has an output of this definition; null: it has none. */
function neededFor<Place>(
  nodes: ReadonlyMap<string, ManifestNode>,
  bundle: OpenedBundle,
  id: NodeId,
  placeOf: (node: ManifestNode) => Place | null,
): Needed<Place> {
  const provide = new Map<NodeId, Place>()
  const wanted = new Set<string>()
  const queue: string[] = [id]
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const node = nodes.get(next)
    if (node === undefined || wanted.has(next) || provide.has(asNodeId(next))) continue
    const place = next === id ? null : placeOf(node)
    if (place !== null) provide.set(asNodeId(next), place)
    else {
      wanted.add(next)
      queue.push(...node.inputs.map((input) => input.ref))
    }
  }
  const execute = buildSteps(bundle.contract).flatMap((step) =>
    wanted.has(step.node) ? (nodes.get(step.node) ?? []) : [],
  )
  return { execute, provide }
}

/** Where production has an output of the same definition. */
function sameDefinition<Place>(
  workspace: Workspace,
  placeIn: (production: Generation, id: string) => Place | null,
): (node: ManifestNode) => Place | null {
  const production = workspace.production()
  const made = new Map(production?.manifest.nodes.map((node) => [node.id, node.definition_fingerprint]))
  return ({ id, definition_fingerprint: definition }) =>
    production === null || made.get(id) !== definition ? null : placeIn(production, id)
}

function outputFile({ folder }: Generation, id: string): string | null {
  const file = join(folder, 'intermediate', `${outputStem(asNodeId(id))}.parquet`)
  return existsSync(file) ? file : null
}

interface Execution {
  readonly execute: readonly ManifestNode[]
  readonly values: RunValues
  readonly scratch: Scratch
  readonly readable: readonly string[]
  readonly connection: RunRequest['connection']
  /** How many rows of a table are enough. */
  readonly most: (node: string) => number | undefined
}

/** Gives the row count of the last step. */
async function executeSteps(
  workspace: Workspace,
  bundle: OpenedBundle,
  { execute, values, scratch, readable, connection, most }: Execution,
): Promise<number> {
  const { startDuckDB } = await import('../../runtime/engines/duckdb/engine.ts')
  const engine = await startDuckDB({
    allowedDirectories: [scratch.outputs, scratch.extracts, scratch.spill],
    allowedPaths: readable,
    spillDirectory: scratch.spill,
    settings: bundle.contract.settings,
  })
  try {
    let rows = 0
    for (const node of execute) {
      const step = buildSteps(bundle.contract).find((candidate) => candidate.node === node.id)
      if (step === undefined) continue
      const variables = {
        values: {
          ...values.parameters,
          data: literalGlob(workspace.root),
          outputs: scratch.outputs,
          extracts: scratch.extracts,
        },
        runTimestamp: values.runTimestamp,
      }
      if (step.extract !== undefined) {
        const folder = join(scratch.extracts, node.id)
        makeFolder(folder)
        const enough = most(node.id)
        const options = { folder, values, connection, growth: null, ...(enough === undefined ? {} : { most: enough }) }
        await extractTable(bundle, step, node, options)
      }
      const output = { variable: 'outputs', file: fileOf(step) ?? '' }
      await engine.runStep({
        prelude: bundle.files.get('prelude.sql') ?? '',
        sql: bundle.files.get(step.file) ?? '',
        variables,
        output,
        columns: node.columns,
      })
      rows = (await engine.inspectOutput(join(scratch.outputs, `${outputStem(asNodeId(node.id))}.parquet`))).rows
    }
    return rows
  } finally {
    await engine.close()
  }
}

async function firstRows(scratch: Scratch, id: NodeId, limit: number): Promise<QueryAnswer> {
  const { QuerySession } = await import('../../runtime/engines/duckdb/query-session.ts')
  const table = { schema: 'preview', name: 'output', file: join(scratch.outputs, `${outputStem(id)}.parquet`) }
  const session = await QuerySession.open({ tables: [table], scratchDirectory: scratch.spill })
  try {
    return await session.run(`FROM preview.output LIMIT ${limit}`, limit)
  } finally {
    await session.close()
  }
}

/** Folders that others filled in the meantime stay. */
function removeEmpty(folders: readonly string[]): void {
  try {
    for (const folder of folders) rmdirSync(folder)
  } catch {
    // Not empty.
  }
}
