// `seeknal env promote <env>` and `seeknal promote <env>`: an applied environment becomes production in one step.

import { RuntimeFailure } from '../contract/failures.ts'
import { confirmed } from './ask.ts'
import { command, type Surroundings } from './command.ts'
import { environmentArgument } from './environment-argument.ts'
import { LOCK_TIMEOUT_ARG, lockTimeout } from './execution-args.ts'
import { executionRoot, projectRoot } from './project-root.ts'
import { sayStaged, sayUnmet } from './staged-switch.ts'

export const promote = command({
  about: `Makes an applied environment production: one atomic switch to a new generation. Refused when the environment was not
completely applied, or when the nodes that its plan replaces or reads have moved in production since.`,
  examples: [
    ['seeknal env promote dev --dry-run', 'say what would change'],
    ['seeknal promote dev', 'do it: the same as `seeknal env promote dev`'],
  ],
  args: {
    env: { type: 'positional', description: 'The environment', required: true },
    to: { type: 'positional', description: 'Where to (default: prod)', required: false },
    'dry-run': { type: 'boolean', description: 'Say what would change, and do nothing' },
    force: { type: 'boolean', description: 'Go on although production moved' },
    yes: { type: 'boolean', alias: 'y', description: 'Do not ask' },
    ...LOCK_TIMEOUT_ARG,
  },
  async run(args, surroundings) {
    projectRoot(surroundings)
    return promoteEnvironment(
      {
        environment: args.env,
        to: args.to ?? null,
        dryRun: args['dry-run'] === true,
        force: args.force === true,
        yes: args.yes === true,
        ...lockTimeout(args['lock-timeout']),
      },
      surroundings,
    )
  },
})

export interface PromoteRequest {
  readonly environment: string
  readonly to: string | null
  readonly dryRun: boolean
  readonly force: boolean
  readonly yes: boolean
  readonly lockTimeoutMs?: number
}

export async function promoteEnvironment(request: PromoteRequest, surroundings: Surroundings): Promise<number> {
  const { terminal } = surroundings
  const environment = environmentArgument(request.environment)
  if (request.to !== null && request.to !== 'prod' && request.to !== 'production')
    throw new RuntimeFailure(
      'USAGE',
      `An environment is promoted to production; '${request.to}' is not supported yet.`,
      { to: request.to },
    )
  const module = await import('../promote.ts')
  const { lockTimeoutMs } = request
  const options = {
    projectDir: executionRoot(surroundings),
    environment,
    force: request.force,
    ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
  }
  const planned = await module.promote({ ...options, dryRun: true })
  if (request.dryRun) {
    if (terminal.options.json) terminal.document(planned)
    sayStaged(terminal, planned)
    sayUnmet(terminal, planned)
    return 0
  }
  // On a terminal people are asked; scripts that call it have decided.
  const ask = terminal.options.interactive && !request.yes
  if (ask) sayStaged(terminal, planned)
  if (!(await confirmed(`Promote '${environment}' to production?`, !ask, surroundings))) {
    terminal.info('Nothing was changed.')
    return 0
  }
  const result = await module.promote(options)
  if (terminal.options.json) terminal.document(result)
  else if (!ask) sayStaged(terminal, result)
  terminal.success(
    `Environment '${environment}' is production now: generation ${result.to}${result.from === null ? '' : ` (was ${result.from})`}.`,
  )
  return 0
}
