// `seeknal env promote <env> [to]` with the compiler at hand. What an environment read from another database than
// production's is not written to production's tables: production runs instead, with its own profile, which makes these
// nodes anew and writes their tables before its one switch. Reports what `promote` and `run` report, STATE_STALE.

import { confirmed } from '../../runtime/cli/ask.ts'
import { command, type Surroundings } from '../../runtime/cli/command.ts'
import { environmentArgument } from '../../runtime/cli/environment-argument.ts'
import { projectRoot } from '../../runtime/cli/project-root.ts'
import { PROMOTE, type PromoteRequest, promoteEnvironment, promoteRequest } from '../../runtime/cli/promote.ts'
import { withSharedState } from '../../runtime/cli/shared.ts'
import { sentence } from '../../runtime/cli/text.ts'
import { canonicalJson } from '../../runtime/contract/canonical-json.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { EnvironmentName } from '../../runtime/contract/ids.ts'
import type { Plan } from '../../runtime/contract/state.ts'
import type { SharedState } from '../../runtime/shared-state.ts'
import { acquireEnvironment, touchEnvironment } from '../../runtime/store/environments.ts'
import { currentGeneration } from '../../runtime/store/generations.ts'
import { openStore } from '../../runtime/store/store.ts'
import { profileNow, requireFresh } from './env-apply.ts'
import { run } from './run.ts'
import { readPlan } from './saved-plan.ts'
import { paramsOf } from './shared-args.ts'
import { openWorkspace } from './workspace.ts'

export const envPromote = command({
  ...PROMOTE,
  async run(args, surroundings) {
    const request = promoteRequest(args)
    try {
      return await promoteEnvironment(request, surroundings)
    } catch (error) {
      if (!(error instanceof RuntimeFailure) || error.code !== 'ENVIRONMENT_READ_ELSEWHERE') throw error
      return await promoteByRun(request, error, surroundings)
    }
  },
})

/** `why`: what the promotion was refused for; all that it requires besides holds. */
async function promoteByRun(request: PromoteRequest, why: RuntimeFailure, surroundings: Surroundings): Promise<number> {
  const { terminal } = surroundings
  const environment = environmentArgument(request.environment)
  terminal.info(`${sentence(why.message)} Production runs with its own profile instead.`)
  const plan = await freshPlan(environment, surroundings)
  const ask = terminal.options.interactive && !request.yes && !request.dryRun
  if (!(await confirmed(`Run production with what '${environment}' changes?`, !ask, surroundings))) {
    terminal.info('Nothing was changed.')
    return 0
  }
  const { profile, lockTimeoutMs = 0 } = request
  const rawArgs = [
    ...['--params', canonicalJson(paramsOf(plan))],
    ...(profile === undefined ? [] : ['--profile', profile]),
    ...['--lock-timeout', `${lockTimeoutMs}ms`],
  ]
  if (request.dryRun) return run.run([...rawArgs, '--dry-run'], surroundings)
  const root = projectRoot(surroundings)
  const store = openStore(root)
  const command = `seeknal env promote ${environment}`
  const own = await acquireEnvironment(store, environment, { command, timeoutMs: lockTimeoutMs })
  try {
    const code = await run.run(rawArgs, surroundings)
    if (code !== 0) return code
    const to = currentGeneration(store)
    await withSharedState({ root, environment: null, profile }, surroundings, async (shared) => {
      if (shared === null)
        touchEnvironment(store, environment, { status: 'promoted', promoted_to: 'production', promoted_generation: to })
      else await notePromoted(shared, environment, { command, timeoutMs: lockTimeoutMs }, to)
    })
    terminal.success(`Environment '${environment}' is production now: generation ${to}.`)
    return 0
  } finally {
    own.release()
  }
}

async function notePromoted(
  shared: SharedState,
  environment: EnvironmentName,
  turn: { readonly command: string; readonly timeoutMs: number },
  to: number | null,
): Promise<void> {
  const lock = await shared.lock(`environment-${environment}`, turn)
  try {
    const values = [shared.ledger.project, environment, String(to)]
    await shared.ledger.ask('SELECT seeknal.note_promoted($1, $2, $3::bigint)', values)
    await shared.refresh()
  } finally {
    await lock.release()
  }
}

/** The plan that was applied, if the project still compiles to it: a run executes what is written there now. */
async function freshPlan(environment: EnvironmentName, surroundings: Surroundings): Promise<Plan> {
  const workspace = openWorkspace(surroundings)
  try {
    const { plan, bundle } = await readPlan(workspace, environment)
    workspace.databases.use(profileNow(plan, undefined, workspace, surroundings))
    await requireFresh(workspace, plan, bundle, surroundings.terminal)
    return plan
  } finally {
    workspace.close()
  }
}
