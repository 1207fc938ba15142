// Small tables of random values, to execute random queries on and to vary: other values in some columns, or the same
// rows in another order.

import type { Relation } from '../../compiler/ports.ts'
import { Session } from './duckdb.ts'
import { seeded } from './random.ts'
import type { ColumnType } from './random-expressions.ts'
import type { RandomRelation } from './random-queries.ts'

const TABLES: readonly RandomRelation[] = [
  {
    name: 'source.t0',
    columns: [
      { name: 'k', type: 'INTEGER' },
      { name: 'a', type: 'INTEGER' },
      { name: 'name', type: 'VARCHAR' },
      { name: 'amount', type: 'DOUBLE' },
      { name: 'arr', type: 'INTEGER[]' },
    ],
    key: null,
  },
  {
    name: 'source.t1',
    columns: [
      { name: 'a', type: 'INTEGER' },
      { name: 'v', type: 'VARCHAR' },
      { name: 's', type: 'STRUCT(x INTEGER, y VARCHAR)' },
      { name: 'day', type: 'DATE' },
    ],
    key: null,
  },
]
const ROWS = 12

/** Literals by table, row and column. */
type Data = readonly (readonly (readonly string[])[])[]

export class RandomData {
  readonly tables = TABLES
  readonly relations: readonly Relation[] = TABLES.map(({ name, columns }) => ({
    schema: 'source',
    name: name.slice(7),
    columns,
  }))
  readonly original: Data
  /** Of the original, which is loaded once, and of whatever it is compared with. */
  readonly #sessions: readonly [original: Session, other: Session]
  readonly #random = seeded(20_261_122)
  #loaded: Data | undefined

  private constructor(original: Session, other: Session) {
    this.#sessions = [original, other]
    this.original = this.#made()
  }

  static async open(): Promise<RandomData> {
    const sessions = [await Session.open(), await Session.open()] as const
    for (const session of sessions)
      await session.script(
        "CREATE SCHEMA source; SET VARIABLE n = '2'; SET VARIABLE s = 'a'; SET VARIABLE run_date = '2020-01-01'; SET threads = 1",
      )
    const data = new RandomData(...sessions)
    await load(data.original, sessions[0])
    return data
  }

  /** The original with other values in every column but `kept` (`source.t0.a`). */
  async changedBut(kept: ReadonlySet<string>): Promise<Data> {
    const other = this.#made()
    return this.original.map((table, t) =>
      table.map((row, r) =>
        row.map((value, c) =>
          kept.has(`${TABLES[t]?.name}.${TABLES[t]?.columns[c]?.name}`) ? value : (other[t]?.[r]?.[c] ?? value),
        ),
      ),
    )
  }

  /** The original's rows in another order. */
  shuffled(): Data {
    return this.original.map((table) =>
      table
        .map((row) => ({ row, at: this.#random.next() }))
        .sort((a, b) => a.at - b.at)
        .map(({ row }) => row),
    )
  }

  /** The rows of a query over some data, sorted, as one text; the message when it fails. */
  async rows(sql: string, data: Data): Promise<string> {
    const [original, other] = this.#sessions
    if (data !== this.original && data !== this.#loaded) await load(data, other)
    if (data !== this.original) this.#loaded = data
    try {
      const rows = await (data === this.original ? original : other).rows(sql)
      return rows
        .map((row) => JSON.stringify(row))
        .sort()
        .join('\n')
    } catch (error) {
      return String(error)
    }
  }

  #made(): Data {
    return TABLES.map(({ columns }) =>
      Array.from({ length: ROWS }, () => columns.map((column) => this.#value(column.type))),
    )
  }

  #value(type: ColumnType): string {
    const random = this.#random
    const number = (): number => random.between(0, 3)
    if (random.chance(0.12)) return 'NULL'
    const values: Readonly<Record<ColumnType, () => string>> = {
      INTEGER: () => String(number()),
      VARCHAR: () => random.pick(["'a'", "'b'", "''", "'ab'"]),
      DOUBLE: () => String(number() / 4 - 0.5),
      DATE: () => `DATE '2020-0${1 + number()}-0${1 + number()}'`,
      BOOLEAN: () => random.pick(['true', 'false']),
      'INTEGER[]': () => `[${Array.from({ length: number() }, number).join(', ')}]::INTEGER[]`,
      'STRUCT(x INTEGER, y VARCHAR)': () => `{'x': ${number()}, 'y': ${random.pick(["'a'", "'b'"])}}`,
    }
    return values[type]()
  }
}

async function load(data: Data, session: Session): Promise<void> {
  const statements = TABLES.map(({ name, columns }, t) => {
    const list = columns.map((column) => `${column.name} ${column.type}`).join(', ')
    const rows = (data[t] ?? []).map((row) => `(${row.join(', ')})`).join(', ')
    return `CREATE OR REPLACE TABLE ${name} (${list}); INSERT INTO ${name} VALUES ${rows}`
  })
  await session.script(statements.join('; '))
}
