// Takes away what an environment of a database has: its views, the schemas that were made for it if nothing else is in them by
// then, and its state; one transaction, or none of it. Tables of the store go with `clean`. Reports TARGET_FAILED.

import type { EnvironmentName } from '../contract/ids.ts'
import { pgName } from '../contract/postgresql-names.ts'
import { viewsIn } from '../engines/postgresql/ledger-reader.ts'
import type { SharedState } from '../shared-state.ts'

export interface RemovedEnvironment {
  readonly views: readonly string[]
  readonly schemas: readonly string[]
  /** Schemas that hold things of others. */
  readonly kept: readonly string[]
}

/** Whoever calls holds the environment's lock. `keepSchemas`: its views stay as they are. */
export async function removeEnvironment(
  { ledger }: SharedState,
  environment: EnvironmentName,
  keepSchemas: boolean,
): Promise<RemovedEnvironment> {
  const views = keepSchemas ? [] : await viewsIn(ledger, environment)
  let schemas: readonly string[] = []
  let kept: readonly string[] = []
  await ledger.commit(async () => {
    await ledger.ask("SELECT seeknal.show_views($1::jsonb, '[]')", [JSON.stringify(views)])
    const made = keepSchemas
      ? []
      : await ledger.ask(
          `SELECT s.name, EXISTS (SELECT FROM pg_depend d JOIN pg_namespace n ON n.oid = d.refobjid
             WHERE d.refclassid = 'pg_namespace'::regclass AND d.deptype = 'n' AND n.nspname = s.name) AS holds
           FROM seeknal.schemas s WHERE s.project = $1 AND s.environment = $2 ORDER BY s.name`,
          [ledger.project, environment],
        )
    schemas = made.flatMap(({ name, holds }) => (holds === 't' ? [] : [name ?? '']))
    kept = made.flatMap(({ name, holds }) => (holds === 't' ? [name ?? ''] : []))
    for (const name of schemas) await ledger.ask(`DROP SCHEMA IF EXISTS ${pgName(name)} RESTRICT`)
    await ledger.ask(
      'DELETE FROM seeknal.schemas WHERE project = $1 AND environment = $2 AND name = ANY ($3::text[])',
      [ledger.project, environment, `{${schemas.map((name) => JSON.stringify(name)).join(',')}}`],
    )
    await ledger.ask('DELETE FROM seeknal.environments WHERE project = $1 AND name = $2', [ledger.project, environment])
  })
  return { views: views.map(({ schema, name }) => `${schema}.${name}`), schemas, kept }
}
