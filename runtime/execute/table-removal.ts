// Takes away what an environment of a database has: its views, the tables that were made for its targets, the schemas that were
// made for it if nothing else is in them by then, and its state; one transaction, or none of it. Tables of the store go with
// `clean`. Reports TARGET_FAILED.

import { RuntimeFailure } from '../contract/failures.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import { pgName } from '../contract/postgresql-names.ts'
import type { Ledger } from '../engines/postgresql/ledger.ts'
import { viewsIn } from '../engines/postgresql/ledger-reader.ts'
import type { SharedState } from '../shared-state.ts'

export interface RemovedEnvironment {
  readonly views: readonly string[]
  readonly tables: readonly string[]
  readonly schemas: readonly string[]
  /** Schemas that hold things of others. */
  readonly kept: readonly string[]
}

const MADE_SCHEMAS = `SELECT s.name, EXISTS (SELECT FROM pg_depend d JOIN pg_namespace n ON n.oid = d.refobjid
  WHERE d.refclassid = 'pg_namespace'::regclass AND d.deptype = 'n' AND n.nspname = s.name) AS holds
  FROM seeknal.schemas s WHERE s.project = $1 AND s.environment = $2 ORDER BY s.name`

/** Whoever calls holds the environment's lock. `keepSchemas`: its views stay as they are. */
export async function removeEnvironment(
  { ledger }: SharedState,
  environment: EnvironmentName,
  keepSchemas: boolean,
): Promise<RemovedEnvironment> {
  const views = keepSchemas ? [] : await viewsIn(ledger, environment)
  let tables: readonly string[] = []
  let schemas: readonly string[] = []
  let kept: readonly string[] = []
  const dropViews = async (): Promise<void> => {
    await ledger.ask("SELECT seeknal.show_views($1::jsonb, '[]')", [JSON.stringify(views)])
  }
  const dropOthers = async (): Promise<void> => {
    tables = keepSchemas ? [] : await dropTargets(ledger, environment)
    const made = keepSchemas ? [] : await ledger.ask(MADE_SCHEMAS, [ledger.project, environment])
    schemas = made.flatMap(({ name, holds }) => (holds === 't' ? [] : [name ?? '']))
    kept = made.flatMap(({ name, holds }) => (holds === 't' ? [name ?? ''] : []))
    for (const name of schemas) await ledger.ask(`DROP SCHEMA IF EXISTS ${pgName(name)} RESTRICT`)
  }
  if (ledger.isStepwise) {
    await ledger.commit(dropViews)
    await dropOthers()
    await ledger.commit(() => forget(ledger, environment, schemas))
  } else
    await ledger.commit(async () => {
      await dropViews()
      await dropOthers()
      await forget(ledger, environment, schemas)
    })
  return { views: views.map(({ schema, name }) => `${schema}.${name}`), tables, schemas, kept }
}

async function forget(ledger: Ledger, environment: EnvironmentName, schemas: readonly string[]): Promise<void> {
  for (const table of ['targets', 'shown'])
    await ledger.ask(`DELETE FROM seeknal.${table} WHERE project = $1 AND environment = $2`, [
      ledger.project,
      environment,
    ])
  await ledger.ask('DELETE FROM seeknal.schemas WHERE project = $1 AND environment = $2 AND name = ANY ($3::text[])', [
    ledger.project,
    environment,
    `{${schemas.map((name) => JSON.stringify(name)).join(',')}}`,
  ])
  await ledger.ask('DELETE FROM seeknal.environments WHERE project = $1 AND name = $2', [ledger.project, environment])
}

/** Those that were not there before. What depends on one stops all. */
async function dropTargets(ledger: Ledger, environment: EnvironmentName): Promise<readonly string[]> {
  const made = await ledger.ask(
    `SELECT DISTINCT t.schema_name AS schema, t.table_name AS name FROM seeknal.targets t
     JOIN pg_namespace n ON n.nspname = t.schema_name JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.table_name
     WHERE t.project = $1 AND t.environment = $2 AND t.created AND c.relkind IN ('r', 'p') ORDER BY 1, 2`,
    [ledger.project, environment],
  )
  for (const { schema, name } of made)
    await ledger.ask(`DROP TABLE ${pgName(schema ?? '')}.${pgName(name ?? '')} RESTRICT`).catch(dependedOn)
  return made.map(({ schema, name }) => `${schema}.${name}`)
}

function dependedOn(error: unknown): never {
  if (!(error instanceof RuntimeFailure) || error.facts.sqlstate !== '2BP01') throw error
  throw new RuntimeFailure('TARGET_FAILED', error.message, error.facts, {
    cause: error,
    hints: ['Drop what others made of it first, or leave all tables with --keep-schemas.'],
  })
}
