// `seeknal plan`: what `run` would do and why; with a name, the plan of that environment.

import { command } from '../../runtime/cli/command.ts'
import { environmentArgument } from '../../runtime/cli/environment-argument.ts'
import { executionOptions, LOCK_TIMEOUT_ARG, lockTimeout, VALUE_ARGS } from '../../runtime/cli/execution-args.ts'
import { PROFILE_ARG, resolveProfile } from '../../runtime/cli/profile.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import { planExecution } from '../../runtime/execute.ts'
import { changeLines, dagLine, planExitCode } from './changes.ts'
import { compileProject } from './compile-project.ts'
import { sayExecutionPlan } from './execution-plan.ts'
import { SELECTION_ARGS, SELECTION_COMPLETES, SELECTION_LISTS, selection } from './selection.ts'
import {
  EXIT_CODE_ARGS,
  PARAMS_ARG,
  paramsArgument,
  refuseWithEnvironment,
  TTL_ARG,
  ttlArgument,
} from './shared-args.ts'
import { openWorkspace, sharedBy } from './workspace.ts'

export const plan = command({
  about: `Compares the project with production and says what a run would execute, and why: changed definitions with their
category (breaking, non-breaking, metadata-only), changed source files, missing outputs. Writes nothing. Exit code 1 when a run would fail,
for example because a file is not there.`,
  examples: [
    ['seeknal plan', 'what would `run` do?'],
    ['seeknal plan --detailed-exitcode', 'exit with 2 when there is something to do'],
    ['seeknal plan --fail-on breaking', 'for a pull request'],
  ],
  lists: [...SELECTION_LISTS],
  args: {
    env: { type: 'positional', description: 'An environment: the same as `env plan`', required: false },
    ...SELECTION_ARGS,
    ...PARAMS_ARG,
    ...VALUE_ARGS,
    ...PROFILE_ARG,
    ...TTL_ARG,
    ...EXIT_CODE_ARGS,
    ...LOCK_TIMEOUT_ARG,
  },
  completes: { env: 'environments', ...SELECTION_COMPLETES },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const params = paramsArgument(args.params)
    const exit = {
      detailed: args['detailed-exitcode'] === true,
      failOn: args['fail-on'],
      profile: args.profile,
      params,
    }
    if (args.env !== undefined) {
      refuseWithEnvironment(args, [...SELECTION_LISTS, ...Object.keys(VALUE_ARGS)])
      const { planEnvironment } = await import('./env-plan.ts')
      const request = { ...exit, ...ttlArgument(args.ttl), ...lockTimeout(args['lock-timeout']) }
      return planEnvironment(environmentArgument(args.env), request, surroundings)
    }
    if (args.ttl !== undefined) throw new RuntimeFailure('USAGE', "'--ttl' is for an environment: seeknal plan <env>.")
    const workspace = openWorkspace(surroundings)
    try {
      workspace.databases.use(resolveProfile(args.profile, null, workspace.root, surroundings))
      const { bundle, size } = await compileProject(workspace, { environment: null, params, executes: true }, terminal)
      const select = selection(args, bundle.manifest)
      terminal.success(dagLine(size.nodes, size.edges))
      if (bundle.base === null) terminal.info('There is no production yet: everything is new.')
      else for (const line of changeLines(bundle.diff)) terminal.line(line)
      const request = {
        ...executionOptions(args, surroundings.environment),
        ...(select === null ? {} : { select }),
        projectDir: workspace.root,
        compiled: true,
        connection: await workspace.databases.connection(null),
        ...sharedBy(await workspace.shared(null)),
      }
      const { something, fails } = sayExecutionPlan(terminal, await planExecution(bundle, request), bundle.diff)
      return fails ? 1 : planExitCode(bundle.diff, something, exit)
    } finally {
      workspace.close()
    }
  },
})
