// `seeknal env plan <env>`: compiles for the environment against production, says what changes, and keeps the bundle.

import type { OpenedBundle } from '../../runtime/bundle/verify.ts'
import { command, type Surroundings } from '../../runtime/cli/command.ts'
import { environmentArgument } from '../../runtime/cli/environment-argument.ts'
import type { Terminal } from '../../runtime/cli/terminal.ts'
import type { EnvironmentName } from '../../runtime/contract/ids.ts'
import { kindAt } from '../../runtime/store/files.ts'
import { environmentFolder } from '../../runtime/store/store.ts'
import { changeLines, countLines, dagLine, planExitCode } from './changes.ts'
import { compileProject, keepLock } from './compile-project.ts'
import { environmentPlan, savePlan } from './saved-plan.ts'
import { EXIT_CODE_ARGS } from './shared-args.ts'
import { openWorkspace } from './workspace.ts'

export const envPlan = command({
  about: `Compares the project with production and saves the plan of an environment: what changed and in which category, which
nodes must execute, and the bundle that does it. Production is not touched; apply the plan with \`seeknal env apply\`.`,
  examples: [
    ['seeknal env plan dev', "plan environment 'dev'"],
    ['seeknal env plan dev --json', 'print plan.json'],
    ['seeknal env plan ci --fail-on breaking', 'for a pull request'],
  ],
  args: { env: { type: 'positional', description: 'The environment', required: true }, ...EXIT_CODE_ARGS },
  run: (args, surroundings) =>
    planEnvironment(
      environmentArgument(args.env),
      { detailed: args['detailed-exitcode'] === true, failOn: args['fail-on'] },
      surroundings,
    ),
})

export async function planEnvironment(
  environment: EnvironmentName,
  exit: { readonly detailed: boolean; readonly failOn: string | undefined },
  surroundings: Surroundings,
): Promise<number> {
  const { terminal } = surroundings
  const workspace = openWorkspace(surroundings)
  try {
    terminal.info(`Planning environment '${environment}'...`)
    const project = await compileProject(workspace, { environment, params: {} }, terminal)
    keepLock(workspace, project.lock, terminal)
    const { bundle } = project
    terminal.success(dagLine(project.size.nodes, project.size.edges))
    if (bundle.base === null) terminal.info('There is no production yet: everything is new.')
    const something = bundle.diff.changes.length > 0 || bundle.contract.steps.length > 0
    // Without a change, an environment is not made; one that is there gets the empty plan in place of its old one.
    const keep = something || kindAt(environmentFolder(workspace.store, environment)) !== 'absent'
    const plan = environmentPlan(workspace, environment, bundle)
    if (something) sayPlan(terminal, environment, bundle)
    else terminal.success('No changes detected.')
    if (keep) await savePlan(workspace, environment, bundle, plan)
    if (something) terminal.success(`Plan saved to target/environments/${environment}/plan.json`)
    if (terminal.options.json) terminal.document(plan)
    return planExitCode(bundle.diff, something, exit)
  } finally {
    workspace.close()
  }
}

function sayPlan(terminal: Terminal, environment: string, { diff, contract }: OpenedBundle): void {
  terminal.info(`Environment Plan: ${environment}`)
  terminal.line('='.repeat(60))
  for (const line of countLines(diff, contract.steps.length)) terminal.line(line)
  for (const line of changeLines(diff)) terminal.line(line)
  const maybe = diff.execute.filter((execution) => execution.maybe).map((execution) => execution.node)
  if (maybe.length > 0) terminal.line(`  May also execute, depending on rows: ${maybe.join(', ')}`)
}
