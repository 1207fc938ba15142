// `seeknal env delete <env>`: removes an environment. Its snapshots go with `seeknal clean`, if nothing else has them.

import { join } from 'node:path'
import { makeScratch, sweepScratch } from '../execute/scratch.ts'
import { acquireEnvironment, deleteEnvironment, environmentNotFound } from '../store/environments.ts'
import { kindAt } from '../store/files.ts'
import { environmentFolder, openStore } from '../store/store.ts'
import { confirmed } from './ask.ts'
import { command } from './command.ts'
import { environmentArgument } from './environment-argument.ts'
import { LOCK_TIMEOUT_ARG, lockTimeout } from './execution-args.ts'
import { outputsRoot } from './project-root.ts'

export const envDelete = command({
  about: 'Removes an environment: its plan, outputs and state. Production is not touched.',
  examples: [['seeknal env delete dev --yes', 'without asking']],
  args: {
    env: { type: 'positional', description: 'The environment', required: true },
    yes: { type: 'boolean', alias: 'y', description: 'Do not ask' },
    ...LOCK_TIMEOUT_ARG,
  },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const environment = environmentArgument(args.env)
    const store = openStore(outputsRoot(surroundings))
    if (kindAt(environmentFolder(store, environment)) === 'absent') throw environmentNotFound(store, environment)
    if (!(await confirmed(`Delete environment '${environment}'?`, args.yes === true, surroundings))) {
      terminal.info('Nothing was changed.')
      return 0
    }
    const timeoutMs = lockTimeout(args['lock-timeout']).lockTimeoutMs ?? 0
    const lock = await acquireEnvironment(store, environment, {
      command: `seeknal env delete ${environment}`,
      timeoutMs,
    })
    try {
      sweepScratch(store)
      const scratch = makeScratch(store, `delete-${environment}`)
      deleteEnvironment(store, environment, join(scratch.folder, 'environment'))
      scratch.remove()
    } finally {
      lock.release()
    }
    if (terminal.options.json) terminal.document({ deleted: environment })
    terminal.success(`Environment '${environment}' deleted.`)
    return 0
  },
})
