// `seeknal run`: compile for production, then execute what is due. The same road as `compile` and `exec bundle`.

import { command } from '../../runtime/cli/command.ts'
import { environmentArgument } from '../../runtime/cli/environment-argument.ts'
import { EXECUTION_ARGS, executionOptions } from '../../runtime/cli/execution-args.ts'
import { RunReport, sayEnd } from '../../runtime/cli/run-report.ts'
import { executeBundle, planExecution } from '../../runtime/execute.ts'
import { changeLines, dagLine } from './changes.ts'
import { compileProject, keepLock, paramsArgument } from './compile-project.ts'
import { sayExecutionPlan } from './execution-plan.ts'
import { PROFILE_ARG, resolveProfile } from './profile.ts'
import { SELECTION_ARGS, SELECTION_LISTS, selection } from './selection.ts'
import { PARAMS_ARG, refuseWithEnvironment } from './shared-args.ts'
import { explainFailure } from './step-places.ts'
import { openWorkspace } from './workspace.ts'

export const run = command({
  about: `Executes production: every node whose definition, or whose inputs, are not what its output was made from, and
nothing else. All of it becomes visible in one step at the end; a failed run changes nothing that readers see, and what
it finished is kept for the next one. What a selection leaves out stays due.`,
  examples: [
    ['seeknal run', 'execute what is due'],
    ['seeknal run --dry-run', 'say what would be executed, and why'],
    ['seeknal run --nodes transform.orders,transform.daily_revenue', 'only these nodes'],
    ['seeknal run --tags mart --exclude-nodes transform.big', 'by tag'],
    ['seeknal run --parallel --retry 2 --continue-on-error --json', 'for a scheduler'],
  ],
  lists: [...SELECTION_LISTS],
  args: {
    env: {
      type: 'string',
      description: 'Apply the plan of this environment: the same as `env apply`',
      valueHint: 'name',
    },
    full: { type: 'boolean', description: 'Execute every selected node, due or not' },
    'dry-run': { type: 'boolean', description: 'Say what would be executed, and do nothing' },
    'show-plan': { type: 'boolean', description: 'The same as --dry-run' },
    ...SELECTION_ARGS,
    ...PARAMS_ARG,
    ...PROFILE_ARG,
    ...EXECUTION_ARGS,
  },
  async run(args, surroundings) {
    const { terminal } = surroundings
    if (args.env !== undefined) {
      refuseWithEnvironment(args, [...SELECTION_LISTS, 'params', 'full'])
      const { applyEnvironment } = await import('./env-apply.ts')
      const dryRun = args['dry-run'] === true || args['show-plan'] === true
      return applyEnvironment(
        environmentArgument(args.env),
        args,
        { dryRun, force: false, profile: args.profile },
        surroundings,
      )
    }
    const onlyPlans = args['dry-run'] === true || args['show-plan'] === true
    const options = { ...executionOptions(args, surroundings.environment), full: args.full === true }
    const workspace = openWorkspace(surroundings)
    try {
      resolveProfile(args.profile, null, workspace.root, surroundings)
      const project = await compileProject(
        workspace,
        { environment: null, params: paramsArgument(args.params) },
        terminal,
      )
      const { bundle } = project
      const select = selection(args, bundle.manifest)
      const request = { ...options, ...(select === null ? {} : { select }), projectDir: workspace.root }
      terminal.success(dagLine(project.size.nodes, project.size.edges))
      if (bundle.base !== null) for (const line of changeLines(bundle.diff)) terminal.line(line)
      if (onlyPlans) {
        sayExecutionPlan(terminal, await planExecution(bundle, request), bundle.diff)
        return 0
      }
      keepLock(workspace, project.lock, terminal)
      const report = new RunReport(terminal)
      const result = await executeBundle(bundle, {
        ...request,
        command: 'seeknal run',
        signal: surroundings.signal,
        onEvent: report.onEvent,
      }).finally(() => report.close())
      if (result.outcome === 'nothing') terminal.success('No changes detected.')
      return await sayEnd(terminal, result, 'seeknal run', (node) => explainFailure(workspace, bundle, node))
    } finally {
      workspace.close({ save: !onlyPlans })
    }
  },
})
