// Transforms of one level of the graph → the columns of their outputs, from the cache or from the engine. A
// node whose inputs' columns only data can tell is late-bound itself.

import { sha256 } from '../../runtime/contract/canonical-json.ts'
import type { NodeId } from '../../runtime/contract/ids.ts'
import { columnsFingerprint } from '../../runtime/contract/manifest.ts'
import type { DescribeResult, Relation } from '../ports.ts'
import type { ResolvedTransform } from '../resolve.ts'
import { lex } from '../sql/lexer.ts'
import { foldCase } from '../sql/tree.ts'
import type { Output, SqlFacts, World } from './bound-node.ts'
import type { Chains } from './chains.ts'
import type { DescribeError } from './mistakes.ts'

export interface Described {
  readonly node: ResolvedTransform
  /** Columns as the engine gives them, before what is declared about them. */
  readonly output: Output
  /** Null: the columns of an input are not known. */
  readonly relations: readonly Relation[] | null
  /** Where the cache keeps output and facts together. */
  readonly key: string
  /** From the cache. */
  readonly facts: SqlFacts | null
}

export type Answer =
  | { readonly kind: 'described'; readonly described: Described }
  | {
      readonly kind: 'error'
      readonly node: ResolvedTransform
      readonly error: DescribeError
      readonly relations: readonly Relation[]
    }

/** `outputs` holds every input. Answers in the order of the nodes. */
export async function describeOutputs(
  nodes: readonly ResolvedTransform[],
  outputs: ReadonlyMap<NodeId, Output>,
  version: string,
  world: World,
  chains: Chains,
): Promise<readonly Answer[]> {
  const tasks = nodes.map((node) => {
    const key = cacheKey(node, outputs, version)
    return {
      node,
      key,
      relations: relationsOf(node, outputs),
      known: world.cache.get(key) as (Output & SqlFacts) | undefined,
    }
  })
  if (tasks.some(({ known }) => known !== undefined)) chains.known()
  const open = tasks.flatMap(({ node, known, relations }) =>
    known === undefined && relations !== null ? [{ node, relations }] : [],
  )
  const results = (await chains.describe(open, outputs)).values()
  return tasks.map(({ node, key, relations, known }): Answer => {
    if (known !== undefined)
      return { kind: 'described', described: { node, key, relations, output: known, facts: known } }
    const result: DescribeResult = relations === null ? LATE : (results.next().value ?? LATE)
    if (result.kind === 'error') return { kind: 'error', node, error: result, relations: relations ?? [] }
    return { kind: 'described', described: { node, key, relations, output: outputOf(node, result), facts: null } }
  })
}

const LATE: DescribeResult = { kind: 'late' }

function cacheKey(node: ResolvedTransform, outputs: ReadonlyMap<string, Output>, version: string): string {
  const inputs = node.inputs.map((id) => `${id} ${outputs.get(id)?.columnsFingerprint}`)
  const statements = node.sql.statements.map((statement) => `${statement.start}-${statement.end}`)
  return `bind ${sha256([version, ...inputs, ...statements, node.sql.text].join('\n'))}`
}

export const statementTexts = (node: ResolvedTransform): readonly string[] =>
  node.sql.statements.map((statement) => node.sql.text.slice(statement.start, statement.end))

function outputOf(node: ResolvedTransform, result: Exclude<DescribeResult, DescribeError>): Output {
  if (result.kind === 'late' || statementTexts(node).slice(0, -1).some(isPivoting))
    return { columns: null, columnsFingerprint: null, casts: {} }
  const { columns, casts } = result
  return { columns, columnsFingerprint: columnsFingerprint(columns), casts }
}

/** A PIVOT before the last statement was executed on no rows: what it made has not the columns that data will give. */
const isPivoting = (sql: string): boolean =>
  lex(sql).some((token) => token.kind === 'word' && /^pivot/.test(foldCase(sql.slice(token.start, token.end))))

/** One object a node, for all its readers. Nodes of one query share the output that the cache gives. */
const relations = new WeakMap<Output, Relation>()

export function relationsOf(node: ResolvedTransform, outputs: ReadonlyMap<string, Output>): readonly Relation[] | null {
  const found = node.inputs.map((id) => {
    const input = outputs.get(id)
    return input === undefined ? null : relationOf(id, input)
  })
  return found.every((relation) => relation !== null) ? found : null
}

/** Null: only data can tell the columns. */
export function relationOf(id: string, output: Output): Relation | null {
  if (output.columns === null) return null
  const [schema = '', name = ''] = id.split('.')
  const known = relations.get(output)
  if (known?.schema === schema && known.name === name) return known
  const relation = { schema, name, columns: output.columns }
  relations.set(output, relation)
  return relation
}
