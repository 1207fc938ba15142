// `seeknal draft <kind> <name>`: draft_<kind>_<name>.yml in the working directory. A draft passes `dry-run` unedited:
// a source names a file that is there or declares its columns, a transform reads a node that exists or none.

import { existsSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { command } from '../../runtime/cli/command.ts'
import { nearest } from '../../runtime/contract/diagnostics.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import { NAME_PATTERN } from '../../runtime/contract/ids.ts'
import { writeAtomic } from '../../runtime/store/files.ts'
import { KINDS, type Kind } from './draft-kinds.ts'
import { yamlText } from './init.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

export const draft = command({
  about: `Writes draft_<kind>_<name>.yml, to be edited, tried with \`seeknal dry-run\` and put in place with \`seeknal apply\`.
Kinds: ${KINDS.join(', ')}.`,
  examples: [
    ['seeknal draft source orders', 'a source that reads data/orders.csv'],
    ['seeknal draft source customers --source postgresql', 'a source that reads a table'],
    ['seeknal draft transform daily_revenue -d "Revenue by day"', 'a transform'],
  ],
  args: {
    kind: { type: 'positional', description: `One of ${KINDS.join(', ')}`, required: true },
    name: { type: 'positional', description: 'Letters, digits and _', required: true },
    description: { type: 'string', alias: 'd', description: 'What it is' },
    source: {
      type: 'enum',
      options: ['file', 'postgresql'],
      description: 'Of a source: where its rows are (default: file)',
    },
    force: { type: 'boolean', alias: 'f', description: 'Overwrite a draft of the same name' },
  },
  completes: { kind: KINDS },
  async run(args, surroundings) {
    const kind = kindArgument(args.kind)
    const name = nameArgument(args.name)
    const workspace = openWorkspace(surroundings)
    const file = `draft_${kind}_${name}.yml`
    const absolute = join(surroundings.cwd, file)
    if (existsSync(absolute) && args.force !== true)
      throw new RuntimeFailure('USAGE', `'${file}' exists already.`, { file }, { hints: ['--force overwrites it.'] })
    const text =
      kind === 'source'
        ? await (args.source === 'postgresql' ? tableDraft : sourceDraft)(workspace, name, args.description)
        : await transformDraft(workspace, name, args.description)
    writeAtomic(absolute, text)
    surroundings.terminal.success(`Draft written: ${file}`)
    surroundings.terminal.line(`Next: edit it, then \`seeknal dry-run ${file}\` and \`seeknal apply ${file}\``)
    if (surroundings.terminal.options.json)
      surroundings.terminal.document({ kind, name, file: relative(surroundings.cwd, absolute) })
    return 0
  },
})

function kindArgument(text: string): Kind {
  const kind = KINDS.find((known) => known === text)
  if (kind !== undefined) return kind
  const near = nearest(text, KINDS)
  const hints = [near === undefined ? `Kinds are ${KINDS.join(' and ')}.` : `Did you mean '${near}'?`]
  throw new RuntimeFailure('USAGE', `There is no kind '${text}' to draft.`, { kind: text }, { hints })
}

function nameArgument(text: string): string {
  if (NAME_PATTERN.test(text)) return text
  const hints = ['A name is letters, digits and `_`, and does not begin with a digit.']
  throw new RuntimeFailure('USAGE', `'${text}' is no name for a node.`, { name: text }, { hints })
}

async function sourceDraft({ root }: Workspace, name: string, description: string | undefined): Promise<string> {
  const { template } = await import('../emit/templates.ts')
  const { default: text } = await import('../../templates/drafts/source.yml.hbs')
  const present = ['csv', 'parquet', 'json', 'jsonl'].find((ending) =>
    existsSync(join(root, 'data', `${name}.${ending}`)),
  )
  const format = present ?? 'csv'
  return template(
    'drafts/source.yml.hbs',
    text,
  )({
    name,
    description: yamlText(description ?? `Rows of ${name}`),
    format,
    path: JSON.stringify(`data/${name}.${format}`),
    columns: present === undefined,
  })
}

/** Declared columns let it be checked where the server is not. */
async function tableDraft(_: Workspace, name: string, description: string | undefined): Promise<string> {
  const { template } = await import('../emit/templates.ts')
  const { default: text } = await import('../../templates/drafts/source-postgresql.yml.hbs')
  const values = { name, description: yamlText(description ?? `Rows of ${name}`) }
  return template('drafts/source-postgresql.yml.hbs', text)(values)
}

async function transformDraft(workspace: Workspace, name: string, description: string | undefined): Promise<string> {
  const { template } = await import('../emit/templates.ts')
  const { default: text } = await import('../../templates/drafts/transform.yml.hbs')
  return template(
    'drafts/transform.yml.hbs',
    text,
  )({
    name,
    description: yamlText(description ?? name.replaceAll('_', ' ')),
    input: firstInput(workspace, name) ?? null,
  })
}

/** A source to read, by the names of the files in seeknal/sources: a draft needs an example, not the whole project. */
function firstInput({ root, files }: Workspace, name: string): string | undefined {
  const folder = join(root, 'seeknal')
  if (!existsSync(folder) || readdirSync(folder).length === 0) return undefined
  const ids = files().flatMap(({ path, text }) => {
    if (!path.startsWith('seeknal/') || path.startsWith('seeknal/common/')) return []
    const id = /^name:[ \t]*["']?([A-Za-z_]\w*)["']?[ \t]*$/m.exec(text)?.[1]
    return id !== undefined && id !== name && /^kind:[ \t]*["']?source["']?[ \t]*$/m.test(text) ? [`source.${id}`] : []
  })
  return ids[0]
}
