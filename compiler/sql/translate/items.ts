// The SELECT list: stars expanded to columns, names given as DuckDB gives them, later items that name earlier ones.

import type { Tree } from '../../ports.ts'
import { child, children, columnParts, foldCase, isTree, pairs, text, texts } from '../tree.ts'
import { hasAggregate } from './aggregates.ts'
import type { From } from './from.ts'
import { lookUp } from './names.ts'
import type { Scope, Translator } from './translator.ts'
import type { Typed } from './types.ts'

export interface Item {
  /** Null: named after its text. */
  readonly name: string | null
  readonly value: Typed
  readonly aggregates: boolean
  readonly tree: Tree
}

export function selectItems(t: Translator, node: Tree, from: From, scope: Scope): readonly Item[] {
  return children(node, 'select_list').flatMap((tree) => {
    const items = tree.class === 'STAR' ? star(t, tree, from, scope) : [plain(t, tree, scope)]
    for (const { name, value } of items)
      if (name !== null && tree.class !== 'STAR') scope.aliases.set(foldCase(name), value)
    return items
  })
}

function plain(t: Translator, tree: Tree, scope: Scope): Item {
  const parts = columnParts(tree)
  const own = text(tree, 'alias')
  const name = own !== '' ? own : parts === undefined ? null : columnName(parts, scope)
  return { name, value: t.expression(tree, scope), aggregates: hasAggregate(tree), tree }
}

/** A column is named as its relation spells it. */
function columnName(parts: readonly string[], scope: Scope): string | null {
  const last = parts.at(-1) ?? ''
  const value = lookUp(parts, scope)
  for (let at: Scope | null = scope; at !== null; at = at.outer)
    for (const { columns } of at.relations)
      for (const column of columns) if (column.value === value && column.name !== null) return column.name
  return last
}

function star(t: Translator, tree: Tree, from: From, scope: Scope): readonly Item[] {
  const of = foldCase(text(tree, 'relation_name'))
  const wrong = (what: string): readonly Item[] => {
    t.refuse(tree, what, { message: `${what} is not translated.`, hint: 'Write the columns out.' })
    return []
  }
  if (tree.columns === true || child(tree, 'expr') !== undefined) return wrong('COLUMNS()')
  if (children(tree, 'qualified_exclude_list').length > 0 && of === '') return wrong('EXCLUDE of a qualified column')
  const excluded = new Set(
    [
      ...texts(tree, 'exclude_list'),
      ...children(tree, 'qualified_exclude_list').map((each) => text(each, 'column')),
    ].map(foldCase),
  )
  const replaced = new Map(pairs(tree, 'replace_list').map(({ key, value }) => [foldCase(String(key)), value]))
  const renamed = renames(tree)
  return starColumns(of, from).flatMap(({ name, value }) => {
    const key = name === null ? '' : foldCase(name)
    if (excluded.has(key)) return []
    const other = replaced.get(key)
    const inside = isTree(other) ? other : null
    return [
      {
        name: renamed.get(key) ?? name,
        value: inside === null ? value : t.expression(inside, scope),
        aggregates: inside !== null && hasAggregate(inside),
        tree,
      },
    ]
  })
}

function renames(tree: Tree): ReadonlyMap<string, string> {
  return new Map(
    pairs(tree, 'rename_list').map(({ key, value }) => [
      foldCase(isTree(key) ? text(key, 'column') : String(key)),
      String(value),
    ]),
  )
}

/** Columns that USING made one stand where the first of them stood. */
function starColumns(of: string, from: From): readonly { readonly name: string | null; readonly value: Typed }[] {
  if (of !== '') return from.relations.find(({ alias }) => alias === of)?.columns ?? []
  const seen = new Set<string>()
  return from.relations.flatMap(({ columns }) =>
    columns.flatMap((column) => {
      const key = column.name === null ? '' : foldCase(column.name)
      const merged = from.merged.get(key)
      if (merged === undefined) return [column]
      if (seen.has(key)) return []
      seen.add(key)
      return [{ name: column.name, value: merged }]
    }),
  )
}
