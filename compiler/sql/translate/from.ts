// The FROM clause: relations, subqueries, joins, VALUES, series. Every relation gets an alias and every column is named by
// it, so that USING, NATURAL and stars are written out and no name can mean two things.

import { postgresqlType, quoteName, writtenType } from '../../dialect/postgresql.ts'
import type { Relation, Tree } from '../../ports.ts'
import { child, children, columnParts, everyTree, foldCase, queryOf, text, texts } from '../tree.ts'
import { cast } from './casts.ts'
import { lookUp } from './names.ts'
import { comparison, truth, unified } from './operators.ts'
import {
  freshAlias,
  type KnownCte,
  newScope,
  ownShape,
  type Scope,
  type ScopeRelation,
  type Translator,
} from './translator.ts'
import { elementOf, isArray, isWhole, type Typed } from './types.ts'

export interface From {
  /** Behind FROM; '' when there is no clause. */
  readonly sql: string
  readonly relations: readonly ScopeRelation[]
  readonly merged: ReadonlyMap<string, Typed>
  /** What a SEMI or ANTI JOIN asks of the rows. */
  readonly filters: readonly string[]
  /** Something of it was refused. */
  readonly broken: boolean
}

/** What is known where a part of the clause stands: `before` are the relations to its left. */
interface Place {
  readonly t: Translator
  readonly scope: Scope
  readonly before: readonly ScopeRelation[]
  /** Whether conditions may be put off to WHERE. */
  readonly filterable: boolean
}

const NOTHING: From = { sql: '', relations: [], merged: new Map(), filters: [], broken: false }
const BROKEN: From = { ...NOTHING, broken: true }

export function fromClause(t: Translator, tree: Tree | undefined, scope: Scope): From {
  if (tree === undefined || tree.type === 'EMPTY') return NOTHING
  return tableOf(tree, { t, scope, before: [], filterable: true })
}

function tableOf(tree: Tree, place: Place): From {
  const { t } = place
  if (child(tree, 'sample') !== undefined)
    return refused(t, tree, 'SAMPLE', 'Which rows a sample has differs from engine to engine.')
  switch (tree.type) {
    case 'BASE_TABLE':
      return named(tree, place)
    case 'SUBQUERY':
      return nested(tree, place)
    case 'JOIN':
      return joined(tree, place)
    case 'EXPRESSION_LIST':
      return values(tree, place)
    case 'TABLE_FUNCTION':
      return tableFunction(tree, place)
    default:
      return refused(t, tree, text(tree, 'type'), `${text(tree, 'type') || 'This'} is not translated.`)
  }
}

function refused(t: Translator, tree: Tree, construct: string, message: string, hint?: string): From {
  t.refuse(tree, construct, { message, hint })
  return BROKEN
}

interface Columns {
  readonly alias: string
  readonly schema: string | null
  readonly spelled: string
  /** DuckDB's names, PostgreSQL's, and types. */
  readonly columns: readonly {
    readonly name: string | null
    readonly spelled: string
    readonly type: string
    readonly cast?: boolean
  }[]
}

const relation = ({ alias, schema, spelled, columns }: Columns, renamed: readonly string[]): ScopeRelation => ({
  alias: foldCase(alias),
  schema: schema === null ? null : foldCase(schema),
  columns: columns.map((column, i) => ({
    name: renamed[i] ?? column.name,
    value: { sql: columnSql(`${quoteName(spelled)}.${quoteName(column.spelled)}`, column), type: column.type },
  })),
})

const columnSql = (sql: string, column: { readonly type: string; readonly cast?: boolean }): string =>
  column.cast === true ? `CAST(${sql} AS ${writtenType(column.type)})` : sql

function needsCast(t: Translator, known: Relation, name: string, type: string): boolean {
  const server = t.meanings.serverType?.(known, name)
  return server !== undefined && server !== postgresqlType(type) && writtenType(type) !== null
}

const one = (sql: string, found: ScopeRelation): From => ({
  sql,
  relations: [found],
  merged: new Map(),
  filters: [],
  broken: false,
})

function named(tree: Tree, { t, scope }: Place): From {
  const [schema, name] = [text(tree, 'schema_name'), text(tree, 'table_name')]
  const alias = text(tree, 'alias') || name
  const spelled = freshAlias(alias, scope)
  const aliases = texts(tree, 'column_name_alias')
  const cte = schema === '' ? cteNamed(foldCase(name), scope) : null
  if (cte !== null) {
    const columns = cte.columns.map((column) => ({ ...column, spelled: column.name }))
    return one(
      aliased(quoteName(cte.spelled), cte.spelled, spelled),
      relation({ alias, schema: null, spelled, columns }, aliases),
    )
  }
  const known = t.relations.find((each) => sameRelation(each, schema, name))
  if (known === undefined)
    return refused(t, tree, name, `'${schema === '' ? name : `${schema}.${name}`}' is no relation that is known here.`)
  const columns = known.columns.map((column) => ({
    ...column,
    spelled: column.name,
    cast: needsCast(t, known, column.name, column.type),
  }))
  return one(aliased(t.meanings.relation(known), '', spelled), relation({ alias, schema, spelled, columns }, aliases))
}

const sameRelation = (known: Relation, schema: string, name: string): boolean =>
  foldCase(known.schema) === foldCase(schema) && foldCase(known.name) === foldCase(name)

const aliased = (sql: string, name: string, spelled: string): string =>
  name === spelled ? sql : `${sql} AS ${quoteName(spelled)}`

function cteNamed(name: string, scope: Scope): KnownCte | null {
  for (let cte = scope.ctes; cte !== null; cte = cte.outer) if (cte.name === name) return cte
  return null
}

/** The scope of what may name the relations to its left. */
function lateral({ scope, before }: Place): Scope {
  return { ...newScope(scope.outer, scope.ctes), relations: before, taken: scope.taken }
}

function nested(tree: Tree, place: Place): From {
  const { t, scope } = place
  const node = queryOf(tree, 'subquery')
  if (node === undefined) return BROKEN
  const around = lateral(place)
  const query = t.query(node, around, scope.ctes)
  const shape = ownShape(query)
  const alias = text(tree, 'alias') || 'unnamed_subquery'
  const spelled = freshAlias(alias, scope)
  const columns = shape.map((column, i) => ({
    name: query.columns[i]?.name ?? null,
    spelled: column.name,
    type: column.type,
  }))
  const word = around.touched.value ? 'LATERAL ' : ''
  return one(
    `${word}(\n${query.render(shape)}\n) AS ${quoteName(spelled)}`,
    relation({ alias, schema: null, spelled, columns }, texts(tree, 'column_name_alias')),
  )
}

function values(tree: Tree, { t, scope, before }: Place): From {
  const inner = lateral({ t, scope, before, filterable: false })
  const rows = (Array.isArray(tree.values) ? tree.values : []).map((row) =>
    children({ row }, 'row').map((each) => t.expression(each, inner)),
  )
  const width = rows[0]?.length ?? 0
  const columns = Array.from({ length: width }, (_, i) =>
    unified(
      t,
      tree,
      rows.flatMap((row) => row[i] ?? []),
    ),
  )
  const named = columns.map(({ type, sqls }) => ({ type: type === 'NULL' ? 'INTEGER' : type, sqls }))
  const list = rows.map(
    (_, r) =>
      `(${named.map(({ type, sqls }) => (sqls[r] === 'NULL' ? cast(t, tree, { sql: 'NULL', type: 'NULL', literal: 'null' }, type).sql : sqls[r])).join(', ')})`,
  )
  const alias = text(tree, 'alias') || 'valueslist'
  const spelled = freshAlias(alias, scope)
  const own = named.map(({ type }, i) => ({ name: `col${i}`, spelled: `col${i}`, type }))
  const sql = `(VALUES ${list.join(', ')}) AS ${quoteName(spelled)} (${own.map((column) => quoteName(column.spelled)).join(', ')})`
  return one(sql, relation({ alias, schema: null, spelled, columns: own }, texts(tree, 'column_name_alias')))
}

function tableFunction(tree: Tree, place: Place): From {
  const { t, scope } = place
  const call = child(tree, 'function') ?? {}
  const name = foldCase(text(call, 'function_name'))
  const around = lateral(place)
  const args = children(call, 'children').map((each) => t.expression(each, around))
  if (args.some(({ type }) => type === '')) return BROKEN
  const alias = text(tree, 'alias') || name
  const spelled = freshAlias(alias, scope)
  const found = functionRows(t, tree, name, args)
  if (found === null)
    return refused(t, tree, name, `The table function '${name}' is not translated with these arguments.`)
  const columns = [{ name, spelled: name, type: found.type }]
  return one(
    `${found.sql} AS ${quoteName(spelled)} (${quoteName(name)})`,
    relation({ alias, schema: null, spelled, columns }, texts(tree, 'column_name_alias')),
  )
}

function functionRows(
  t: Translator,
  tree: Tree,
  name: string,
  args: readonly Typed[],
): { readonly sql: string; readonly type: string } | null {
  const [first, second] = args
  if (name === 'unnest' && first !== undefined && args.length === 1)
    return isArray(first.type) ? { sql: `unnest(${first.sql})`, type: elementOf(first.type) } : null
  if ((name !== 'generate_series' && name !== 'range') || first === undefined) return null
  const [, , step] = args
  if (step?.type === 'INTERVAL' && second !== undefined)
    return timeSeries(t, tree, [first, second, step], name === 'range')
  if (args.length > 2) return null
  if (!args.every(({ type }) => isWhole(type) && type !== 'HUGEINT')) return null
  const [from, to] = (
    second === undefined
      ? [{ sql: '0', type: 'INTEGER', literal: 'whole' as const, value: '0' }, first]
      : [first, second]
  ).map((value) => cast(t, tree, value, 'BIGINT').sql)
  return { sql: `generate_series(${from}, ${to}${name === 'range' ? ' - 1' : ''})`, type: 'BIGINT' }
}

/** Points in time, the last included but in a `range`, whose step is written and forward. */
function timeSeries(
  t: Translator,
  tree: Tree,
  [from, to, step]: readonly [Typed, Typed, Typed],
  isOpen: boolean,
): { readonly sql: string; readonly type: string } | null {
  if (isOpen && !/^interval '[1-9]\d* [a-z]+'$/.test(step.sql)) return null
  if (![from, to].every(({ type, literal }) => literal !== 'text' && (type === 'DATE' || type === 'TIMESTAMP')))
    return null
  const [first, last] = [from, to].map((value) => cast(t, tree, value, 'TIMESTAMP').sql)
  const end = isOpen ? `${last} - interval '1 microsecond'` : last
  return { sql: `generate_series(${first}, ${end}, ${step.sql})`, type: 'TIMESTAMP' }
}

const WORDS: Readonly<Record<string, string>> = {
  INNER: 'JOIN',
  LEFT: 'LEFT JOIN',
  RIGHT: 'RIGHT JOIN',
  FULL: 'FULL JOIN',
}

function joined(tree: Tree, place: Place): From {
  const { t, scope, before } = place
  const [kind, type] = [text(tree, 'ref_type') || 'REGULAR', text(tree, 'join_type') || 'INNER']
  if (kind === 'ASOF' || kind === 'POSITIONAL')
    return refused(t, tree, `${kind} JOIN`, `${kind} JOIN does not exist on PostgreSQL.`)
  const keepsLeft = type === 'INNER' || type === 'LEFT' || type === 'SEMI' || type === 'ANTI'
  const left = tableOf(child(tree, 'left') ?? {}, { ...place, filterable: place.filterable && keepsLeft })
  const right = tableOf(child(tree, 'right') ?? {}, {
    ...place,
    before: [...before, ...left.relations],
    filterable: place.filterable && type === 'INNER',
  })
  const relations = [...left.relations, ...right.relations]
  const both: Scope = {
    ...scope,
    broken: left.broken || right.broken,
    relations,
    merged: new Map([...left.merged]),
    aliases: new Map(),
  }
  const conditions: string[] = []
  const merged = new Map([...left.merged, ...right.merged])
  for (const name of sharedNames(tree, kind, left, right)) {
    const [a, b] = [column(name, left), column(name, right)]
    if (a === null || b === null) return refused(t, tree, 'USING', `'${name}' is not found on both sides.`)
    conditions.push(comparison(t, tree, '=', a, b).sql)
    merged.set(name, mergedColumn(t, tree, type, a, b))
  }
  const condition = child(tree, 'condition')
  if (condition !== undefined) conditions.push(truth(t, condition, t.expression(condition, both)))
  const on = conditions.join(' AND ')
  if (type === 'SEMI' || type === 'ANTI') return existing(tree, place, type, left, right, on)
  if (type === 'FULL' && condition !== undefined && !isMergeable(condition, left, right))
    return refused(
      t,
      tree,
      'FULL JOIN',
      'PostgreSQL joins in full only by columns of one side that equal columns of the other.',
    )
  const word = WORDS[type]
  if (word === undefined) return refused(t, tree, type, `${type} JOIN is not translated.`)
  const filters = [...left.filters, ...right.filters]
  const rightSql = tableIn(child(tree, 'right') ?? {}, right)
  const sql =
    kind === 'CROSS' || (on === '' && type === 'INNER')
      ? `${left.sql}\nCROSS JOIN ${rightSql}`
      : `${left.sql}\n${word} ${rightSql} ON ${on || 'TRUE'}`
  return { sql, relations, merged, filters, broken: left.broken || right.broken }
}

/** Whether a part of the condition says that a value of one side equals a value of the other. */
function isMergeable(condition: Tree, left: From, right: From): boolean {
  const parts = condition.type === 'CONJUNCTION_AND' ? children(condition, 'children') : [condition]
  const isOf = (tree: Tree | undefined, from: From): boolean => {
    const scope = { ...newScope(null, null), relations: from.relations, merged: from.merged }
    const columns = everyTree(tree).flatMap((each) => (each.class === 'COLUMN_REF' ? [columnParts(each) ?? []] : []))
    return columns.length > 0 && columns.every((parts) => lookUp(parts, scope) !== null)
  }
  return parts.some((part) => {
    const [a, b] = [child(part, 'left'), child(part, 'right')]
    return part.type === 'COMPARE_EQUAL' && ((isOf(a, left) && isOf(b, right)) || (isOf(a, right) && isOf(b, left)))
  })
}

/** A join on the right side stays in brackets. */
const tableIn = (tree: Tree, from: From): string => (tree.type === 'JOIN' ? `(${from.sql})` : from.sql)

/** The row stays when there is a partner, or when there is none. */
function existing(tree: Tree, { t, filterable }: Place, type: string, left: From, right: From, on: string): From {
  if (!filterable || right.filters.length > 0)
    return refused(t, tree, `${type} JOIN`, `A ${type} JOIN in this place is not translated.`, 'Write WHERE EXISTS.')
  t.changed(tree, `${type} JOIN as EXISTS`)
  const filter = `${type === 'ANTI' ? 'NOT ' : ''}EXISTS (SELECT 1 FROM ${right.sql} WHERE ${on || 'TRUE'})`
  return { ...left, filters: [...left.filters, filter], broken: left.broken || right.broken }
}

function sharedNames(tree: Tree, kind: string, left: From, right: From): readonly string[] {
  if (kind !== 'NATURAL') return texts(tree, 'using_columns').map(foldCase)
  const names = (from: From): string[] =>
    from.relations.flatMap(({ columns }) => columns.flatMap(({ name }) => (name === null ? [] : [foldCase(name)])))
  const others = new Set(names(right))
  return [...new Set(names(left))].filter((name) => others.has(name))
}

function column(name: string, from: From): Typed | null {
  const merged = from.merged.get(name)
  if (merged !== undefined) return merged
  const found = from.relations.flatMap(({ columns }) =>
    columns.filter((each) => each.name !== null && foldCase(each.name) === name),
  )
  return found.length === 1 ? (found[0]?.value ?? null) : null
}

function mergedColumn(t: Translator, tree: Tree, type: string, a: Typed, b: Typed): Typed {
  if (type === 'RIGHT') return b
  if (type !== 'FULL') return a
  const { type: common, sqls } = unified(t, tree, [a, b])
  return { sql: `coalesce(${sqls.join(', ')})`, type: common }
}
