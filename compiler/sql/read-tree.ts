// Which nodes a statement reads, from the engine's syntax tree and never from patterns in raw text, so that strings,
// comments, CTEs and functions that look alike are left alone.

import { PURE_TABLE_FUNCTIONS } from '../../runtime/contract/engine-names.ts'
import type { Tree } from '../ports.ts'
import { callProblem } from './guarded-calls.ts'
import { identifierOf } from './lexer.ts'
import {
  addColumnPath,
  addQualifier,
  functionProblem,
  pathAt,
  type Reads,
  refCall,
  relationByName,
  type Source,
  takesAlias,
  tokenAt,
} from './refs.ts'

interface Walk {
  readonly source: Source
  readonly reads: Reads
  readonly toOffset: (location: number) => number
}

/** Adds what a tree reads. `toOffset` turns the tree's locations into offsets of the text. */
export function readTree(tree: Tree, source: Source, toOffset: (location: number) => number, reads: Reads): void {
  visit(tree, { source, reads, toOffset }, new Set())
}

const isTree = (value: unknown): value is Tree => value !== null && typeof value === 'object' && !Array.isArray(value)
const textOf = (node: Tree, key: string): string => (typeof node[key] === 'string' ? (node[key] as string) : '')

function visit(value: unknown, walk: Walk, ctes: ReadonlySet<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, walk, ctes)
    return
  }
  if (!isTree(value)) return
  let scope = ctes
  if (isTree(value.cte_map)) scope = visitCtes(value.cte_map, walk, ctes)
  if (value.type === 'RECURSIVE_CTE_NODE') scope = new Set([...scope, textOf(value, 'cte_name').toLowerCase()])
  const skip = visitNode(value, walk, scope)
  // Every tree of every node comes by: without lists of its members.
  for (const key in value) {
    const member = value[key]
    if (member === null || typeof member !== 'object' || key === 'cte_map' || skip.includes(key)) continue
    visit(member, walk, scope)
  }
}

/** Each CTE sees those before it; a recursive one also itself. */
function visitCtes(map: Tree, walk: Walk, ctes: ReadonlySet<string>): ReadonlySet<string> {
  const scope = new Set(ctes)
  for (const entry of Array.isArray(map.map) ? map.map : []) {
    if (!isTree(entry)) continue
    visit(entry.value, walk, new Set(scope))
    scope.add(textOf(entry, 'key').toLowerCase())
  }
  return scope
}

/** What one node reads; the keys that need no visit. */
function visitNode(node: Tree, walk: Walk, ctes: ReadonlySet<string>): readonly string[] {
  const { source, reads } = walk
  const location = typeof node.query_location === 'number' ? node.query_location : 0
  const index = (): number => tokenAt(source, walk.toOffset(location))
  switch (node.type) {
    case 'BASE_TABLE':
      baseTable(node, walk, index, ctes)
      return []
    case 'TABLE_FUNCTION':
      return tableFunction(node, walk, index())
    case 'FUNCTION':
      if (textOf(node, 'function_name') === 'ref') {
        const word = source.tokens[index()]
        reads.problems.push({
          start: word?.start ?? 0,
          end: word?.end ?? 0,
          code: 'RESOLVE_REF_SYNTAX',
          message: 'ref() stands where a value is expected; it is a table.',
          facts: {},
          hints: ["Write FROM ref('kind.name')."],
        })
        return ['children']
      }
      functionCall(node, walk, index)
      return []
    case 'STAR':
      addQualifier(reads, textOf(node, 'relation_name'))
      return []
    case 'COLUMN_REF':
      columnRef(node, walk, index)
      return []
    case 'SHOW_REF':
      if (node.query === undefined)
        reads.problems.push({
          ...(source.tokens[index()] ?? { start: 0, end: 0 }),
          code: 'RESOLVE_READS_NO_INPUT',
          message: 'SHOW lists the tables of the engine; a transform reads only its inputs.',
          facts: {},
          hints: [],
        })
      return []
    default:
      return []
  }
}

function functionCall(node: Tree, { source, reads }: Walk, index: () => number): void {
  const first = Array.isArray(node.children) && isTree(node.children[0]) ? node.children[0] : {}
  const value = isTree(first.value) ? first.value.value : undefined
  const problem = callProblem(source, index(), {
    name: textOf(node, 'function_name').toLowerCase(),
    qualifiers: [textOf(node, 'catalog'), textOf(node, 'schema')].filter((part) => part !== ''),
    text: typeof value === 'string' ? value : null,
  })
  if (problem !== null) reads.problems.push(problem)
}

/** A table by name that no CTE hides. */
function baseTable(node: Tree, { source, reads }: Walk, index: () => number, ctes: ReadonlySet<string>): void {
  const parts = ['catalog_name', 'schema_name', 'table_name']
    .map((key) => textOf(node, key))
    .filter((part) => part !== '')
  if (parts.length === 1 && ctes.has(parts[0]?.toLowerCase() ?? '')) return
  const first = index()
  const start = source.tokens[first]?.start ?? 0
  const end = source.tokens[pathAt(source, first).last]?.end ?? start
  relationByName(
    source,
    parts,
    { start, end },
    { hasAlias: node.alias !== undefined, aliasAllowed: takesAlias(source, first) },
    reads,
  )
}

function tableFunction(node: Tree, walk: Walk, index: number): readonly string[] {
  const { source, reads } = walk
  const call = isTree(node.function) ? node.function : {}
  const name = textOf(call, 'function_name').toLowerCase()
  const children = Array.isArray(call.children) ? call.children : []
  if (name === 'ref' && call.schema === undefined) {
    const argument = children.length === 1 && isTree(children[0]) ? refArgument(children[0], source, index) : undefined
    refCall(
      source,
      index,
      argument,
      { hasAlias: node.alias !== undefined, aliasAllowed: takesAlias(source, index) },
      reads,
    )
    return ['function']
  }
  if (PURE_TABLE_FUNCTIONS.has(name) || source.readable.macros.has(name)) return []
  reads.problems.push(functionProblem(source, index, name, true))
  return []
}

/** A text in single or double quotes. */
function refArgument(child: Tree, source: Source, index: number): string | undefined {
  const value = isTree(child.value) ? child.value.value : undefined
  if (typeof value === 'string') return value
  const token = source.tokens[index + 2]
  return child.type === 'COLUMN_REF' && token?.kind === 'quoted' ? identifierOf(token, source.text) : undefined
}

function columnRef(node: Tree, walk: Walk, index: () => number): void {
  const names = Array.isArray(node.column_names) ? node.column_names.map(String) : []
  addQualifier(walk.reads, names[0] ?? '')
  if (names.length > 2) addColumnPath(walk.source, names, walk.source.tokens[index()], walk.reads)
}
