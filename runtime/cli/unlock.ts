// `seeknal unlock [env] [--force]`: removes a lock that is left of a process that has ended; by force, any other.

import { RuntimeFailure } from '../contract/failures.ts'
import type { SharedState } from '../shared-state.ts'
import { acquireLock, forceUnlock, type LockName, lockHolder } from '../store/locks.ts'
import { isGone } from '../store/process.ts'
import { openStore } from '../store/store.ts'
import { command } from './command.ts'
import { environmentArgument } from './environment-argument.ts'
import { outputsRoot } from './project-root.ts'
import { withSharedState } from './shared.ts'
import type { Terminal } from './terminal.ts'

export const unlock = command({
  about: `Says who holds the lock on production, or on an environment. A lock whose holder has ended is removed; the next writer
would have taken it over. With --force it is removed in any case: for a holder on another machine that will not come back.`,
  examples: [
    ['seeknal unlock', 'who holds production?'],
    ['seeknal unlock --force', "remove production's lock"],
    ['seeknal unlock dev --force', "remove the lock of environment 'dev'"],
  ],
  args: {
    env: { type: 'positional', description: 'An environment (default: production)', required: false },
    force: { type: 'boolean', description: 'Remove the lock although its holder may be at work' },
  },
  completes: { env: 'environments' },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const root = outputsRoot(surroundings)
    const store = openStore(root)
    const name: LockName = args.env === undefined ? 'production' : `environment-${environmentArgument(args.env)}`
    const what = args.env === undefined ? 'production' : `environment '${args.env}'`
    const place = { root, environment: null }
    const isDone = await withSharedState(place, surroundings, async (shared) => {
      if (shared === null) return false
      // Where outputs are files, a writer also holds the lock of this folder, from before to after.
      if (shared.inFiles && (await holderIn(shared, name)) === null) return false
      await unlockShared(shared, { name, what, force: args.force === true }, terminal)
      if (shared.inFiles) forceUnlock(store, name)
      return true
    })
    if (isDone) return 0
    const holder = lockHolder(store, name)
    const isLeft = holder !== null && isGone(holder)
    if (terminal.options.json)
      terminal.document({ lock: name, holder, removed: holder !== null && (isLeft || args.force === true) })
    if (holder === null) {
      terminal.success(`Nobody holds the lock on ${what}.`)
      return 0
    }
    const who = `'${holder.command}' (process ${holder.pid} on ${holder.host}, since ${holder.since})`
    if (!isLeft && args.force !== true)
      throw new RuntimeFailure(
        'STATE_LOCKED',
        `The lock on ${what} is held by ${who}.`,
        { lock: name, holder },
        { hints: ['If that process is gone for good, add --force.'] },
      )
    // As a writer would: whoever took the lock in between keeps it.
    if (isLeft) (await acquireLock(store, name, { command: 'seeknal unlock' })).release()
    else forceUnlock(store, name)
    const was = isLeft ? 'left behind by' : 'held by'
    terminal.success(`The lock on ${what} is removed; it was ${was} ${who}.`)
    return 0
  },
})

const holderIn = async ({ ledger }: SharedState, name: string): Promise<string | null> =>
  ledger.isMade ? ledger.holderOf(name) : null

/** Locks of a database end with the session that holds them; by force, that session is ended. */
async function unlockShared(
  shared: SharedState,
  { name, what, force }: { readonly name: string; readonly what: string; readonly force: boolean },
  terminal: Terminal,
): Promise<void> {
  const holder = await holderIn(shared, name)
  if (terminal.options.json) terminal.document({ lock: name, holder, removed: holder !== null && force })
  if (holder === null) terminal.success(`Nobody holds the lock on ${what}.`)
  else if (force) {
    await shared.ledger.endHolder(name)
    terminal.success(`The lock on ${what} is removed; it was held by ${holder}.`)
  } else
    throw new RuntimeFailure(
      'STATE_LOCKED',
      `The lock on ${what} is held by ${holder}.`,
      { lock: name, holder },
      { hints: ['If that process is gone for good, add --force, which ends its session in the database.'] },
    )
}
