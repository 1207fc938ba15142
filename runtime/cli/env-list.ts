// `seeknal env list`: every environment with its status, changes, age, expiry, size and base.

import { messageOf, RuntimeFailure } from '../contract/failures.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import type { EnvConfig, Plan } from '../contract/state.ts'
import { isHeld, movedSincePlan } from '../promote/base.ts'
import { environmentNames, environmentSize, readEnvConfig, readEnvPlan, readEnvState } from '../store/environments.ts'
import { type Generation, readProduction } from '../store/generations.ts'
import { openStore, type Store } from '../store/store.ts'
import { type Command, command } from './command.ts'
import { outputsRoot } from './project-root.ts'
import { withSharedState } from './shared.ts'
import { alignedRows } from './table.ts'
import type { Terminal } from './terminal.ts'
import { rowCount, size } from './text.ts'

interface EnvironmentRow {
  readonly name: string
  readonly status: string
  readonly changed: number | null
  readonly created_at: string | null
  readonly last_used_at: string | null
  readonly expires_at: string | null
  readonly size_bytes: number
  readonly base_generation: number | null
  /** Checks by which the last apply failed. */
  readonly failed_checks: NonNullable<EnvConfig['failed_checks']>
  /** Why it could not be read, if so. */
  readonly problem: string | null
}

/** Digest of the project's files as plan.json has it; null: not known. */
export type ProjectDigest = (root: string) => string | null

/** `projectDigest` is asked at most once, and only when a plan may be stale. */
export const envListWith = (projectDigest: ProjectDigest): Command =>
  command({
    about: `Lists the environments. Status: planned, applied, failed, promoted; stale when production moved below the plan or the
project's files changed since it; expired when it was not used for its time to live (\`seeknal clean\` removes it).`,
    examples: [
      ['seeknal env list', 'show them'],
      ['seeknal env list --json', 'for scripts'],
    ],
    args: {},
    async run(_args, surroundings) {
      const { terminal } = surroundings
      const root = outputsRoot(surroundings)
      const store = openStore(root)
      const sizes = await withSharedState({ root, environment: null }, surroundings, async (shared) => {
        if (shared === null || shared.inFiles) return null
        const { environmentSizes } = await import('../execute/table-sizes.ts')
        return environmentSizes(shared.ledger, store)
      })
      const production = readProduction(store)
      let digest: string | null | undefined
      const project = (): string | null => {
        digest = digest === undefined ? projectDigest(store.project) : digest
        return digest
      }
      const sizeOf = (name: EnvironmentName) => sizes?.get(name) ?? environmentSize(store, name)
      const world: Now = { production, project, sizeOf, now: Date.now() }
      const rows = environmentNames(store).map((name) => environmentRow(store, name, world))
      if (terminal.options.json) {
        terminal.document(rows)
        return 0
      }
      sayRows(terminal, rows)
      return 0
    },
  })

/** Without the compiler: the project's files are not looked at. */
export const envList = envListWith(() => null)

function sayRows(terminal: Terminal, rows: readonly EnvironmentRow[]): void {
  if (rows.length === 0) terminal.line('There are no environments. Plan one with `seeknal env plan dev`.')
  const day = (time: string | null) => time?.slice(0, 16).replace('T', ' ') ?? '?'
  const cells = rows.map((row) => [
    row.name,
    row.status,
    String(row.changed ?? '?'),
    day(row.created_at),
    day(row.last_used_at),
    day(row.expires_at),
    size(row.size_bytes),
    String(row.base_generation ?? '–'),
  ])
  if (rows.length > 0)
    for (const line of alignedRows(
      ['name', 'status', 'changed', 'created', 'last used', 'expires', 'size', 'base'],
      cells,
      ['changed', 'size', 'base'],
    ))
      terminal.result(line)
  for (const row of rows) {
    if (row.problem !== null) terminal.warn(`${row.name}: ${row.problem}`)
    for (const { node, check, failing_rows } of row.failed_checks)
      terminal.warn(`${row.name}: ${node} fails the check ${check} for ${rowCount(failing_rows)}`)
  }
}

interface Now {
  readonly production: Generation | null
  readonly project: () => string | null
  readonly sizeOf: (name: EnvironmentName) => number
  readonly now: number
}

/** One damaged environment does not hide the others. */
function environmentRow(
  store: Store,
  name: EnvironmentName,
  { production, project, sizeOf, now }: Now,
): EnvironmentRow {
  const nothing = {
    name,
    changed: null,
    created_at: null,
    last_used_at: null,
    expires_at: null,
    base_generation: null,
    failed_checks: [],
    size_bytes: sizeOf(name),
  }
  try {
    const config = readEnvConfig(store, name)
    const plan = readEnvPlan(store, name)
    if (config === null)
      return { ...nothing, status: 'incomplete', problem: 'it has no env_config.json; plan it again, or delete it' }
    const expires = Date.parse(config.last_used_at) + config.ttl_seconds * 1000
    const status =
      expires < now
        ? 'expired'
        : config.promoted_generation === null &&
            plan !== null &&
            (isStale(store, name, plan, production) || isEdited(plan, project))
          ? 'stale'
          : config.status
    const changed =
      plan === null
        ? null
        : Object.keys(plan.categorized_changes).length + plan.added_nodes.length + plan.removed_nodes.length
    return {
      ...nothing,
      status,
      changed,
      created_at: config.created_at,
      last_used_at: config.last_used_at,
      expires_at: new Date(expires).toISOString(),
      base_generation: plan?.base.generation ?? null,
      failed_checks: config.failed_checks ?? [],
      problem: null,
    }
  } catch (error) {
    if (error instanceof RuntimeFailure) return { ...nothing, status: 'unreadable', problem: messageOf(error) }
    throw error
  }
}

/** The project's files are not what they were. */
function isEdited(plan: Plan, project: () => string | null): boolean {
  if (plan.project === undefined) return false
  const now = project()
  return now !== null && now !== plan.project
}

/** Production moved below the plan, and has not taken over what was made from it. */
function isStale(store: Store, name: EnvironmentName, plan: Plan, production: Generation | null): boolean {
  if (movedSincePlan(plan, production).length === 0) return false
  const promote = { replace: [...plan.execute, ...plan.may_execute], remove: plan.removed_nodes, read: [] }
  const state = readEnvState(store, name)
  return state?.bundle !== plan.bundle || !isHeld({ promote }, state, production)
}
