// `seeknal rollback`: an earlier generation becomes production again, exactly as it was.

import { type OtherTarget, STAYS, targetsUnlike } from '../promote/rollback-targets.ts'
import type { SwitchResult } from '../promote.ts'
import type { SharedState } from '../shared-state.ts'
import { openStore } from '../store/store.ts'
import { readTargetWrites } from '../store/target-writes.ts'
import { wholeNumber } from './arguments.ts'
import { confirmed } from './ask.ts'
import { command, type Surroundings } from './command.ts'
import { LOCK_TIMEOUT_ARG, lockTimeout } from './execution-args.ts'
import { PROFILE_ARG } from './profile.ts'
import { executionRoot, outputsRoot } from './project-root.ts'
import { type SharedRequest, withSharedState } from './shared.ts'
import { sayStaged, sayUnmet } from './staged-switch.ts'
import type { Terminal } from './terminal.ts'
import { oneLine } from './text.ts'

export const rollback = command({
  about: `Makes an earlier generation production again, in one step and exactly as it was. The next plan compares the project
with that generation.`,
  examples: [
    ['seeknal rollback', 'go back by one'],
    ['seeknal rollback --to 3 --yes', 'go back to generation 3, without asking'],
  ],
  args: {
    to: { type: 'string', description: 'Number of a generation (default: the one before)', valueHint: 'n' },
    'dry-run': { type: 'boolean', description: 'Say what would change, and do nothing' },
    yes: { type: 'boolean', alias: 'y', description: 'Do not ask' },
    ...PROFILE_ARG,
    ...LOCK_TIMEOUT_ARG,
  },
  async run(args, surroundings) {
    const here = { ...surroundings, projectPath: outputsRoot(surroundings) }
    const to = args.to === undefined ? undefined : wholeNumber(args.to, '--to', 1)
    return rollBack(
      { to, dryRun: args['dry-run'] === true, yes: args.yes === true, ...lockTimeout(args['lock-timeout']) },
      here,
      { root: outputsRoot(surroundings), environment: null, profile: args.profile },
    )
  },
})

export interface RollbackRequest {
  readonly to: number | undefined
  readonly dryRun: boolean
  readonly yes: boolean
  readonly lockTimeoutMs?: number
}

/** `place`: the project, and what executes it. */
export async function rollBack(
  request: RollbackRequest,
  surroundings: Surroundings,
  place: SharedRequest,
): Promise<number> {
  return withSharedState(place, surroundings, (shared) => rollBackIn(request, surroundings, shared))
}

async function rollBackIn(
  request: RollbackRequest,
  surroundings: Surroundings,
  shared: SharedState | null,
): Promise<number> {
  const { terminal } = surroundings
  const module = await import('../promote.ts')
  const { to, lockTimeoutMs } = request
  const options = {
    projectDir: executionRoot(surroundings),
    ...(to === undefined ? {} : { to }),
    ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
    ...(shared === null ? {} : { shared }),
  }
  const inFiles = shared === null || shared.inFiles
  const describe = () => module.rollback({ ...options, dryRun: true })
  if (request.dryRun) {
    const planned = await describe()
    const others = inFiles ? [] : targetsUnlike(openStore(options.projectDir), planned.to)
    if (terminal.options.json) terminal.document(inFiles ? planned : { ...planned, targets: others })
    if (isThere(planned)) sayThere(terminal, planned)
    else sayStaged(terminal, planned)
    sayOthers(terminal, others)
    return 0
  }
  const planned = request.yes ? null : await describe()
  if (planned !== null && !isThere(planned) && !(await agreed(planned, surroundings))) {
    terminal.info('Nothing was changed.')
    return 0
  }
  const store = openStore(options.projectDir)
  const others = inFiles ? [] : targetsUnlike(store, to ?? (planned ?? (await describe())).to)
  const result = await module.rollback(options)
  if (terminal.options.json) terminal.document(inFiles ? result : { ...result, targets: others })
  if (isThere(result)) sayThere(terminal, result)
  else terminal.success(`Production is generation ${result.to} again (was ${result.from}).`)
  sayOthers(terminal, others)
  if (inFiles && readTargetWrites(store, null) !== null)
    terminal.info('Tables of other databases hold what they held before; the next run writes those that differ.')
  return 0
}

const isThere = ({ from, to }: Pick<SwitchResult, 'from' | 'to'>): boolean => from === to

const sayThere = (terminal: Terminal, { to }: Pick<SwitchResult, 'to'>): void =>
  terminal.success(`Production is generation ${to} already; nothing is to be changed.`)

/** What going back leaves as it is in the tables that outputs are written to. */
function sayOthers(terminal: Terminal, others: readonly OtherTarget[]): void {
  for (const { relation, mode } of others) terminal.warn(`${oneLine(relation)} (${mode}) ${STAYS[mode]}.`)
}

function agreed(planned: SwitchResult, surroundings: Surroundings): Promise<boolean> {
  sayStaged(surroundings.terminal, planned)
  sayUnmet(surroundings.terminal, planned.unmet)
  return confirmed(`Go back from generation ${planned.from} to ${planned.to}?`, false, surroundings)
}
