// An environment → what it was applied with, complete, or why it cannot be promoted. Reports ENVIRONMENT_NOT_FOUND,
// ENVIRONMENT_NOT_APPLIED, CHECK_FAILED, STATE_INVALID.

import Type from 'typebox'
import type { OpenedBundle } from '../contract/bundle.ts'
import { messageOf, RuntimeFailure } from '../contract/failures.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import { parseDocument } from '../contract/schema.ts'
import { BaseRequirement, type EnvConfig } from '../contract/state.ts'
import { open } from '../open.ts'
import { environmentNotFound, readEnvConfig, readEnvState } from '../store/environments.ts'
import { kindAt, readIfThere } from '../store/files.ts'
import type { Generation } from '../store/generations.ts'
import { environmentFolder, inProject, pathIn, type Store } from '../store/store.ts'
import { type Applied, unappliedNodes } from './stage.ts'

/** Throws when it was not applied, or not completely. With `force`, nothing is required of production. */
export async function readApplied(
  store: Store,
  environment: EnvironmentName,
  { production, force }: { readonly production: Generation | null; readonly force: boolean },
): Promise<Applied & { readonly bundle: OpenedBundle; readonly folder: string }> {
  const folder = environmentFolder(store, environment)
  if (kindAt(folder) === 'absent') throw environmentNotFound(store, environment)
  const config = readEnvConfig(store, environment)
  const state = readEnvState(store, environment)
  requireChecks(environment, config)
  if (state === null || (config?.status !== 'applied' && config?.status !== 'promoted'))
    throw notApplied(environment, config?.status ?? 'planned')
  const bundle = await openKept(store, environment, state.bundle, production)
  const requirements = force ? [] : readRequirements(folder, environment)
  const { contract, manifest, base } = bundle
  const applied = { bundle, contract, manifest, base, state, requirements, folder }
  if (unappliedNodes(applied).length > 0) throw notApplied(environment, config.status)
  return applied
}

/** The bundle that the environment was applied with, as it was kept then. */
async function openKept(
  store: Store,
  environment: EnvironmentName,
  digest: string,
  production: Generation | null,
): Promise<OpenedBundle> {
  const folder = pathIn(store, 'bundles', digest)
  const hints = [`Apply it again: 'seeknal env apply ${environment} --force'; nothing is executed twice.`]
  const damaged = (message: string, cause?: unknown) =>
    new RuntimeFailure('STATE_INVALID', message, { environment, path: inProject(store, folder) }, { cause, hints })
  let bundle: OpenedBundle
  try {
    bundle = await open(folder, production)
  } catch (error) {
    throw damaged(
      `the bundle that environment '${environment}' was applied with is damaged: ${messageOf(error)}`,
      error,
    )
  }
  if (bundle.contract.digest === digest) return bundle
  throw damaged(`${inProject(store, folder)} is another bundle than environment '${environment}' was applied with`)
}

/** A check that failed is no matter of production: nothing goes on in spite of it. */
function requireChecks(environment: EnvironmentName, config: EnvConfig | null): void {
  const failed = config?.status === 'failed' ? (config.failed_checks ?? []) : []
  if (failed.length === 0) return
  const rows = (count: number) => `${count} ${count === 1 ? 'row' : 'rows'}`
  const said = failed.map(({ node, check, failing_rows }) => `${check} of ${node} for ${rows(failing_rows)}`)
  throw new RuntimeFailure(
    'CHECK_FAILED',
    `environment '${environment}' fails ${failed.length === 1 ? 'the check' : `${failed.length} checks:`} ${said.join(', ')}`,
    { environment, checks: failed },
    {
      hints: [`Correct the data or the SQL, then plan and apply '${environment}' again. No option goes on without it.`],
    },
  )
}

function readRequirements(folder: string, environment: EnvironmentName): BaseRequirement[] {
  const text = readIfThere(`${folder}/promotion/requirements.json`)
  if (text === null) throw notApplied(environment, 'planned')
  return parseDocument(
    Type.Array(BaseRequirement),
    text,
    `target/environments/${environment}/promotion/requirements.json`,
    'STATE_INVALID',
    [`Apply it again: 'seeknal env apply ${environment}'; nothing is executed twice.`],
  )
}

const notApplied = (environment: EnvironmentName, status: string): RuntimeFailure =>
  new RuntimeFailure(
    'ENVIRONMENT_NOT_APPLIED',
    `environment '${environment}' is not applied: its status is '${status}'`,
    { environment, status },
    { hints: [`Run 'seeknal env apply ${environment}' first.`] },
  )
