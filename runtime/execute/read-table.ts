// One step of a source in a database: its rows come into the scratch folder, the step makes an output of them, and what was
// only read in part is put together with what is stored. Reports what extract.ts and the engine report, PROFILE_INVALID,
// BUNDLE_INVALID.

import { join } from 'node:path'
import type { BuildStep, Bundle } from '../contract/bundle.ts'
import { extractedQuery, withValues } from '../contract/extract.ts'
import { Bug, RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type Fingerprint } from '../contract/ids.ts'
import type { ManifestNode } from '../contract/manifest.ts'
import { fillParameters } from '../contract/parameters.ts'
import type { Engine, Growth, OutputColumn, OutputFacts } from '../engine.ts'
import type { AskedRows, ExtractRequest } from '../engines/postgresql/extract.ts'
import { linkOrCopy, makeFolder, moveFile, removeTree } from '../store/files.ts'
import { hasSnapshot } from '../store/snapshots.ts'
import { snapshotPath } from '../store/store.ts'
import { placeOfConnection } from './plan-targets.ts'
import type { ExecuteOptions, RunRequest } from './run.ts'
import type { Scratch } from './scratch.ts'
import { outputFile, runStep } from './step.ts'
import type { RunValues } from './values.ts'
import type { World } from './world.ts'

interface Context {
  readonly world: World
  readonly scratch: Scratch
  readonly engine: () => Promise<Engine>
  readonly options: ExecuteOptions
}

/** What is in the scratch folder now. */
export interface TableRows {
  readonly columns: readonly OutputColumn[]
  readonly rows: number
  readonly facts: OutputFacts
  /** Stands for the database that they were read from. */
  readonly place: Fingerprint
  readonly ms: number
}

export async function readTable(context: Context, node: ManifestNode): Promise<TableRows> {
  const { world, scratch, options } = context
  const started = performance.now()
  const step = world.steps.get(asNodeId(node.id))
  if (step === undefined) throw new Bug(`${node.id} has no step`)
  const folder = join(scratch.extracts, node.id)
  removeTree(folder)
  makeFolder(folder)
  try {
    const engine = await context.engine()
    const place = placeOfConnection(world.connection(step.extract?.connection ?? ''))
    const stored = await storedBefore({ ...context, place }, engine, step, node, folder)
    const least = stored?.least ?? null
    const isPart = await extractTable(world.bundle, step, node, {
      folder,
      values: world.values,
      connection: options.connection,
      growth: stored === null || least === null ? null : { column: stored.growth.column, least },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
    const { columns } = await runStep(world, scratch, engine, step, null)
    const output = outputFile(scratch, asNodeId(node.id))
    if (isPart && stored !== null && least !== null) {
      const to = join(folder, 'merged.parquet')
      await engine.mergeRows({ kept: stored.file, read: output, to }, stored.growth, least)
      moveFile(to, output)
    }
    const facts = await engine.inspectOutput(output, columns)
    return { columns, rows: facts.rows, facts, place, ms: performance.now() - started }
  } finally {
    removeTree(folder)
  }
}

export interface TableOptions extends Pick<ExtractRequest, 'folder' | 'growth' | 'signal' | 'most'> {
  readonly values: RunValues
  readonly connection: RunRequest['connection']
}

/** Puts the rows that a step reads into its folder. True: only those that `growth` asks for. */
export async function extractTable(
  bundle: Bundle,
  step: BuildStep,
  node: ManifestNode,
  { values, connection, ...rest }: TableOptions,
): Promise<boolean> {
  const asked = askedRows(bundle, step, node, { values, connection })
  const { extractRows } = await import('../engines/postgresql/extract.ts')
  const { isPart } = await extractRows({ ...rest, ...asked })
  return isPart
}

/** What a step asks the database that its source is in, with the run's values. */
export function askedRows(
  bundle: Bundle,
  step: BuildStep,
  node: ManifestNode,
  { values, connection }: Pick<TableOptions, 'values' | 'connection'>,
): AskedRows {
  const [asked, table] = [step.extract, node.source_table]
  if (asked === undefined || table === undefined) throw new Bug(`${node.id} has no table`)
  const extracted = extractedQuery(bundle.files.get(asked.file) ?? '')
  if (extracted === null)
    throw new RuntimeFailure('BUNDLE_INVALID', `the bundle is not valid: ${asked.file} asks in a way of its own`, {
      file: asked.file,
    })
  if (connection === undefined)
    throw new RuntimeFailure(
      'PROFILE_INVALID',
      `The connection '${asked.connection}' is not known: there is no profile.`,
      {
        connection: asked.connection,
      },
    )
  const given = { ...values.parameters, run_timestamp: values.runTimestamp }
  const texts = Object.entries(asked.values ?? {}).map(([name, text]) => [name, fillParameters(text, given)] as const)
  const filled = (text: string): string => withValues(text, Object.fromEntries(texts))
  return {
    node: node.id,
    connection: connection(asked.connection),
    query: filled(extracted.query),
    options: extracted.options,
    from: filled(fromOf(bundle.contract, asked.file, extracted.query, table.from)),
    types: asked.types,
  }
}

/** What stands behind FROM in the query: production's, with the prefixes that an environment has put into it. */
function fromOf({ namespaces, prefix }: Bundle['contract'], file: string, query: string, production: string): string {
  const put = namespaces.filter((span) => span.file === file).length * prefix.length
  return query.slice(query.length - put - production.length)
}

interface StoredBefore {
  readonly growth: Growth
  readonly least: string | null
  readonly file: string
}

/** What is stored of a source that grows, when it was read by the same definition from the same database; null: it is read whole. */
async function storedBefore(
  { world, place }: Context & { readonly place: Fingerprint },
  engine: Engine,
  step: BuildStep,
  node: ManifestNode,
  folder: string,
): Promise<StoredBefore | null> {
  const own = world.own.get(asNodeId(node.id))
  const grows = step.extract?.growth
  const type = node.columns?.find(({ name }) => name === grows?.time_column)?.type
  if (grows === undefined || type === undefined || own === undefined || world.full) return null
  const isSame =
    own.node.definition_fingerprint === node.definition_fingerprint &&
    own.state.proof === undefined &&
    own.state.place === place
  if (!isSame || !world.compiled || !hasSnapshot(world.store, own.state.snapshot)) return null
  const file = join(folder, 'stored.parquet')
  linkOrCopy(snapshotPath(world.store, own.state.snapshot.sha256), file)
  const growth = { column: grows.time_column, type, lookbackSeconds: grows.lookback_seconds }
  return { growth, file, least: await engine.leastToRead(file, growth) }
}
