// Rows of files for an engine that is a database: DuckDB reads them on this machine into the run's folder, then streams them
// as CSV. Memory stays the same however large the files are. Reports what the engine reports, SOURCE_CHANGED_WHILE_READ.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { tableOf } from '../contract/bundle.ts'
import { Bug } from '../contract/failures.ts'
import { asNodeId, outputStem } from '../contract/ids.ts'
import type { ManifestNode } from '../contract/manifest.ts'
import { literalGlob } from '../contract/source-paths.ts'
import type { Engine } from '../engine.ts'
import type { RowStream } from '../engines/postgresql/table-writer.ts'
import type { SourceListing } from '../store/source-files.ts'
import { makeRowPipe } from './row-pipe.ts'
import type { ExecuteOptions } from './run.ts'
import type { Scratch } from './scratch.ts'
import { sourceRequest } from './source-request.ts'
import { readableSource } from './step.ts'
import type { World } from './world.ts'

export interface Loader {
  /** Reads a source's files; `file` is in the run's folder. */
  load(node: ManifestNode, source: SourceListing | null): Promise<{ readonly file: string; readonly rows: number }>
  /** The rows of such a file, once. */
  rows(node: ManifestNode, file: string): Promise<{ readonly open: () => RowStream; remove(): void }>
  interrupt(): void
  close(): Promise<void>
}

/** As the compiler binds what is read. */
export const FILE_SETTINGS = {
  Calendar: 'gregorian',
  TimeZone: 'UTC',
  default_null_order: 'NULLS_LAST',
  default_order: 'ASC',
}

/** Starts DuckDB when the first file is read. */
export function fileLoader(
  world: World,
  scratch: Scratch,
  sources: readonly SourceListing[],
  options: ExecuteOptions,
): Loader {
  let starting: Promise<Engine> | undefined
  let running: Engine | undefined
  const start = async (): Promise<Engine> => {
    const { startDuckDB } = await import('../engines/duckdb/engine.ts')
    running = await (options.startEngine ?? startDuckDB)({
      allowedDirectories: [scratch.outputs, scratch.spill],
      allowedPaths: sources.flatMap((source) => readableSource(world.store.project, source)),
      spillDirectory: scratch.spill,
      settings: FILE_SETTINGS,
      ...(options.memoryLimit === undefined ? {} : { memoryLimit: options.memoryLimit }),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
    })
    return running
  }
  const engine = (): Promise<Engine> => {
    starting ??= start()
    return starting
  }
  return {
    load: async (node, source) => load(world, scratch, await engine(), node, source),
    async rows(node, file) {
      const pipe = await makeRowPipe(join(scratch.outputs, `${outputStem(asNodeId(node.id))}.pipe`))
      const columns = (node.columns ?? []).map(({ name, type }) => ({ name, type }))
      const open = (): RowStream => ({
        stream: pipe.stream,
        settled: engine().then((started) => started.exportRows(file, columns, pipe.path, 'csv')),
      })
      return { open, remove: () => pipe.remove() }
    },
    interrupt: () => running?.interrupt(),
    close: async () => running?.close(),
  }
}

async function load(
  world: World,
  scratch: Scratch,
  engine: Engine,
  node: ManifestNode,
  source: SourceListing | null,
): Promise<{ readonly file: string; readonly rows: number }> {
  const step = world.steps.get(asNodeId(node.id))
  const path = step && tableOf(step)?.load
  if (path === undefined) throw new Bug(`${node.id} reads no files`)
  const output = { variable: 'outputs', file: `${outputStem(asNodeId(node.id))}.parquet` }
  const file = join(scratch.outputs, output.file)
  rmSync(file, { force: true })
  const { runTimestamp, parameters } = world.values
  const values = { ...parameters, data: literalGlob(world.store.project), outputs: scratch.outputs }
  const request = {
    prelude: world.bundle.files.get('prelude.sql') ?? '',
    sql: world.bundle.files.get(path) ?? '',
    variables: { values, runTimestamp },
    output,
    columns: node.columns,
  }
  const { project } = world.store
  const files = { project, listing: source, folder: `${file}.files` }
  const { rows } = await engine.runStep(sourceRequest(request, node, files))
  if (source !== null) world.sources.confirm(source)
  return { file, rows }
}
