// Planned steps of an engine that is a database → their texts: a table of the store that a query makes, a view over a table
// of somebody else, or rows of files that are copied. Inputs are read by their views; marks stand where the environment's
// prefix may go, and where a run of production reads what it is about to make. Reports REWRITE_NAME_TOO_LONG, BIND_*.

import type { TableOutput } from '../../runtime/contract/bundle.ts'
import type { Diagnostic } from '../../runtime/contract/diagnostics.ts'
import type { NodeId } from '../../runtime/contract/ids.ts'
import { LONGEST_IDENTIFIER, pgName, pgPrefixed, pgText } from '../../runtime/contract/postgresql-names.ts'
import { kindSchema, loadQuery, nextSchema, tableMaker, tableStepText } from '../../runtime/contract/table-steps.ts'
import { copiedType, targetType } from '../../runtime/contract/target-types.ts'
import checkTemplate from '../../templates/postgresql/check.sql.hbs'
import type { BoundNode } from '../bind.ts'
import { errorAt } from '../diagnostic-codes.ts'
import { typedLiteral } from '../dialect/duckdb.ts'
import { template } from '../emit/templates.ts'
import type { PlannedBuild, PlannedCheck } from '../plan.ts'
import { isElsewhere, isKept, isTable, isTransform, type ResolvedNode, type ResolvedTable } from '../resolve.ts'
import {
  type PostgresqlQuery,
  type PostgresqlStatement,
  type Spelling,
  spellQuery,
  spliceQuery,
  viewName,
} from '../sql/postgresql-query.ts'
import type { SplicedText } from '../sql/spliced-text.ts'
import { type CheckDialect, checkItems } from './check-step.ts'
import { databaseRefusals } from './database-refusals.ts'
import type { Marks } from './marks.ts'
import { fromClause } from './table-query.ts'

export interface DatabaseWorld {
  /** Of the profile, to the engine. */
  readonly connection: string | null
  /** Production's schema of what transforms make. */
  readonly schema: string
  readonly queries: ReadonlyMap<NodeId, PostgresqlQuery>
  /** Of apply.sql for production: the project, whose next outputs are read where only its run sees them. */
  readonly next?: string
}

const kindOf = (node: string): string => node.slice(0, node.indexOf('.'))

/** How a step is made, by what its node is. */
export function madeBy(node: ResolvedNode, engine: { readonly connection: string | null }): TableOutput['made'] {
  if (isTransform(node)) return 'query'
  if (!isTable(node)) return 'load'
  return isElsewhere(node, engine) ? 'copy' : isKept(node, engine) ? 'query' : 'view'
}

const fillChecks = template<{
  readonly node: string
  readonly view: string
  readonly checks: ReturnType<typeof checkItems>
}>('postgresql/check.sql.hbs', checkTemplate)

const DIALECT: CheckDialect = { name: pgName, text: pgText, value: typedValue }

/** A literal of a type of outputs; null: it is none of its values. */
function typedValue(text: string, type: string): string | null {
  const plain = typedLiteral(text, type)
  return plain?.startsWith('CAST(') ? `CAST(${pgText(text)} AS ${targetType(type) ?? 'text'})` : plain
}

/** The view by which an output is read; one that the bundle makes is marked. */
function readView(node: string, isMade: boolean, marks: Marks, world: DatabaseWorld): string {
  const isNext = isMade && world.next !== undefined
  const schema = isNext ? nextSchema(world.next, kindOf(node)) : kindSchema(world.schema, kindOf(node))
  const mark = isMade ? marks.at({ identifier: schema, role: 'read', reason: `${node} is a step of this bundle` }) : ''
  return `${pgPrefixed(schema, mark)}.${viewName(node)}`
}

export function databaseCheck(
  { node, inputs, checks }: PlannedCheck,
  types: BoundNode,
  marks: Marks,
  world: DatabaseWorld,
): string {
  const isMade = inputs.some((input) => input.from === 'bundle')
  const view = readView(node, isMade, marks, world)
  return fillChecks({ node, view, checks: checkItems(checks, types, DIALECT) })
}

export function databaseStep(
  node: ResolvedNode,
  step: PlannedBuild,
  types: BoundNode,
  marks: Marks,
  world: DatabaseWorld,
): string {
  const schema = kindSchema(world.schema, kindOf(node.id))
  const mark = marks.at({ identifier: schema, role: 'write', reason: 'what this step writes' })
  const view = `${pgPrefixed(schema, mark)}.${viewName(node.id)}`
  const { query, before } = stepQuery(node, step, types, marks, world)
  const publish = isTransform(node) && node.node.publish === 'table' ? { publish: 'table' as const } : {}
  const made = { made: madeBy(node, world), ...publish, view, columns: types.columns ?? [], node: node.id }
  return tableStepText({ ...made, types: isTable(node) ? ownTypes(node, types) : {} }, query, before)
}

interface StepSql {
  readonly query: string
  /** Statements about temporary objects. */
  readonly before: readonly string[]
}

/** What apply.sql executes in place of the step's file: what makes the table, or the query of a view. */
export function stepByHand(
  node: ResolvedNode,
  step: PlannedBuild,
  types: BoundNode,
  marks: Marks,
  world: DatabaseWorld,
): string {
  const { query, before } = stepQuery(node, step, types, marks, world)
  return madeBy(node, world) === 'view' ? query : tableMaker(query, before)
}

function stepQuery(
  node: ResolvedNode,
  step: PlannedBuild,
  types: BoundNode,
  marks: Marks,
  world: DatabaseWorld,
): StepSql {
  if (isTable(node)) return { query: isElsewhere(node, world) ? loadQuery : tableQuery(node, types), before: [] }
  const query = world.queries.get(node.id)
  if (!isTransform(node) || query === undefined) return { query: loadQuery, before: [] }
  const rebuilt = new Set<string>(step.inputs.filter((input) => input.from === 'bundle').map((input) => input.node))
  const spelling = spelled((input) => readView(input, rebuilt.has(input), marks, world))
  const before = query.before.map((statement) => spellQuery(statement, spelling))
  const text = spellQuery(query, spelling)
  // What the compiler was told by DuckDB, the output has; what the server says itself, it gives.
  const isOwn = node.postgresql !== undefined || types.columns === null
  return { query: isOwn ? text : withTypes(text, types), before }
}

const spelled = (path: Spelling['path']): Spelling => ({
  path,
  timestamp: "CAST(:'run_timestamp' AS timestamp with time zone)",
  variable: (name) => `CAST(:'${name}' AS ${name === 'run_timestamp' ? 'timestamp with time zone' : 'text'})`,
})

/** A statement as production's step has it, with the way back. `schema`: of what transforms make. */
export const productionStatement = (statement: PostgresqlStatement, schema: string): SplicedText =>
  spliceQuery(
    statement,
    spelled((input) => `${pgName(kindSchema(schema, kindOf(input)))}.${viewName(input)}`),
  )

const withTypes = (query: string, { columns }: BoundNode): string =>
  `SELECT\n  ${(columns ?? []).map(({ name, type }) => `CAST(${pgName(name)} AS ${targetType(type) ?? 'text'}) AS ${pgName(name)}`).join(',\n  ')}\nFROM (\n${query}\n) AS q`

/** The database's own types of columns, but for those that the author declares. */
export function ownTypes(
  { node }: ResolvedTable,
  { sourceTypes = {} }: Pick<BoundNode, 'sourceTypes'>,
): Readonly<Record<string, string>> {
  const declared = new Set(node.columns.flatMap(({ name, type }) => (type === null ? [] : [name.toLowerCase()])))
  return Object.fromEntries(Object.entries(sourceTypes).filter(([name]) => !declared.has(name.toLowerCase())))
}

/** What is copied from another database, as `table` names it: columns that it has no other type for are as they are. */
export function copiedQuery(table: ResolvedTable, types: BoundNode, prefix: string): string {
  const own = ownTypes(table, types)
  const items = (types.columns ?? []).map(({ name, type }) => {
    const wanted = copiedType(type, own[name])
    return wanted === own[name] ? pgName(name) : `CAST(${pgName(name)} AS ${wanted}) AS ${pgName(name)}`
  })
  return `SELECT\n  ${items.join(',\n  ')}\nFROM ${fromClause(table, 'text', prefix)}`
}

/** Columns of a table as they are, but for those whose type readers are promised otherwise. */
function tableQuery(node: ResolvedTable, types: BoundNode): string {
  const declared = new Set(node.node.columns.filter((c) => c.type !== null).map((c) => c.name.toLowerCase()))
  const items = (types.columns ?? []).map(({ name, type }) => {
    const wanted = targetType(type) ?? 'text'
    const isAsItIs = !declared.has(name.toLowerCase()) && types.sourceTypes?.[name] !== undefined
    return isAsItIs || types.sourceTypes?.[name] === wanted
      ? pgName(name)
      : `CAST(${pgName(name)} AS ${wanted}) AS ${pgName(name)}`
  })
  return `SELECT\n  ${items.join(',\n  ')}\nFROM ${fromClause(node)}`
}

/** Names that PostgreSQL would cut off, types that it does not have, and what is not built yet. */
export function databaseMistakes(
  nodes: readonly ResolvedNode[],
  bound: ReadonlyMap<NodeId, BoundNode>,
  { schema, connection }: Pick<DatabaseWorld, 'schema' | 'connection'>,
  prefix: string,
): readonly Diagnostic[] {
  return nodes.flatMap((node): readonly Diagnostic[] => {
    const names = [`${prefix}${kindSchema(schema, kindOf(node.id))}`, node.node.name]
    const long = names.find((name) => Buffer.byteLength(name) > LONGEST_IDENTIFIER)
    const unfit = (bound.get(node.id)?.columns ?? []).find(({ type }) => targetType(type) === null)
    return [
      ...databaseRefusals(node, nodes, { schema, connection }),
      ...(long === undefined
        ? []
        : [
            errorAt(
              'REWRITE_NAME_TOO_LONG',
              node.node.place,
              `'${long}' has more than ${LONGEST_IDENTIFIER} bytes, which PostgreSQL would cut off.`,
              { facts: { node: node.id, name: long } },
            ),
          ]),
      ...(unfit === undefined
        ? []
        : [
            errorAt(
              'BIND_TARGET_TYPE',
              node.node.place,
              `The column '${unfit.name}' of '${node.id}' is a ${unfit.type}, for which the engine has no type.`,
              { facts: { node: node.id, column: unfit.name, type: unfit.type } },
            ),
          ]),
    ]
  })
}
