// `seeknal env promote <env> [to]` and `seeknal promote <env> [to]`: an applied environment becomes production, or another
// environment, in one step.

import type { ParsedArgs } from 'citty'
import { RuntimeFailure } from '../contract/failures.ts'
import type { PromotedTarget } from '../promote/rematerialize.ts'
import type { PromoteResult, SwitchResult } from '../promote.ts'
import type { SharedState } from '../shared-state.ts'
import { confirmed } from './ask.ts'
import { command, type Surroundings } from './command.ts'
import { environmentArgument } from './environment-argument.ts'
import { LOCK_TIMEOUT_ARG, lockTimeout } from './execution-args.ts'
import { connectionsOf, PROFILE_ARG, resolveProfile } from './profile.ts'
import { executionRoot, outputsRoot } from './project-root.ts'
import { type SharedRequest, withSharedState } from './shared.ts'
import { sayStaged, sayUnmet } from './staged-switch.ts'
import type { Terminal } from './terminal.ts'
import { counted, oneLine } from './text.ts'

export const PROMOTE = {
  about: `Makes an applied environment production: one atomic switch to a new generation. With the name of another environment,
makes that one what this one is: outputs, plan and references, without executing anything. Refused when the environment was
not completely applied, when the nodes that its plan replaces or reads have moved in production since, or when the other
environment has applied changes that would be lost.`,
  examples: [
    ['seeknal env promote dev --dry-run', 'say what would change'],
    ['seeknal promote dev', 'do it: the same as `seeknal env promote dev`'],
    ['seeknal env promote dev --rematerialize', 'also write its tables of other databases, first'],
    ['seeknal env promote dev staging', "make environment 'staging' what 'dev' is"],
  ],
  args: {
    env: { type: 'positional', description: 'The environment', required: true },
    to: { type: 'positional', description: 'Where to: prod (default), or another environment', required: false },
    'dry-run': { type: 'boolean', description: 'Say what would change, and do nothing' },
    force: {
      type: 'boolean',
      description: 'Go on although production moved, or the other environment loses changes',
    },
    rematerialize: {
      type: 'boolean',
      description: "Write production's tables of other databases before the switch, with production's profile",
    },
    ...PROFILE_ARG,
    yes: { type: 'boolean', alias: 'y', description: 'Do not ask' },
    ...LOCK_TIMEOUT_ARG,
  },
  completes: { env: 'environments', to: 'destinations' },
} as const

export const promote = command({
  ...PROMOTE,
  run: (args, surroundings) => promoteEnvironment(promoteRequest(args), surroundings),
})

export const promoteRequest = (args: ParsedArgs<typeof PROMOTE.args>): PromoteRequest => ({
  environment: args.env,
  to: args.to ?? null,
  dryRun: args['dry-run'] === true,
  force: args.force === true,
  yes: args.yes === true,
  rematerialize: args.rematerialize === true,
  ...(args.profile === undefined ? {} : { profile: args.profile }),
  ...lockTimeout(args['lock-timeout']),
})

export interface PromoteRequest {
  readonly environment: string
  readonly to: string | null
  readonly dryRun: boolean
  readonly force: boolean
  readonly yes: boolean
  readonly rematerialize?: boolean
  readonly profile?: string
  readonly lockTimeoutMs?: number
}

/** Throws what promote() does, and PROFILE_NOT_FOUND. `place`: the project, and what executes it. */
export async function promoteEnvironment(
  request: PromoteRequest,
  where: Surroundings,
  place?: SharedRequest,
): Promise<number> {
  const root = outputsRoot(where)
  const surroundings = { ...where, projectPath: root }
  const found = place ?? { root, environment: null, profile: request.profile }
  return withSharedState(found, surroundings, (shared) => promoteIn(request, surroundings, shared))
}

async function promoteIn(
  request: PromoteRequest,
  surroundings: Surroundings,
  shared: SharedState | null,
): Promise<number> {
  const { terminal } = surroundings
  const environment = environmentArgument(request.environment)
  if (request.to !== null && !isProduction(request.to)) {
    if (request.rematerialize === true) throw onlyProduction()
    const { promoteToOther } = await import('./promote-environment.ts')
    return promoteToOther(environment, environmentArgument(request.to), request, surroundings, shared)
  }
  const profile = resolveProfile(request.profile, null, executionRoot(surroundings), surroundings)
  if (request.rematerialize === true && profile === null) throw noProfile()
  const module = await import('../promote.ts')
  const { lockTimeoutMs } = request
  const options = {
    projectDir: executionRoot(surroundings),
    environment,
    force: request.force,
    rematerialize: request.rematerialize === true,
    ...(profile === null ? {} : { connection: connectionsOf(profile) }),
    ...(shared === null ? {} : { shared }),
    signal: surroundings.signal,
    onWriting: ({ relation, connection }: PromotedTarget) =>
      terminal.info(`Writing ${oneLine(relation)} (connection '${connection}')...`),
    ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
  }
  const describe = () => module.promote({ ...options, dryRun: true })
  const isOwn = shared?.inFiles === false
  if (request.dryRun) return sayPlanned(terminal, environment, await describe(), { ...request, isOwn })
  // On a terminal people are asked; scripts that call it have decided.
  const ask = terminal.options.interactive && !request.yes
  if (ask) sayStaged(terminal, await describe())
  if (!(await confirmed(`Promote '${environment}' to production?`, !ask, surroundings))) {
    terminal.info('Nothing was changed.')
    return 0
  }
  sayPromoted(terminal, environment, await module.promote(options), { ...request, ask, isOwn })
  return 0
}

/** `isOwn`: tables are those of the engine's database, and change with the switch. */
type Said = PromoteRequest & { readonly isOwn: boolean }

function sayPromoted(
  terminal: Terminal,
  environment: string,
  result: PromoteResult,
  request: Said & { readonly ask: boolean },
): void {
  if (terminal.options.json) terminal.document(result)
  sayTargets(terminal, result, request)
  if (isThere(result)) {
    sayThere(terminal, environment, result)
    return
  }
  if (!terminal.options.json && !request.ask) sayStaged(terminal, result)
  terminal.success(
    `Environment '${environment}' is production now: generation ${result.to}${result.from === null ? '' : ` (was ${result.from})`}.`,
  )
}

function sayPlanned(terminal: Terminal, environment: string, planned: PromoteResult, request: Said): number {
  if (terminal.options.json) terminal.document(planned)
  if (isThere(planned)) sayThere(terminal, environment, planned)
  else sayStaged(terminal, planned)
  sayTargets(terminal, planned, request)
  sayUnmet(terminal, planned.unmet)
  return 0
}

/** Nothing is switched: production was made from this environment already. */
const isThere = ({ from, to }: Pick<SwitchResult, 'from' | 'to'>): boolean => from === to

const sayThere = (terminal: Terminal, environment: string, { to }: Pick<SwitchResult, 'to'>): void =>
  terminal.success(`Nothing to promote: production, generation ${to}, has all of '${environment}' already.`)
const isProduction = (name: string): boolean => name === 'prod' || name === 'production'

const onlyProduction = (): RuntimeFailure =>
  new RuntimeFailure(
    'USAGE',
    "'--rematerialize' writes production's tables; an environment's are written by 'seeknal env apply'.",
  )

const noProfile = (): RuntimeFailure =>
  new RuntimeFailure(
    'PROFILE_NOT_FOUND',
    "'--rematerialize' writes with production's profile, and there is none.",
    {},
    { hints: ["Write profiles.yml, or name a file with '--profile'."] },
  )

/** What is written of production's tables of databases, and what is left to the next run. */
function sayTargets(
  terminal: Terminal,
  { committed, written, dueTargets, readElsewhere }: PromoteResult,
  request: Said,
): void {
  if (readElsewhere.length > 0)
    terminal.warn(
      `Read from another database than production's: ${readElsewhere.join(', ')}. The next 'seeknal run' reads production's.`,
    )
  const lines = (targets: readonly PromotedTarget[]) =>
    targets.map(({ relation, connection, mode }) => `  ${oneLine(relation)} (connection '${connection}', ${mode})`)
  if (written.length > 0) {
    terminal.success(`${counted(written.length, 'table')} ${request.isOwn ? '' : 'of other databases '}written:`)
    for (const line of lines(written)) terminal.line(line)
  }
  if (dueTargets.length === 0) return
  const now = !committed && request.rematerialize === true
  if (request.isOwn) terminal.info('With the switch it would write:')
  else if (now) terminal.info('Before the switch it would write:')
  else
    terminal.warn(
      `Not written${committed ? ' yet' : ''}: the next 'seeknal run' does it, or '--rematerialize' does it first.`,
    )
  for (const line of lines(dueTargets)) terminal.line(line)
}
