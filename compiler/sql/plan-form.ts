// The engine's optimised plan as JSON text → a form to compare by, and the columns that it scans of each relation. Two
// plans of the same form are the same function of the scanned columns. Read losslessly (numbers stay source text) and
// normalised with a closed list of what means nothing; whatever is unknown stays in the form. Anything that cannot be
// read is unanswerable: null. Pure.

import { byCodeUnit, sha256 } from '../../runtime/contract/canonical-json.ts'
import type { Fingerprint } from '../../runtime/contract/ids.ts'

export interface PlanForm {
  readonly form: Fingerprint
  /** `schema.name` of each scanned relation → its scanned columns, sorted; none when only its rows count. */
  readonly scans: ReadonlyMap<string, readonly string[]>
}

type Value = null | boolean | string | readonly Value[] | Fields
interface Fields {
  readonly [key: string]: Value
}

/** Numbers are kept apart from strings by a character that JSON text cannot hold unescaped. */
const NUMBER = '\u0001'

/** Names that only link one part of a plan with another: numbered in the order in which they appear. */
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

/**
 * Null: the engine gave no plan, or one that proves nothing. `renamed` gives the names under which relations are
 * compared that have two: as `schema.name`.
 */
export function planForm(json: string | null, renamed: ReadonlyMap<string, string> = new Map()): PlanForm | null {
  if (json === null || json.includes('\\u0001') || json.includes('"LOGICAL_EMPTY_RESULT"')) return null
  try {
    const answer = fields(readLosslessly(json))
    if (answer.error !== false) return null
    const reader = new PlanReader(renamed)
    const form = reader.normal(answer.plans ?? null)
    return { form: sha256(JSON.stringify(form)), scans: reader.scannedColumns() }
  } catch {
    return null
  }
}

function readLosslessly(json: string): Value {
  const marked = json.replace(
    /("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*)/g,
    (_, text: string | undefined, number: string | undefined) => text ?? JSON.stringify(NUMBER + number),
  )
  return JSON.parse(marked) as Value
}

class PlanReader {
  readonly #renamed: ReadonlyMap<string, string>
  readonly #links = new Map<string, number>()
  readonly #scans = new Map<string, Set<string>>()

  constructor(renamed: ReadonlyMap<string, string>) {
    this.#renamed = renamed
  }

  normal(value: Value): Value {
    if (Array.isArray(value)) return value.map((v) => this.normal(v))
    if (value === null || typeof value !== 'object') return value
    const object = value as Fields
    if (typeof object.type === 'string' && object.type.startsWith('LOGICAL_')) return this.#operator(object)
    const without = 'expression_class' in object ? NO_MEANING_OF_EXPRESSION : NOTHING
    return this.#members(object, without)
  }

  scannedColumns(): ReadonlyMap<string, readonly string[]> {
    return new Map([...this.#scans].map(([relation, columns]) => [relation, [...columns].sort(byCodeUnit)]))
  }

  #operator(operator: Fields): Value {
    const scan =
      operator.type === 'LOGICAL_GET' && operator.name === 'seq_scan' ? scanOf(operator, this.#renamed) : null
    if (scan === null) {
      // Only a mark join has a mark; the number of the others is a left-over.
      const { mark_index, ...rest } = operator
      return this.#members(
        operator.join_type === 'MARK' || mark_index === undefined ? operator : rest,
        NO_MEANING_OF_OPERATOR,
      )
    }
    const known = this.#scans.get(scan.relation) ?? new Set()
    this.#scans.set(scan.relation, known)
    for (const column of scan.columns) if (column !== null) known.add(column.name)
    return this.#members({ ...operator, ...scan.named }, SCAN_BY_NUMBER)
  }

  #members(object: Fields, without: ReadonlySet<string>): Value {
    const out: Record<string, Value> = {}
    for (const [key, member] of Object.entries(object)) {
      if (without.has(key)) continue
      out[key] = LINKS.has(key) && isNumber(member) ? this.#link(member) : this.normal(member)
    }
    return out
  }

  #link(number: string): string {
    const known = this.#links.get(number) ?? this.#links.size
    this.#links.set(number, known)
    return `#${known}`
  }
}

const NOTHING: ReadonlySet<string> = new Set()
/** The whole table's columns, scanned or not: in their place stand name and type of those that are scanned. */
const SCAN_BY_NUMBER: ReadonlySet<string> = new Set([...NO_MEANING_OF_OPERATOR, 'names', 'returned_types'])

const ROW_ID = `${NUMBER}18446744073709551615`

interface Scan {
  readonly relation: string
  /** In the order of the scan; null stands for no column at all, when only the rows count. */
  readonly columns: readonly ({ readonly name: string; readonly type: Value } | null)[]
  /** Members of the operator that numbered columns, with their names instead. */
  readonly named: Fields
}

/** Throws on what it does not know, such as a row's number: stored outputs have none. */
function scanOf(operator: Fields, renamed: ReadonlyMap<string, string>): Scan {
  const data = fields(operator.function_data)
  const names = list(operator.names)
  const types = list(operator.returned_types)
  const column = (number: Value | undefined) => {
    if (!isNumber(number)) throw new TypeError('a column without a number')
    const at = Number(number.slice(NUMBER.length))
    const name = names[at]
    const type = types[at]
    if (typeof name !== 'string' || type === undefined) throw new TypeError('a column without a name')
    return { name, type }
  }
  const indexes = list(operator.column_indexes).map(fields)
  const rowsOnly = indexes.length === 1 && indexes[0]?.index === ROW_ID && list(operator.projection_ids).length === 0
  const columns = rowsOnly ? [null] : indexes.map((i) => column(i.index))
  const filters = list(fields(operator.table_filters).filters).map(fields)
  const name = `${text(data.schema)}.${text(data.table)}`
  const relation = renamed.get(name) ?? name
  return {
    relation,
    columns,
    named: {
      function_data: { ...data, schema: '', table: relation },
      column_indexes: indexes.map((index, i) => ({ ...index, index: columns[i] ?? null })),
      table_filters: filters.map((f) => ({ ...f, key: column(f.key) })),
    },
  }
}

const isNumber = (value: Value | undefined): value is string => typeof value === 'string' && value.startsWith(NUMBER)

function fields(value: Value | undefined): Fields {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new TypeError('an object is missing')
  return value as Fields
}

function list(value: Value | undefined): readonly Value[] {
  if (!Array.isArray(value)) throw new TypeError('a list is missing')
  return value
}

function text(value: Value | undefined): string {
  if (typeof value !== 'string' || isNumber(value)) throw new TypeError('a text is missing')
  return value
}
