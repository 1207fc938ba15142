// `seeknal apply <file>`: a checked draft moves into the project. Commit point: one rename.

import { lstatSync, realpathSync, rmSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { command } from '../../runtime/cli/command.ts'
import type { Terminal } from '../../runtime/cli/terminal.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { Manifest } from '../../runtime/contract/manifest.ts'
import { guarded, makeFolder, writeAtomic } from '../../runtime/store/files.ts'
import { compiled } from './compile-project.ts'
import { type DraftFile, readDraft, sayDraftDiagnostics } from './draft-file.ts'
import { PARAMS_ARG, paramsArgument } from './shared-args.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

export const apply = command({
  about: `Checks a draft as \`dry-run\` does, without the preview, and moves it to seeknal/<kind>s/<name>.yml, or to where
the node is already (with --force). Nothing is executed: \`seeknal plan\` says what a run would do.`,
  examples: [
    ['seeknal apply draft_transform_daily_revenue.yml', 'put a draft in place'],
    ['seeknal apply draft_transform_daily_revenue.yml --force', 'replace the node of that name'],
  ],
  args: {
    file: { type: 'positional', description: 'The draft', required: true },
    force: { type: 'boolean', alias: 'f', description: 'Replace a node of the same name' },
    ...PARAMS_ARG,
  },
  completes: { file: 'drafts' },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const workspace = openWorkspace(surroundings)
    try {
      const draft = await readDraft(args.file, workspace, surroundings)
      const result = await compiled(workspace, {
        environment: null,
        past: null,
        params: paramsArgument(args.params),
        files: draft.files,
        stopAfter: 'fingerprint',
      })
      sayDraftDiagnostics(result.diagnostics, draft, surroundings)
      refuseBesides(draft)
      const same = draft.replaces === draft.text
      if (draft.replaces !== null && !same && args.force !== true) {
        const hints = [`Compare it with ${draft.home}; --force replaces that file.`]
        throw new RuntimeFailure(
          'USAGE',
          `'${draft.id}' exists already and is different.`,
          { node: draft.id, file: draft.home },
          { hints },
        )
      }
      place(workspace, draft, resolve(surroundings.cwd, draft.path))
      say(terminal, draft, result.manifest, same)
      return 0
    } finally {
      workspace.close()
    }
  },
})

function refuseBesides({ id, home, besides }: DraftFile): void {
  if (besides === null) return
  throw new RuntimeFailure(
    'USAGE',
    `'${id}' would replace ${home}, which holds '${besides}' too.`,
    { node: id, file: home },
    { hints: ['Edit that file, or move its other nodes to files of their own first.'] },
  )
}

/** Moves the draft. Nothing is written through a link that leads out of the project. */
function place({ root }: Workspace, draft: DraftFile, from: string): void {
  const to = join(root, draft.home)
  if (resolve(from) === to) return
  makeFolder(dirname(to))
  const outside = !`${realpathSync(dirname(to))}${sep}`.startsWith(`${realpathSync(root)}${sep}`)
  if (outside || lstatSync(to, { throwIfNoEntry: false })?.isSymbolicLink() === true)
    throw new RuntimeFailure(
      'PROJECT_INVALID',
      `'${draft.home}' is a link, or below one that leads out of the project.`,
      { path: draft.home },
    )
  if (draft.replaces !== draft.text) writeAtomic(to, draft.text, true)
  guarded('remove', draft.path, () => rmSync(from))
}

function say(terminal: Terminal, draft: DraftFile, manifest: Manifest | null, same: boolean): void {
  const node = manifest?.nodes.find((candidate) => candidate.id === draft.id)
  const readers =
    manifest?.nodes
      .filter((candidate) => candidate.inputs.some((input) => input.ref === draft.id))
      .map((reader) => reader.id) ?? []
  const change = same ? 'unchanged' : draft.replaces === null ? 'added' : 'replaced'
  const columns = node?.columns ?? null
  if (terminal.options.json)
    terminal.document({
      node: draft.id,
      file: draft.home,
      change,
      inputs: node?.inputs.map((i) => i.ref) ?? [],
      columns,
      readers,
    })
  terminal.success(`${draft.id} ${change}: ${draft.home}`)
  if (node !== undefined && node.inputs.length > 0)
    terminal.line(`  reads: ${node.inputs.map((input) => input.ref).join(', ')}`)
  if (columns !== null) terminal.line(`  columns: ${columns.map((c) => `${c.name} ${c.type}`).join(', ')}`)
  if (readers.length > 0) terminal.line(`  read by: ${readers.join(', ')}`)
  terminal.line('Next: `seeknal plan`')
}
