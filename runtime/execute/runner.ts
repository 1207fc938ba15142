// Runs the steps of a bundle over their graph, some at a time. A node is settled when it is cached, found in the store,
// executed and stored, or given up; readers start as soon as its output can be read. Nodes behind a failed one are
// skipped, never run on old data.

import { checkFailure, isGate } from '../check.ts'
import { Bug, RuntimeFailure } from '../contract/failures.ts'
import { asNodeId, type NodeId } from '../contract/ids.ts'
import { type ManifestNode, rowsDecide } from '../contract/manifest.ts'
import { digitsOf, type Snapshot } from '../contract/state.ts'
import type { Engine } from '../engine.ts'
import type { Journal } from '../journal.ts'
import type { StoredOutput } from '../store/snapshots.ts'
import { inProject } from '../store/store.ts'
import { dataFingerprint, executionFingerprint } from './fingerprints.ts'
import { readOf } from './inputs.ts'
import { ownOr } from './made-again.ts'
import type { Maker } from './maker.ts'
import { noteFailed, noteStored } from './note-step.ts'
import {
  isProvenFrom,
  type Prediction,
  READ_AGAIN,
  type Read,
  type Readable,
  readableOf,
  readableOutside,
  reasonOf,
  runDependence,
  sourceContents,
  storedOutput,
  tableContents,
} from './plan.ts'
import { type ReadFile, stepProof } from './proof.ts'
import type { TableRows } from './read-table.ts'
import { tried } from './retry.ts'
import type { ExecuteOptions, NodeResult } from './run.ts'
import { checksOf } from './run-checks.ts'
import type { Made, Release, Running, Settled, Written } from './running.ts'
import type { Scratch } from './scratch.ts'
import { type Slots, slots } from './slots.ts'
import { writeTargets } from './targets.ts'
import type { World } from './world.ts'

export interface RunnerContext {
  readonly world: World
  readonly predictions: ReadonlyMap<NodeId, Prediction>
  readonly scratch: Scratch
  readonly journal: Journal
  /** Started when it is first needed. */
  readonly engine: () => Promise<Engine>
  readonly maker: Maker
  readonly options: ExecuteOptions
}

/** Settles every selected node. Only failures that concern no single node are thrown. */
export async function runSteps(context: RunnerContext): Promise<ReadonlyMap<NodeId, Settled>> {
  const runner = new Runner(context)
  return runner.run()
}

class Runner {
  readonly #context: RunnerContext
  readonly #running = new Map<NodeId, Running>()
  readonly #slots: Slots
  /** Nodes whose outputs fail their checks. */
  readonly #unfit = new Set<NodeId>()
  #stopped = false

  constructor(context: RunnerContext) {
    this.#context = context
    this.#slots = slots(context.options.maxWorkers ?? 1)
  }

  async run(): Promise<ReadonlyMap<NodeId, Settled>> {
    const { world } = this.#context
    for (const id of world.order) this.#running.set(id, this.#start(id))
    const ended = await Promise.allSettled(
      [...this.#running].map(async ([id, node]) => [id, await node.settled] as const),
    )
    const settled = new Map<NodeId, Settled>()
    for (const end of ended) {
      if (end.status === 'rejected') throw end.reason
      const [id, node] = end.value
      if (node !== null) settled.set(id, node)
    }
    return settled
  }

  #start(id: NodeId): Running {
    const { predictions, world } = this.#context
    const prediction = predictions.get(id)
    if (prediction === undefined || !world.selected(id))
      return { ready: Promise.resolve(prediction?.readable ?? null), settled: Promise.resolve(null) }
    let release: Release = () => {}
    const ready = new Promise<Readable | null>((resolve) => {
      release = resolve
    })
    const settled = this.#settle(prediction, release).finally(() => release(null))
    return { ready, settled }
  }

  async #settle(prediction: Prediction, release: Release): Promise<Settled> {
    const { world, options } = this.#context
    const started = performance.now()
    const node = world.nodes.get(prediction.id)
    if (node === undefined) throw new Bug(`${prediction.id} has a step and no description`)
    let settled: Settled
    try {
      settled = await this.#outcome(node, prediction, release)
    } catch (error) {
      settled = await this.#given(prediction.id, error, performance.now() - started)
    }
    options.onEvent?.({ kind: 'finished', result: settled.result })
    return settled
  }

  async #outcome(node: ManifestNode, prediction: Prediction, release: Release): Promise<Settled> {
    const { world } = this.#context
    const { id } = prediction
    if (prediction.status !== 'blocked' && !world.steps.has(id)) return this.#present(node, release)
    const inputs = await Promise.all(node.inputs.map((input) => this.#readable(asNodeId(input.ref))))
    const lost = node.inputs.find((input, i) => inputs[i] === null && world.selected(asNodeId(input.ref)))
    if (lost !== undefined) return this.#skipped(id, this.#whyLost(asNodeId(lost.ref)))
    const unwritten = await this.#unwritten(id)
    if (unwritten !== null) return this.#skipped(id, `${unwritten} did not write the table that it reads`)
    if (prediction.failure !== null) throw prediction.failure
    const missing = node.inputs.find((_, i) => inputs[i] === null)
    if (missing !== undefined)
      throw new RuntimeFailure(
        'STATE_NOT_FOUND',
        `${missing.ref}, which it reads, has no output yet`,
        { node: id, input: missing.ref },
        { hints: [`Run ${missing.ref} too.`] },
      )
    const read: Read = node.inputs.map(({ ref }, i) => [ref, inputs[i] ?? null])
    const isPresent = ['cached', 'check', 'write'].includes(prediction.status)
    const present = isPresent ? world.own.get(id) : undefined
    if (present !== undefined && present.state.proof === undefined) {
      const readable = prediction.readable ?? readableOf(present.node, present.state)
      return this.#taken(node, readable, present.state, 'cached', release)
    }
    if (node.source_table !== undefined) return this.#table(node, prediction, release)
    const readables = inputs.flatMap((input) => input ?? [])
    const reads = await Promise.all(node.inputs.map((input, i) => readOf(this.#context, input, readables[i])))
    const source = await sourceContents(world, node)
    const dependence = runDependence(world, node, source)
    const fingerprint = executionFingerprint(node, reads, dependence)
    const stored = storedOutput(world, id, fingerprint, read)
    const isUsable = stored?.status !== 'reused' || (await this.#isWhole(id, stored.output.snapshot))
    if (stored !== null && isUsable)
      return this.#taken(node, readableOf(node, stored.output), stored.output, stored.status, release)
    const data = dataFingerprint(reads, dependence)
    const reason = reasonOf(world, node, world.own.get(id) ?? null, reads, dependence) ?? prediction.reason
    const own = world.own.get(id)
    if (own !== undefined && world.outputs.isDamaged(own)) this.#sayDamaged(id, inProject(world.store, own.file))
    const isProven = isProvenFrom(world, read)
    const made: Made = { source, reads, readables, data, fingerprint, isProven, reason }
    const written = await this.#execute(node, made)
    if (written === null) return this.#skipped(id, 'the run ended before it')
    // Readers start now, unless they must know the rows or whether these pass.
    const readable = { node, inputs: reads, data, snapshot: null, isProven }
    if (!rowsDecide(node) && !this.#isGated(id)) release(readable)
    const settled = await this.#store(node, made, written)
    return this.#checked(node, settled, { ...readable, snapshot: settled.result.snapshot ?? null }, release)
  }

  /** The node whose table a source reads, and that did not write it in this run. */
  async #unwritten(id: NodeId): Promise<NodeId | null> {
    for (const writer of this.#context.world.after.get(id) ?? []) {
      const ended = await this.#running.get(writer)?.settled
      if (ended?.result.status === 'failed' || ended?.result.status === 'skipped') return writer
    }
    return null
  }

  #whyLost(id: NodeId): string {
    return this.#unfit.has(id) ? `${id} fails its checks` : `${id} has no new output`
  }

  /** A source in a database: what was read says whether it is what is there already. */
  async #table(node: ManifestNode, prediction: Prediction, release: Release): Promise<Settled> {
    const { world } = this.#context
    const id = asNodeId(node.id)
    const rows = await this.#tableRows(node, id)
    if (rows === null) return this.#skipped(id, 'the run ended before it')
    const dependence = runDependence(world, node, tableContents(rows.facts.digest))
    const fingerprint = executionFingerprint(node, [], dependence)
    const stored = storedOutput(world, id, fingerprint, [])
    const { place } = rows
    if (stored !== null && (await this.#isWhole(id, stored.output.snapshot)))
      return this.#taken(node, readableOf(node, stored.output), { ...stored.output, place }, stored.status, release)
    const [data, isProven] = [dataFingerprint([], dependence), isProvenFrom(world, [])]
    const reason = prediction.reason === READ_AGAIN ? 'its table changed' : prediction.reason
    const made: Made = { source: null, reads: [], readables: [], data, fingerprint, isProven, reason, place }
    const settled = await this.#store(node, made, rows)
    const readable = { node, inputs: [], data, snapshot: settled.result.snapshot ?? null, isProven }
    return this.#checked(node, settled, readable, release)
  }

  /** Null: the run ended before it. */
  async #tableRows(node: ManifestNode, id: NodeId): Promise<TableRows | null> {
    const { options } = this.#context
    const free = await this.#slots.take()
    try {
      if (this.#mustStop()) return null
      options.onEvent?.({ kind: 'started', node: id })
      return await tried(options, id, () => this.#context.maker.readTable(node))
    } finally {
      free()
    }
  }

  /** What is taken from the store is looked at before it becomes production. */
  async #isWhole(id: NodeId, snapshot: Snapshot): Promise<boolean> {
    const { world } = this.#context
    if (await world.outputs.isWhole(snapshot)) return true
    this.#sayDamaged(id, this.#context.maker.whereIs(snapshot))
    return false
  }

  #sayDamaged(node: NodeId, path: string): void {
    this.#context.options.onEvent?.({ kind: 'damaged', node, path })
  }

  /** Runs the node's step; null when the run ended before it. */
  async #execute(node: ManifestNode, made: Made): Promise<Written | null> {
    const { world, maker, options } = this.#context
    const id = asNodeId(node.id)
    const step = world.steps.get(id)
    if (step === undefined) throw new Bug(`${id} has no step`)
    const free = await this.#slots.take()
    try {
      if (this.#mustStop()) return null
      const order = { ...made, node, step }
      await maker.prepare(order)
      options.onEvent?.({ kind: 'started', node: id })
      const started = performance.now()
      const written = await tried(options, id, () => maker.run(order)).catch(async (error: unknown) => {
        throw (await maker.damaged(made.readables, error)) ?? error
      })
      return { ...written, ms: performance.now() - started }
    } finally {
      free()
    }
  }

  async #store(node: ManifestNode, made: Made, written: Written): Promise<Settled> {
    const { world, maker, options } = this.#context
    const { ms } = written
    const id = asNodeId(node.id)
    // What other machines make again is compared with this.
    const digits = world.outputs.takeFor === undefined ? digitsOf(node, made) : null
    const snapshot = await maker.store(id, written, digits)
    options.faults?.('stored')
    const output: StoredOutput = {
      fingerprint: made.fingerprint,
      ...(made.isProven ? {} : { proof: await this.#proof(node) }),
      data: made.data,
      snapshot,
      ...(made.place === undefined ? {} : { place: made.place }),
      inputs: [...made.reads],
      run_id: world.values.runId,
      executed_at: new Date().toISOString(),
      duration_ms: Math.round(ms),
    }
    const state = ownOr(this.#context, id, { status: 'executed', ...output })
    await maker.index(id, output)
    await noteStored(this.#context, id, 'executed', output, ms)
    const reason = state.status === 'cached' ? 'its output is missing' : made.reason
    return {
      result: { node: id, status: 'executed', rows: snapshot.rows, ms, reason, snapshot: state.snapshot },
      state,
      checks: null,
    }
  }

  /** Of what a step did: the files that it read are stored by then, or the run fails. */
  async #proof(node: ManifestNode): Promise<string> {
    const { world } = this.#context
    const files = await Promise.all(
      node.inputs.map(async ({ ref }): Promise<ReadFile> => {
        const running = this.#running.get(asNodeId(ref))
        const settled = await running?.settled
        return [ref, settled?.state?.snapshot ?? (await this.#readable(asNodeId(ref)))?.snapshot ?? null]
      }),
    )
    return stepProof(world, asNodeId(node.id), files) ?? world.contract.digest
  }

  async #readable(id: NodeId): Promise<Readable | null> {
    const running = this.#running.get(id)
    return running === undefined ? readableOutside(this.#context.world, id) : running.ready
  }

  #mustStop(): boolean {
    return this.#stopped || this.#context.options.signal?.aborted === true
  }

  async #taken(
    node: ManifestNode,
    readable: Readable,
    stored: StoredOutput,
    status: 'cached' | 'reused',
    release: Release,
  ): Promise<Settled> {
    const id = asNodeId(node.id)
    if (!this.#isGated(id)) release(readable)
    if (status === 'reused') await noteStored(this.#context, id, status, stored, 0)
    const state = status === 'reused' ? ownOr(this.#context, id, { ...stored, status }) : { ...stored, status }
    const { snapshot } = state
    const result = { node: id, status, rows: snapshot.rows, ms: 0, reason: '', snapshot }
    return this.#checked(node, { result, state, checks: null }, readable, release)
  }

  #isGated(id: NodeId): boolean {
    return isGate(this.#context.world.checks.get(id))
  }

  /** The checks of an output of production that no step makes anew. */
  async #present(node: ManifestNode, release: Release): Promise<Settled> {
    const id = asNodeId(node.id)
    const entry = this.#context.world.outside.get(id)
    if (entry === undefined)
      throw new RuntimeFailure('STATE_NOT_FOUND', `production has no output of ${id} to check`, { node: id })
    const { snapshot } = entry.state
    const readable = readableOf(entry.node, entry.state)
    if (!this.#isGated(id)) release(readable)
    const result: NodeResult = { node: id, status: 'cached', rows: snapshot.rows, ms: 0, reason: '', snapshot }
    return this.#checked(node, { result, state: null, checks: null }, readable, release)
  }

  /** Lets the node's checks decide, if it has any, and gives its output to those that waited. */
  async #checked(node: ManifestNode, settled: Settled, readable: Readable, release: Release): Promise<Settled> {
    const id = asNodeId(node.id)
    const [step, { snapshot }] = [this.#context.world.checks.get(id), settled.result]
    if (step === undefined || snapshot === undefined) {
      release(readable)
      return this.#written(node, settled, readable)
    }
    const turn = { slots: this.#slots, isOver: () => this.#mustStop() }
    const checks = await checksOf(this.#context, step, node, snapshot, turn)
    if (checks === null) return this.#skipped(id, 'the run ended before its checks')
    const failure = checkFailure(step, checks)
    const checkedNow = checks.run_id === this.#context.world.values.runId
    const result = { ...settled.result, checks: checks.results, checkedNow }
    if (failure === null) {
      release(readable)
      return this.#written(node, { ...settled, result, checks }, readable)
    }
    this.#unfit.add(id)
    await this.#failed(id, failure, result.ms)
    return { result: { ...result, status: 'failed', reason: failure.message, failure }, state: null, checks }
  }

  /** Writes the output, which is good, to those of the node's targets that do not hold it. */
  async #written(node: ManifestNode, settled: Settled, { data }: Readable): Promise<Settled> {
    const { snapshot } = settled.result
    if (snapshot === undefined) return settled
    const turn = { slots: this.#slots, isOver: () => this.#mustStop() }
    const written = await writeTargets(this.#context, node, { data, snapshot }, turn)
    if (written === null) return this.#skipped(asNodeId(node.id), 'the run ended before its targets were written')
    return written.length === 0 ? settled : { ...settled, result: { ...settled.result, written } }
  }

  #skipped(id: NodeId, reason: string): Settled {
    return { result: { node: id, status: 'skipped', rows: null, ms: 0, reason }, state: null, checks: null }
  }

  /** A node that ended with an error. What concerns no single node is thrown on. */
  async #given(id: NodeId, error: unknown, ms: number): Promise<Settled> {
    const { options } = this.#context
    if (!(error instanceof RuntimeFailure)) {
      this.#stopped = true
      throw error
    }
    if (error.code === 'INTERRUPTED' || options.signal?.aborted) return this.#skipped(id, 'interrupted')
    await this.#failed(id, error, ms)
    return {
      result: { node: id, status: 'failed', rows: null, ms, reason: error.message, failure: error },
      state: null,
      checks: null,
    }
  }

  async #failed(id: NodeId, failure: RuntimeFailure, ms: number): Promise<void> {
    if (this.#context.options.continueOnError !== true || failure.code === 'STATE_IO') this.#stopped = true
    await noteFailed(this.#context, id, failure, ms)
  }
}
