// Executes projects in memory over small sources with duplicates, NULLs and ties, and says what rows come out. What is in
// a source's column depends on its name and type only, so that an edit of other columns leaves it alone.

import { textLiteral } from '../../compiler/dialect/duckdb.ts'
import { isTransform, type ResolvedTransform } from '../../compiler/resolve.ts'
import { type DuckDBConnection, type DuckDBInstance, openDatabase } from '../../runtime/engines/duckdb/driver.ts'
import { fingerprinted, type MemoryProject } from './memory-project.ts'

/** Rows of every source. */
const ROWS = 14

/** Values to choose from, by the beginning of the type. */
const VALUES: readonly (readonly [type: RegExp, values: string])[] = [
  [/^STRUCT\(p INTEGER/, "[{'p': 1, 'q': 'a'}, {'p': 2, 'q': 'bb'}, NULL, {'p': NULL, 'q': 'a'}]"],
  [/^STRUCT\(x INTEGER/, "[{'x': 1, 'y': 'a'}, {'x': 2, 'y': 'b'}, NULL, {'x': NULL, 'y': 'a'}]"],
  [/^STRUCT/, "[{'city': 'X', 'zip': '1'}, {'city': 'Y', 'zip': NULL}, NULL]"],
  [/^VARCHAR\[\]/, "[['a', 'b'], ['b', 'a'], [], NULL]"],
  [/\[\]$/, '[[1, 2], [1, 1], [], NULL, [3, NULL]]'],
  [/^(INTEGER|BIGINT)/, '[0, 1, 1, 2, 3, 2, NULL]'],
  [/^(DOUBLE|DECIMAL)/, '[0, 0.25, 12.5, 12.5, 40, 3.75, NULL]'],
  [/^DATE/, "['2020-01-01', '2020-01-31', '2020-02-29', '2020-01-31', NULL]"],
  [/^TIMESTAMP/, "['2020-01-01 10:00:00', '2020-02-29 23:59:59', NULL]"],
  [/^BOOLEAN/, '[true, false, NULL]'],
  [/./, "['a', 'A', 'b', '', '12', 'a', NULL]"],
]

/** Fingerprint of rows and columns of each transform. */
export type Contents = ReadonlyMap<string, string>

type Columns = readonly { readonly name: string; readonly type: string }[]

/** What is in a table now: what it was made from, and its fingerprint. */
interface Made {
  readonly from: string
  readonly contents: string
}

export class ProjectData {
  readonly #instance: DuckDBInstance
  readonly #connection: DuckDBConnection
  readonly #made = new Map<string, Made>()

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance
    this.#connection = connection
  }

  static async open(): Promise<ProjectData> {
    const instance = await openDatabase({ threads: '1' })
    const connection = await instance.connect()
    await connection.run('CREATE SCHEMA source; CREATE SCHEMA transform')
    await prepare(connection)
    return new ProjectData(instance, connection)
  }

  close(): void {
    this.#connection.closeSync()
    this.#instance.closeSync()
  }

  /** A table that is made from the same already stays. Throws what the engine throws. */
  async contents(project: MemoryProject): Promise<Contents> {
    const { bound, manifest } = await fingerprinted(project)
    const sources = new Map(manifest.nodes.map((node) => [node.id, node]))
    const transforms = new Map(bound.graph.nodes.filter(isTransform).map((node) => [node.id, node]))
    const contents = new Map<string, string>()
    for (const id of bound.graph.order) {
      const node = transforms.get(id)
      const columns = sources.get(id)?.columns ?? []
      const from = node
        ? JSON.stringify([node.sql.text, manifest.settings, node.inputs.map((i) => this.#made.get(i)?.from)])
        : JSON.stringify(columns.map((c) => [c.name, c.type]))
      const present = this.#made.get(id)
      if (present?.from !== from) {
        this.#made.delete(id)
        await (node ? this.#materialise(node, manifest.settings) : this.#fill(id, columns))
        this.#made.set(id, { from, contents: node ? await this.#fingerprint(id) : '' })
      }
      if (node) contents.set(id, this.#made.get(id)?.contents ?? '')
    }
    return contents
  }

  /** Which tuples of two queries over the present tables are not the same rows. Queries that fail have no rows to compare. */
  async differing(old: string, now: string, tuples: readonly string[]): Promise<readonly string[]> {
    try {
      await this.#connection.run(`CREATE OR REPLACE TEMP TABLE old AS ${old}`)
      await this.#connection.run(`CREATE OR REPLACE TEMP TABLE now AS ${now}`)
    } catch {
      return []
    }
    const differing: string[] = []
    for (const tuple of tuples) {
      const only = (a: string, b: string) =>
        `(SELECT ${tuple} FROM temp.${a} EXCEPT ALL SELECT ${tuple} FROM temp.${b})`
      const sql = `SELECT count(*) FROM (${only('old', 'now')} UNION ALL ${only('now', 'old')})`
      const rows = await this.#connection.runAndReadAll(sql)
      if (String(rows.getRows()[0]?.[0]) !== '0') differing.push(tuple)
    }
    return differing
  }

  /** Writes the rows of a source to a Parquet file, as an edit of other columns would leave them. */
  async write(id: string, columns: Columns, path: string): Promise<void> {
    await this.#fill(id, columns)
    this.#made.delete(id)
    await this.#connection.run(`COPY ${id} TO ${textLiteral(path)} (FORMAT parquet)`)
  }

  /** How many rows only one of two Parquet files has. */
  async differenceOf(a: string, b: string): Promise<number> {
    const only = (one: string, other: string) =>
      `(FROM read_parquet(${textLiteral(one)}) EXCEPT ALL FROM read_parquet(${textLiteral(other)}))`
    const rows = await this.#connection.runAndReadAll(`SELECT count(*) FROM (${only(a, b)} UNION ALL ${only(b, a)})`)
    return Number(rows.getRows()[0]?.[0])
  }

  async #fill(id: string, columns: Columns) {
    const items = columns.map(({ name, type }) => {
      const values = VALUES.find(([pattern]) => pattern.test(type))?.[1] ?? '[NULL]'
      const value =
        name === 'k' || name === 'order_id'
          ? 'i'
          : `(${values})[1 + (hash('${id}${name}', i) % len(${values})::UBIGINT)::BIGINT]`
      return `CAST(${value} AS ${type}) AS "${name}"`
    })
    await this.#connection.run(
      `CREATE OR REPLACE TABLE ${id} AS SELECT ${items.join(', ')} FROM range(${ROWS}) AS r(i)`,
    )
  }

  /** Several statements and settings get a connection of their own, and are gone afterwards. */
  async #materialise({ id, sql }: ResolvedTransform, settings: Readonly<Record<string, string>>) {
    const statements = sql.statements.map((s) => sql.text.slice(s.start, s.end))
    const own = statements.length > 1 || Object.keys(settings).length > 0
    const connection = own ? await this.#instance.connect() : this.#connection
    try {
      if (own) await prepare(connection)
      for (const [name, value] of Object.entries(settings)) await connection.run(`SET ${name} = '${value}'`)
      for (const statement of statements.slice(0, -1)) await connection.run(statement)
      await connection.run(`CREATE OR REPLACE TABLE ${id} AS ${statements.at(-1)}`)
    } finally {
      if (own) connection.closeSync()
    }
  }

  /** Rows as a multiset, with names and types of the columns in order. */
  async #fingerprint(id: string): Promise<string> {
    const rows = await this.#connection.runAndReadAll(
      `SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0)::VARCHAR FROM ${id} AS t`,
    )
    const columns = await this.#connection.runAndReadAll(`FROM ${id} LIMIT 0`)
    const types = columns.columnTypes().map(String)
    return [...(rows.getRows()[0] ?? []), ...columns.columnNames().map((name, i) => `${name} ${types[i]}`)].join(', ')
  }
}

/** The session of a run: its time zone and its parameters. */
async function prepare(connection: DuckDBConnection): Promise<void> {
  await connection.run("SET TimeZone = 'UTC'; SET VARIABLE run_date = '2020-02-15'; SET VARIABLE run_id = 'a'")
}
