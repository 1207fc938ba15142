// A plan read by what each column is instead of where it stands: projections dissolve into the expressions that they
// compute, so that the order of a select list, of a scan or of nested queries makes no difference. For the operators
// whose output layout is known; any other one throws, and the plan is compared by places. So does a volatile function:
// computed once or twice is not the same for it.

import { byCodeUnit, canonicalJson, sha256 } from '../../runtime/contract/canonical-json.ts'
import { type Fields, fields, list, position, text, unreadable, type Value } from './plan-json.ts'
import { type PlanReader, withoutLeftOvers } from './plan-reader.ts'

/** Rows as a form, and for each column of the output a symbol: equal symbols, equal values in every row. */
interface Rows {
  readonly form: Value
  readonly columns: readonly string[]
}

const VOLATILE =
  /"name":"(?:random|uuid|gen_random_uuid|uuidv\d|nextval|currval|setseed|sleep_ms|stats|write_log|current_\w+)"/

/** The form of a whole plan. Throws when it cannot be read this way. */
export function formByColumns(plan: Fields, json: string, reader: PlanReader): Value {
  if (VOLATILE.test(json)) unreadable('a volatile function')
  const { form, columns } = new ByColumns(reader).rows(plan)
  return { by: 'columns', form, columns }
}

class ByColumns {
  readonly #reader: PlanReader
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
  over(expression: Value | undefined, columns: readonly string[]): Value {
    return this.#reader.normal(expression ?? null, (n) => {
      const column = columns[n]
      if (column === undefined) unreadable('a column that is not there')
      return column
    })
  }

  all(expressions: Value | undefined, columns: readonly string[]): readonly Value[] {
    return list(expressions).map((e) => this.over(e, columns))
  }

  /** The operator's own members, besides those that are named, with references over `columns`. */
  rest(operator: Fields, named: readonly string[], columns: readonly string[] = []): Fields {
    const without = new Set(['children', ...named])
    const own = Object.fromEntries(Object.entries(withoutLeftOvers(operator)).filter(([key]) => !without.has(key)))
    return this.#reader.members(own, NONE, (n) => columns[n] ?? unreadable('a column that is not there'))
  }

  nextJoin(): string {
    this.#joins++
    return `join${this.#joins}`
  }
}

const NONE: ReadonlySet<string> = new Set()

/** A symbol for a value: what it is, and of which rows where that is not plain from its parts. */
const symbol = (value: Value, of = ''): string => `${of}${sha256(canonicalJson(value))}`

const sorted = (values: readonly Value[]): readonly Value[] =>
  [...values].sort((a, b) => byCodeUnit(canonicalJson(a), canonicalJson(b)))

/** Empty: all columns. */
function mapped(map: Value | undefined, columns: readonly string[]): readonly string[] {
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
  const entries = found.columns.map((c) => c && plan.reader.members(c, NONE))
  const symbols = entries.map((entry) => (entry === null ? 'rows' : symbol(entry, link)))
  const ids = list(operator.projection_ids)
  const scanned = ['names', 'returned_types', 'column_indexes', 'projection_ids', 'table_filters', 'table_index']
  return {
    form: {
      ...plan.rest(found.operator, scanned),
      table_index: link,
      columns: sorted(entries),
      filters: sorted(found.filters.map((f) => plan.reader.members(f, NONE))),
    },
    columns:
      ids.length === 0
        ? symbols.filter((s) => s !== 'rows')
        : ids.map((id) => symbols[position(id)] ?? unreadable('a column that is not there')),
  }
}

function projection(plan: ByColumns, operator: Fields): Rows {
  const input = plan.child(operator)
  return { form: input.form, columns: plan.all(operator.expressions, input.columns).map(unlessReference) }
}

/** A column that is only passed on keeps its symbol. */
function unlessReference(expression: Value): string {
  const { expression_class, index } = fields(expression)
  return expression_class === 'BOUND_REF' ? text(index) : symbol(expression)
}

/** Some of the rows, or the same rows in another order. */
function subset(plan: ByColumns, operator: Fields, map?: string): Rows {
  const input = plan.child(operator)
  const form = { ...plan.rest(operator, map === undefined ? [] : [map], input.columns), input: input.form }
  return { form, columns: map === undefined ? input.columns : mapped(operator[map], input.columns) }
}

function aggregate(plan: ByColumns, operator: Fields): Rows {
  const input = plan.child(operator)
  const groups = plan.all(operator.groups, input.columns)
  const values = plan.all(operator.expressions, input.columns)
  const functions = list(operator.grouping_functions)
  const sets = list(operator.grouping_sets)
  const one = sets.length <= 1 && list(sets[0] ?? []).length === groups.length
  const link = plan.reader.link(operator.group_index)
  const named = ['groups', 'expressions', 'group_index', 'aggregate_index', 'groupings_index']
  return {
    form: {
      ...plan.rest(operator, one ? [...named, 'grouping_sets'] : named),
      link,
      groups: one ? sorted(groups) : groups,
      values: sorted(values),
      input: input.form,
    },
    columns: [
      ...groups.map((g, i) => symbol(one ? g : [g, String(i)], `${link}group`)),
      ...values.map((v) => symbol(v, `${link}value`)),
      ...functions.map((f) => symbol(f, `${link}grouping`)),
    ],
  }
}

/** Values computed beside the columns of each row: windows, unnested lists. */
function beside(plan: ByColumns, operator: Fields, index: string): Rows {
  const input = plan.child(operator)
  const values = plan.all(operator.expressions, input.columns)
  const link = plan.reader.link(operator[index])
  return {
    form: { ...plan.rest(operator, ['expressions', index]), link, values: sorted(values), input: input.form },
    columns: [...input.columns, ...values.map((v) => symbol(v, link))],
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
  const conditions = list(operator.conditions).map((condition) => {
    const { left: a, right: b, ...rest } = fields(condition)
    if (a === undefined || b === undefined) unreadable('a condition of another kind')
    return { ...plan.reader.members(rest, NONE), left: plan.over(a, left.columns), right: plan.over(b, right.columns) }
  })
  const side = (rows: Rows, map: string, nullable: boolean) =>
    mapped(operator[map], rows.columns).map((c) => (nullable ? symbol(c, name) : c))
  const named = ['conditions', 'left_projection_map', 'right_projection_map', 'mark_index']
  return {
    form: { ...plan.rest(operator, named), name, conditions: sorted(conditions), left: left.form, right: right.form },
    columns: [
      ...(kept.left ? side(left, 'left_projection_map', kept.left === 'nullable') : []),
      ...(kept.right ? side(right, 'right_projection_map', kept.right === 'nullable') : []),
      ...(kept.mark ? [symbol('mark', name)] : []),
    ],
  }
}

type Side = 'as it is' | 'nullable'
/** Which sides' columns come out of a join. */
const JOINS: Readonly<Record<string, { readonly left?: Side; readonly right?: Side; readonly mark?: true }>> = {
  INNER: { left: 'as it is', right: 'as it is' },
  LEFT: { left: 'as it is', right: 'nullable' },
  SINGLE: { left: 'as it is', right: 'nullable' },
  RIGHT: { left: 'nullable', right: 'as it is' },
  OUTER: { left: 'nullable', right: 'nullable' },
  SEMI: { left: 'as it is' },
  ANTI: { left: 'as it is' },
  MARK: { left: 'as it is', mark: true },
  RIGHT_SEMI: { right: 'as it is' },
  RIGHT_ANTI: { right: 'as it is' },
}

function cross(plan: ByColumns, operator: Fields): Rows {
  const left = plan.child(operator, 0, 2)
  const right = plan.child(operator, 1, 2)
  return {
    form: { ...plan.rest(operator, []), left: left.form, right: right.form },
    columns: [...left.columns, ...right.columns],
  }
}

/** Set operations go by place, so their inputs' columns do. */
function setOperation(plan: ByColumns, operator: Fields): Rows {
  const inputs = list(operator.children).map((child) => plan.rows(fields(child)))
  const link = plan.reader.link(operator.table_index)
  const width = inputs[0]?.columns.length ?? unreadable('no inputs')
  if (inputs.some((i) => i.columns.length !== width)) unreadable('inputs of different widths')
  return {
    form: { ...plan.rest(operator, ['table_index']), link, inputs: inputs.map((i) => ({ ...i })) },
    columns: Array.from({ length: width }, (_, i) => `${link}.${i}`),
  }
}

/** Rows that the text of the query holds itself. */
function constants(plan: ByColumns, operator: Fields, types: string): Rows {
  const link = plan.reader.link(operator.table_index)
  const inputs = list(operator.children).map((child) => plan.rows(fields(child)).form)
  return {
    form: { ...plan.rest(operator, ['table_index']), link, inputs },
    columns: list(operator[types]).map((_, i) => `${link}.${i}`),
  }
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
  LOGICAL_WINDOW: (plan, operator) => beside(plan, operator, 'window_index'),
  LOGICAL_UNNEST: (plan, operator) => beside(plan, operator, 'unnest_index'),
  LOGICAL_COMPARISON_JOIN: join,
  LOGICAL_CROSS_PRODUCT: cross,
  LOGICAL_UNION: setOperation,
  LOGICAL_EXCEPT: setOperation,
  LOGICAL_INTERSECT: setOperation,
  LOGICAL_CHUNK_GET: (plan, operator) => constants(plan, operator, 'chunk_types'),
  LOGICAL_EXPRESSION_GET: (plan, operator) => constants(plan, operator, 'expr_types'),
  LOGICAL_DUMMY_SCAN: (plan, operator) => ({ form: plan.rest(operator, ['table_index']), columns: ['nothing'] }),
}
