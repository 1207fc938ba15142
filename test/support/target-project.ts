// A project whose outputs go to PostgreSQL, with a database for production and one for development, and what is there.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { postgresServer, type TestDatabase } from './postgres.ts'
import { tempProject } from './temp.ts'

let made = 0

/** A new database of the test server, with its owner. */
export async function newDatabase(name = 'shop'): Promise<TestDatabase> {
  const server = await postgresServer()
  made += 1
  const own = `${name}_${process.pid}_${made}`
  return server.create({ database: own, user: own, password: `pass word ' of ${own}` })
}

/** A profile with the connection `warehouse`. */
export const profileFor = (database: TestDatabase, more = ''): string =>
  `connections:
  warehouse:
    type: postgresql
    host: ${database.host}
    port: ${database.port}
    database: ${database.database}
    user: ${database.user}
    password: ${JSON.stringify(database.password)}
${more}`

export interface TargetText {
  /** Fields of the target besides type, connection and table: YAML, a line each. */
  readonly fields?: string
  readonly table?: string
  readonly sql?: string
}

/** transform.orders over data/orders.csv, written to analytics.orders. */
export const ordersNode = ({
  fields = '',
  table = 'analytics.orders',
  sql = 'SELECT * FROM',
}: TargetText = {}): string =>
  `kind: transform
name: orders
inputs: [{ref: source.raw}]
materialization:
  type: postgresql
  connection: warehouse
  table: ${table}
${fields
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => `  ${line}\n`)
  .join('')}transform: |
  ${sql} ref('source.raw')
`

export const RAW = 'id,customer,amount,day\n1,a,10.50,2026-03-01\n2,b,20.00,2026-03-02\n3,,5.25,2026-03-03\n'
export const RAW_NODE =
  'kind: source\nname: raw\nsource: csv\ntable: data/orders.csv\ncolumns: {id: BIGINT, customer: VARCHAR, amount: "DECIMAL(10,2)", day: DATE}\n'

export interface TargetProject {
  readonly folder: string
  readonly database: TestDatabase
  write(path: string, text: string): void
  /** Rows of a query as lists of text. */
  rows(sql: string): Promise<(string | null)[][]>
}

/** A project with its own database, not run yet. */
export async function targetProject(
  target: TargetText = {},
  files: Readonly<Record<string, string>> = {},
): Promise<TargetProject> {
  const database = await newDatabase()
  const folder = tempProject({
    'seeknal_project.yml': 'name: shop\nversion: "1.0.0"\n',
    'profiles.yml': profileFor(database),
    'data/orders.csv': RAW,
    'seeknal/raw.yml': RAW_NODE,
    'seeknal/orders.yml': ordersNode(target),
    ...files,
  })
  return targetProjectAt(folder, database)
}

/** A project that is there, whose database it is. */
export function targetProjectAt(folder: string, database: TestDatabase): TargetProject {
  return {
    folder,
    database,
    write: (path, text) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    },
    rows: (sql) => rowsIn(database, sql),
  }
}

export async function rowsIn(database: Pick<TestDatabase, 'sql'>, sql: string): Promise<(string | null)[][]> {
  const rows = await database.sql(`SELECT row_to_json(q)::text AS row FROM (${sql}) q`)
  return rows.map(({ row }) =>
    Object.values(JSON.parse(String(row)) as Record<string, unknown>).map((value) =>
      value === null ? null : typeof value === 'object' ? JSON.stringify(value) : String(value),
    ),
  )
}
