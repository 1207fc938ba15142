// A plan's operators and expressions without what means nothing: a closed list of members is left out, table numbers are
// counted in the order in which they appear, scanned columns go by name. Whatever is unknown stays. Throws on what it
// cannot read.

import { type Fields, fields, isNumber, list, numberText, position, text, unreadable, type Value } from './plan-json.ts'

/** Names that only link one part of a plan with another. */
const LINKS: ReadonlySet<string> = new Set([
  'table_index',
  'group_index',
  'aggregate_index',
  'groupings_index',
  'window_index',
  'unnest_index',
  'mark_index',
  'cte_index',
])

/** Of an expression: where it stood and what it is called. Field names of structs are in its type. */
const NO_MEANING_OF_EXPRESSION: ReadonlySet<string> = new Set(['alias', 'query_location'])
/** Of an operator: guesses of the planner and the author's name of a CTE, which is linked by its number. */
const NO_MEANING_OF_OPERATOR: ReadonlySet<string> = new Set([
  'estimated_cardinality',
  'has_estimated_cardinality',
  'ctename',
])
/** The whole table's columns, scanned or not: in their place stand name and type of those that are scanned. */
const SCAN_BY_NUMBER: ReadonlySet<string> = new Set([...NO_MEANING_OF_OPERATOR, 'names', 'returned_types'])
const NOTHING: ReadonlySet<string> = new Set()

/** The body of a lambda: its references are to its own parameters and to the function's further arguments, in their order. */
const LAMBDA = 'lambda_expr'
const asItIs: Resolve = (n) => String(n)

const ROW_ID = '18446744073709551615'

/** A column of a relation that a plan reads. */
export interface Scanned {
  readonly relation: string
  /** Null: only which rows there are. */
  readonly column: string | null
}

interface Named extends Fields {
  readonly name: string
}

export interface Scan {
  readonly relation: string
  /** In the order of the scan: the member of `column_indexes` with name and type. Null: no column, only rows count. */
  readonly columns: readonly ((Readonly<{ index: Named }> & Fields) | null)[]
  readonly filters: readonly (Readonly<{ key: Named }> & Fields)[]
  readonly operator: Fields
}

export const isOperator = (object: Fields): boolean =>
  typeof object.type === 'string' && object.type.startsWith('LOGICAL_')
export const isExpression = (object: Fields): boolean => 'expression_class' in object

/** Replaces a reference to the n-th column of an operator's input; null: it stays as it is. */
export type Resolve = (n: number) => Value

export class PlanReader {
  readonly #renamed: ReadonlyMap<string, string>
  readonly #links = new Map<string, number>()
  readonly #scans = new Map<string, Map<string | null, Scanned>>()

  constructor(renamed: ReadonlyMap<string, string>) {
    this.#renamed = renamed
  }

  /** The same object for the same column. */
  scanned(relation: string, column: string | null): Scanned {
    const columns = this.#scans.get(relation) ?? new Map<string | null, Scanned>()
    this.#scans.set(relation, columns)
    const scanned = columns.get(column) ?? { relation, column }
    columns.set(column, scanned)
    return scanned
  }

  /** Every column of every scan that was read. */
  allScanned(): readonly Scanned[] {
    return [...this.#scans.values()].flatMap((columns) => [...columns.values()])
  }

  /** Everything as the plan has it, columns by their place. */
  normal(value: Value, resolve: Resolve | null = null): Value {
    if (Array.isArray(value)) return value.map((v) => this.normal(v, resolve))
    if (value === null || typeof value !== 'object') return value
    const object = value as Fields
    if (isOperator(object)) return this.#operator(object)
    if (resolve !== null && object.expression_class === 'BOUND_REF')
      return {
        expression_class: 'BOUND_REF',
        index: resolve(position(object.index)),
        return_type: object.return_type ?? null,
      }
    return this.members(object, isExpression(object) ? NO_MEANING_OF_EXPRESSION : NOTHING, resolve)
  }

  members(object: Fields, without: ReadonlySet<string>, resolve: Resolve | null = null): Fields {
    const out: Record<string, Value> = {}
    for (const [key, member] of Object.entries(object)) {
      if (without.has(key) || NO_MEANING_OF_OPERATOR.has(key)) continue
      if (!LINKS.has(key) || !isNumber(member))
        out[key] = this.normal(member, key === LAMBDA ? resolve && asItIs : resolve)
      // Read by columns, links are counted by the operators alone: which columns are read besides must not count.
      else out[key] = resolve === null ? this.link(member) : unreadable('a link of another kind')
    }
    return out
  }

  /** The number of a link, counted. */
  link(number: Value | undefined): string {
    const key = numberText(number)
    const known = this.#links.get(key) ?? this.#links.size
    this.#links.set(key, known)
    return `#${known}`
  }

  /** The scan of a stored relation, or null when the operator is something else. */
  scan(operator: Fields): Scan | null {
    if (operator.type !== 'LOGICAL_GET' || operator.name !== 'seq_scan') return null
    const scan = scanOf(operator, this.#renamed)
    this.scanned(scan.relation, null)
    for (const column of scan.columns) if (column !== null) this.scanned(scan.relation, column.index.name)
    for (const filter of scan.filters) this.scanned(scan.relation, filter.key.name)
    return scan
  }

  #operator(operator: Fields): Value {
    const scan = this.scan(operator)
    if (scan !== null) {
      const named = { ...scan.operator, column_indexes: scan.columns, table_filters: scan.filters }
      return this.members(named, SCAN_BY_NUMBER)
    }
    return this.members(withoutLeftOvers(operator), NO_MEANING_OF_OPERATOR)
  }
}

/** Only a mark join has a mark; the number of the others is a left-over. */
export function withoutLeftOvers(operator: Fields): Fields {
  const { mark_index, ...rest } = operator
  return operator.join_type === 'MARK' || mark_index === undefined ? operator : rest
}

/** Throws on what it does not know, such as a row's number: stored outputs have none. */
function scanOf(operator: Fields, renamed: ReadonlyMap<string, string>): Scan {
  const data = fields(operator.function_data)
  const names = list(operator.names)
  const types = list(operator.returned_types)
  const column = (number: Value | undefined) => {
    const name = names[position(number)]
    const type = types[position(number)]
    if (typeof name !== 'string' || type === undefined) unreadable('a column without a name')
    return { name, type }
  }
  const indexes = list(operator.column_indexes).map(fields)
  const first = indexes[0]
  const rowsOnly =
    indexes.length === 1 && numberText(first?.index) === ROW_ID && list(operator.projection_ids).length === 0
  const columns = rowsOnly ? [null] : indexes.map((index) => ({ ...index, index: column(index.index) }))
  const filters = list(fields(operator.table_filters).filters)
    .map(fields)
    .map((filter) => ({ ...filter, key: column(filter.key) }))
  const name = `${text(data.schema)}.${text(data.table)}`
  const relation = renamed.get(name) ?? name
  return {
    relation,
    columns,
    filters,
    operator: { ...operator, function_data: { ...data, schema: '', table: relation } },
  }
}
