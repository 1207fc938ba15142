// What a node reads → edits that spell it `kind.name`, and where these names stand afterwards.

import type { NodeId } from '../../runtime/contract/ids.ts'
import type { RelationUse } from '../resolve.ts'
import type { Reads, RelationRead, Source } from '../sql/refs.ts'
import type { Edit } from '../sql/spliced-text.ts'

/** Reserved words of the engine's grammar. */
const RESERVED = new Set(
  'all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default deferrable desc describe distinct do else end except false fetch for foreign from group having in initially intersect into lambda lateral leading limit not null offset on only or order pivot pivot_longer pivot_wider placing primary qualify references returning select show some summarize symmetric table then to trailing true union unique unpivot using variadic when where window with'.split(
    ' ',
  ),
)

function spell(id: NodeId): string {
  const [kind = '', name = ''] = id.split('.')
  return RESERVED.has(name.toLowerCase()) ? `${kind}."${name}"` : id
}

/** Columns that are qualified by `input_N` keep working: the name stays as an alias. */
function aliasOf(read: RelationRead, reads: Reads, source: Source): string {
  if (read.hasAlias || !read.aliasAllowed) return ''
  if (read.form === 'input') return ` AS ${source.text.slice(read.start, read.end)}`
  return read.form === 'ref' && reads.qualifiers.has(read.index) ? ` AS input_${read.index}` : ''
}

/** Sorted by place; `kind.name` stays as the author spelled it. */
export const relationEdits = (reads: Reads, source: Source): Edit[] =>
  reads.relations
    .filter((read) => read.form !== 'path')
    .map((read) => ({ start: read.start, end: read.end, replacement: spell(read.id) + aliasOf(read, reads, source) }))
    .sort((a, b) => a.start - b.start)

/** Where an offset of the text before the edits is after them. */
export const movedBy =
  (edits: readonly Edit[]) =>
  (offset: number): number => {
    const before = edits.filter((edit) => edit.end <= offset && edit.start < offset)
    return before.reduce((at, edit) => at + edit.replacement.length - (edit.end - edit.start), offset)
  }

/** Also columns that are qualified by `kind.name`, where no alias hides that name. Sorted by place. */
export function relationUses(reads: Reads, source: Source, move: (offset: number) => number): RelationUse[] {
  const schemaLength = (read: RelationRead): number => {
    const token = read.form === 'path' ? source.tokens.find((t) => t.start === read.start) : undefined
    return token === undefined ? read.id.indexOf('.') : token.end - token.start
  }
  const bare = reads.relations.filter((read) => !read.hasAlias && aliasOf(read, reads, source) === '')
  const unhidden = new Set(bare.map((read) => read.id))
  const columns = reads.columnPaths.filter(({ id }) => unhidden.has(id))
  return [
    ...reads.relations.map((read) => ({ node: read.id, start: move(read.start), schemaLength: schemaLength(read) })),
    ...columns.map((path) => ({ node: path.id, start: move(path.start), schemaLength: path.end - path.start })),
  ].sort((a, b) => a.start - b.start)
}
