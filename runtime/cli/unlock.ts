// `seeknal unlock [env] --force`: removes the lock of a holder that is gone on another machine.

import { RuntimeFailure } from '../contract/failures.ts'
import { forceUnlock, type LockName, lockHolder } from '../store/locks.ts'
import { openStore } from '../store/store.ts'
import { command } from './command.ts'
import { environmentArgument } from './environment-argument.ts'
import { projectRoot } from './project-root.ts'

export const unlock = command({
  about: `Says who holds the lock on production, or on an environment, and with --force removes it. A lock whose holder is provably
gone is taken over without this; it is needed when the holder ran on another machine and will not come back.`,
  examples: [
    ['seeknal unlock', 'who holds production?'],
    ['seeknal unlock --force', "remove production's lock"],
    ['seeknal unlock dev --force', "remove the lock of environment 'dev'"],
  ],
  args: {
    env: { type: 'positional', description: 'An environment (default: production)', required: false },
    force: { type: 'boolean', description: 'Remove the lock' },
  },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const store = openStore(projectRoot(surroundings))
    const name: LockName = args.env === undefined ? 'production' : `environment-${environmentArgument(args.env)}`
    const what = args.env === undefined ? 'production' : `environment '${args.env}'`
    const holder = lockHolder(store, name)
    if (terminal.options.json)
      terminal.document({ lock: name, holder, removed: holder !== null && args.force === true })
    if (holder === null) {
      terminal.success(`Nobody holds the lock on ${what}.`)
      return 0
    }
    const who = `'${holder.command}' (process ${holder.pid} on ${holder.host}, since ${holder.since})`
    if (args.force !== true)
      throw new RuntimeFailure(
        'STATE_LOCKED',
        `The lock on ${what} is held by ${who}.`,
        { lock: name, holder },
        { hints: ['If that process is gone for good, add --force.'] },
      )
    forceUnlock(store, name)
    terminal.success(`The lock on ${what} is removed; it was held by ${who}.`)
    return 0
  },
})
