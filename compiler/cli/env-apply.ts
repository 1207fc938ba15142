// `seeknal env apply <env>`: executes the saved plan beside production. Refused when the project no longer compiles to
// it (STATE_STALE) or when production moved below it (STATE_MOVED, by the runtime).

import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { bundleDifference } from '../../runtime/bundle-diff.ts'
import { command, type Surroundings } from '../../runtime/cli/command.ts'
import { sayBlocked } from '../../runtime/cli/due-nodes.ts'
import { environmentArgument } from '../../runtime/cli/environment-argument.ts'
import { reportApply } from '../../runtime/cli/environment-report.ts'
import { EXECUTION_ARGS, type ExecutionArgs, executionOptions } from '../../runtime/cli/execution-args.ts'
import { failureSummary } from '../../runtime/cli/failure-summary.ts'
import { PROFILE_ARG, type Profile, resolveProfile } from '../../runtime/cli/profile.ts'
import { RunReport, sayEnd } from '../../runtime/cli/run-report.ts'
import type { Terminal } from '../../runtime/cli/terminal.ts'
import { counted, oneLine } from '../../runtime/cli/text.ts'
import { fileOf, type OpenedBundle } from '../../runtime/contract/bundle.ts'
import { canonicalJson } from '../../runtime/contract/canonical-json.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { EnvironmentName } from '../../runtime/contract/ids.ts'
import type { Plan } from '../../runtime/contract/state.ts'
import type { RunRequest } from '../../runtime/execute/run.ts'
import { planExecution } from '../../runtime/execute.ts'
import { readEnvConfig } from '../../runtime/store/environments.ts'
import { isProvenBase } from '../../runtime/store/generations.ts'
import { names } from './changes.ts'
import { compileProject, dueIn, pastOfBundle } from './compile-project.ts'
import { readPlan } from './saved-plan.ts'
import { PARAMS_ARG, paramsArgument, paramsOf, paramsText } from './shared-args.ts'
import { executeExplained, explainFailure } from './step-places.ts'
import { openWorkspace, sharedBy, type Workspace } from './workspace.ts'

export const APPLY_ARGS = {
  'dry-run': { type: 'boolean', description: 'Say what would be read and written, and do nothing' },
  force: { type: 'boolean', description: 'Apply the saved plan although the project or production changed' },
  ...PARAMS_ARG,
  ...PROFILE_ARG,
  ...EXECUTION_ARGS,
} as const

export const envApply = command({
  about: `Executes the plan of an environment into target/environments/<env>/. What did not change is read from production
without copying; production is not touched. Applying again goes on where it stopped. What was done, what failed and where, and
how the data differs from production is in report.md there.`,
  examples: [
    ['seeknal env apply dev --dry-run', 'say what would be done'],
    ['seeknal env apply dev --parallel', 'do it'],
  ],
  args: { env: { type: 'positional', description: 'The environment', required: true }, ...APPLY_ARGS },
  completes: { env: 'environments' },
  run: (args, surroundings) =>
    applyEnvironment(
      environmentArgument(args.env),
      args,
      { dryRun: args['dry-run'] === true, force: args.force === true, profile: args.profile, params: args.params },
      surroundings,
    ),
})

export interface ApplyRequest {
  readonly dryRun: boolean
  readonly force: boolean
  readonly profile: string | undefined
  /** As given; the plan has its own. */
  readonly params: string | undefined
}

export async function applyEnvironment(
  environment: EnvironmentName,
  args: Partial<ExecutionArgs>,
  { dryRun, force, profile, params }: ApplyRequest,
  surroundings: Surroundings,
): Promise<number> {
  const { terminal } = surroundings
  const options = executionOptions(args, surroundings.environment)
  const workspace = openWorkspace(surroundings)
  try {
    workspace.databases.use(resolveProfile(profile, environment, workspace.root, surroundings))
    await workspace.shared(environment)
    const { plan, bundle } = await readPlan(workspace, environment)
    if (!force) requireParams(plan, params)
    const resolved = profileNow(plan, profile, workspace, surroundings)
    workspace.databases.use(resolved)
    if (!force) requireProfile(plan, resolved)
    if (!force) await requireFresh(workspace, plan, bundle, terminal)
    const compiled = !force && isProvenBase(workspace.store, bundle.contract.base)
    const connection = await workspace.databases.connection(environment, paramsOf(plan))
    const shared = await workspace.shared(environment)
    const request = { ...options, plan, force, compiled, connection, ...sharedBy(shared) }
    if (dryRun) return await saySteps(workspace, bundle, request, terminal)
    terminal.info(`Applying environment '${environment}'...`)
    const again = `seeknal env apply ${environment}`
    const report = await RunReport.of(terminal, bundle.manifest)
    const running = { ...request, command: again, signal: surroundings.signal, onEvent: report.onEvent }
    const run = { workspace, bundle, params: paramsOf(plan), terminal }
    const executing = executeExplained(run, { ...running, projectDir: workspace.root })
    const result = await executing.finally(() => report.close())
    if (result.outcome === 'nothing') sayNothingLeft(workspace, environment, terminal)
    const failed = await failureSummary(result, again, (node) => explainFailure(run, node))
    await reportApply(workspace.root, result, failed, { terminal, shared })
    const code = sayEnd(terminal, result, failed)
    if (code === 0)
      terminal.line(
        `Look at it with \`seeknal repl --env ${environment}\`; make it production with \`seeknal env promote ${environment}\`.`,
      )
    return code
  } finally {
    workspace.close({ save: !dryRun })
  }
}

function sayNothingLeft({ store }: Workspace, environment: EnvironmentName, terminal: Terminal): void {
  const { promoted_generation: generation = null } = readEnvConfig(store, environment) ?? {}
  const done = generation === null ? 'is applied' : `was promoted to production, generation ${generation}`
  terminal.success(`Nothing left to do: environment '${environment}' ${done}.`)
}

const planAgain = (plan: Plan): string =>
  `Plan again with \`seeknal env plan ${plan.env_name}${paramsText(paramsOf(plan))}\`, or apply the old plan with --force.`

/** The plan's parameters are in its SQL: others would make another plan. */
function requireParams(plan: Plan, given: string | undefined): void {
  const [wanted, planned] = [paramsArgument(given), paramsOf(plan)]
  if (given === undefined || canonicalJson(wanted) === canonicalJson(planned)) return
  const name = plan.env_name
  throw new RuntimeFailure(
    'STATE_STALE',
    `The plan of environment '${name}' was made with other parameters: ${canonicalJson(planned)}.`,
    { environment: name, params: planned },
    { hints: [`Plan again with \`seeknal env plan ${name}${paramsText(wanted)}\`, or leave --params out.`] },
  )
}

/** The profile that would be used now: the one that is named, else the plan's own file, else by the usual search. */
export const profileNow = (plan: Plan, named: string | undefined, workspace: Workspace, surroundings: Surroundings) =>
  resolveProfile(
    named ?? profilePath(plan, workspace, surroundings),
    environmentArgument(plan.env_name),
    workspace.root,
    surroundings,
  )

/** The file that the plan was made with, if it is still there. */
function profilePath(
  { profile_path: shown }: Plan,
  { root }: Workspace,
  { environment }: Surroundings,
): string | undefined {
  if (shown === null) return undefined
  const path = shown.startsWith('~/') ? join(environment.HOME ?? homedir(), shown.slice(2)) : resolve(root, shown)
  return existsSync(path) ? path : undefined
}

function requireProfile(plan: Plan, profile: Profile | null): void {
  if (plan.profile_fingerprint === (profile?.fingerprint ?? null)) return
  const hints = [planAgain(plan)]
  const what =
    profile === null
      ? `the profile '${plan.profile_path}' is gone`
      : `the profile '${profile.shown}' is another or changed`
  throw new RuntimeFailure(
    'STATE_STALE',
    `The plan of environment '${plan.env_name}' is stale: ${what}.`,
    { environment: plan.env_name, profile: profile?.shown ?? null },
    { hints },
  )
}

/** Compiles the project against the plan's own base: the same bundle must come out. Throws STATE_STALE (facts: nodes). */
export async function requireFresh(
  workspace: Workspace,
  plan: Plan,
  saved: OpenedBundle,
  terminal: Terminal,
): Promise<void> {
  const environment = environmentArgument(plan.env_name)
  const request = { environment, past: pastOfBundle(saved), due: dueIn(saved), params: paramsOf(plan) }
  const { bundle } = await compileProject(workspace, request, terminal)
  if (bundle.contract.digest === saved.contract.digest) return
  const { nodes } = bundleDifference(saved, bundle)
  const changed = [...nodes.changed, ...nodes.added, ...nodes.removed].sort()
  const what = changed.length === 0 ? 'the project' : names(changed)
  const hints = [planAgain(plan)]
  throw new RuntimeFailure(
    'STATE_STALE',
    `The plan of environment '${environment}' is stale: ${what} changed since it was made.`,
    { environment, nodes: changed },
    { hints },
  )
}

/** The steps in order, with what they read and write. */
async function saySteps(
  workspace: Workspace,
  bundle: OpenedBundle,
  request: RunRequest,
  terminal: Terminal,
): Promise<number> {
  const { contract } = bundle
  const due = await planExecution(bundle, { ...request, projectDir: workspace.root })
  const folder = `target/environments/${contract.environment}/intermediate`
  const steps = contract.steps.map((step) => {
    const reads = step.inputs.map((input) => ({
      node: input.node,
      from: input.from === 'bundle' ? 'environment' : 'production',
    }))
    const what = due.nodes.find((node) => node.node === step.node)?.status ?? 'execute'
    if (step.kind === 'check') {
      const checks = step.checks.map((check) => check.id)
      return { node: step.node, what: what === 'cached' ? what : 'check', reads, files: null, writes: null, checks }
    }
    if (step.kind === 'materialize') {
      const isDue = due.nodes.find((node) => node.node === step.node)?.targets.includes(step.relation) ?? true
      const writes = `${step.relation} (connection '${step.connection}')`
      return { node: step.node, what: isDue ? 'write' : 'cached', reads, files: null, writes, checks: null }
    }
    const node = bundle.manifest.nodes.find((candidate) => candidate.id === step.node)
    const table = step.extract === undefined ? null : `rows of the connection '${step.extract.connection}'`
    const files = table ?? node?.source_files?.path ?? null
    const file = fileOf(step)
    const writes = file === null ? step.output.relation : `${folder}/${file}`
    return { node: step.node, what, reads, files, writes, checks: null }
  })
  if (terminal.options.json) terminal.document({ environment: contract.environment, steps })
  terminal.info(`Would execute ${counted(steps.length, 'step')}:`)
  steps.forEach(({ node, what, reads, files, writes, checks }, i) => {
    const from = reads.map((read) => `${read.node} (${read.from})`)
    terminal.line(`  ${i + 1}. ${node}${what === 'reuse' ? ' (taken from the store)' : ''}`)
    terminal.line(`     reads:  ${[...from, ...(files === null ? [] : [files])].join(', ') || 'nothing'}`)
    terminal.line(checks === null ? `     writes: ${writes}` : `     checks: ${checks.map(oneLine).join(', ')}`)
  })
  terminal.info('Nothing was changed.')
  return sayBlocked(terminal, due)
}
