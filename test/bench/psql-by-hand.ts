// A bundle whose engine is a database → what somebody would send by hand to make the same tables and views: the queries of its
// step files as they are, and COPY of the very files that sources read, without any look at what was made. As a script of psql, or
// sent by a plain client.

import { spawnSync } from 'node:child_process'
import { createReadStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { type BundleFile, buildSteps, tableOf } from '../../runtime/contract/bundle.ts'
import type { Manifest } from '../../runtime/contract/manifest.ts'
import { pgName } from '../../runtime/contract/postgresql-names.ts'
import { columnItems, STORE_SCHEMA } from '../../runtime/contract/table-steps.ts'
import type { TestDatabase } from '../support/postgres.ts'

export type HandStep =
  | { readonly kind: 'sql'; readonly sql: string }
  | { readonly kind: 'copy'; readonly table: string; readonly file: string }

export const isPsqlThere = (): boolean => spawnSync('psql', ['--version']).status === 0

/** In the bundle's order. `data`: the project, whose sources are data/NAME.csv with a header. */
export function statementsOf(bundle: string, data: string): readonly HandStep[] {
  const contract: BundleFile = JSON.parse(readFileSync(join(bundle, 'bundle.json'), 'utf8'))
  const manifest: Manifest = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8'))
  const nodes = new Map(manifest.nodes.map((node) => [node.id as string, node]))
  const builds = buildSteps(contract)
  const schemas = new Set([STORE_SCHEMA, ...builds.flatMap((step) => tableOf(step)?.schema ?? [])])
  const settings = { ...contract.settings, search_path: 'pg_catalog, public' }
  return [
    ...Object.entries(settings).map(
      ([name, value]): HandStep => sql(`SELECT set_config('${name}', '${value}', false)`),
    ),
    ...[...schemas].map((schema) => sql(`CREATE SCHEMA ${pgName(schema)}`)),
    ...builds.flatMap((step): readonly HandStep[] => {
      const output = tableOf(step)
      if (output === null) return []
      const table = `${STORE_SCHEMA}.${pgName(step.node)}`
      const text = readFileSync(join(bundle, step.file), 'utf8').replaceAll(`${STORE_SCHEMA}.:"output"`, table)
      if (output.made !== 'load') return text.split('\n;\n').flatMap((one) => (one.trim() === '' ? [] : [sql(one)]))
      const columns = columnItems(nodes.get(step.node)?.columns ?? []).join(', ')
      return [
        sql(`CREATE TABLE ${table} (${columns})`),
        { kind: 'copy', table, file: join(data, 'data', `${output.name}.csv`) },
        sql(`CREATE VIEW ${pgName(output.schema)}.${pgName(output.name)} AS TABLE ${table}`),
      ]
    }),
  ]
}

const sql = (text: string): HandStep => ({ kind: 'sql', sql: text })

/** For `psql -f`. */
export const psqlScript = (steps: readonly HandStep[]): string =>
  steps
    .map((step) =>
      step.kind === 'sql' ? `${step.sql}\n;\n` : `\\copy ${step.table} FROM '${step.file}' (FORMAT csv, HEADER)\n`,
    )
    .join('')

/** The same by a client, statement by statement. */
export async function sendByHand(db: TestDatabase, steps: readonly HandStep[], isOne: boolean): Promise<void> {
  const { host, port, database, user, password } = db
  const client = new pg.Client({ host, port, database, user, password, ssl: false })
  await client.connect()
  if (isOne) await client.query('BEGIN')
  for (const step of steps)
    if (step.kind === 'sql') await client.query(step.sql)
    else
      await pipeline(
        createReadStream(step.file),
        client.query(copyFrom(`COPY ${step.table} FROM STDIN (FORMAT csv, HEADER)`)),
      )
  if (isOne) await client.query('COMMIT')
  await client.end()
}
