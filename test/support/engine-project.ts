// A project that PostgreSQL executes, with a database of its own on the test server, and what is there.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { keptDatabase } from './kept-database.ts'
import type { TestDatabase } from './postgres.ts'
import { copyOf, once } from './prepared.ts'
import { newDatabase, profileFor, rowsIn } from './target-project.ts'
import { tempProject } from './temp.ts'

export interface EngineProject {
  readonly folder: string
  readonly database: TestDatabase
  write(path: string, text: string): void
  remove(path: string): void
  /** Rows of a query as lists of text. */
  rows(sql: string): Promise<(string | null)[][]>
  /** Another folder with the same files, and no target/. */
  copy(): EngineProject
  /** The same with target/, as it is now. */
  copyWithTarget(): EngineProject
}

export const ENGINE = `name: shop
version: "1.0.0"
engine: {type: postgresql, connection: warehouse, schema: analytics}
dialect: postgresql
`

export const transform = (name: string, inputs: readonly string[], sql: string, more = ''): string =>
  `kind: transform\nname: ${name}\ninputs: [${inputs.map((ref) => `{ref: ${ref}}`).join(', ')}]\n${more}transform: |\n  ${sql.replaceAll('\n', '\n  ')}\n`

/** A table of the engine's database, or of another one. */
export const tableSource = (name: string, table: string, connection = 'warehouse'): string =>
  `kind: source\nname: ${name}\nsource: postgresql\nconnection: ${connection}\ntable: ${table}\n`

export const querySource = (name: string, sql: string, connection = 'warehouse'): string =>
  `kind: source\nname: ${name}\nsource: postgresql\nconnection: ${connection}\nparams:\n  query: |\n    ${sql.replaceAll('\n', '\n    ')}\n`

export const ORDERS = tableSource('orders', 'shop.orders')

export const SHOP: Readonly<Record<string, string>> = {
  'seeknal/orders.yml': ORDERS,
  'seeknal/regions.yml':
    'kind: source\nname: regions\nsource: csv\ntable: data/regions.csv\ncolumns: {customer: VARCHAR, region: VARCHAR}\n',
  'data/regions.csv': 'customer,region\nann,north\nbob,south\n',
  'seeknal/paid.yml': transform(
    'paid',
    ['source.orders'],
    "SELECT id, customer, amount, day -- only what was paid\nFROM ref('source.orders')\nWHERE amount > 0",
  ),
  'seeknal/daily.yml': transform(
    'daily',
    ['transform.paid'],
    "SELECT day, sum(amount) AS revenue, count(*) AS n FROM ref('transform.paid') GROUP BY day",
  ),
  'seeknal/by_region.yml': transform(
    'by_region',
    ['transform.paid', 'source.regions'],
    "SELECT r.region, sum(p.amount) AS revenue FROM ref('transform.paid') p JOIN ref('source.regions') r USING (customer) GROUP BY r.region",
  ),
}

export const TABLES = `CREATE SCHEMA shop;
CREATE TABLE shop.orders (id bigint, customer text, amount numeric(10,2), day date);
INSERT INTO shop.orders VALUES (1, 'ann', 10.50, '2026-03-01'), (2, 'bob', 20, '2026-03-01'), (3, 'ann', 5.25, '2026-03-02'), (4, 'bob', -1, '2026-03-02');`

export async function engineProject(
  files: Readonly<Record<string, string>> = SHOP,
  tables: string = TABLES,
): Promise<EngineProject> {
  const database = await newDatabase('engine')
  await database.sql(tables)
  return projectIn(database, { 'seeknal_project.yml': ENGINE, 'profiles.yml': profileFor(database), ...files })
}

/**
 * Each call gives a folder of its own of what `make` makes in the first one, and puts the database back to how it was then: who
 * got the one before has done with it.
 */
export function preparedEngineProject(make: () => Promise<EngineProject>): () => Promise<EngineProject> {
  const made = once(async () => {
    const project = await make()
    return { project, kept: await keptDatabase(project.database, 'prepared') }
  })
  return async () => {
    const { project, kept } = await made()
    await kept.restore()
    return project.copyWithTarget()
  }
}

const projectIn = (database: TestDatabase, files: Readonly<Record<string, string>>): EngineProject =>
  projectAt(tempProject(files), database, files)

function projectAt(folder: string, database: TestDatabase, files: Readonly<Record<string, string>>): EngineProject {
  const present: Record<string, string> = { ...files }
  return {
    folder,
    database,
    write: (path, text) => {
      present[path] = text
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    },
    remove: (path) => {
      delete present[path]
      rmSync(join(folder, path))
    },
    rows: (sql) => rowsIn(database, sql),
    copy: () => projectIn(database, present),
    copyWithTarget: () => projectAt(copyOf(folder), database, present),
  }
}
