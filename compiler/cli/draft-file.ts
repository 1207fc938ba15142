// A draft → the project as it would be with the draft in place. The draft is checked first, so that neither its kind
// nor its name can lead a path anywhere else. Reports USAGE, PROJECT_INVALID (diagnostics at the draft's own lines).

import { relative, resolve } from 'node:path'
import type { Surroundings } from '../../runtime/cli/command.ts'
import { type Diagnostic, isError, nearest, type Place } from '../../runtime/contract/diagnostics.ts'
import { messageOf, RuntimeFailure } from '../../runtime/contract/failures.ts'
import { asNodeId, NAME_PATTERN, type NodeId, nodeId } from '../../runtime/contract/ids.ts'
import { errno } from '../../runtime/store/files.ts'
import type { LoadedDocument, ProjectFile } from '../load.ts'
import { projectErrors } from './compile-project.ts'
import { sayDiagnostics } from './diagnostics.ts'
import { homeOf, KINDS } from './draft-kinds.ts'
import { withNamedSql } from './project.ts'
import { fileAt } from './text-cache.ts'
import type { Workspace } from './workspace.ts'

export interface DraftFile {
  readonly id: NodeId
  /** As it was given. */
  readonly path: string
  readonly text: string
  /** Where it belongs, relative to the project: where the node is already, or `seeknal/<kind>s/<name>.yml`. */
  readonly home: string
  /** Text of the file that it would replace, or null. */
  readonly replaces: string | null
  /** Another node of the file at home, which the draft cannot replace then, or null. */
  readonly besides: NodeId | null
  /** Under which path it is among `files`: home, unless other nodes are there. */
  readonly as: string
  /** The project's files with the draft in place. */
  readonly files: readonly ProjectFile[]
}

export async function readDraft(path: string, workspace: Workspace, surroundings: Surroundings): Promise<DraftFile> {
  const absolute = resolve(surroundings.cwd, path)
  const file = draftAt(absolute, path)
  const { text } = file
  const { load, withoutDocuments } = await import('../load.ts')
  const loaded = load([{ ...file, path: ALONE }], workspace.cache)
  const mistakes = loaded.diagnostics.filter((d) => isError(d) && d.place.file === ALONE)
  if (mistakes.length > 0) throw refused(mistakes, ALONE, path, [file], surroundings)
  const [document, second] = loaded.nodes
  if (document === undefined) throw new RuntimeFailure('USAGE', `'${path}' has no node.`, { file: path })
  if (second !== undefined)
    throw new RuntimeFailure('USAGE', `'${path}' has several nodes; a draft has one.`, { file: path })
  const { kind, name } = document.value
  const known = KINDS.find((k) => k === kind)
  if (known === undefined) throw unknownKind(kind, path)
  if (typeof name !== 'string' || !NAME_PATTERN.test(name)) throw badName(name, path)
  const id = nodeId(known, name)
  const inPlace = relative(workspace.root, absolute)
  const files = workspace.files()
  const nodes = load(files, workspace.cache).nodes.filter((node) => node.file !== inPlace)
  const isSame = ({ value }: LoadedDocument) => value.kind === kind && value.name === name
  const home = nodes.find(isSame)?.file ?? (inPlace.startsWith('seeknal/') ? inPlace : homeOf(known, name))
  const atHome = nodes.filter((node) => node.file === home)
  const other = atHome.find((node) => !isSame(node))
  const as = other === undefined ? home : freePath(files)
  const old = atHome.filter(isSame).map(({ index }) => index)
  const rest = files
    .filter((one) => one.path !== as && one.path !== inPlace)
    .map((one) => (one.path === home ? { ...one, text: withoutDocuments(one.text, old) } : one))
  return {
    id,
    path,
    text,
    home,
    replaces: textOf(files, home),
    besides: other === undefined ? null : asNodeId(`${other.value.kind}.${other.value.name}`),
    as,
    files: withNamedSql(workspace.root, [...rest, { path: as, text }], workspace.cache),
  }
}

/** Where a draft is while it is looked at alone. */
const ALONE = 'seeknal/draft.yml'

const freePath = (files: readonly ProjectFile[], path = ALONE): string =>
  files.some((file) => file.path === path) ? freePath(files, path.replace('.yml', '_.yml')) : path

const textOf = (files: readonly ProjectFile[], path: string): string | null =>
  files.find((file) => file.path === path)?.text ?? null

/** Prints diagnostics with the draft's own path in place of where it would be; throws when there are errors. */
export function sayDraftDiagnostics(
  diagnostics: readonly Diagnostic[],
  draft: DraftFile,
  { terminal }: Surroundings,
): void {
  const moved = diagnostics.map((d) => relocated(d, draft.as, draft.path))
  sayDiagnostics(terminal, moved, [...draft.files, { path: draft.path, text: draft.text }])
  if (moved.some(isError)) throw projectErrors(moved)
}

function refused(
  diagnostics: readonly Diagnostic[],
  from: string,
  to: string,
  files: readonly ProjectFile[],
  { terminal }: Surroundings,
): RuntimeFailure {
  const moved = diagnostics.map((d) => relocated(d, from, to))
  sayDiagnostics(terminal, moved, files)
  return projectErrors(moved)
}

function relocated(diagnostic: Diagnostic, from: string, to: string): Diagnostic {
  const move = (place: Place): Place => (place.file === from ? { ...place, file: to } : place)
  return {
    ...diagnostic,
    place: move(diagnostic.place),
    notes: diagnostic.notes.map((note) => ({ ...note, place: move(note.place) })),
  }
}

function draftAt(absolute: string, path: string): ProjectFile {
  try {
    return fileAt(path, absolute)
  } catch (cause) {
    throw new RuntimeFailure(
      'USAGE',
      errno(cause) === 'ENOENT' ? `There is no file '${path}'.` : `'${path}' cannot be read: ${messageOf(cause)}`,
      { file: path },
      { cause, hints: ['`seeknal draft transform NAME` writes one.'] },
    )
  }
}

function unknownKind(kind: unknown, path: string): RuntimeFailure {
  const near = typeof kind === 'string' ? nearest(kind, KINDS) : undefined
  const hints = [
    near === undefined
      ? `'kind' is one of ${KINDS.join(', ')}; other kinds are not supported yet.`
      : `Did you mean '${near}'?`,
  ]
  const said =
    kind === undefined
      ? `'${path}' does not say its 'kind'.`
      : `'${path}' is of kind '${String(kind)}', which cannot be applied.`
  return new RuntimeFailure('USAGE', said, { file: path, kind }, { hints })
}

function badName(name: unknown, path: string): RuntimeFailure {
  const said =
    name === undefined
      ? `'${path}' does not say its 'name'.`
      : `'${path}' has the name '${String(name)}', which no node can have.`
  return new RuntimeFailure(
    'USAGE',
    said,
    { file: path, name },
    { hints: ['A name is letters, digits and `_`, and does not begin with a digit.'] },
  )
}
