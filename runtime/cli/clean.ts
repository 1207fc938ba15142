// `seeknal clean`: removes expired environments, old generations, and what nothing refers to.

import { wholeNumber } from './arguments.ts'
import { command } from './command.ts'
import { LOCK_TIMEOUT_ARG, lockTimeout } from './execution-args.ts'
import { PROFILE_ARG } from './profile.ts'
import { outputsRoot } from './project-root.ts'
import { withSharedState } from './shared.ts'
import { counted, size } from './text.ts'

export const clean = command({
  about: `Removes environments that were not used for their time to live, all but the last generations of production, and the
snapshots and bundles that nothing refers to any more; where the engine is a database, tables of its store. Refused while something is being written.`,
  examples: [
    ['seeknal clean --dry-run', 'say what would be removed'],
    ['seeknal clean --keep 3', 'keep three generations'],
  ],
  args: {
    keep: { type: 'string', description: 'How many generations stay (default: 10)', valueHint: 'n' },
    'dry-run': { type: 'boolean', description: 'Say what would be removed, and do nothing' },
    ...PROFILE_ARG,
    ...LOCK_TIMEOUT_ARG,
  },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const root = outputsRoot(surroundings)
    const dryRun = args['dry-run'] === true
    const options = {
      projectDir: root,
      dryRun,
      ...(args.keep === undefined ? {} : { keepGenerations: wholeNumber(args.keep, '--keep', 1) }),
      ...lockTimeout(args['lock-timeout']),
    }
    const place = { root, environment: null, profile: args.profile }
    const { result, what } = await withSharedState(place, surroundings, async (shared) => {
      if (shared === null) return { result: await (await import('../store/clean.ts')).clean(options), what: 'snapshot' }
      const { cleanDatabase, cleanFiles } = await import('../clean-database.ts')
      if (shared.inFiles) return { result: await cleanFiles(shared, options), what: 'snapshot' }
      return { result: await cleanDatabase(shared, options), what: 'table' }
    })
    if (terminal.options.json) terminal.document(result)
    const { generations, environments, withTables, snapshots, bundles, damaged, bytes } = result
    for (const name of withTables)
      terminal.warn(
        `Environment '${name}' is expired and has tables in databases: \`seeknal env delete ${name}\` removes both.`,
      )
    if (damaged.length > 0) {
      terminal.warn(`Snapshots and bundles stay, since what needs them cannot be told: ${damaged.join('; ')}.`)
      terminal.hint(
        'An old generation goes with a smaller --keep; plan or delete a damaged environment; `seeknal run --full` makes production anew.',
      )
    }
    if (generations.length + environments.length + snapshots + bundles === 0) {
      terminal.success('Nothing to remove.')
      return 0
    }
    const verb = dryRun ? 'Would remove' : 'Removed'
    const parts = [
      environments.length > 0 ? `${counted(environments.length, 'environment')} (${environments.join(', ')})` : '',
      generations.length > 0 ? counted(generations.length, 'generation') : '',
      snapshots > 0 ? counted(snapshots, what) : '',
      bundles > 0 ? counted(bundles, 'bundle') : '',
    ]
    terminal.success(`${verb} ${parts.filter((part) => part !== '').join(', ')}: ${size(bytes)}`)
    return 0
  },
})
