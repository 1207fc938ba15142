// Project files as text → YAML documents with the position of every key and value. Reports LOAD_YAML_SYNTAX,
// LOAD_NOT_A_MAPPING, LOAD_NO_PROJECT_FILE, LOAD_NO_NODES. Reads nothing itself: the CLI hands in the texts.

import type { Diagnostic, Place } from '../runtime/contract/diagnostics.ts'

/** `path` is relative to the project with `/`. */
export interface ProjectFile {
  readonly path: string
  readonly text: string
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * Positions by JSON pointer (`/inputs/0/ref`). `key` is the place of the key, `value` of the value.
 * `lines` is given for strings: for each line of the string's text, the place in the file where that line starts,
 * so that an offset inside SQL maps to the YAML file's own line and column.
 */
export interface Position {
  readonly key: Place | null
  readonly value: Place
  readonly lines?: readonly { readonly line: number; readonly column: number }[]
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
