// What makes outputs while a run goes over its graph. The runner decides what is due and in which order; a maker does it, with
// DuckDB and files below target/, or in a database.

import type { BuildStep, CheckStep } from '../contract/bundle.ts'
import type { RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type NodeId } from '../contract/ids.ts'
import type { ManifestNode } from '../contract/manifest.ts'
import type { Snapshot } from '../contract/state.ts'
import type { Engine, FailingRows } from '../engine.ts'
import { indexOutput, type StoredOutput } from '../store/snapshots.ts'
import type { SourceListing } from '../store/source-files.ts'
import { inProject, snapshotPath } from '../store/store.ts'
import { damagedInput, provideInputs } from './inputs.ts'
import type { Readable } from './plan.ts'
import { readTable, type TableRows } from './read-table.ts'
import type { ExecuteOptions } from './run.ts'
import { type TargetOrder, writeOneTarget } from './run-targets.ts'
import type { Written } from './running.ts'
import type { Scratch } from './scratch.ts'
import { located, outputFile, provideInput, runStep, stepVariables, storeOutput } from './step.ts'
import type { World } from './world.ts'

/** A node with what its step reads. */
export interface Order {
  readonly node: ManifestNode
  readonly step: BuildStep
  /** In the order of the node's inputs. */
  readonly readables: readonly Readable[]
  /** A source's files. */
  readonly source: SourceListing | null
  /** Execution fingerprint of what is made. */
  readonly fingerprint: string
  /** Whether that is the compiler's, of this step and of all that it reads. */
  readonly isProven: boolean
}

/** A target and the output that goes there. */
export type MakerTarget = Omit<TargetOrder, 'file'>

export interface Maker {
  /** Makes ready what a step needs; before its time is taken. */
  prepare(order: Order): Promise<void>
  /** Runs the step. Its output is not stored yet. */
  run(order: Order): Promise<Omit<Written, 'ms'>>
  /** Rows of a source in a database: they say whether it is what is there already. */
  readTable(node: ManifestNode): Promise<TableRows>
  /** Stores what was written; `digits`: see `digitsOf`. */
  store(id: NodeId, written: Written, digits: string | null): Promise<Snapshot>
  /** Makes it findable by its fingerprint. */
  index(id: NodeId, output: StoredOutput): Promise<void>
  /** Of some columns of an output (null: all), whatever their order. */
  digestColumns(id: NodeId, snapshot: Snapshot, columns: readonly string[]): Promise<string>
  /** The answer of a check step's query. */
  failingRows(step: CheckStep, node: ManifestNode, snapshot: Snapshot): Promise<readonly FailingRows[]>
  /** The input because of which a step failed; null: it was not that. */
  damaged(readables: readonly Pick<Readable, 'node' | 'snapshot'>[], error: unknown): Promise<RuntimeFailure | null>
  /** Writes a stored output to a target, and records it. */
  writeTarget(order: MakerTarget): Promise<void>
  /** Where a stored output is, for people. */
  whereIs(snapshot: Snapshot): string
}

interface Context {
  readonly world: World
  readonly scratch: Scratch
  readonly engine: () => Promise<Engine>
  readonly options: ExecuteOptions
}

export const fileMaker = (context: Context): Maker => {
  const { world, scratch, engine, options } = context
  return {
    prepare: async ({ node, readables }) => {
      await engine()
      provideInputs(context, node, readables)
    },
    run: async ({ step, source }) => runStep(world, scratch, await engine(), step, source),
    readTable: (node) => readTable(context, node),
    store: async (id, written, digits) => storeOutput(world, await engine(), outputFile(scratch, id), written, digits),
    index: async (_, output) => indexOutput(world.store, output),
    digestColumns: async (id, snapshot, columns) => {
      const started = await engine()
      provideInput(world, scratch, id, snapshot)
      return started.digestColumns(outputFile(scratch, id), columns)
    },
    failingRows: async (step, node, snapshot) => {
      if (world.steps.has(asNodeId(node.id))) provideInput(world, scratch, asNodeId(node.id), snapshot)
      try {
        return await (await engine()).runCheck({
          prelude: world.bundle.files.get('prelude.sql') ?? '',
          sql: world.bundle.files.get(step.file) ?? '',
          variables: stepVariables(world, scratch),
          mostRows: step.checks.length,
        })
      } catch (error) {
        throw located(error, step, node)
      }
    },
    writeTarget: (order) => {
      const id = asNodeId(order.node.id)
      provideInput(world, scratch, id, order.output.snapshot)
      const own = {
        engine,
        connection: world.connection,
        record: world.targetRecord,
        folder: scratch.outputs,
        runId: world.values.runId,
        signal: options.signal,
        faults: options.faults,
      }
      return writeOneTarget(own, { ...order, file: outputFile(scratch, id) })
    },
    damaged: (readables, error) => damagedInput(world, readables, error),
    whereIs: ({ sha256 }) => inProject(world.store, snapshotPath(world.store, sha256)),
  }
}
