// Executes a bundle whose engine is a database: the same plan, graph and records as with files, but outputs are tables, and the
// state is a ledger beside them. A run of production ends with one transaction that advances the ledger and re-points the
// views; until then nobody else sees anything of it. Throws what executeBundle() throws, CONNECTION_FAILED, TARGET_FAILED.

import type { BundleFile } from './contract/bundle.ts'
import { Bug } from './contract/failures.ts'
import type { LedgerView } from './contract/ledger.ts'
import { keepInLedger, viewsIn } from './engines/postgresql/ledger-reader.ts'
import { SessionPool } from './engines/postgresql/pool.ts'
import { requireConnections } from './execute/connections.ts'
import { isNothing, leftOutAndDue, lockOf } from './execute/due.ts'
import { requireBase, requirePlan } from './execute/environment.ts'
import { differs, keepBundle, mergedAfterRun, runMaker, stageGeneration } from './execute/finish.ts'
import { lockInLedger, runOf } from './execute/ledger-run.ts'
import { fileLoader } from './execute/load-rows.ts'
import { noteLostTargets } from './execute/lost-targets.ts'
import { noteStarted } from './execute/note-step.ts'
import { isDue, predict } from './execute/plan.ts'
import { endedWith, resultOf } from './execute/results.ts'
import type { ExecuteOptions, Faults, RunRequest, RunResult } from './execute/run.ts'
import { runSteps } from './execute/runner.ts'
import type { Settled } from './execute/running.ts'
import { makeScratch, sweepScratch } from './execute/scratch.ts'
import { commitGeneration } from './execute/table-commit.ts'
import { applyInDatabase } from './execute/table-environment.ts'
import { TableMaker } from './execute/table-maker.ts'
import { tableOutputs } from './execute/table-outputs.ts'
import { dropNextViews, makeSchemas } from './execute/table-schemas.ts'
import { type ExecutableBundle, readWorld, type World } from './execute/world.ts'
import { openJournal } from './journal.ts'
import type { Merged } from './promote/merge.ts'
import { openShared, type SharedState } from './shared-state.ts'
import { currentGeneration } from './store/generations.ts'
import { openStore, type Store } from './store/store.ts'
import { watchSignal } from './watch-signal.ts'

/** What holds in every session that executes a step. */
const SEARCH_PATH = { search_path: 'pg_catalog, public' }

/** The shared state of a bundle's project, as long as `body` runs; one that is given stays open. */
export async function withShared<T>(
  store: Store,
  { contract }: { readonly contract: BundleFile },
  request: RunRequest,
  body: (shared: SharedState) => Promise<T>,
): Promise<T> {
  if (request.shared !== undefined) return body(request.shared)
  const { connection, schema } = contract.engine
  const named = request.connection
  if (named === undefined) throw new Bug('a bundle for a database is executed without connections')
  if (connection === undefined || schema === undefined) throw new Bug('the engine has no connection and schema')
  const shared = await openShared(store, { project: contract.project.name, connection, schema }, named)
  try {
    return await body(shared)
  } finally {
    await shared.close()
  }
}

/** A world that is as the ledger says now. */
export async function worldIn(
  shared: SharedState,
  store: Store,
  bundle: ExecutableBundle,
  request: RunRequest,
  earlier?: World,
): Promise<World> {
  await shared.refresh()
  const shows = bundle.contract.environment === null ? shared.schema : null
  const world = readWorld(store, bundle, { ...request, outputs: await tableOutputs(shared.ledger, shows) }, earlier)
  await noteLostTargets(world)
  return world
}

/** Sessions that make tables at the same time: each uses one core of the server. */
const WORKERS = 4

export async function executeInDatabase(bundle: ExecutableBundle, request: ExecuteOptions): Promise<RunResult> {
  const started = performance.now()
  const options = { ...request, maxWorkers: request.maxWorkers ?? WORKERS }
  const store = openStore(options.projectDir)
  return withShared(store, bundle, options, async (shared) => {
    const first = await worldIn(shared, store, bundle, options)
    if (first.environment !== null) requireBase(first, options)
    const predictions = await predict(first)
    const isForced = first.environment !== null && options.force === true
    if (!isForced && isNothing(first, predictions)) {
      const stillDue = await leftOutAndDue(first, predictions)
      return resultOf(first, { outcome: 'nothing', settled: new Map(), predictions, stillDue, started })
    }
    requireConnections(first, predictions, options)
    const here = await lockOf(first, options, options.lockTimeoutMs ?? 0)
    try {
      return await runUnderLock(shared, first, bundle, { options, started })
    } finally {
      here.release()
    }
  })
}

interface Run {
  readonly options: ExecuteOptions
  readonly started: number
}

async function runUnderLock(shared: SharedState, first: World, bundle: ExecutableBundle, run: Run): Promise<RunResult> {
  const { options } = run
  const lock = await lockInLedger(shared, first, options)
  try {
    options.faults?.('locked')
    sweepScratch(first.store)
    const world = await worldIn(shared, first.store, bundle, options, first)
    if (world.environment !== null) {
      requirePlan(world, options)
      requireBase(world, options)
    }
    return await runLocked(shared, world, run)
  } finally {
    await lock.release()
  }
}

async function runLocked(shared: SharedState, world: World, { options, started }: Run): Promise<RunResult> {
  const predictions = await predict(world)
  const stillDue = await leftOutAndDue(world, predictions)
  const scratch = makeScratch(world.store, world.values.runId)
  const journal = openJournal(world.store, world.values.runId)
  const pool = new SessionPool(shared.connection, SEARCH_PATH)
  const sources = [...predictions.values()].flatMap((prediction) => prediction.source ?? [])
  const loader = fileLoader(world, scratch, sources, options)
  const interrupt = (): void => {
    loader.interrupt()
    pool.cancel()
  }
  const unwatch = watchSignal(options.signal, { interrupt })
  try {
    await makeSchemas(shared, world)
    await shared.begin(runOf(world, options))
    await noteStarted({ journal, options }, world)
    const due = [...predictions.values()].filter(isDue).map((p) => p.id)
    options.onEvent?.({ kind: 'planned', runId: world.values.runId, due })
    const before = await viewsIn(shared.ledger, world.environment)
    const own = new Set(before.map(({ schema, name }) => `${schema}.${name}`))
    const maker = new TableMaker({ world, shared, pool, loader, own, options })
    const settled = await runSteps({ world, predictions, scratch, journal, engine: noEngine, maker, options })
    world.sources.save(0)
    world.digests.save()
    world.checkResults.save()
    const ended = await finish(shared, world, settled, { options, before })
    const result = resultOf(world, { ...ended, settled, predictions, stillDue, started })
    await journal.append({ kind: 'ended', outcome: result.outcome, generation: result.generation })
    if (result.outcome !== 'done') await shared.end(world.values.runId, result.outcome)
    return result
  } finally {
    unwatch()
    await loader.close()
    await pool.close()
    if (world.environment === null) await dropNextViews(shared, world).catch(() => {})
    await journal.close()
    scratch.remove()
  }
}

const noEngine = async (): Promise<never> => {
  throw new Bug('a database has no engine of files')
}

type Ended = Pick<RunResult, 'outcome' | 'generation'>

/** A failed or interrupted run leaves production as it was; an environment says that it failed. */
async function finish(
  shared: SharedState,
  world: World,
  settled: ReadonlyMap<string, Settled>,
  {
    options,
    before,
  }: {
    readonly options: ExecuteOptions
    readonly before: readonly LedgerView[]
  },
): Promise<Ended> {
  const generation = world.production?.number ?? null
  const { failed, interrupted, states, checks } = endedWith(settled, options)
  const outcome = interrupted ? 'interrupted' : failed ? 'failed' : 'done'
  const engine = `${world.contract.engine.name} ${shared.ledger.session.serverVersion}`
  const faults = options.faults ?? (() => {})
  if (world.environment !== null) {
    const application = { states, checks, complete: outcome === 'done', engine, scratch: '', faults }
    await applyInDatabase(shared, world, application)
    return { outcome, generation: null }
  }
  if (outcome !== 'done') return { outcome, generation }
  const merged = mergedAfterRun(world, states, checks)
  if (differs(world, merged)) return switchAfterRun(shared, world, { merged, engine, faults, before })
  // Tables of targets are no part of the state.
  if (![...settled.values()].some(({ result: { written = [] } }) => written.length > 0))
    return { outcome: 'nothing', generation }
  await shared.end(world.values.runId, outcome)
  return { outcome, generation }
}

interface AfterRun {
  readonly merged: Merged
  readonly engine: string
  readonly faults: Faults
  /** Production's views until now. */
  readonly before: readonly LedgerView[]
}

/** What the run made becomes production, in one transaction. */
async function switchAfterRun(
  shared: SharedState,
  world: World,
  { merged, engine, faults, before }: AfterRun,
): Promise<Ended> {
  keepBundle(world.store, world.bundle, faults)
  const staged = stageGeneration(world.store, world.production, merged, runMaker(world, engine))
  faults('staged')
  await shared.ledger.commit(async () => {
    await keepInLedger(shared.ledger, world.contract.digest, world.bundle.files)
    await commitGeneration(shared, staged, { bundle: world.bundle, nodes: world.nodes, before })
    await shared.end(world.values.runId, 'done')
  })
  faults('switched')
  await shared.refresh()
  return { outcome: 'done', generation: currentGeneration(world.store) }
}
