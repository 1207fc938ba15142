// `seeknal lock`: looks at the sources again, shows what differs from seeknal.lock.json, and accepts it with --accept.
// The lock's types stand while the data can be read with them, since today's amounts may happen to be whole numbers;
// --fresh looks as if there were no lock.

import { command } from '../../runtime/cli/command.ts'
import { counted } from '../../runtime/cli/text.ts'
import { type Diagnostic, isError } from '../../runtime/contract/diagnostics.ts'
import { Bug } from '../../runtime/contract/failures.ts'
import { parseDocument } from '../../runtime/contract/schema.ts'
import { writeAtomic } from '../../runtime/store/files.ts'
import { LockFile } from '../schema/project.ts'
import { lockText } from '../validate/project.ts'
import { compiled, projectErrors } from './compile-project.ts'
import { sayDiagnostics } from './diagnostics.ts'
import { LOCK_FILE } from './project-paths.ts'
import { PARAMS_ARG, paramsArgument } from './shared-args.ts'
import { openWorkspace } from './workspace.ts'

type Columns = readonly { readonly name: string; readonly type: string }[]
type Locked = Readonly<LockFile['sources']>

export const lock = command({
  about: `Looks at the files of every source and compares their columns with those in seeknal.lock.json, which is checked in so
that the project compiles to the same bundle where the data is not. Exit code 1 when a source changed and was not accepted.
A type in the lock stays as long as the data can be read with it; --fresh asks the data alone, also for narrower types. Columns of
later files and keys of later rows that are not read are accepted, too: they are warned about no longer.`,
  examples: [
    ['seeknal lock', 'show what changed'],
    ['seeknal lock --accept', 'and accept it'],
    ['seeknal lock --fresh', 'show the types that the data has by itself'],
  ],
  args: {
    accept: { type: 'boolean', description: 'Write what was found to seeknal.lock.json' },
    fresh: { type: 'boolean', description: 'Look at the data as if nothing were locked' },
    ...PARAMS_ARG,
  },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const workspace = openWorkspace(surroundings)
    try {
      const files = workspace.files()
      const result = await compiled(workspace, {
        environment: null,
        past: null,
        params: paramsArgument(args.params),
        acceptSources: true,
        stopAfter: 'bind',
        ...(args.fresh === true ? { files: files.filter((file) => file.path !== LOCK_FILE) } : {}),
      })
      // What a transform makes of changed columns is none of the lock's business; a source that cannot be read is.
      const wrong = result.lock === null ? result.diagnostics : result.diagnostics.filter(isOfSource)
      if (wrong.some(isError)) {
        sayDiagnostics(terminal, wrong, files)
        throw projectErrors(wrong)
      }
      if (result.lock === null) throw new Bug('bind gave no lock')
      const present = files.find((file) => file.path === LOCK_FILE)?.text
      const [before, after] = [parsed(present), parsed(result.lock)]
      const changes = changesBetween(before, after)
      const accepts = args.accept === true || changes.every(({ kind }) => kind !== 'changed')
      const written = args.accept === true ? result.lock : lockText(unreadAsBefore(before, after))
      const isWritten = accepts && changes.length > 0 && written !== present
      if (isWritten) writeAtomic(`${workspace.root}/${LOCK_FILE}`, written)
      const isOpen = args.accept !== true && changes.some(({ kind }) => kind === 'changed' || kind === 'unread')
      if (terminal.options.json) terminal.document({ changes, accepted: !isOpen })
      for (const change of changes) terminal.line(`  ${change.text}`)
      if (changes.length === 0)
        terminal.success(`Nothing changed: ${counted(Object.keys(after).length, 'source')} locked.`)
      if (isWritten) terminal.success('seeknal.lock.json written.')
      if (isOpen) terminal.hint('Accept it with `seeknal lock --accept`.')
      return accepts ? 0 : 1
    } finally {
      workspace.close()
    }
  },
})

const isOfSource = ({ facts }: Diagnostic): boolean =>
  typeof facts.node === 'string' && facts.node.startsWith('source.')

/** What is locked, by source. */
function parsed(text: string | undefined): Locked {
  return text === undefined ? {} : parseDocument(LockFile, text, LOCK_FILE, 'PROJECT_INVALID').sources
}

/** Columns as they are now; what is left out stays what it was accepted to be. */
const unreadAsBefore = (before: Locked, after: Locked): Locked =>
  Object.fromEntries(
    Object.entries(after).map(([id, { unread: _, ...source }]) => {
      const unread = before[id]?.unread
      return [id, unread === undefined ? source : { ...source, unread }]
    }),
  )

interface SourceChange {
  readonly source: string
  /** `unread`: of what is in the data and not read. */
  readonly kind: 'new' | 'gone' | 'changed' | 'unread'
  readonly text: string
}

const changesBetween = (before: Locked, after: Locked): readonly SourceChange[] =>
  Object.keys({ ...before, ...after })
    .sort()
    .flatMap((id) => [
      ...sourceChanges(id, before[id]?.columns, after[id]?.columns),
      ...unreadChanges(id, before[id]?.unread, after[id]?.unread),
    ])

function unreadChanges(id: string, before: readonly string[] = [], after: readonly string[] = []): SourceChange[] {
  const lines = [
    ...after.filter((name) => !before.includes(name)).map((name) => `! ${id}: '${name}' of the data is not read`),
    ...before.filter((name) => !after.includes(name)).map((name) => `- ${id}: '${name}' is not left out any more`),
  ]
  return lines.map((text) => ({ source: id, kind: 'unread', text }))
}

function sourceChanges(id: string, before: Columns | undefined, after: Columns | undefined): SourceChange[] {
  if (before === undefined)
    return [{ source: id, kind: 'new', text: `+ ${id}: ${counted(after?.length ?? 0, 'column')}` }]
  if (after === undefined) return [{ source: id, kind: 'gone', text: `- ${id}` }]
  const [old, now] = [new Map(before.map((c) => [c.name, c.type])), new Map(after.map((c) => [c.name, c.type]))]
  const lines = [
    ...after.filter((c) => !old.has(c.name)).map((c) => `+ ${id}.${c.name} ${c.type}`),
    ...before.filter((c) => !now.has(c.name)).map((c) => `- ${id}.${c.name} ${c.type}`),
    ...after
      .filter((c) => old.has(c.name) && old.get(c.name) !== c.type)
      .map((c) => `~ ${id}.${c.name} ${old.get(c.name)} → ${c.type}`),
  ]
  const moved = lines.length === 0 && before.some((c, i) => after[i]?.name !== c.name)
  if (moved) lines.push(`~ ${id}: columns are in another order`)
  return lines.map((text) => ({ source: id, kind: 'changed', text }))
}
