// `seeknal rollback`: an earlier generation becomes production again, exactly as it was.

import { type OtherTarget, rewritingHints, targetsUnlike } from '../promote/rollback-targets.ts'
import type { SwitchResult } from '../promote.ts'
import type { SharedState } from '../shared-state.ts'
import { openStore } from '../store/store.ts'
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
with that generation. Tables of databases stay as they are: each that does not hold what that generation has is named, with
what to do.`,
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
  const inLedger = shared !== null && !shared.inFiles
  const describe = () => module.rollback({ ...options, dryRun: true })
  const store = openStore(options.projectDir)
  const leftBy = (generation: number): Left => {
    const targets = targetsUnlike(store, generation, inLedger)
    return { targets, hints: targets.length === 0 ? [] : rewritingHints(store, generation) }
  }
  if (request.dryRun) {
    const planned = await describe()
    const left = leftBy(planned.to)
    if (terminal.options.json) terminal.document({ ...planned, ...left })
    if (isThere(planned)) sayThere(terminal, planned)
    else sayStaged(terminal, planned)
    sayLeft(terminal, left)
    return 0
  }
  const planned = request.yes ? null : await describe()
  if (planned !== null && !isThere(planned) && !(await agreed(planned, leftBy(planned.to), surroundings))) {
    terminal.info('Nothing was changed.')
    return 0
  }
  // Going back may change what is recorded of tables.
  const left = leftBy(to ?? (planned ?? (await describe())).to)
  const result = await module.rollback(options)
  if (terminal.options.json) terminal.document({ ...result, ...left })
  if (isThere(result)) sayThere(terminal, result)
  else terminal.success(`Production is generation ${result.to} again (was ${result.from}).`)
  sayLeft(terminal, left)
  return 0
}

/** Tables that going back leaves as they are, and what to do. */
interface Left {
  readonly targets: readonly OtherTarget[]
  readonly hints: readonly string[]
}

const isThere = ({ from, to }: Pick<SwitchResult, 'from' | 'to'>): boolean => from === to

const sayThere = (terminal: Terminal, { to }: Pick<SwitchResult, 'to'>): void =>
  terminal.success(`Production is generation ${to} already; nothing is to be changed.`)

function sayTargets(terminal: Terminal, targets: Left['targets']): void {
  for (const { relation, mode, stays } of targets) terminal.warn(`${oneLine(relation)} (${mode}) ${stays}.`)
}

function sayLeft(terminal: Terminal, { targets, hints }: Left): void {
  sayTargets(terminal, targets)
  for (const hint of hints) terminal.hint(hint)
}

function agreed(planned: SwitchResult, left: Left, surroundings: Surroundings): Promise<boolean> {
  const { terminal } = surroundings
  sayStaged(terminal, planned)
  sayUnmet(terminal, planned.unmet)
  sayTargets(terminal, left.targets)
  return confirmed(`Go back from generation ${planned.from} to ${planned.to}?`, false, surroundings)
}
