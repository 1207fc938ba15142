// `seeknal run`: compile for production, then execute what is due. The same road as `compile` and `exec bundle`; a run
// after which nothing changed is recognised before either is loaded.

import { homedir } from 'node:os'
import type { ParsedArgs } from 'citty'
import { command, type Surroundings } from '../../runtime/cli/command.ts'
import { environmentArgument } from '../../runtime/cli/environment-argument.ts'
import { EXECUTION_ARGS, executionOptions } from '../../runtime/cli/execution-args.ts'
import { PROFILE_ARG } from '../../runtime/cli/profile.ts'
import { projectRoot } from '../../runtime/cli/project-root.ts'
import { canonicalJson } from '../../runtime/contract/canonical-json.ts'
import { locateProfile } from '../../runtime/profile/locate.ts'
import { readIfThere } from '../../runtime/store/files.ts'
import { dagLine } from './changes.ts'
import { SELECTION_ARGS, SELECTION_COMPLETES, SELECTION_LISTS } from './selection.ts'
import { PARAMS_ARG, paramsArgument, refuseWithEnvironment } from './shared-args.ts'
import { unchangedSince } from './unchanged.ts'

const ARGS = {
  env: {
    type: 'string',
    description: 'Apply the plan of this environment: the same as `env apply`',
    valueHint: 'name',
  },
  full: { type: 'boolean', description: 'Execute every selected node, due or not' },
  'dry-run': { type: 'boolean', description: 'Say what would be executed, and do nothing' },
  restore: {
    type: 'boolean',
    description: 'Make outputs again that are not on this machine, and change nothing else',
  },
  'show-plan': { type: 'boolean', description: 'The same as --dry-run' },
  ...SELECTION_ARGS,
  ...PARAMS_ARG,
  ...PROFILE_ARG,
  ...EXECUTION_ARGS,
} as const

export type RunArgs = ParsedArgs<typeof ARGS>

export const run = command({
  about: `Executes production: every node whose definition, or whose inputs, are not what its output was made from, and
nothing else. All of it becomes visible in one step at the end; a failed run changes nothing that readers see, and what
it finished is kept for the next one. What a selection leaves out stays due.`,
  examples: [
    ['seeknal run', 'execute what is due'],
    ['seeknal run --dry-run', 'say what would be executed, and why'],
    ['seeknal run --nodes transform.orders,transform.daily_revenue', 'only these nodes'],
    ['seeknal run --tags mart --exclude-nodes transform.big', 'by tag'],
    ['seeknal run --restore', 'have here what production has, where machines share its state'],
    ['seeknal run --parallel --retry 2 --continue-on-error --json', 'for a scheduler'],
  ],
  lists: [...SELECTION_LISTS],
  args: ARGS,
  completes: { env: 'environments', ...SELECTION_COMPLETES },
  async run(args, surroundings) {
    const dryRun = args['dry-run'] === true || args['show-plan'] === true
    if (args.env !== undefined) {
      refuseWithEnvironment(args, [...SELECTION_LISTS, 'full', 'restore'])
      const { applyEnvironment } = await import('./env-apply.ts')
      return applyEnvironment(
        environmentArgument(args.env),
        args,
        { dryRun, force: false, profile: args.profile, params: args.params },
        surroundings,
      )
    }
    if (isPlain(args) && (await sayUnchanged(args, surroundings))) return 0
    const { runProject } = await import('./run-project.ts')
    return runProject(args, dryRun, surroundings)
  },
})

/** Nothing that makes a run more or less than "execute what is due". */
const isPlain = (args: RunArgs): boolean =>
  args.full !== true &&
  args.restore !== true &&
  args['dry-run'] !== true &&
  args['show-plan'] !== true &&
  args.profile === undefined &&
  SELECTION_LISTS.every((name) => args[name] === undefined)

/** Whether the profile has a say in what executes or in where the state is: the record is of a run in files. Needs no YAML. */
function profileNamesEngine(root: string, { cwd, environment }: Surroundings): boolean {
  const home = environment.HOME ?? homedir()
  const located = locateProfile({ explicit: undefined, environment: null, root, home, cwd })
  return located !== null && /^\s*["']?(engine|state_backend)["']?\s*:/m.test(readIfThere(located.path) ?? '')
}

/** Says that nothing changed, if the record of the last run proves it. */
async function sayUnchanged(args: RunArgs, surroundings: Surroundings): Promise<boolean> {
  const { terminal, environment } = surroundings
  const root = projectRoot(surroundings)
  if (profileNamesEngine(root, surroundings)) return false
  const options = executionOptions(args, environment)
  const params = canonicalJson(paramsArgument(args.params))
  const record = await unchangedSince(root, params, async (names) => {
    const { runValues } = await import('../../runtime/execute/values.ts')
    const requires = { connections: [], parameters: [...names], optional: [...names] }
    return runValues(options, { requires }).parameters
  })
  if (record === null) return false
  for (const line of record.warnings) terminal.problem(line)
  terminal.success(dagLine(record.size.nodes, record.size.edges))
  terminal.success('No changes detected.')
  if (terminal.options.json) terminal.record({ summary: record.summary })
  return true
}
