// `seeknal dry-run <file>`: checks a draft as if it were in place, and shows the first rows that it gives. Writes nothing.

import { wholeNumber } from '../../runtime/cli/arguments.ts'
import { command } from '../../runtime/cli/command.ts'
import { executionOptions, VALUE_ARGS } from '../../runtime/cli/execution-args.ts'
import { alignedRows } from '../../runtime/cli/table.ts'
import type { Terminal } from '../../runtime/cli/terminal.ts'
import { rowCount } from '../../runtime/cli/text.ts'
import type { OpenedBundle } from '../../runtime/contract/bundle.ts'
import { isDatabaseEngine } from '../../runtime/contract/engines.ts'
import { Bug } from '../../runtime/contract/failures.ts'
import type { NodeId } from '../../runtime/contract/ids.ts'
import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import type { RunRequest } from '../../runtime/execute/run.ts'
import { formatted } from '../../runtime/repl/formats.ts'
import { compiled } from './compile-project.ts'
import { type DraftFile, readDraft, sayDraftDiagnostics } from './draft-file.ts'
import { type Preview, preview } from './preview.ts'
import { PARAMS_ARG, paramsArgument } from './shared-args.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

export const dryRun = command({
  about: `Checks a draft as if it were in the project, shows its columns, and executes it with what it needs into a scratch folder
to show the first rows. Nothing is written.`,
  examples: [
    ['seeknal dry-run draft_transform_daily_revenue.yml', 'check and preview a draft'],
    ['seeknal dry-run draft_source_orders.yml --schema-only', 'without rows'],
  ],
  args: {
    file: { type: 'positional', description: 'The draft', required: true },
    limit: { type: 'string', alias: 'l', description: 'How many rows (default: 10)', valueHint: 'n' },
    'schema-only': { type: 'boolean', alias: 's', description: 'Show columns, execute nothing' },
    ...PARAMS_ARG,
    ...VALUE_ARGS,
  },
  completes: { file: 'drafts' },
  async run(args, surroundings) {
    const { terminal, signal } = surroundings
    const limit = args.limit === undefined ? 10 : wholeNumber(args.limit, '--limit', 0)
    const workspace = openWorkspace(surroundings)
    try {
      const draft = await readDraft(args.file, workspace, surroundings)
      const result = await compiled(workspace, {
        environment: null,
        params: paramsArgument(args.params),
        files: draft.files,
      })
      sayDraftDiagnostics(result.diagnostics, draft, surroundings)
      if (result.bundle === null) throw new Bug('a compile without errors gave no bundle')
      const { bundle } = result
      const node = bundle.manifest.nodes.find((candidate) => candidate.id === draft.id)
      if (node === undefined) throw new Bug(`${draft.id} is not in the manifest`)
      sayColumns(terminal, draft, node)
      const connection = await workspace.databases.connection(null)
      const request = { ...executionOptions(args, surroundings.environment), connection }
      const shown =
        args['schema-only'] === true
          ? null
          : await firstRows(workspace, bundle, draft.id, { limit, run: request }, signal)
      sayPreview(terminal, shown)
      if (terminal.options.json) terminal.document(document(draft, node, shown))
      terminal.line(`Next: \`seeknal apply ${draft.path}\``)
      return 0
    } finally {
      workspace.close({ save: false })
    }
  },
})

async function firstRows(
  workspace: Workspace,
  bundle: OpenedBundle,
  id: NodeId,
  { limit, run }: { readonly limit: number; readonly run: RunRequest },
  signal: AbortSignal,
): Promise<Preview> {
  if (!isDatabaseEngine(bundle.contract.engine.name)) return preview(workspace, bundle, id, limit, run)
  const { databasePreview } = await import('./database-preview.ts')
  return databasePreview(workspace, bundle, id, { run, limit, signal })
}

function sayColumns(terminal: Terminal, draft: DraftFile, node: ManifestNode): void {
  terminal.success(`${draft.id} is valid; it would be ${draft.home}`)
  if (node.columns === null) terminal.line('  Its columns are known only after execution.')
  else
    for (const line of alignedRows(
      ['column', 'type'],
      node.columns.map((c) => [c.name, c.type]),
    ))
      terminal.line(['  ', line])
}

function sayPreview(terminal: Terminal, shown: Preview | null): void {
  if (shown === null) return
  if (shown.kind === 'no_data') {
    terminal.warn(`There is no file '${shown.pattern}' yet (${shown.source}), so there is no preview.`)
    return
  }
  if (!terminal.options.json) terminal.raw(`\n${formatted(shown.answer, 'table')}`)
  terminal.line(`${rowCount(shown.rows)} in all. Nothing was written.`)
}

const document = (draft: DraftFile, node: ManifestNode, shown: Preview | null) => ({
  node: draft.id,
  file: draft.path,
  home: draft.home,
  columns: node.columns,
  rows: shown?.kind === 'rows' ? shown.rows : null,
  first_rows:
    shown?.kind === 'rows'
      ? shown.answer.json.map((row) => Object.fromEntries(shown.answer.columns.map((c, i) => [c.name, row[i]])))
      : [],
})
