// `seeknal env plan <env>`: compiles for the environment against production, says what changes, and keeps the bundle.

import { command, type Surroundings } from '../../runtime/cli/command.ts'
import { environmentArgument } from '../../runtime/cli/environment-argument.ts'
import { LOCK_TIMEOUT_ARG, lockTimeout } from '../../runtime/cli/execution-args.ts'
import { PROFILE_ARG, resolveProfile } from '../../runtime/cli/profile.ts'
import type { Terminal } from '../../runtime/cli/terminal.ts'
import type { OpenedBundle } from '../../runtime/contract/bundle.ts'
import type { EnvironmentName } from '../../runtime/contract/ids.ts'
import type { Plan } from '../../runtime/contract/state.ts'
import { leftDue } from '../../runtime/execute/left-due.ts'
import { planDocument } from '../../runtime/promote/plan-document.ts'
import { kindAt } from '../../runtime/store/files.ts'
import type { Generation } from '../../runtime/store/generations.ts'
import { environmentFolder } from '../../runtime/store/store.ts'
import type { Json } from '../load.ts'
import { changeLines, countLines, dagLine, names, planExitCode, projectChanges } from './changes.ts'
import { compileProject, dueIn, keepLock } from './compile-project.ts'
import { projectDigest } from './project.ts'
import { savePlan } from './saved-plan.ts'
import { EXIT_CODE_ARGS, PARAMS_ARG, paramsArgument, TTL_ARG, ttlArgument } from './shared-args.ts'
import { openWorkspace } from './workspace.ts'

export const envPlan = command({
  about: `Compares the project with production and saves the plan of an environment: what changed and in which category, which
nodes must execute, and the bundle that does it. Production is not touched; apply the plan with \`seeknal env apply\`.`,
  examples: [
    ['seeknal env plan dev', "plan environment 'dev'"],
    ['seeknal env plan dev --json', 'print plan.json'],
    ['seeknal env plan ci --fail-on breaking', 'for a pull request'],
    [`seeknal env plan dev --params '{"region": "eu"}'`, 'with parameters, which the plan keeps'],
    ['seeknal env plan review --ttl 30d', 'that `seeknal clean` leaves alone for a month'],
  ],
  args: {
    env: { type: 'positional', description: 'The environment', required: true },
    ...PARAMS_ARG,
    ...PROFILE_ARG,
    ...TTL_ARG,
    ...EXIT_CODE_ARGS,
    ...LOCK_TIMEOUT_ARG,
  },
  completes: { env: 'environments' },
  run: (args, surroundings) =>
    planEnvironment(
      environmentArgument(args.env),
      {
        detailed: args['detailed-exitcode'] === true,
        failOn: args['fail-on'],
        profile: args.profile,
        params: paramsArgument(args.params),
        ...ttlArgument(args.ttl),
        ...lockTimeout(args['lock-timeout']),
      },
      surroundings,
    ),
})

export interface PlanRequest {
  readonly detailed: boolean
  readonly failOn: string | undefined
  readonly profile: string | undefined
  readonly params: { readonly [key: string]: Json }
  /** Default: what the environment has, or seven days. */
  readonly ttlSeconds?: number
  readonly lockTimeoutMs?: number
}

export async function planEnvironment(
  environment: EnvironmentName,
  request: PlanRequest,
  surroundings: Surroundings,
): Promise<number> {
  const { terminal } = surroundings
  const workspace = openWorkspace(surroundings)
  try {
    terminal.info(`Planning environment '${environment}'...`)
    const profile = resolveProfile(request.profile, environment, workspace.root, surroundings)
    workspace.databases.use(profile)
    if (profile !== null) terminal.info(`Profile: ${profile.shown}`)
    const project = await compileProject(workspace, { environment, params: request.params }, terminal)
    keepLock(workspace, project.lock, terminal)
    const { bundle } = project
    terminal.success(dagLine(project.size.nodes, project.size.edges))
    if (bundle.base === null) terminal.info('There is no production yet: everything is new.')
    const something = bundle.diff.changes.length + bundle.contract.steps.length + projectChanges(bundle).length > 0
    // Without a change, an environment is not made; one that is there gets the empty plan in place of its old one.
    const keep = something || kindAt(environmentFolder(workspace.store, environment)) !== 'absent'
    const plan = {
      ...planDocument(bundle, workspace.production(), profile),
      ...(Object.keys(request.params).length === 0 ? {} : { params: request.params }),
      project: projectDigest(workspace.root, workspace.files()),
    }
    if (something) sayPlan(terminal, plan, bundle, workspace.production())
    else terminal.success('No changes detected.')
    const isApplied = keep && (await savePlan(workspace, environment, bundle, plan, request))
    if (something) terminal.success(`Plan saved to target/environments/${environment}/plan.json`)
    if (something && isApplied) terminal.info(`Environment '${environment}' is applied from this plan already.`)
    if (terminal.options.json) terminal.document(plan)
    return planExitCode(bundle.diff, something, request)
  } finally {
    workspace.close()
  }
}

/** What joins the plan because of production's data alone. */
function sayOld(terminal: Terminal, production: Generation | null, bundle: OpenedBundle): void {
  const made = dueIn(bundle)
  if (made.length === 0) return
  const older = new Map((production === null ? [] : leftDue(production)).map((left) => [left.node, left.older]))
  const each = made.map((node) =>
    older.has(node) ? `${node} (made from an older ${older.get(node)?.join(', ')})` : node,
  )
  terminal.line(`  Also due in production: ${names(each)}`)
}

function sayPlan(terminal: Terminal, plan: Plan, bundle: OpenedBundle, production: Generation | null): void {
  const { diff } = bundle
  terminal.info(`Environment Plan: ${plan.env_name}`)
  terminal.line('='.repeat(60))
  for (const line of countLines(diff, plan.total_nodes_to_execute)) terminal.line(line)
  for (const line of changeLines(diff)) terminal.line(line)
  for (const line of projectChanges(bundle)) terminal.line(`  ~ project  ${line}`)
  sayOld(terminal, production, bundle)
  if (plan.check !== undefined) terminal.line(`  Only to check: ${names(plan.check)}`)
  if (plan.may_execute.length > 0) terminal.line(`  May also execute, depending on data: ${names(plan.may_execute)}`)
}
