// The reasons of changes: each code with its category, once. Codes are API; the sentences are for people.

import type { Category, Reason } from '../../runtime/contract/diff.ts'

export const REASONS = {
  NODE_ADDED: 'non_breaking',
  NODE_REMOVED: 'breaking',
  NODE_RENAMED: 'breaking',
  NODE_KIND_CHANGED: 'breaking',
  COLUMN_REMOVED: 'breaking',
  COLUMN_RENAMED: 'breaking',
  COLUMN_RETYPED: 'breaking',
  COLUMN_MAY_BE_NULL: 'breaking',
  COLUMN_ADDED: 'non_breaking',
  COLUMNS_MOVED: 'non_breaking',
  COLUMN_VALUES_CHANGED: 'non_breaking',
  COLUMNS_UNKNOWN: 'breaking',
  ROWS_CHANGED: 'non_breaking',
  SQL_CHANGED: 'non_breaking',
  INPUT_REMOVED: 'breaking',
  INPUT_ADDED: 'non_breaking',
  INPUTS_REORDERED: 'non_breaking',
  RUN_PARAMETERS_CHANGED: 'non_breaking',
  MATERIALIZATION_KEY_CHANGED: 'breaking',
  MATERIALIZATION_REMOVED: 'breaking',
  MATERIALIZATION_ADDED: 'non_breaking',
  MATERIALIZATION_CHANGED: 'non_breaking',
  SOURCE_PARAMETER_CHANGED: 'non_breaking',
  SETTING_CHANGED: 'non_breaking',
  DEFINITION_CHANGED: 'non_breaking',
  COLUMN_NOT_NULL: 'non_breaking',
  CHECK_ADDED: 'non_breaking',
  CHECK_CHANGED: 'non_breaking',
  CHECK_REMOVED: 'non_breaking',
  COLUMN_COMMENT_CHANGED: 'metadata',
  DESCRIPTION_CHANGED: 'metadata',
  OWNER_CHANGED: 'metadata',
  TAGS_CHANGED: 'metadata',
  PUBLISH_CHANGED: 'metadata',
  FILE_MOVED: 'metadata',
  INPUT_RENAMED: 'metadata',
  SQL_FORMATTED: 'metadata',
  SQL_REWRITTEN: 'metadata',
} as const satisfies Readonly<Record<string, Category>>

export type ReasonCode = keyof typeof REASONS

export const reason = (code: ReasonCode, text: string, column?: string): Reason => ({
  code,
  text,
  category: REASONS[code],
  ...(column === undefined ? {} : { column }),
})

const SEVERITY: readonly Category[] = ['metadata', 'non_breaking', 'breaking']

/** The severest category of some reasons. */
export const severest = (reasons: readonly Reason[]): Category =>
  SEVERITY[Math.max(0, ...reasons.map((r) => SEVERITY.indexOf(r.category)))] ?? 'metadata'
