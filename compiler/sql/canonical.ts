// Statements → one hash that noise does not change: formatting, comments, letter case of keywords and identifiers,
// spellings that the parser makes equal (`<>`, INNER, AS, parentheses). The form is the engine's tree without positions,
// or a token sequence for what cannot be serialised. Letter case stays where it may show in an output column's name.

import { sha256 } from '../../runtime/contract/canonical-json.ts'
import type { Fingerprint } from '../../runtime/contract/ids.ts'
import type { Tree } from '../ports.ts'
import { lex } from './lexer.ts'
import { children, columnParts, everyTree, foldCase, isTree, text } from './tree.ts'

/** One statement. `tree` is null when the engine cannot serialise it. */
export interface ParsedStatement {
  readonly text: string
  readonly tree: Tree | null
}

/** Hash of the canonical form of statements in order. Pure; the same for every version of this program. */
export const canonicalSql = (statements: readonly ParsedStatement[]): Fingerprint =>
  sha256(
    list(statements, (s) =>
      s.tree === null ? JSON.stringify(canonicalTokens(s.text)) : canonicalTree(s.tree) + materialized(s.text),
    ),
  )

/** Whether a CTE is computed once is not in the tree, and shows in the result when it is volatile. */
function materialized(sql: string): string {
  if (!/\bmaterialized\b/i.test(sql)) return ''
  const words = lex(sql).flatMap((token) =>
    token.kind === 'word' ? [foldCase(sql.slice(token.start, token.end))] : [],
  )
  return words.flatMap((word, i) => (word === 'materialized' ? [words[i - 1] === 'not' ? '-' : '+'] : [])).join('')
}

/** The canonical form of a tree: compact JSON text with sorted keys. Pure. */
export const canonicalTree = (tree: Tree): string => folded(tree, '')

/** Members that hold identifiers which are compared without case and give no output column its name. */
const IDENTIFIERS: ReadonlySet<string> = new Set([
  'catalog_name',
  'collation',
  'column_names',
  'cte_name',
  'exclude_list',
  'qualified_exclude_list',
  'relation_name',
  'schema_name',
  'table_name',
  'using_columns',
])
const TABLE_REFERENCES: ReadonlySet<unknown> = new Set(['BASE_TABLE', 'SUBQUERY', 'TABLE_FUNCTION', 'JOIN'])

function folded(value: unknown, key: string): string {
  if (Array.isArray(value)) return list(value, (item) => folded(item, key))
  if (typeof value === 'string') return quotedText(IDENTIFIERS.has(key) ? foldCase(value) : value)
  if (!isTree(value)) return JSON.stringify(value)
  // Their columns are named after the expressions inside.
  if (value.type === 'PIVOT' || value.type === 'SHOW_REF') return asWritten(value)
  if (key === 'qualified_exclude_list') return members(value, (member) => folded(member, key))
  if (value.type === 'SELECT_NODE') return foldedSelect(value)
  return members(value, foldedMember)
}

/** Table aliases and names of CTEs have their names in members that mean something else elsewhere. */
function foldedMember(value: unknown, key: string, tree: Tree): string {
  if (key === 'alias' && typeof value === 'string' && isTableReference(tree)) return quotedText(foldCase(value))
  if (key === 'cte_map' && isTree(value)) return list(children(value, 'map'), foldedCte)
  return folded(value, key)
}

const isTableReference = (tree: Tree): boolean => tree.class === undefined && TABLE_REFERENCES.has(tree.type)

const foldedCte = (entry: Tree): string =>
  `{"key":${JSON.stringify(foldCase(text(entry, 'key')))},"value":${folded(entry.value, 'value')}}`

function foldedSelect(select: Tree): string {
  const items = children(select, 'select_list')
  const taken = new Set(items.flatMap((item) => (typeof item.alias === 'string' ? [foldCase(item.alias)] : [])))
  for (const tree of everyTree(select.from_table)) {
    if (isTableReference(tree)) taken.add(foldCase(text(tree, 'alias') || text(tree, 'table_name')))
  }
  return members(select, (value, key) =>
    key === 'select_list' ? list(items, (item) => foldedItem(item, taken)) : foldedMember(value, key, select),
  )
}

/**
 * An item without alias is named after its text, except a plain column, which is named as its table spells it. A name
 * in `taken` may mean an alias or a whole row instead.
 */
function foldedItem(item: Tree, taken: ReadonlySet<string>): string {
  const parts = columnParts(item)
  const name = parts?.length === 1 ? foldCase(parts[0] ?? '') : undefined
  const isColumn = name !== undefined && !taken.has(name) && !VALUE_KEYWORDS.test(name)
  const isNamed = typeof item.alias === 'string' || item.class === 'STAR'
  return isNamed || isColumn ? folded(item, '') : asWritten(item)
}

/** Parsed as columns, although they are functions. */
const VALUE_KEYWORDS = /^(current_\w+|local\w+|session_user|user)$/

/** Without positions, and nothing else changed. */
function asWritten(value: unknown): string {
  if (Array.isArray(value)) return list(value, asWritten)
  return isTree(value) ? members(value, asWritten) : JSON.stringify(value)
}

function list<T>(items: readonly T[], write: (item: T) => string): string {
  let written = ''
  for (const item of items) written += `${written === '' ? '' : ','}${write(item)}`
  return `[${written}]`
}

function members(tree: Tree, write: (value: unknown, key: string, tree: Tree) => string): string {
  let written = ''
  for (const key of sortedKeys(tree)) {
    if (key !== 'query_location') written += `${written === '' ? '' : ','}"${key}":${write(tree[key], key, tree)}`
  }
  return `{${written}}`
}

/** By code unit. They are few: for so few, a sort of its own is the dearest way. */
function sortedKeys(tree: Tree): readonly string[] {
  const keys = Object.keys(tree)
  if (keys.length > 16) return keys.sort()
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] ?? ''
    let at = i
    for (; at > 0 && (keys[at - 1] ?? '') > key; at--) keys[at] = keys[at - 1] ?? ''
    keys[at] = key
  }
  return keys
}

/** Nothing in it is written as an escape. */
const PLAIN_TEXT = /^[\w .,:;()*+<>=/-]*$/

/** As JSON. */
const quotedText = (value: string): string => (PLAIN_TEXT.test(value) ? `"${value}"` : JSON.stringify(value))

const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'all and any as asc between by case cast create cross delete desc distinct drop else end except exists from full group having in inner ' +
    'insert intersect into is join lateral left like limit not null offset on or order outer pivot qualify replace right select set table ' +
    'macro temp temporary then union unpivot update using values variable view when where window with'
  ).split(' '),
)
/** What follows a name after AS. */
const AFTER_ALIAS = /^([,)]|from|union|except|intersect|where|group|order|limit|having|qualify|window)$/

/** Tokens without comments and space; keywords in lower case, unless they stand where a name is written. Pure. */
export function canonicalTokens(sql: string): readonly string[] {
  const tokens = lex(sql).filter((token) => token.kind !== 'comment')
  const spelled = tokens.map((token) => sql.slice(token.start, token.end))
  return tokens.map((token, i) => {
    const word = spelled[i] ?? ''
    if (token.kind !== 'word' || !KEYWORDS.has(foldCase(word)) || spelled[i - 1] === '.') return word
    const isName = foldCase(spelled[i - 1] ?? '') === 'as' && AFTER_ALIAS.test(foldCase(spelled[i + 1] ?? ','))
    return isName ? word : foldCase(word)
  })
}
