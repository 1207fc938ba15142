// `seeknal bundle verify|show|diff`: look at bundles without executing them.

import { resolve } from 'node:path'
import { RuntimeFailure } from '../contract/failures.ts'
import { sayDifference } from './bundle-difference.ts'
import { command } from './command.ts'
import { alignedRows } from './table.ts'
import { counted } from './text.ts'

const BUNDLE_ARG = {
  type: 'positional',
  description: 'Folder or .tar.gz (default: ./bundle)',
  required: false,
} as const

export const verify = command({
  about:
    'Checks that a bundle is complete and unchanged: its digest and that of every file, and that its documents fit.',
  examples: [['seeknal bundle verify bundle.tar.gz', 'check an archive']],
  args: { path: BUNDLE_ARG },
  async run(args, { terminal, cwd }) {
    const { open } = await import('../open.ts')
    const path = args.path ?? 'bundle'
    const { contract } = await open(resolve(cwd, path))
    if (terminal.options.json)
      terminal.document({ valid: true, digest: contract.digest, files: Object.keys(contract.files).length + 1 })
    terminal.success(
      `${path} is complete and unchanged: ${counted(Object.keys(contract.files).length + 1, 'file')}, digest ${contract.digest}`,
    )
    return 0
  },
})

export const show = command({
  about:
    'Prints what a bundle does: for which environment, against which production, its steps in order. With --file, one of its files.',
  examples: [
    ['seeknal bundle show', 'show ./bundle'],
    ['seeknal bundle show bundle.tar.gz --file review.md', 'print the review in an archive'],
  ],
  args: { path: BUNDLE_ARG, file: { type: 'string', description: 'Print this file of the bundle', valueHint: 'path' } },
  async run(args, { terminal, cwd }) {
    const { open } = await import('../open.ts')
    const bundle = await open(resolve(cwd, args.path ?? 'bundle'))
    if (args.file !== undefined) {
      const text = bundle.files.get(args.file)
      if (text === undefined)
        throw new RuntimeFailure(
          'USAGE',
          `The bundle has no file '${args.file}'.`,
          { file: args.file },
          { hints: [`It has ${[...bundle.files.keys()].slice(0, 8).join(', ')}…`] },
        )
      terminal.raw(text)
      return 0
    }
    const { contract } = bundle
    if (terminal.options.json) {
      terminal.document(contract)
      return 0
    }
    terminal.result(
      `${contract.project.name} ${contract.project.version}, ${contract.environment === null ? 'production' : `environment '${contract.environment}'`}`,
    )
    terminal.result(`digest: ${contract.digest}`)
    terminal.result(`base: ${contract.base ?? 'no production'}`)
    terminal.result(`engine: ${contract.engine.name} from ${contract.engine.from}, before ${contract.engine.before}`)
    if (contract.requires.parameters.length > 0)
      terminal.result(`parameters: ${contract.requires.parameters.join(', ')}`)
    terminal.result()
    const rows = contract.steps.map((step, i) => [
      String(i + 1),
      step.id,
      step.category.replace('_', '-'),
      step.reasons.join('; '),
    ])
    for (const line of alignedRows(['#', 'step', 'category', 'why'], rows, ['#'])) terminal.result(line)
    return 0
  },
})

export const diff = command({
  about: 'Compares two bundles: what bundle.json says, steps, files and nodes. Exit code 1 when they differ.',
  examples: [['seeknal bundle diff before.tar.gz after.tar.gz', 'compare two archives']],
  args: {
    from: { type: 'positional', description: 'A bundle', required: true },
    to: { type: 'positional', description: 'Another bundle', required: true },
  },
  async run(args, { terminal, cwd }) {
    const { open } = await import('../open.ts')
    const { bundleDifference } = await import('../bundle-diff.ts')
    const difference = bundleDifference(await open(resolve(cwd, args.from)), await open(resolve(cwd, args.to)))
    if (terminal.options.json) terminal.document(difference)
    else if (difference.equal) terminal.success('The bundles are equal.')
    else sayDifference(terminal, difference)
    return difference.equal ? 0 : 1
  },
})
