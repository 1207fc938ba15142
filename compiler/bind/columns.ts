// What holds for the output columns of every kind of node: what the author declared about a column goes with it.

import type { Column } from '../../runtime/contract/manifest.ts'
import { foldCase } from '../../runtime/contract/stored-columns.ts'
import type { DeclaredColumn } from '../validate.ts'

/** Columns with what is declared about them besides the type. */
export function withDeclared(columns: readonly Column[], declared: readonly DeclaredColumn[]): readonly Column[] {
  const byName = new Map(declared.map((column) => [foldCase(column.name), column]))
  return columns.map(({ name, type }) => {
    const about = byName.get(foldCase(name))
    return {
      name,
      type,
      ...(about?.notNull ? { not_null: true as const } : {}),
      ...(about?.description === undefined ? {} : { description: about.description }),
    }
  })
}
