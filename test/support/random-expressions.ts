// Random decisions and random expressions. Every decision has a path (`body/where/left`) and depends on the seed and its
// path alone, so an edit is a new salt for a few paths: everything else stays as it is.

import { createHash } from 'node:crypto'

export type ColumnType =
  | 'INTEGER'
  | 'VARCHAR'
  | 'DOUBLE'
  | 'DATE'
  | 'BOOLEAN'
  | 'INTEGER[]'
  | 'STRUCT(x INTEGER, y VARCHAR)'

export interface RandomColumn {
  readonly name: string
  readonly type: ColumnType
}

/** Salts by path. */
export type Salts = ReadonlyMap<string, number>

/** Decisions below one path. */
export class Decisions {
  readonly #seed: number
  readonly #salts: Salts
  readonly #path: string
  readonly #visited: string[]

  constructor(seed: number, salts: Salts = new Map(), path = '', visited: string[] = []) {
    this.#seed = seed
    this.#salts = salts
    this.#path = path
    this.#visited = visited
  }

  /** Every path at which something was decided so far. */
  get visited(): readonly string[] {
    return this.#visited
  }

  at(name: string | number): Decisions {
    return new Decisions(this.#seed, this.#salts, `${this.#path}/${name}`, this.#visited)
  }

  /** A whole number below `bound`. */
  below(name: string, bound: number): number {
    const path = `${this.#path}/${name}`
    this.#visited.push(path)
    const digest = createHash('md5')
      .update(`${this.#seed} ${path} ${this.#salts.get(path) ?? 0}`)
      .digest()
    return digest.readUInt32LE(0) % Math.max(1, bound)
  }

  chance(name: string, percent: number): boolean {
    return this.below(name, 100) < percent
  }

  pick<T>(name: string, values: readonly T[]): T {
    const value = values[this.below(name, values.length)]
    if (value === undefined) throw new RangeError(`nothing to pick at ${this.#path}/${name}`)
    return value
  }
}

/** A scope of columns as an expression may name them. */
export interface Scope {
  readonly items: readonly { readonly sql: string; readonly type: ColumnType }[]
}

export const SCALARS: readonly ColumnType[] = ['INTEGER', 'VARCHAR', 'DOUBLE', 'DATE', 'BOOLEAN']

const LITERALS: Readonly<Record<ColumnType, readonly string[]>> = {
  INTEGER: ['0', '1', '2', '3', '1', '2', 'NULL::INTEGER', "length(getvariable('run_id'))::INTEGER"],
  VARCHAR: ["'a'", "'b'", "''", "getvariable('run_id')"],
  DOUBLE: ['0.5::DOUBLE', '2.0::DOUBLE', '-1.25::DOUBLE'],
  DATE: ["DATE '2020-01-01'", "DATE '2020-02-29'", 'current_date', "getvariable('run_date')::DATE"],
  BOOLEAN: ['TRUE', 'TRUE', "getvariable('run_id') = 'a'"],
  'INTEGER[]': ['[1, 2]', '[]::INTEGER[]', '[1, 1, NULL]'],
  'STRUCT(x INTEGER, y VARCHAR)': ["{'x': 1, 'y': 'a'}", "{'x': NULL::INTEGER, 'y': 'b'}"],
}

export function expression(d: Decisions, scope: Scope, type: ColumnType, depth = 2): string {
  const here = scope.items.filter((i) => i.type === type)
  const leaf = depth <= 0 || (here.length > 0 && d.chance('leaf', 45))
  if (leaf)
    return here.length > 0 && !d.chance('literal', 15) ? d.pick('column', here).sql : d.pick('value', LITERALS[type])
  const sub = (name: string, t: ColumnType) => expression(d.at(name), scope, t, depth - 1)
  const forms: Readonly<Record<ColumnType, readonly (() => string)[]>> = {
    INTEGER: [
      () => `(${sub('a', 'INTEGER')} + ${sub('b', 'INTEGER')})`,
      () => `(${sub('a', 'INTEGER')} * 2)`,
      () => `coalesce(${sub('a', 'INTEGER')}, ${sub('b', 'INTEGER')})`,
      () => `length(${sub('a', 'VARCHAR')})::INTEGER`,
      () => `len(${sub('a', 'INTEGER[]')})::INTEGER`,
      () => `year(${sub('a', 'DATE')})::INTEGER`,
      () => `(${sub('a', 'STRUCT(x INTEGER, y VARCHAR)')}).x`,
      () => `CASE WHEN ${sub('c', 'BOOLEAN')} THEN ${sub('a', 'INTEGER')} ELSE ${sub('b', 'INTEGER')} END`,
      () => `list_sum(${sub('a', 'INTEGER[]')})::INTEGER`,
      () => `nullif(${sub('a', 'INTEGER')}, ${sub('b', 'INTEGER')})`,
    ],
    VARCHAR: [
      () => `(${sub('a', 'VARCHAR')} || ${sub('b', 'VARCHAR')})`,
      () => `upper(${sub('a', 'VARCHAR')})`,
      () => `CAST(${sub('a', 'INTEGER')} AS VARCHAR)`,
      () => `(${sub('a', 'STRUCT(x INTEGER, y VARCHAR)')}).y`,
      () => `strftime(${sub('a', 'DATE')}, '%Y-%m')`,
      () => `CASE ${sub('s', 'INTEGER')} WHEN 1 THEN ${sub('a', 'VARCHAR')} ELSE ${sub('b', 'VARCHAR')} END`,
      () => `regexp_replace(${sub('a', 'VARCHAR')}, 'a', ${d.pick('with', ["'b'", "'c'"])})`,
    ],
    DOUBLE: [
      () => `(${sub('a', 'DOUBLE')} + ${sub('b', 'INTEGER')})`,
      () => `(${sub('a', 'INTEGER')} / 2)`,
      () => `round(${sub('a', 'DOUBLE')}, ${d.pick('digits', [0, 1])})`,
    ],
    DATE: [
      () => `(${sub('a', 'DATE')} + ${d.pick('days', [1, 2])})`,
      () => `greatest(${sub('a', 'DATE')}, ${sub('b', 'DATE')})`,
    ],
    BOOLEAN: [
      () =>
        `(${sub('a', 'INTEGER')} ${d.pick('op', ['<', '=', '>=', '<>', 'IS DISTINCT FROM'])} ${sub('b', 'INTEGER')})`,
      () => `(${sub('a', 'VARCHAR')} ${d.pick('op', ['=', '<', 'LIKE'])} ${sub('b', 'VARCHAR')})`,
      () => `(${sub('a', 'DATE')} ${d.pick('op', ['<', '>='])} ${sub('b', 'DATE')})`,
      () => `(${sub('a', 'BOOLEAN')} ${d.pick('op', ['AND', 'OR'])} ${sub('b', 'BOOLEAN')})`,
      () => `(NOT ${sub('a', 'BOOLEAN')})`,
      () => `(${sub('a', 'INTEGER')} IN (${d.pick('list', ['1, 2', '0, 3', '1, 2, 3', '1, 4'])}))`,
      () => `(${sub('a', d.pick('type', SCALARS))} IS NULL)`,
      () => `(${sub('a', 'INTEGER')} BETWEEN ${d.pick('low', [0, 1])} AND ${d.pick('high', [1, 2])})`,
      () => `list_contains(${sub('a', 'INTEGER[]')}, ${sub('b', 'INTEGER')})`,
    ],
    'INTEGER[]': [
      () => `list_transform(${sub('a', 'INTEGER[]')}, lambda v: v + ${d.pick('plus', [1, 2])})`,
      () => `list_filter(${sub('a', 'INTEGER[]')}, lambda v: v > ${d.pick('above', [0, 1])})`,
      () => `[${sub('a', 'INTEGER')}, ${sub('b', 'INTEGER')}]`,
    ],
    'STRUCT(x INTEGER, y VARCHAR)': [() => `struct_pack(x := ${sub('a', 'INTEGER')}, y := ${sub('b', 'VARCHAR')})`],
  }
  return d.pick('form', forms[type])()
}
