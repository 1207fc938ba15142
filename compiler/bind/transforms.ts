// Transforms of one level of the graph → columns, lineage, reproducibility and canonical form. One batch asks the engine
// for what the cache does not have; a node whose inputs' columns only data can tell is late-bound itself.

import { sha256 } from '../../runtime/contract/canonical-json.ts'
import type { Fingerprint } from '../../runtime/contract/ids.ts'
import { type Column, columnsFingerprint, type Lineage, type Reproducibility } from '../../runtime/contract/manifest.ts'
import type { DescribeResult, ParseResult, Relation, SqlEngine, Tree } from '../ports.ts'
import type { ResolvedTransform } from '../resolve.ts'
import { canonicalSql, type ParsedStatement } from '../sql/canonical.ts'
import { lex } from '../sql/lexer.ts'
import { type Traced, traceColumns } from '../sql/lineage.ts'
import { reproducibilityOf } from '../sql/reproducibility.ts'
import { foldCase } from '../sql/tree.ts'
import type { BoundNode, World } from './bound-node.ts'
import type { DescribeError } from './mistakes.ts'

/** What the cache keeps of a node: its columns as the engine gives them, before what is declared about them. */
export interface Analysed {
  readonly columns: readonly Column[] | null
  readonly columnsFingerprint: Fingerprint | null
  readonly casts: Readonly<Record<string, string>>
  readonly lineage: Lineage | null
  readonly reproducibility: Reproducibility
  readonly canonicalSql: string
}

export type Answer =
  | { readonly kind: 'analysed'; readonly analysed: Analysed }
  | { readonly kind: 'error'; readonly error: DescribeError; readonly relations: readonly Relation[] }

/** `bound` holds every input. Answers in the order of the nodes. */
export async function analyse(
  nodes: readonly ResolvedTransform[],
  bound: ReadonlyMap<string, BoundNode>,
  version: string,
  world: World,
): Promise<readonly Answer[]> {
  const tasks = nodes.map((node) => ({ node, key: cacheKey(node, bound, version) }))
  const cached = tasks.map(({ key }) => world.cache.get(key) as Analysed | undefined)
  const missing = tasks.filter((_, i) => cached[i] === undefined)
  const answers = new Map<string, Answer>()
  if (missing.length > 0) {
    const engine = await world.engine()
    const fresh = await analyseWith(
      engine,
      missing.map(({ node }) => node),
      bound,
      world,
    )
    for (const [i, answer] of fresh.entries()) {
      const key = missing[i]?.key ?? ''
      answers.set(key, answer)
      if (answer.kind === 'analysed') world.cache.set(key, answer.analysed)
    }
  }
  return tasks.flatMap(({ key }, i): Answer[] => {
    const known = cached[i]
    const fresh = answers.get(key)
    return known !== undefined ? [{ kind: 'analysed', analysed: known }] : fresh !== undefined ? [fresh] : []
  })
}

function cacheKey(node: ResolvedTransform, bound: ReadonlyMap<string, BoundNode>, version: string): string {
  const inputs = node.inputs.map((id) => `${id} ${bound.get(id)?.columnsFingerprint}`)
  const statements = node.sql.statements.map((statement) => `${statement.start}-${statement.end}`)
  return `bind ${sha256([version, ...inputs, ...statements, node.sql.text].join('\n'))}`
}

async function analyseWith(
  engine: SqlEngine,
  nodes: readonly ResolvedTransform[],
  bound: ReadonlyMap<string, BoundNode>,
  world: World,
): Promise<readonly Answer[]> {
  const statements = nodes.map(statementTexts)
  const inputs = nodes.map((node) => relationsOf(node, bound))
  const parsed = await engine.parse(statements.flat())
  const requests = nodes.flatMap((_, i) => {
    const known = inputs[i]
    return known === null || known === undefined ? [] : [{ statements: statements[i] ?? [], relations: known }]
  })
  const described = (await engine.describe(requests)).values()
  const volatileFunctions = await volatileNames(engine, world)
  let at = 0
  return nodes.map((_, i): Answer => {
    const texts = statements[i] ?? []
    const known = inputs[i] ?? null
    const trees = parsed.slice(at, at + texts.length).map(singleTree)
    at += texts.length
    const result: DescribeResult = known === null ? { kind: 'late' } : (described.next().value ?? { kind: 'late' })
    if (result.kind === 'error') return { kind: 'error', error: result, relations: known ?? [] }
    const list = texts.map((text, j): ParsedStatement => ({ text, tree: trees[j] ?? null }))
    return { kind: 'analysed', analysed: analysed(list, result, known ?? [], volatileFunctions) }
  })
}

const statementTexts = (node: ResolvedTransform): readonly string[] =>
  node.sql.statements.map((statement) => node.sql.text.slice(statement.start, statement.end))

const singleTree = (result: ParseResult): Tree | null =>
  result.kind === 'trees' && result.trees.length === 1 ? (result.trees[0] ?? null) : null

/** One object a node, for all its readers. */
const relations = new WeakMap<BoundNode, Relation>()

/** Null when the columns of an input are not known. */
function relationsOf(node: ResolvedTransform, bound: ReadonlyMap<string, BoundNode>): readonly Relation[] | null {
  const found = node.inputs.map((id) => {
    const input = bound.get(id)
    return input === undefined ? null : relationOf(id, input)
  })
  return found.every((relation) => relation !== null) ? found : null
}

function relationOf(id: string, input: BoundNode): Relation | null {
  if (input.columns === null) return null
  const [schema = '', name = ''] = id.split('.')
  const relation = relations.get(input) ?? { schema, name, columns: input.columns }
  relations.set(input, relation)
  return relation
}

function analysed(
  statements: readonly ParsedStatement[],
  result: Exclude<DescribeResult, DescribeError>,
  relations: readonly Relation[],
  volatileFunctions: ReadonlySet<string>,
): Analysed {
  const late = result.kind === 'late' || statements.slice(0, -1).some(isPivoting)
  const [only] = statements
  const traced: Traced | null =
    !late && statements.length === 1 && only !== undefined && only.tree !== null
      ? traceColumns(only.tree, relations, result.columns)
      : null
  return {
    columns: late ? null : result.columns,
    columnsFingerprint: late ? null : columnsFingerprint(result.columns),
    casts: late ? {} : result.casts,
    lineage: traced?.lineage ?? null,
    reproducibility: reproducibilityOf(statements, traced?.floatSums ?? null, volatileFunctions),
    canonicalSql: canonicalSql(statements),
  }
}

/** A PIVOT before the last statement was executed on no rows: what it made has not the columns that data will give. */
const isPivoting = ({ text, tree }: ParsedStatement): boolean =>
  tree === null &&
  lex(text).some((token) => token.kind === 'word' && /^pivot/.test(foldCase(text.slice(token.start, token.end))))

async function volatileNames(engine: SqlEngine, world: World): Promise<ReadonlySet<string>> {
  const key = `bind.volatile ${engine.version}`
  const cached = world.cache.get(key)
  if (Array.isArray(cached)) return new Set(cached)
  const names = await engine.volatileFunctions()
  world.cache.set(key, [...names])
  return names
}
