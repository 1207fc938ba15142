// Fields that every node has, in the form that later passes use: tags as a list, columns with their types, targets.

import type { Static } from 'typebox'
import type { Diagnostic } from '../../runtime/contract/diagnostics.ts'
import { NAME_PATTERN, type NodeId, nodeId } from '../../runtime/contract/ids.ts'
import { errorAt, warningAt } from '../diagnostic-codes.ts'
import { escapePointer } from '../load/document.ts'
import type { LoadedDocument } from '../load.ts'
import type { Columns } from '../schema/common.ts'
import type { Source } from '../schema/source.ts'
import type { DeclaredColumn, NodeCommon } from '../validate.ts'
import { keyPlaceOf, placeOf } from './read-schema.ts'
import { declaredTargets } from './targets.ts'

type Fields = Omit<Static<typeof Source>, 'kind' | 'source' | 'table' | 'query' | 'connection'>

/** The common part of a node whose name and kind are already checked, but for its tests. */
export function nodeCommon(
  kind: string,
  fields: Fields,
  document: LoadedDocument,
  report: (d: Diagnostic) => void,
): Omit<NodeCommon, 'checks'> {
  const declared = [
    ...declaredColumns(fields.columns, '/columns', document),
    ...declaredColumns(fields.schema, '/schema', document),
  ]
  const renamedFrom =
    fields.renamed_from === undefined ? undefined : renamed(kind, fields.renamed_from, document, report)
  return {
    id: nodeId(kind, fields.name),
    name: fields.name,
    file: document.file,
    place: placeOf(document, '/name'),
    ...(fields.description === undefined ? {} : { description: fields.description }),
    ...(fields.owner === undefined ? {} : { owner: fields.owner }),
    tags: tagList(fields.tags, document, report),
    ...(renamedFrom === undefined ? {} : { renamedFrom }),
    columns: uniqueColumns(declared, report),
    params: fields.params ?? {},
    ...(fields.volatile === undefined ? {} : { volatile: fields.volatile }),
    targets: declaredTargets(document, report),
    document,
  }
}

function tagList(
  tags: string | readonly string[] | undefined,
  document: LoadedDocument,
  report: (d: Diagnostic) => void,
): readonly string[] {
  if (typeof tags !== 'string') return [...new Set(tags ?? [])]
  report(
    warningAt(
      'VALIDATE_OLD_SPELLING',
      placeOf(document, '/tags'),
      "'tags' is one text; it is read as a list with one tag.",
      { hints: [`Write tags: [${tags}].`] },
    ),
  )
  return [tags]
}

function renamed(
  kind: string,
  written: string,
  document: LoadedDocument,
  report: (d: Diagnostic) => void,
): NodeId | undefined {
  const name = written.startsWith(`${kind}.`) ? written.slice(kind.length + 1) : written
  if (NAME_PATTERN.test(name)) return nodeId(kind, name)
  report(
    errorAt('VALIDATE_NAME', placeOf(document, '/renamed_from'), `'${written}' is no name of a ${kind}.`, {
      facts: { name: written },
    }),
  )
  return undefined
}

/** Columns as declared at a pointer: a mapping or a list. */
export function declaredColumns(
  columns: Columns | undefined,
  pointer: string,
  document: LoadedDocument,
): DeclaredColumn[] {
  if (columns === undefined) return []
  const entries = Array.isArray(columns)
    ? columns.map((c, i) => ({ name: typeof c === 'string' ? c : c.name, details: c, at: `${pointer}/${i}` }))
    : Object.entries(columns).map(([name, details]) => ({
        name,
        details: typeof details === 'string' ? { type: details } : details,
        at: `${pointer}/${escapePointer(name)}`,
      }))
  return entries.map(({ name, details, at }) => {
    const known = details === null || typeof details === 'string' ? {} : details
    const type = known.type ?? known.data_type ?? null
    return {
      name,
      type: type === null || type.trim() === '' ? null : type,
      notNull: known.not_null === true,
      ...(known.description === undefined ? {} : { description: known.description }),
      place: Array.isArray(columns) ? placeOf(document, at) : keyPlaceOf(document, at),
    }
  })
}

/** Column names are compared without case, as the engine does. */
export function uniqueColumns(
  columns: readonly DeclaredColumn[],
  report: (d: Diagnostic) => void,
): readonly DeclaredColumn[] {
  const seen = new Map<string, DeclaredColumn>()
  for (const column of columns) {
    const first = seen.get(column.name.toLowerCase())
    if (first === undefined) seen.set(column.name.toLowerCase(), column)
    else
      report(
        errorAt('VALIDATE_DUPLICATE_COLUMN', column.place, `The column '${column.name}' is declared twice.`, {
          facts: { column: column.name },
          notes: [{ message: 'Declared here first.', place: first.place }],
        }),
      )
  }
  return [...seen.values()]
}
