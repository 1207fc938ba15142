// The SELECT list: stars expanded to columns, names given as DuckDB gives them, later items that name earlier ones.

import type { Tree } from '../../ports.ts'
import { child, children, columnParts, everyTree, foldCase, isTree, pairs, text, texts } from '../tree.ts'
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
    const items =
      tree.class === 'STAR'
        ? star(t, tree, from, scope)
        : (spread(tree, from) ?? [tree]).map((each) => plain(t, each, scope))
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
  const chosen = chosenBy(tree)
  if (chosen === null) return wrong('COLUMNS()')
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
    if (excluded.has(key) || !chosen(name ?? '')) return []
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

/** Which columns `COLUMNS('pattern')` and the like name; null: in a way that is not translated. */
function chosenBy(tree: Tree): ((name: string) => boolean) | null {
  const pattern = child(tree, 'expr')
  if (pattern === undefined) return () => true
  const value = child(pattern, 'value')?.value
  // All that both kinds of patterns read alike.
  if (pattern.class !== 'CONSTANT' || typeof value !== 'string' || !/^[\w^$|.*+() -]*$/.test(value)) return null
  try {
    const expression = new RegExp(value)
    return (name) => expression.test(name)
  } catch {
    return null
  }
}

/** `max(COLUMNS(*))`: the item once for each column; null: it has none of these, or not in a way that is translated. */
function spread(tree: Tree, from: From): readonly Tree[] | null {
  const [found, second] = everyTree(tree).filter((each) => each.class === 'STAR')
  const chosen = found === undefined ? null : chosenBy(found)
  const isPlain =
    found?.columns === true && Object.entries(found).every(([key, value]) => SPREAD.has(key) || isNothing(value))
  if (found === undefined || second !== undefined || chosen === null || !isPlain || text(tree, 'alias') !== '')
    return null
  const names = starColumns('', from).flatMap(({ name }) => (name === null ? [''] : [name]))
  if (names.includes('') || new Set(names.map(foldCase)).size < names.length) return null
  return names.filter(chosen).map((name) => replacedIn(tree, found, name) as Tree)
}

const isNothing = (value: unknown): boolean =>
  value === null || value === false || value === '' || (Array.isArray(value) && value.length === 0)

const SPREAD: ReadonlySet<string> = new Set(['class', 'type', 'query_location', 'columns', 'expr'])

function replacedIn(value: unknown, star: Tree, name: string): unknown {
  if (value === star)
    return { class: 'COLUMN_REF', type: 'COLUMN_REF', query_location: star.query_location, column_names: [name] }
  if (Array.isArray(value)) return value.map((each) => replacedIn(each, star, name))
  if (!isTree(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, replacedIn(each, star, name)]))
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
