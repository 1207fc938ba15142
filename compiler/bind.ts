// Graph → output columns and types of every node, from the engine itself: each query prepared over empty tables of its
// inputs' columns. Source columns are declared, locked or observed, in this order. Reports BIND_*; what only data can
// tell is late-bound. Results are cached by (SQL, input columns, engine version): with all of them the engine never starts.

import type { Check } from '../runtime/contract/checks.ts'
import type { Diagnostic } from '../runtime/contract/diagnostics.ts'
import { ENGINES } from '../runtime/contract/engines.ts'
import { asFingerprint, asNodeId, type NodeId } from '../runtime/contract/ids.ts'
import type { Column, ManifestNode } from '../runtime/contract/manifest.ts'
import type { Target } from '../runtime/contract/targets.ts'
import type { BoundNode, Output, SqlFacts, World } from './bind/bound-node.ts'
import { Chains, MOST_AT_ONCE } from './bind/chains.ts'
import { bindChecks } from './bind/checks.ts'
import { withDeclared } from './bind/columns.ts'
import { declaredMistakes, inexactColumns, lateDeclared, outputMistakes } from './bind/declared.ts'
import { furtherMistakes } from './bind/further-mistakes.ts'
import { lateReaderMistakes } from './bind/late-readers.ts'
import { mistake, rowNumberMistakes } from './bind/mistakes.ts'
import { type Answer, type Described, describeOutputs } from './bind/outputs.ts'
import { ServerBinding } from './bind/postgresql.ts'
import { serverTypes } from './bind/server-types.ts'
import { type BoundSources, bindSources } from './bind/sources.ts'
import { FactsReader } from './bind/sql-facts.ts'
import { bindTables } from './bind/tables.ts'
import { bindTargets, NOT_ASKED } from './bind/targets.ts'
import type { Graph } from './graph.ts'
import { NO_RECORDS, type Records } from './outside.ts'
import type { PostgresqlFacts } from './resolve/postgresql.ts'
import {
  isFile,
  isTable,
  isTransform,
  type ResolvedNode,
  type ResolvedTable,
  type ResolvedTransform,
} from './resolve.ts'
import type { PostgresqlQuery } from './sql/postgresql-query.ts'
import type { Engine, LockedSource } from './validate.ts'

export type { BoundNode } from './bind/bound-node.ts'

export interface Bound {
  readonly graph: Graph
  readonly bound: ReadonlyMap<NodeId, BoundNode>
  /** What is checked of outputs, of the nodes of which anything is. */
  readonly checks: ReadonlyMap<NodeId, readonly Check[]>
  /** Tables that outputs are written to, of the nodes that have any. */
  readonly targets: ReadonlyMap<NodeId, readonly Target[]>
  /** What seeknal.lock.json should hold: observed source columns, by id. */
  readonly lock: Readonly<Record<string, LockedSource>>
  /** Queries in PostgreSQL's spelling, where that is the engine. */
  readonly queries: ReadonlyMap<NodeId, PostgresqlQuery>
  /** Name and version of the engine that answered: `duckdb v1.5.6`. */
  readonly engine: string
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Columns of every node of the graph that has no mistake and reads none that has; those `outside` are only read. `begun`:
 * its file sources, where binding them was begun before.
 */
export async function bind(
  graph: Graph,
  world: World,
  outside: Records = NO_RECORDS,
  begun: Promise<BoundSources> | null = null,
): Promise<Bound> {
  const engine = await engineVersion(world)
  const files = await (begun ?? bindSources(graph.nodes.filter(isFile), graph.lock, world))
  const tables = await bindTables(graph.nodes.filter(isTable), graph.lock, world)
  const sources = [...files.bound, ...tables.bound]
  const server = serverOf(graph, tables.bound, world)
  const read = [...[...outside.values()].map(outputOf), ...sources]
  const reader = new FactsReader(world)
  const describing = describeLevels(graph, read, { engine, server, reader }, world)
  const { described, outputs, diagnostics } = await describing.catch(reader.afterwards)
  const facts = await reader.of(described)
  const late = await lateDeclared(described, world)
  const bound = new Map<NodeId, BoundNode>(sources.map((node) => [node.id, node]))
  for (const [i, one] of described.entries()) {
    const found = facts[i]
    if (found === undefined) continue
    bound.set(one.node.id, boundTransform(one, found, late.declared.get(one.node.id)))
    if (found.reproducibility.order_dependent.includes('rowid')) diagnostics.push(...rowNumberMistakes(one.node))
  }
  const { checks, diagnostics: wrongTests } = await bindChecks(graph.nodes, bound, world)
  const { targets, diagnostics: wrongTargets } = bindTargets(
    graph.nodes.map(({ id, node }) => ({ id, node })),
    bound,
    server === null ? undefined : NOT_ASKED,
  )
  await server?.translate(described.flatMap(toTranslate), outputs)
  diagnostics.push(...files.diagnostics, ...atStake(tables.diagnostics, graph, server !== null))
  diagnostics.push(...(server?.diagnostics ?? []), ...(server?.notAsked() ?? []))
  diagnostics.push(...(await declaredMistakes(described, world)), ...wrongTests, ...wrongTargets)
  diagnostics.push(
    ...late.diagnostics,
    ...described.flatMap(inexactColumns),
    ...(await lateReaderMistakes(described, outputs, engine, world)),
  )
  return {
    graph,
    bound,
    checks,
    targets,
    lock: { ...files.lock, ...tables.lock, ...server?.lock },
    queries: server?.queries ?? new Map(),
    engine: server === null ? engine : graph.project.engine.name,
    diagnostics,
  }
}

/** Without what is said of digits of a source that nobody reads by the types of DuckDB: then none is at stake. */
function atStake(found: readonly Diagnostic[], { nodes }: Graph, isInServer: boolean): readonly Diagnostic[] {
  if (!isInServer) return found
  const read = new Set<unknown>(
    nodes.flatMap((node) => (isTransform(node) && node.postgresql === undefined ? node.inputs : [])),
  )
  return found.filter(({ code, facts }) => code !== 'BIND_TYPE_INEXACT' || read.has(facts.node))
}

/** Null: DuckDB executes. */
function serverOf(
  { nodes, project: { engine }, lock }: Graph,
  bound: readonly BoundNode[],
  world: World,
): ServerBinding | null {
  if (!ENGINES[engine.name].isDatabase) return null
  return new ServerBinding(engine, lock, tableTypes(nodes.filter(isTable), bound, engine), world)
}

const tableTypes = (tables: readonly ResolvedTable[], bound: readonly BoundNode[], engine: Engine) =>
  Object.fromEntries(
    tables.map((table) => {
      const found = bound.find((one) => one.id === table.id)
      return [table.id, found === undefined ? {} : serverTypes(table, found, engine)] as const
    }),
  )

type Mistaken = Extract<Answer, { readonly kind: 'error' }>

interface Describing {
  readonly engine: string
  readonly server: ServerBinding | null
  /** Told what is described. */
  readonly reader: FactsReader
}

/** Level by level, since a level reads the columns of those before it. */
async function describeLevels(
  graph: Graph,
  read: readonly (Output & { readonly id: NodeId })[],
  { engine, server, reader }: Describing,
  world: World,
): Promise<{
  readonly described: readonly Described[]
  readonly outputs: ReadonlyMap<string, Output>
  readonly diagnostics: Diagnostic[]
}> {
  const byId = new Map<NodeId, ResolvedNode>(graph.nodes.map((node) => [node.id, node]))
  const outputs = new Map<NodeId, Output>(read.map((one) => [one.id, one]))
  const described: Described[] = []
  const diagnostics: Diagnostic[] = []
  const chains = new Chains(transformsOf(graph.levels.flat(), byId), world)
  for (const level of graph.levels) {
    // A reader of a node with a mistake would only repeat the mistake.
    const nodes = transformsOf(level, byId).filter((node) => node.inputs.every((input) => outputs.has(input)))
    const wrong: Mistaken[] = []
    const take = (answers: readonly Answer[]): void => {
      const right = answers.flatMap((answer) => {
        if (answer.kind === 'error') wrong.push(answer)
        const mistakes = mistakesOf(answer)
        diagnostics.push(...mistakes)
        return answer.kind === 'error' || mistakes.length > 0 ? [] : [answer.described]
      })
      for (const one of right) outputs.set(one.node.id, one.output)
      described.push(...right)
      reader.add(right)
    }
    const plain = nodes.filter((node) => node.postgresql === undefined)
    for (let at = 0; at < plain.length; at += MOST_AT_ONCE)
      take(await describeOutputs(plain.slice(at, at + MOST_AT_ONCE), outputs, engine, world, chains))
    take((await server?.describe(nodes.filter(isPostgresql), outputs)) ?? [])
    diagnostics.push(...(await furtherMistakes(wrong, world)))
  }
  return { described, outputs, diagnostics }
}

const transformsOf = (ids: readonly NodeId[], byId: ReadonlyMap<NodeId, ResolvedNode>): readonly ResolvedTransform[] =>
  ids.flatMap((id) => {
    const node = byId.get(id)
    return node !== undefined && isTransform(node) ? [node] : []
  })

const toTranslate = ({ node }: Described): readonly ResolvedTransform[] => (node.postgresql === undefined ? [node] : [])

/** What readers see of a node that was bound before. */
const outputOf = ({
  id,
  columns,
  columns_fingerprint: fingerprint,
}: ManifestNode): Output & { readonly id: NodeId } => ({
  id: asNodeId(id),
  columns,
  columnsFingerprint: fingerprint === null ? null : asFingerprint(fingerprint),
  casts: {},
})

const isPostgresql = (node: ResolvedTransform): node is ResolvedTransform & { readonly postgresql: PostgresqlFacts } =>
  node.postgresql !== undefined

const mistakesOf = (answer: Answer): readonly Diagnostic[] =>
  answer.kind === 'error'
    ? [mistake(answer.node, answer.error, answer.relations)]
    : outputMistakes(answer.described.node, answer.described.output.columns)

function boundTransform({ node, output }: Described, facts: SqlFacts, declared?: readonly Column[]): BoundNode {
  const { columns, columnsFingerprint, casts, sourceTypes } = output
  const { lineage, reproducibility, canonicalSql } = facts
  return {
    id: node.id,
    columns: columns && withDeclared(columns, node.node.columns),
    columnsFingerprint,
    ...(declared === undefined ? {} : { declared }),
    casts,
    ...(sourceTypes === undefined ? {} : { sourceTypes }),
    lineage,
    reproducibility,
    canonicalSql,
  }
}

/** Remembered by the cache, which belongs to one version of the engine. */
async function engineVersion(world: World): Promise<string> {
  const cached = world.cache.get('bind.engine')
  if (typeof cached === 'string') return cached
  const { version } = await world.engine()
  world.cache.set('bind.engine', version)
  return version
}
