// Project files as text → YAML documents with the position of every key and value. Reports LOAD_YAML_SYNTAX,
// LOAD_NOT_A_MAPPING, LOAD_NO_PROJECT_FILE, LOAD_NO_NODES. Reads nothing itself: the CLI hands in the texts.

import type { Diagnostic, Place } from '../runtime/contract/diagnostics.ts'

/** `path` is relative to the project with `/`. */
export interface ProjectFile {
  readonly path: string
  readonly text: string
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** From offset `start` of a string on, until the next piece, its characters stand side by side in the file at `line`, `column`. */
export interface TextPiece {
  readonly start: number
  readonly line: number
  readonly column: number
}

/**
 * Positions by JSON pointer (`/inputs/0/ref`). `key` is the place of the key, `value` of the value.
 * `pieces` is given for strings that are not a single run of the file: block scalars, folded lines, escapes.
 */
export interface Position {
  readonly key: Place | null
  readonly value: Place
  readonly pieces?: readonly TextPiece[]
}

export interface LoadedDocument {
  readonly file: string
  /** Index of the document in its file. */
  readonly index: number
  readonly value: { readonly [key: string]: Json }
  readonly positions: Readonly<Record<string, Position>>
  /** Scalars that were not plain strings and whose source text matters (`1.10`, `012`, dates), by pointer. */
  readonly sources: Readonly<Record<string, string>>
}

export interface Loaded {
  /** seeknal_project.yml. */
  readonly project: LoadedDocument | null
  /** Node documents of seeknal/**, sorted by (file, index). */
  readonly nodes: readonly LoadedDocument[]
  /** seeknal/common/*.yml. */
  readonly common: readonly LoadedDocument[]
  /** .sql files by path. */
  readonly sql: Readonly<Record<string, string>>
  /** Text of seeknal.lock.json, or null. */
  readonly lock: string | null
  readonly diagnostics: readonly Diagnostic[]
}
