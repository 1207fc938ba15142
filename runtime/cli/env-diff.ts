// `seeknal env diff <env> [node]`: the data of an environment against production's.

import { environmentDiff } from '../environment-diff.ts'
import { wholeNumber } from './arguments.ts'
import { command } from './command.ts'
import { detailLines, summaryLine } from './diff-lines.ts'
import { environmentArgument } from './environment-argument.ts'
import { PROFILE_ARG } from './profile.ts'
import { withOutputs } from './shared.ts'

const EXAMPLES = 5

export const envDiff = command({
  about: `Compares what an environment computed with production: columns, row counts, rows that only one side has, and how many
values of each column differ. Rows are matched by the key that the node declares, 'unique_keys' of a materialization or a
'unique' test, else by the column that is unique in both and has most values in common, one that the edit did not change
before one that it did; without one they are compared as a whole. The output says by what and why. The engine does the work;
values are shown only with --samples.`,
  examples: [
    ['seeknal env diff dev', 'sum up every output of the environment'],
    ['seeknal env diff dev transform.daily_revenue --samples', 'with examples of values that differ'],
  ],
  args: {
    env: { type: 'positional', description: 'The environment', required: true },
    node: { type: 'positional', description: 'One node', required: false },
    samples: { type: 'boolean', description: 'Show examples of values that differ' },
    limit: {
      type: 'string',
      alias: 'l',
      description: `How many examples a column (default: ${EXAMPLES})`,
      valueHint: 'n',
    },
    ...PROFILE_ARG,
  },
  completes: { env: 'environments', node: 'nodes' },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const environment = environmentArgument(args.env)
    const most = args.limit === undefined ? EXAMPLES : wholeNumber(args.limit, '--limit', 0)
    const samples = args.samples === true || args.limit !== undefined ? most : 0
    const diffs = await withOutputs(
      { environment, profile: args.profile, command: 'diff' },
      surroundings,
      ({ store, source }) =>
        environmentDiff({ store, source, signal: surroundings.signal }, environment, {
          node: args.node ?? null,
          samples,
        }),
    )
    if (terminal.options.json) {
      terminal.document(diffs)
      return 0
    }
    if (diffs.length === 0)
      terminal.info(`Environment '${environment}' has no output of its own: everything is production's.`)
    for (const diff of diffs) {
      terminal.result(summaryLine(diff))
      for (const line of detailLines(diff)) terminal.result(`  ${line}`)
    }
    return 0
  },
})
