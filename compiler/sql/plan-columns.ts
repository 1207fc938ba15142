// A plan read by what each column is instead of where it stands: projections dissolve into the expressions that they
// compute, so that the order of a select list, of a scan or of nested queries makes no difference, and one plan answers for
// every tuple of its columns. For the operators whose output layout is known; any other one throws, and the plan is compared
// by places. So does a volatile function (plan-run-values.ts).

import { byCodeUnit, canonicalJson, sha256 } from '../../runtime/contract/canonical-json.ts'
import { type Fields, fields, list, numberText, position, text, unreadable, type Value } from './plan-json.ts'
import { type PlanReader, type Resolve, type Scanned, withoutLeftOvers } from './plan-reader.ts'
import { withRunValues } from './plan-run-values.ts'

/** A part of a plan, and which columns of relations it takes its values from. */
interface Part<V extends Value = Value> {
  readonly value: V
  readonly reads: ReadonlySet<Scanned>
}

/**
 * Which rows there are, as a form, and for each column of the output a symbol: where two plans have rows of one form, equal
 * symbols are equal values in every row. What only a column needs (an aggregate beside its groups, a window) is in its symbol.
 */
export interface Rows {
  readonly form: Value
  readonly reads: ReadonlySet<Scanned>
  readonly columns: readonly Part<string>[]
}

/** A whole plan. Throws when it cannot be read this way. */
export const rowsByColumns = (plan: Fields, json: string, reader: PlanReader): Rows =>
  new ByColumns(reader).rows(withRunValues(plan, json))

class ByColumns {
  readonly #reader: PlanReader
  /** What is computed once and read in several places, by its number. */
  readonly #shared = new Map<string, Rows>()
  #joins = 0

  constructor(reader: PlanReader) {
    this.#reader = reader
  }

  rows(operator: Fields): Rows {
    const read = READERS[text(operator.type)]
    if (read === undefined) unreadable(`${text(operator.type)} is read by places`)
    return read(this, operator)
  }

  get reader(): PlanReader {
    return this.#reader
  }

  child(operator: Fields, n = 0, of = 1): Rows {
    const children = list(operator.children)
    if (children.length !== of) unreadable('another number of inputs')
    return this.rows(fields(children[n]))
  }

  /** An expression over the columns of some rows. */
  over(expression: Value | undefined, columns: readonly Part<string>[]): Part {
    return this.#resolved(columns, (resolve) => this.#reader.normal(expression ?? null, resolve))
  }

  all(expressions: Value | undefined, columns: readonly Part<string>[]): readonly Part[] {
    return list(expressions).map((e) => this.over(e, columns))
  }

  /** The operator's own members, besides those that are named, with references over `columns`. */
  rest(operator: Fields, named: readonly string[], columns: readonly Part<string>[] = []): Part<Fields> {
    const without = new Set(['children', ...named])
    const own = Object.fromEntries(Object.entries(withoutLeftOvers(operator)).filter(([key]) => !without.has(key)))
    return this.#resolved(columns, (resolve) => this.#reader.members(own, NONE, resolve))
  }

  #resolved<V extends Value>(columns: readonly Part<string>[], read: (resolve: Resolve) => V): Part<V> {
    const reads = new Set<Scanned>()
    const value = read((n) => {
      const column = columns[n] ?? unreadable('a column that is not there')
      for (const scanned of column.reads) reads.add(scanned)
      return column.value
    })
    return { value, reads }
  }

  share(number: Value | undefined, rows: Rows): void {
    this.#shared.set(numberText(number), { ...rows, form: symbol(rows.form) })
  }

  shared(number: Value | undefined): Rows {
    return this.#shared.get(numberText(number)) ?? unreadable('a reference to rows that are read later')
  }

  nextJoin(): string {
    this.#joins++
    return `join${this.#joins}`
  }
}

const NONE: ReadonlySet<string> = new Set()
const NO_READS: ReadonlySet<Scanned> = new Set()

/** A symbol for a value: what it is, and of which rows where that is not plain from its parts. */
const symbol = (value: Value, of = ''): string => `${of}${sha256(canonicalJson(value))}`

const symbolOf = ({ value, reads }: Part, of = ''): Part<string> => ({ value: symbol(value, of), reads })

const values = <V extends Value>(parts: readonly Part<V>[]): readonly V[] => parts.map(({ value }) => value)

const sorted = (list: readonly Value[]): readonly Value[] =>
  [...list].sort((a, b) => byCodeUnit(canonicalJson(a), canonicalJson(b)))

const readsOf = (parts: readonly { readonly reads: ReadonlySet<Scanned> }[]): ReadonlySet<Scanned> =>
  new Set(parts.flatMap(({ reads }) => [...reads]))

/** Empty: all columns. */
function mapped(map: Value | undefined, columns: readonly Part<string>[]): readonly Part<string>[] {
  const places = list(map ?? []).map(position)
  return places.length === 0
    ? columns
    : places.map((place) => columns[place] ?? unreadable('a column that is not there'))
}

type Reader = (plan: ByColumns, operator: Fields) => Rows

function scan(plan: ByColumns, operator: Fields): Rows {
  const found = plan.reader.scan(operator)
  if (found === null) unreadable('a table function')
  const link = plan.reader.link(operator.table_index)
  const read = (column: string | null): Scanned => plan.reader.scanned(found.relation, column)
  const columns = found.columns.map(
    (entry): Part<string> =>
      entry === null
        ? { value: `${link}rows`, reads: NO_READS }
        : { value: symbol(plan.reader.members(entry, NONE), link), reads: new Set([read(entry.index.name)]) },
  )
  const ids = list(operator.projection_ids)
  const scanned = ['names', 'returned_types', 'column_indexes', 'projection_ids', 'table_filters', 'table_index']
  return {
    form: {
      ...plan.rest(found.operator, scanned).value,
      table_index: link,
      filters: sorted(found.filters.map((f) => plan.reader.members(f, NONE))),
    },
    reads: new Set([read(null), ...found.filters.map((f) => read(f.key.name))]),
    columns:
      ids.length === 0 ? columns : ids.map((id) => columns[position(id)] ?? unreadable('a column that is not there')),
  }
}

function projection(plan: ByColumns, operator: Fields): Rows {
  const input = plan.child(operator)
  return { ...input, columns: plan.all(operator.expressions, input.columns).map(unlessReference) }
}

/** A column that is only passed on keeps its symbol. */
function unlessReference(expression: Part): Part<string> {
  const { expression_class, index } = fields(expression.value)
  return expression_class === 'BOUND_REF' ? { value: text(index), reads: expression.reads } : symbolOf(expression)
}

/** Some of the rows, or the same rows in another order. */
function subset(plan: ByColumns, operator: Fields, map?: string): Rows {
  const input = plan.child(operator)
  const rest = plan.rest(operator, map === undefined ? [] : [map], input.columns)
  return {
    form: { ...rest.value, input: input.form },
    reads: readsOf([input, rest]),
    columns: map === undefined ? input.columns : mapped(operator[map], input.columns),
  }
}

function aggregate(plan: ByColumns, operator: Fields): Rows {
  const input = plan.child(operator)
  const groups = plan.all(operator.groups, input.columns)
  const functions = list(operator.grouping_functions)
  const sets = list(operator.grouping_sets)
  const one = sets.length <= 1 && list(sets[0] ?? []).length === groups.length
  const link = plan.reader.link(operator.group_index)
  const named = ['groups', 'expressions', 'group_index', 'aggregate_index', 'groupings_index']
  const rest = plan.rest(operator, one ? [...named, 'grouping_sets'] : named)
  return {
    form: {
      ...rest.value,
      link,
      groups: one ? sorted(values(groups)) : values(groups),
      input: input.form,
    },
    reads: readsOf([input, rest, ...groups]),
    columns: [
      ...groups.map(({ value, reads }, i) =>
        symbolOf({ value: one ? value : [value, String(i)], reads }, `${link}group`),
      ),
      ...plan.all(operator.expressions, input.columns).map((v) => symbolOf(v, `${link}value`)),
      ...functions.map((f) => ({ value: symbol(f, `${link}grouping`), reads: NO_READS })),
    ],
  }
}

/** Values computed beside the columns of each row, over all rows. */
function windows(plan: ByColumns, operator: Fields): Rows {
  const input = plan.child(operator)
  const rest = plan.rest(operator, ['expressions', 'window_index'])
  const over = symbol([rest.value, input.form])
  return {
    ...input,
    columns: [...input.columns, ...plan.all(operator.expressions, input.columns).map((v) => symbolOf(v, over))],
  }
}

/** A row for each item of a list. */
function unnest(plan: ByColumns, operator: Fields): Rows {
  const input = plan.child(operator)
  const items = plan.all(operator.expressions, input.columns)
  const link = plan.reader.link(operator.unnest_index)
  const rest = plan.rest(operator, ['expressions', 'unnest_index'])
  return {
    form: { ...rest.value, link, values: sorted(values(items)), input: input.form },
    reads: readsOf([input, rest, ...items]),
    columns: [...input.columns, ...items.map((v) => symbolOf(v, link))],
  }
}

/** An unmatched row of an outer join has NULL where its side has a value: its columns are others than before the join. */
function join(plan: ByColumns, operator: Fields): Rows {
  const type = text(operator.join_type)
  const kept = JOINS[type]
  if (kept === undefined || list(operator.duplicate_eliminated_columns).length > 0 || operator.predicate !== null)
    unreadable('a join of another kind')
  const left = plan.child(operator, 0, 2)
  const right = plan.child(operator, 1, 2)
  const name = plan.nextJoin()
  const conditions = list(operator.conditions).map((condition): Part => {
    const { left: a, right: b, ...rest } = fields(condition)
    if (a === undefined || b === undefined) unreadable('a condition of another kind')
    const sides = [plan.over(a, left.columns), plan.over(b, right.columns)] as const
    const value = { ...plan.reader.members(rest, NONE), left: sides[0].value, right: sides[1].value }
    return { value, reads: readsOf(sides) }
  })
  const named = ['conditions', 'left_projection_map', 'right_projection_map', 'mark_index']
  const rest = plan.rest(operator, named)
  return {
    form: { ...rest.value, name, conditions: sorted(values(conditions)), left: left.form, right: right.form },
    reads: readsOf([left, right, rest, ...conditions]),
    columns: [
      ...sideOf(mapped(operator.left_projection_map, left.columns), kept.left, name),
      ...sideOf(mapped(operator.right_projection_map, right.columns), kept.right, name),
      ...(kept.mark ? [{ value: symbol('mark', name), reads: NO_READS }] : []),
    ],
  }
}

/** A join on a condition that is evaluated over the columns of both sides. */
function joinOnAny(plan: ByColumns, operator: Fields): Rows {
  const kept = JOINS[text(operator.join_type)]
  const maps = [...list(operator.left_projection_map), ...list(operator.right_projection_map)]
  if (kept?.left === undefined || kept.mark || maps.length > 0) unreadable('a join of another kind')
  const left = plan.child(operator, 0, 2)
  const right = plan.child(operator, 1, 2)
  const name = plan.nextJoin()
  const rest = plan.rest(operator, ['mark_index'], [...left.columns, ...right.columns])
  return {
    form: { ...rest.value, name, left: left.form, right: right.form },
    reads: readsOf([left, right, rest]),
    columns: [...sideOf(left.columns, kept.left, name), ...sideOf(right.columns, kept.right, name)],
  }
}

/** The columns of one side of a join as they come out of it. */
function sideOf(columns: readonly Part<string>[], side: Side | undefined, name: string): readonly Part<string>[] {
  if (side === undefined) return []
  return side === 'nullable' ? columns.map((c) => symbolOf(c, name)) : columns
}

type Side = 'as it is' | 'nullable'
/** Which sides' columns come out of a join. */
const JOINS: Readonly<Record<string, { readonly left?: Side; readonly right?: Side; readonly mark?: true }>> = {
  INNER: { left: 'as it is', right: 'as it is' },
  LEFT: { left: 'as it is', right: 'nullable' },
  SINGLE: { left: 'as it is', right: 'nullable' },
  RIGHT: { left: 'nullable', right: 'as it is' },
  FULL: { left: 'nullable', right: 'nullable' },
  SEMI: { left: 'as it is' },
  ANTI: { left: 'as it is' },
  MARK: { left: 'as it is', mark: true },
  RIGHT_SEMI: { right: 'as it is' },
  RIGHT_ANTI: { right: 'as it is' },
}

/** Which side the engine puts first hangs on how wide they are, and means nothing: they are read in an order of their own. */
function cross(plan: ByColumns, operator: Fields): Rows {
  const children = list(operator.children).map(fields)
  const order = children.map((_, i) => i).sort((a, b) => byCodeUnit(relationsIn(children[a]), relationsIn(children[b])))
  const sides: Rows[] = []
  for (const place of order) sides[place] = plan.child(operator, place, 2)
  const rest = plan.rest(operator, [])
  return {
    form: { ...rest.value, inputs: order.map((place) => sides[place]?.form ?? unreadable('an input is missing')) },
    reads: readsOf([...sides, rest]),
    columns: sides.flatMap((side) => side.columns),
  }
}

/** Names of the relations that are scanned below an operator. */
function relationsIn(operator: Fields | undefined): string {
  const { type, function_data: data, children } = operator ?? {}
  if (type === 'LOGICAL_GET') return canonicalJson(data ?? null)
  return list(children)
    .map((child) => relationsIn(fields(child)))
    .join()
}

/** Set operations go by place, so their inputs' columns do; all of them say which rows there are, but of UNION ALL. */
function setOperation(plan: ByColumns, operator: Fields): Rows {
  const inputs = list(operator.children).map((child) => plan.rows(fields(child)))
  const link = plan.reader.link(operator.table_index)
  const width = inputs[0]?.columns.length ?? unreadable('no inputs')
  if (inputs.some((i) => i.columns.length !== width)) unreadable('inputs of different widths')
  if (operator.type === 'LOGICAL_UNION' && operator.setop_all === true) return unionAll(plan, operator, inputs, link)
  const rest = plan.rest(operator, ['table_index'])
  return {
    form: { ...rest.value, link, inputs: inputs.map(({ form, columns }) => ({ form, columns: values(columns) })) },
    reads: readsOf([rest, ...inputs, ...inputs.flatMap((i) => i.columns)]),
    columns: Array.from({ length: width }, (_, i) => ({ value: `${link}.${i}`, reads: NO_READS })),
  }
}

function unionAll(plan: ByColumns, operator: Fields, inputs: readonly Rows[], link: string): Rows {
  const rest = plan.rest(operator, ['table_index', 'column_count'])
  const at = (place: number) => inputs.map((i) => i.columns[place] ?? unreadable('a column that is not there'))
  return {
    form: { ...rest.value, link, inputs: inputs.map(({ form }) => form) },
    reads: readsOf([rest, ...inputs]),
    columns: (inputs[0]?.columns ?? []).map((_, place) => ({
      value: symbol(values(at(place)), link),
      reads: readsOf(at(place)),
    })),
  }
}

/** Rows that the text of the query holds itself. */
function constants(plan: ByColumns, operator: Fields, types: string): Rows {
  const link = plan.reader.link(operator.table_index)
  const inputs = list(operator.children).map((child) => plan.rows(fields(child)))
  const rest = plan.rest(operator, ['table_index'])
  return {
    form: { ...rest.value, link, inputs: inputs.map(({ form }) => form) },
    reads: readsOf([rest, ...inputs]),
    columns: list(operator[types]).map((_, i) => ({ value: `${link}.${i}`, reads: NO_READS })),
  }
}

/** A query's WITH: its rows stand wherever they are read. */
function sharedRows(plan: ByColumns, operator: Fields): Rows {
  plan.share(operator.table_index, plan.child(operator, 0, 2))
  return plan.child(operator, 1, 2)
}

function reference(plan: ByColumns, operator: Fields): Rows {
  const { form, reads, columns } = plan.shared(operator.cte_index)
  if (operator.is_recurring !== false || list(operator.chunk_types).length !== columns.length)
    unreadable('a reference of another kind')
  const link = plan.reader.link(operator.table_index)
  return { form: { link, rows: form }, reads, columns: columns.map((c) => symbolOf(c, link)) }
}

const READERS: Readonly<Record<string, Reader>> = {
  LOGICAL_GET: scan,
  LOGICAL_PROJECTION: projection,
  LOGICAL_FILTER: (plan, operator) => subset(plan, operator, 'projection_map'),
  LOGICAL_ORDER_BY: (plan, operator) => subset(plan, operator, 'projections'),
  LOGICAL_LIMIT: (plan, operator) => subset(plan, operator),
  LOGICAL_SAMPLE: (plan, operator) => subset(plan, operator),
  LOGICAL_DISTINCT: (plan, operator) => subset(plan, operator),
  LOGICAL_AGGREGATE_AND_GROUP_BY: aggregate,
  LOGICAL_WINDOW: windows,
  LOGICAL_UNNEST: unnest,
  LOGICAL_COMPARISON_JOIN: join,
  LOGICAL_ANY_JOIN: joinOnAny,
  LOGICAL_CROSS_PRODUCT: cross,
  LOGICAL_UNION: setOperation,
  LOGICAL_EXCEPT: setOperation,
  LOGICAL_INTERSECT: setOperation,
  LOGICAL_MATERIALIZED_CTE: sharedRows,
  LOGICAL_CTE_REF: reference,
  LOGICAL_CHUNK_GET: (plan, operator) => constants(plan, operator, 'chunk_types'),
  LOGICAL_EXPRESSION_GET: (plan, operator) => constants(plan, operator, 'expr_types'),
  LOGICAL_DUMMY_SCAN: (plan, operator) => ({
    form: plan.rest(operator, ['table_index']).value,
    reads: NO_READS,
    columns: [{ value: 'nothing', reads: NO_READS }],
  }),
}
