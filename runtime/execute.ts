// Executes a bundle: plan → lock → step, step, step → record → switch → unlock. A run in which nothing is due takes no
// lock, loads no engine and writes nothing. A failed run leaves production as it was; what it finished stays stored.
// Throws STATE_LOCKED, STATE_MOVED, STATE_IO, STATE_INVALID, USAGE; a failed step is part of the result.

import { isDatabaseEngine } from './contract/engines.ts'
import { RuntimeFailure } from './contract/failures.ts'
import type { NodeId } from './contract/ids.ts'
import { requireConnections, unconnected } from './execute/connections.ts'
import { isNothing, leftOutAndDue, lockOf, type Predictions, predictAll } from './execute/due.ts'
import { lazyEngine } from './execute/engine-of-run.ts'
import { applyToEnvironment, requireBase, requirePlan } from './execute/environment.ts'
import { differs, keepBundle, mergedAfterRun, removedNodes, runMaker, stageGeneration } from './execute/finish.ts'
import { lockInLedger, runOf } from './execute/ledger-run.ts'
import { applyInLedger, requireReadable, switchInLedger } from './execute/ledger-switch.ts'
import { noteLostTargets } from './execute/lost-targets.ts'
import { fileMaker } from './execute/maker.ts'
import { noteStarted } from './execute/note-step.ts'
import { isDue, isSettled, predict } from './execute/plan.ts'
import { dueNode, endedWith, resultOf } from './execute/results.ts'
import type { ExecuteOptions, ExecutionPlan, RunRequest, RunResult } from './execute/run.ts'
import { runSteps } from './execute/runner.ts'
import type { Settled } from './execute/running.ts'
import { abandonedScratch, makeScratch, type Scratch, sweepScratch } from './execute/scratch.ts'
import { type ExecutableBundle, readWorld, type World } from './execute/world.ts'
import { openJournal } from './journal.ts'
import { commitSwitch } from './promote/switch.ts'
import { currentGeneration, settleProduction } from './store/generations.ts'
import { requireOwnState } from './store/ledger-cache.ts'
import { restoreSnapshot } from './store/snapshots.ts'
import { openStore } from './store/store.ts'
import { watchSignal } from './watch-signal.ts'

export type { ExecuteOptions, ExecutionPlan, NodeResult, RunEvent, RunRequest, RunResult } from './execute/run.ts'

/**
 * Executes what is due and makes it production, or the environment's. The bundle must have been verified (`open`) or
 * just compiled.
 */
export async function executeBundle(bundle: ExecutableBundle, options: ExecuteOptions): Promise<RunResult> {
  if (isDatabaseEngine(bundle.contract.engine.name)) {
    const { executeInDatabase } = await import('./execute-database.ts')
    return executeInDatabase(bundle, options)
  }
  const started = performance.now()
  const store = openStore(options.projectDir)
  const { shared } = options
  if (shared === undefined) requireOwnState(store)
  await shared?.refresh()
  const first = readWorld(store, bundle, options)
  if (first.environment !== null) requireBase(first, options)
  await noteLostTargets(first)
  const predictions = await predict(first)
  // Who goes on by force has a reason to have it all written again.
  const isForced = first.environment !== null && options.force === true
  if (!isForced && isNothing(first, predictions)) {
    saveCaches(first, WORTH_WRITING_BYTES)
    await tidy(first, options)
    const stillDue = await leftOutAndDue(first, predictions)
    return resultOf(first, { outcome: 'nothing', settled: new Map(), predictions, stillDue, started })
  }
  requireConnections(first, predictions, options)
  const lock = await lockOf(first, options, options.lockTimeoutMs ?? 0)
  let there: { release(): Promise<void> } | undefined
  try {
    there = shared && (await lockInLedger(shared, first, options))
    options.faults?.('locked')
    await shared?.refresh()
    if (first.environment !== null) requirePlan(first, options)
    else if (shared === undefined) settleProduction(store)
    sweepScratch(store)
    // What was read before the lock was taken may be out of date. A generation never changes: the same one is the same.
    const isSame = first.environment === null && currentGeneration(store) === (first.production?.number ?? null)
    const world = isSame ? first : readWorld(store, bundle, options, first)
    if (!isSame) await noteLostTargets(world)
    if (world.environment !== null) requireBase(world, options)
    return await runLocked(world, isSame ? predictions : await predict(world), options, started)
  } finally {
    await there?.release()
    lock.release()
  }
}

/** After a killed run there may be nothing to do but to remove what it left; whoever has the lock does it as well. */
async function tidy(world: World, options: ExecuteOptions): Promise<void> {
  if (abandonedScratch(world.store).length === 0) return
  try {
    const lock = await lockOf(world, options, 0)
    if (world.environment === null && options.shared === undefined) settleProduction(world.store)
    sweepScratch(world.store)
    lock.release()
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error
  }
}

/** What `executeBundle` would do now, without the engine, a lock or a write. Refuses what that would refuse. */
export async function planExecution(
  bundle: ExecutableBundle,
  request: RunRequest & { readonly projectDir: string },
): Promise<ExecutionPlan> {
  const store = openStore(request.projectDir)
  if (isDatabaseEngine(bundle.contract.engine.name)) {
    const { withShared, worldIn } = await import('./execute-database.ts')
    return withShared(store, bundle, request, async (shared) =>
      planned(await worldIn(shared, store, bundle, request), request),
    )
  }
  if (request.shared === undefined) requireOwnState(store)
  await request.shared?.refresh()
  const world = readWorld(store, bundle, request)
  await noteLostTargets(world)
  return planned(world, request)
}

async function planned(world: World, request: RunRequest): Promise<ExecutionPlan> {
  if (world.environment !== null) requireBase(world, request)
  const predictions = await predict(world)
  const everything = await predictAll(world, predictions)
  const nodes = [...predictions.values()].map((prediction) => dueNode(prediction, everything))
  const nothing = isNothing(world, predictions)
  return {
    environment: world.environment,
    nodes,
    removed: removedNodes(world),
    unconnected: unconnected(world, predictions).map(({ node, failure }) => `${node}: ${failure.message}`),
    metadataOnly: !nothing && isSettled(predictions) && removedNodes(world).length === 0,
    nothing,
  }
}

async function runLocked(
  world: World,
  predictions: Predictions,
  options: ExecuteOptions,
  started: number,
): Promise<RunResult> {
  for (const entries of [world.outside, world.own])
    for (const { state, file } of entries.values()) restoreSnapshot(world.store, state.snapshot, file)
  if (options.shared !== undefined) requireReadable(world, predictions)
  const stillDue = await leftOutAndDue(world, predictions)
  const scratch = makeScratch(world.store, world.values.runId)
  const journal = openJournal(world.store, world.values.runId)
  const engine = lazyEngine(world, scratch, predictions, options)
  const unwatch = watchSignal(options.signal, engine)
  try {
    await options.shared?.begin(runOf(world, options))
    await noteStarted({ journal, options }, world)
    options.faults?.('journal')
    options.onEvent?.({
      kind: 'planned',
      runId: world.values.runId,
      due: [...predictions.values()].filter(isDue).map((p) => p.id),
    })
    const maker = fileMaker({ world, scratch, engine: engine.get, options })
    const settled = await runSteps({ world, predictions, scratch, journal, engine: engine.get, maker, options })
    saveCaches(world)
    const outcome = await finish(world, settled, { scratch, engine: engine.version(), options })
    const result = resultOf(world, {
      outcome: outcome.kind,
      generation: outcome.generation,
      settled,
      predictions,
      stillDue,
      started,
    })
    await journal.append({ kind: 'ended', outcome: result.outcome, generation: result.generation })
    options.faults?.('journal')
    await options.shared?.end(world.values.runId, result.outcome)
    return result
  } finally {
    unwatch()
    await engine.close()
    await journal.close()
    scratch.remove()
  }
}

interface Finished {
  readonly kind: RunResult['outcome']
  readonly generation: number | null
}

/** Makes what was settled production, or the environment's. A failed or interrupted run leaves both as they were. */
async function finish(
  world: World,
  settled: ReadonlyMap<NodeId, Settled>,
  run: { readonly scratch: Scratch; readonly engine: string | null; readonly options: ExecuteOptions },
): Promise<Finished> {
  const generation = world.production?.number ?? null
  const { shared, faults = () => {} } = run.options
  const { failed, interrupted, states, checks } = endedWith(settled, run.options)
  const engine = run.engine ?? world.production?.state.engine ?? world.contract.engine.name
  if (world.environment !== null) {
    const complete = !failed && !interrupted
    const application = { states, checks, complete, engine, scratch: run.scratch.folder, faults }
    if (shared === undefined) applyToEnvironment(world, application)
    else await applyInLedger(shared, world, application)
    return { kind: interrupted ? 'interrupted' : failed ? 'failed' : 'done', generation: null }
  }
  if (failed || interrupted) return { kind: failed ? 'failed' : 'interrupted', generation }
  if (run.options.restore === true) {
    await shared?.refresh()
    return { kind: 'done', generation }
  }
  const merged = mergedAfterRun(world, states, checks)
  const did = [...settled.values()].some(
    ({ result: { status, written = [] } }) => status !== 'cached' || written.length > 0,
  )
  if (!differs(world, merged)) {
    // What was made again here is production's already.
    await shared?.refresh()
    return { kind: did ? 'done' : 'nothing', generation }
  }
  keepBundle(world.store, world.bundle, faults)
  const staged = stageGeneration(world.store, world.production, merged, runMaker(world, engine))
  if (shared === undefined) commitSwitch(world.store, staged, run.scratch.folder, faults)
  else await switchInLedger(shared, world, staged, faults)
  return { kind: 'done', generation: staged.updates.current.to }
}

/** A run without work writes nothing, unless large files were read again only to find them unchanged. */
const WORTH_WRITING_BYTES = 64 * 1024 * 1024

/** Losing what is only remembered costs time, so that a read-only target/ is no error here. */
function saveCaches(world: World, worthBytes = 0): void {
  try {
    world.sources.save(worthBytes)
    world.digests.save()
    world.checkResults.save()
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error
  }
}
