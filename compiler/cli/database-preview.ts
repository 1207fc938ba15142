// The same preview where the engine is a database: what a node needs and production does not have of this definition is made
// as temporary objects of one transaction, which is rolled back; files are read on this machine. Nothing stays.
// Reports STEP_FAILED (facts: node, file), BUNDLE_INVALID, CONNECTION_FAILED, INTERRUPTED, USAGE.

import { join } from 'node:path'
import { type BuildStep, buildSteps, type OpenedBundle, tableOf } from '../../runtime/contract/bundle.ts'
import { withValues } from '../../runtime/contract/extract.ts'
import { Bug, RuntimeFailure } from '../../runtime/contract/failures.ts'
import { asNodeId, type NodeId, outputStem } from '../../runtime/contract/ids.ts'
import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import { fillParameters } from '../../runtime/contract/parameters.ts'
import { pgName } from '../../runtime/contract/postgresql-names.ts'
import { literalGlob } from '../../runtime/contract/source-paths.ts'
import { columnItems } from '../../runtime/contract/table-steps.ts'
import type { Engine } from '../../runtime/engine.ts'
import { PreviewSession } from '../../runtime/engines/postgresql/preview-session.ts'
import { checkQueries } from '../../runtime/engines/postgresql/read-only.ts'
import { statementComment } from '../../runtime/engines/postgresql/statement-comment.ts'
import { FILE_SETTINGS } from '../../runtime/execute/load-rows.ts'
import type { RunRequest } from '../../runtime/execute/run.ts'
import type { Scratch } from '../../runtime/execute/scratch.ts'
import { located } from '../../runtime/execute/step.ts'
import { queryOfStep } from '../../runtime/execute/table-views.ts'
import type { RunValues } from '../../runtime/execute/values.ts'
import type { Generation } from '../../runtime/store/generations.ts'
import { watchSignal } from '../../runtime/watch-signal.ts'
import { inScratch, type Preview } from './preview.ts'
import type { Workspace } from './workspace.ts'

interface PreviewRequest {
  readonly run: RunRequest
  /** How many rows. */
  readonly limit: number
  readonly signal: AbortSignal
}

/** Executes what `id` needs and reads its first rows. */
export async function databasePreview(
  workspace: Workspace,
  bundle: OpenedBundle,
  id: NodeId,
  request: PreviewRequest,
): Promise<Preview> {
  const { run } = request
  return inScratch({ workspace, bundle, id, run }, viewOf, async ({ execute, values, scratch, readable }) => {
    const files = new SourceFiles({ workspace, bundle, values, scratch, readable })
    const session = await opened(bundle, id, run)
    const unwatch = watchSignal(request.signal, session)
    try {
      return await firstRows({ bundle, values, session, files }, execute, id, request.limit)
    } finally {
      unwatch()
      await session.close()
      await files.close()
    }
  })
}

function opened({ contract }: OpenedBundle, node: NodeId, request: RunRequest): Promise<PreviewSession> {
  const connection = request.connection?.(contract.engine.connection ?? '')
  if (connection === undefined) throw new Bug('a preview in a database has no connections')
  const named = { project: contract.project.name, environment: 'production', node, bundle: contract.digest }
  return PreviewSession.open(connection, statementComment(named))
}

/** Its view is what the steps read. */
const viewOf = ({ state }: Generation, id: string): true | null => (state.nodes[id] === undefined ? null : true)

interface Execution {
  readonly bundle: OpenedBundle
  readonly values: RunValues
  readonly session: PreviewSession
  readonly files: SourceFiles
}

async function firstRows(
  execution: Execution,
  execute: readonly ManifestNode[],
  id: NodeId,
  limit: number,
): Promise<Preview> {
  const { bundle, session } = execution
  /** Relation of the bundle → the temporary one that stands for it. */
  const made = new Map<string, string>()
  let [rows, last]: [number | null, string] = [null, '']
  for (const [i, node] of execute.entries()) {
    const step = buildSteps(bundle.contract).find((candidate) => candidate.node === node.id)
    const output = step && tableOf(step)
    if (step === undefined || output == null) throw new Bug(`${node.id} is no output of a database`)
    last = `seeknal_preview_${i}`
    try {
      rows = await makeOutput(execution, { step, node, made }, last)
    } catch (error) {
      throw located(error, step, node)
    }
    made.set(`${output.schema}.${output.name}`, session.relation(last))
  }
  if (execute.at(-1)?.id !== id) throw new Bug(`${id} is not the last step of its preview`)
  const answer = await session.rows(`SELECT * FROM ${session.relation(last)} LIMIT ${limit}`, limit)
  return { kind: 'rows', answer, rows: rows ?? answer.rows.length }
}

interface Order {
  readonly step: BuildStep
  readonly node: ManifestNode
  readonly made: ReadonlyMap<string, string>
}

/** Gives how many rows there are; null: nobody has looked. */
async function makeOutput(
  { bundle, values, session, files }: Execution,
  { step, node, made }: Order,
  name: string,
): Promise<number | null> {
  const output = tableOf(step)
  requirePreviewable(step, node, bundle)
  if (output?.made === 'load') {
    const { file, rows } = await files.csvOf(step, node)
    await session.loadTable(name, columnItems(node.columns ?? []), file)
    return rows
  }
  const query = await queryIn(bundle, values, { step, node, made })
  if (output?.made !== 'view') return session.makeTable(name, query)
  // A table of others may be large.
  await session.makeView(name, query)
  return null
}

/** Refuses what one query in this database does not show. Throws USAGE. */
function requirePreviewable(step: BuildStep, node: ManifestNode, bundle: OpenedBundle): void {
  const isElsewhere = step.extract !== undefined
  if (!isElsewhere && queryOfStep(step, node, bundle).before === '') return
  throw new RuntimeFailure(
    'USAGE',
    isElsewhere
      ? `a preview reads no other database, and ${node.id} has no output in production yet that fits`
      : `a preview executes one query, and ${node.id} has statements before it`,
    { node: node.id },
    { hints: ['Try it in an environment: `seeknal env plan dev`, then `seeknal env apply dev`.'] },
  )
}

/** The query of a step with the run's values, and with what this preview made in place of what production does not have. */
async function queryIn(bundle: OpenedBundle, values: RunValues, { step, node, made }: Order): Promise<string> {
  const { values: own = {} } = tableOf(step) ?? {}
  const all = { ...values.parameters, run_timestamp: values.runTimestamp }
  const filled = Object.entries(own).map(([name, text]) => [name, fillParameters(text, all)] as const)
  // A parameter that may be left out is NULL then, which the SQL has a default for.
  const missing = filled.filter(([name, text]) => text === own[name] && text.startsWith('{{')).map(([name]) => name)
  const given = Object.fromEntries(filled.filter(([name]) => !missing.includes(name)))
  const { query } = queryOfStep(step, node, bundle)
  const text = missing.reduce((sql, name) => sql.replaceAll(`:'${name}'`, 'NULL'), query)
  const sql = withValues(text, { ...given, run_timestamp: values.runTimestamp })
  const [check] = await checkQueries([sql])
  if (check?.kind !== 'query')
    throw new RuntimeFailure('BUNDLE_INVALID', `the SQL of step '${step.id}' is no query: ${check?.message ?? ''}`)
  let [placed, at] = ['', 0]
  for (const { schema, name, start } of check.uses) {
    const relation = made.get(`${schema}.${name}`)
    const spelled = `${pgName(schema ?? '')}.${pgName(name)}`
    if (relation === undefined || !sql.startsWith(spelled, start)) continue
    placed += sql.slice(at, start) + relation
    at = start + spelled.length
  }
  return placed + sql.slice(at)
}

interface FilesRequest {
  readonly workspace: Workspace
  readonly bundle: OpenedBundle
  readonly values: RunValues
  readonly scratch: Scratch
  readonly readable: readonly string[]
}

/** Files of sources, read by DuckDB on this machine when the first is asked for. */
class SourceFiles {
  readonly #request: FilesRequest
  #engine: Engine | null = null

  constructor(request: FilesRequest) {
    this.#request = request
  }

  /** The rows of a source as CSV without a header. */
  async csvOf(step: BuildStep, node: ManifestNode): Promise<{ readonly file: string; readonly rows: number }> {
    const { workspace, bundle, values, scratch } = this.#request
    const engine = await this.#started()
    const output = { variable: 'outputs', file: `${outputStem(asNodeId(node.id))}.parquet` }
    const { rows } = await engine.runStep({
      prelude: bundle.files.get('prelude.sql') ?? '',
      sql: bundle.files.get(tableOf(step)?.load ?? '') ?? '',
      variables: {
        values: { ...values.parameters, data: literalGlob(workspace.root), outputs: scratch.outputs },
        runTimestamp: values.runTimestamp,
      },
      output,
      columns: node.columns,
    })
    const parquet = join(scratch.outputs, output.file)
    const file = join(scratch.outputs, `${outputStem(asNodeId(node.id))}.csv`)
    const columns = (node.columns ?? []).map(({ name, type }) => ({ name, type }))
    await engine.exportRows(parquet, columns, file, 'csv')
    return { file, rows }
  }

  async close(): Promise<void> {
    await this.#engine?.close()
  }

  async #started(): Promise<Engine> {
    if (this.#engine !== null) return this.#engine
    const { scratch, readable } = this.#request
    const { startDuckDB } = await import('../../runtime/engines/duckdb/engine.ts')
    this.#engine = await startDuckDB({
      allowedDirectories: [scratch.outputs, scratch.spill],
      allowedPaths: readable,
      spillDirectory: scratch.spill,
      settings: FILE_SETTINGS,
    })
    return this.#engine
  }
}
