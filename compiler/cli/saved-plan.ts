// The plan of an environment as files: bundle/, refs.json, plan.json below target/environments/<env>/. A new environment
// appears whole. In one that is there plan.json comes last and names the bundle by digest: without it, or with another
// digest, there is no plan.
// Reports ENVIRONMENT_NOT_FOUND, STATE_INVALID, STATE_LOCKED, STATE_IO.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { replaceBundle, writeBundle } from '../../runtime/bundle/directory.ts'
import type { OpenedBundle } from '../../runtime/contract/bundle.ts'
import { prettyJson } from '../../runtime/contract/canonical-json.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { EnvironmentName } from '../../runtime/contract/ids.ts'
import { parseDocument } from '../../runtime/contract/schema.ts'
import { Plan } from '../../runtime/contract/state.ts'
import { makeScratch, sweepScratch } from '../../runtime/execute/scratch.ts'
import { open } from '../../runtime/open.ts'
import { refsDocument } from '../../runtime/promote/plan-document.ts'
import type { SharedState } from '../../runtime/shared-state.ts'
import {
  acquireEnvironment,
  dropDamagedState,
  environmentNotFound,
  readEnvConfig,
  replaceEnvironment,
  touchEnvironment,
  usedNow,
  writeEnvDocument,
} from '../../runtime/store/environments.ts'
import { kindAt, readIfThere, syncPath, writeNew } from '../../runtime/store/files.ts'
import { lockedBy, lockHolder } from '../../runtime/store/locks.ts'
import { isGone } from '../../runtime/store/process.ts'
import { environmentFolder, type Store, unlessDamaged } from '../../runtime/store/store.ts'
import type { Workspace } from './workspace.ts'

interface SaveOptions {
  readonly ttlSeconds?: number
  readonly lockTimeoutMs?: number
}

/**
 * Keeps the plan in place of an earlier one. What was applied stays only when it was applied from the same bundle; true:
 * it was, so that nothing is left to do.
 */
export async function savePlan(
  workspace: Workspace,
  environment: EnvironmentName,
  bundle: OpenedBundle,
  plan: Plan,
  { ttlSeconds, lockTimeoutMs: timeoutMs = 0 }: SaveOptions = {},
): Promise<boolean> {
  const lives = ttlSeconds === undefined ? {} : { ttl_seconds: ttlSeconds }
  const { store } = workspace
  const refs = refsDocument(bundle.contract, workspace.production())
  const command = `seeknal env plan ${environment}`
  const shared = await workspace.shared(environment)
  const lock = await acquireEnvironment(store, environment, { command, timeoutMs })
  let there: { release(): Promise<void> } | undefined
  const keep = async (isDone: boolean): Promise<boolean> => {
    await keepShared(shared, environment, bundle)
    return isDone
  }
  try {
    there = await shared?.lock(`environment-${environment}`, { command, timeoutMs })
    await shared?.refresh()
    const folder = environmentFolder(store, environment)
    if (kindAt(folder) === 'absent') {
      makeEnvironment(store, environment, bundle, {
        'refs.json': refs,
        'plan.json': plan,
        'env_config.json': usedNow(null, environment, lives),
      })
      return keep(false)
    }
    const same = dropDamagedState(store, environment) === plan.bundle
    const status = unlessDamaged(
      () => readEnvConfig(store, environment)?.status,
      () => undefined,
    )
    const isDone = same && (status === 'applied' || status === 'promoted')
    touchEnvironment(store, environment, isDone ? lives : { ...lives, status: 'planned' })
    rmSync(join(folder, 'plan.json'), { force: true })
    replaceBundle(join(folder, 'bundle'), bundle)
    writeEnvDocument(store, environment, 'refs.json', refs)
    writeEnvDocument(store, environment, 'plan.json', plan)
    return keep(isDone)
  } finally {
    await there?.release()
    lock.release()
  }
}

/** Where the engine is a database, the plan is in its ledger. */
async function keepShared(
  shared: SharedState | null,
  environment: EnvironmentName,
  bundle: OpenedBundle,
): Promise<void> {
  if (shared === null) return
  const { keepInLedger } = await import('../../runtime/engines/postgresql/ledger-reader.ts')
  await shared.ledger.commit(async () => {
    await keepInLedger(shared.ledger, bundle.contract.digest, bundle.files)
    await shared.saveEnvironment(environment)
  })
}

/** A new environment appears complete. */
function makeEnvironment(
  store: Store,
  environment: EnvironmentName,
  bundle: OpenedBundle,
  documents: Readonly<Record<string, unknown>>,
): void {
  sweepScratch(store)
  const scratch = makeScratch(store, `plan-${environment}`)
  const made = join(scratch.folder, 'environment')
  writeBundle(join(made, 'bundle'), bundle)
  for (const [file, value] of Object.entries(documents)) writeNew(join(made, file), prettyJson(value))
  syncPath(made)
  replaceEnvironment(store, environment, made)
  scratch.remove()
}

interface SavedPlan {
  readonly plan: Plan
  readonly bundle: OpenedBundle
}

/** The saved plan with its bundle, verified. What is missing while somebody writes it is being written: STATE_LOCKED. */
export async function readPlan({ store }: Workspace, environment: EnvironmentName): Promise<SavedPlan> {
  try {
    return await readSaved(store, environment)
  } catch (error) {
    const lock = `environment-${environment}` as const
    const holder = lockHolder(store, lock)
    throw error instanceof RuntimeFailure && holder !== null && !isGone(holder) ? lockedBy(lock, holder) : error
  }
}

async function readSaved(store: Store, environment: EnvironmentName): Promise<SavedPlan> {
  const folder = environmentFolder(store, environment)
  if (kindAt(folder) === 'absent') throw environmentNotFound(store, environment)
  const text = readIfThere(join(folder, 'plan.json'))
  const again = [`Plan it with \`seeknal env plan ${environment}\`.`]
  if (text === null)
    throw new RuntimeFailure(
      'STATE_STALE',
      `Environment '${environment}' has no plan.`,
      { environment },
      { hints: again },
    )
  const plan = parseDocument(Plan, text, `target/environments/${environment}/plan.json`, 'STATE_INVALID', again)
  const bundle = await openSaved(join(folder, 'bundle'), again)
  if (bundle.contract.digest !== plan.bundle)
    throw new RuntimeFailure(
      'STATE_STALE',
      `The plan of environment '${environment}' and its bundle do not belong together.`,
      { environment },
      { hints: again },
    )
  return { plan, bundle }
}

/** The bundle of a plan; when it is damaged, planning again makes it anew. */
async function openSaved(folder: string, hints: readonly string[]): Promise<OpenedBundle> {
  try {
    return await open(folder)
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error
    throw new RuntimeFailure(error.code, error.message, error.facts, { cause: error.cause, hints })
  }
}
