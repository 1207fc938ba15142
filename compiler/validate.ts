// YAML documents → typed nodes, by one TypeBox schema per kind (schema/). Unknown fields are warnings with the nearest
// name, wrong types are errors, kinds that are not built yet are named and set aside. Reports VALIDATE_*.

import type { Diagnostic, Place } from '../runtime/contract/diagnostics.ts'
import type { NodeId } from '../runtime/contract/ids.ts'
import type { Json, LoadedDocument, TextPiece } from './load.ts'

/** Text of the project with the way back to its place: `placeAt` of sql/placed-text.ts. */
export interface PlacedText {
  readonly text: string
  readonly file: string
  /** At least one; sorted; the first starts at 0. */
  readonly pieces: readonly TextPiece[]
}

export interface NodeInput {
  readonly ref: NodeId
  readonly place: Place
}

interface NodeCommon {
  readonly id: NodeId
  readonly name: string
  readonly file: string
  /** Place of `name:`'s value. */
  readonly place: Place
  readonly description?: string
  readonly owner?: string
  readonly tags: readonly string[]
  readonly renamedFrom?: NodeId
  /** Declared columns, in order of the YAML: name → type (null: not given), description, not null. */
  readonly columns: readonly DeclaredColumn[]
  readonly params: { readonly [key: string]: Json }
  readonly volatile?: 'day' | 'always'
  /** Normalised targets; executed by a later release, part of the definition now. */
  readonly materializations: readonly { readonly [key: string]: Json }[]
  readonly document: LoadedDocument
}

export interface DeclaredColumn {
  readonly name: string
  readonly type: string | null
  readonly notNull: boolean
  readonly description?: string
  readonly place: Place
}

export interface SourceNode extends NodeCommon {
  readonly kind: 'source'
  readonly format: 'csv' | 'parquet' | 'json'
  /** Path or glob, placeholders not yet resolved. */
  readonly path: PlacedText
  /** Reader options, checked against the allow-list of the format, placeholders not yet resolved. */
  readonly options: { readonly [key: string]: Json }
}

export interface TransformNode extends NodeCommon {
  readonly kind: 'transform'
  readonly inputs: readonly NodeInput[]
  /** SQL as written, from `transform:` or the file that `file:` names. */
  readonly sql: PlacedText
}

export type ValidNode = SourceNode | TransformNode

/** A node of a kind or source type that is not built yet: reported by name; an error only if something depends on it. */
export interface UnsupportedNode {
  readonly id: NodeId
  readonly kind: string
  readonly what: string
  readonly place: Place
}

export interface ProjectSettings {
  readonly name: string
  readonly version: string
  readonly profile: string | null
  readonly engine: 'duckdb'
  readonly dialect: 'duckdb'
  /** Engine settings that change results. */
  readonly settings: Readonly<Record<string, string>>
  /** Default `params` of every node. */
  readonly params: { readonly [key: string]: Json }
}

/** Snippets of seeknal/common: `id.param`, `rules.id`, `transforms.id` → text, with place. */
export type Snippets = Readonly<Record<string, { readonly text: string; readonly place: Place }>>

export interface Validated {
  readonly project: ProjectSettings
  /** Sorted by id; ids are unique. */
  readonly nodes: readonly ValidNode[]
  readonly unsupported: readonly UnsupportedNode[]
  readonly snippets: Snippets
  /** Locked source schemas by node id. */
  readonly lock: Readonly<Record<string, readonly { readonly name: string; readonly type: string }[]>>
  readonly diagnostics: readonly Diagnostic[]
}
