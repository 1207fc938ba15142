// `seeknal diff [env]`: what changed against production's manifest, column by column, and with --sql line by line.

import { command, type Surroundings } from '../../runtime/cli/command.ts'
import { environmentArgument } from '../../runtime/cli/environment-argument.ts'
import { styled, type Text } from '../../runtime/cli/text.ts'
import type { OpenedBundle } from '../../runtime/contract/bundle.ts'
import type { Change } from '../../runtime/contract/diff.ts'
import type { Manifest } from '../../runtime/contract/manifest.ts'
import { open } from '../../runtime/open.ts'
import { environmentNotFound } from '../../runtime/store/environments.ts'
import { kindAt } from '../../runtime/store/files.ts'
import { environmentFolder } from '../../runtime/store/store.ts'
import { changeLines, planExitCode } from './changes.ts'
import { compileProject } from './compile-project.ts'
import { lineDiff } from './line-diff.ts'
import { EXIT_CODE_ARGS, PARAMS_ARG, paramsArgument } from './shared-args.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

export const diff = command({
  about: `Shows what changed against production: nodes with category and reasons, columns that were added, removed or retyped.
With the name of an environment, what its saved plan changes; without, what the project as it is now would change.`,
  examples: [
    ['seeknal diff', 'what did I change?'],
    ['seeknal diff dev --sql', "what does environment 'dev' change, with the SQL"],
  ],
  args: {
    env: { type: 'positional', description: 'An environment (default: the project as it is now)', required: false },
    sql: { type: 'boolean', description: 'Show the SQL difference' },
    ...PARAMS_ARG,
    ...EXIT_CODE_ARGS,
  },
  completes: { env: 'environments' },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const workspace = openWorkspace(surroundings)
    try {
      const bundle =
        args.env === undefined ? await current(workspace, args.params, surroundings) : await saved(workspace, args.env)
      const { changes } = bundle.diff
      if (terminal.options.json)
        terminal.document({
          ...bundle.diff,
          ...(args.sql === true ? { sql: Object.fromEntries(changes.map((c) => [c.node, sqlOf(bundle, c)])) } : {}),
        })
      if (changes.length === 0) terminal.success('No changes detected.')
      const lines = changeLines(bundle.diff)
      changes.forEach((change, i) => {
        terminal.line(lines[i] ?? '')
        for (const line of columnLines(change, bundle)) terminal.line(line)
        if (args.sql === true) for (const line of sqlLines(sqlOf(bundle, change))) terminal.line(line)
      })
      return planExitCode(bundle.diff, changes.length > 0, {
        detailed: args['detailed-exitcode'] === true,
        failOn: args['fail-on'],
      })
    } finally {
      workspace.close()
    }
  },
})

const current = async (
  workspace: Workspace,
  params: string | undefined,
  { terminal }: Surroundings,
): Promise<OpenedBundle> =>
  (await compileProject(workspace, { environment: null, params: paramsArgument(params) }, terminal)).bundle

async function saved({ store }: Workspace, name: string): Promise<OpenedBundle> {
  const environment = environmentArgument(name)
  const folder = environmentFolder(store, environment)
  if (kindAt(folder) === 'absent') throw environmentNotFound(store, environment)
  return open(`${folder}/bundle`)
}

function columnLines(change: Change, { manifest, base }: OpenedBundle): readonly Text[] {
  if (change.change !== 'modified') return []
  const type = (m: Manifest | null, column: string) =>
    m?.nodes.find((n) => n.id === change.node)?.columns?.find((c) => c.name === column)?.type ?? ''
  return [
    ...change.columns_added.map((name): Text => ['      ', styled('green', `+ ${name} ${type(manifest, name)}`)]),
    ...change.columns_removed.map((name): Text => ['      ', styled('red', `- ${name} ${type(base, name)}`)]),
    ...change.columns_retyped.map(
      (name): Text => ['      ', styled('yellow', `~ ${name} ${type(base, name)} → ${type(manifest, name)}`)],
    ),
  ]
}

interface SqlDifference {
  readonly before: string
  readonly after: string
}

function sqlOf({ manifest, base }: OpenedBundle, { node }: Change): SqlDifference {
  const sql = (m: Manifest | null) => m?.nodes.find((n) => n.id === node)?.sql ?? ''
  return { before: sql(base), after: sql(manifest) }
}

const sqlLines = ({ before, after }: SqlDifference): readonly Text[] =>
  before === after
    ? []
    : lineDiff(before, after).map(
        ({ sign, text }): Text => [
          '      ',
          sign === '+' ? styled('green', `+ ${text}`) : sign === '-' ? styled('red', `- ${text}`) : `  ${text}`,
        ],
      )
