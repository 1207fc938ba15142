// Schemas that outputs need, made where they are missing and remembered as ours; and the views by which a run of production reads
// what it makes. Nothing that others made is dropped.

import { buildSteps, tableOf } from '../contract/bundle.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import { pgName } from '../contract/postgresql-names.ts'
import { nextSchema, STORE_SCHEMA } from '../contract/table-steps.ts'
import type { SharedState } from '../shared-state.ts'
import type { World } from './world.ts'

/** Those of the bundle's outputs, the store's, and for production those of its own views. */
export async function makeSchemas(shared: SharedState, world: World): Promise<void> {
  const outputs = buildSteps(world.contract).flatMap((step) => tableOf(step) ?? [])
  const own = world.environment === null ? nextSchemas(shared, world) : []
  await makeMissingSchemas(shared, world.environment, [STORE_SCHEMA, ...outputs.map(({ schema }) => schema), ...own])
  if (own.length > 0) await dropNextViews(shared, world)
}

/** Those that are not there; they are an environment's, or production's, from then on. */
export async function makeMissingSchemas(
  { ledger }: SharedState,
  environment: EnvironmentName | null,
  schemas: readonly string[],
): Promise<void> {
  const all = [...new Set(schemas)]
  if (ledger.isStepwise) return makeOneByOne(ledger, environment, all)
  // With what remembers them, or not at all.
  await ledger.ask('SELECT seeknal.make_schemas($1, $2, $3::text[])', [ledger.project, environment, listOf(all)])
}

const listOf = (names: readonly string[]): string => `{${names.map((name) => JSON.stringify(name)).join(',')}}`

/** The same where nothing is made within a transaction. */
async function makeOneByOne(
  ledger: SharedState['ledger'],
  environment: EnvironmentName | null,
  all: readonly string[],
): Promise<void> {
  const present = await ledger.ask('SELECT nspname AS name FROM pg_namespace WHERE nspname = ANY ($1::text[])', [
    listOf(all),
  ])
  const there = new Set(present.map(({ name }) => name))
  for (const name of all.filter((one) => !there.has(one))) {
    await ledger.ask(`CREATE SCHEMA IF NOT EXISTS ${pgName(name)}`).catch(unlessMade)
    await ledger.ask(
      'INSERT INTO seeknal.schemas (project, environment, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
      [ledger.project, environment ?? '', name],
    )
  }
}

/** Another session has just made the same. */
function unlessMade(error: unknown): void {
  const isMade = error instanceof RuntimeFailure && ['23505', '42P06'].includes(String(error.facts.sqlstate))
  if (!isMade) throw error
}

const nextSchemas = ({ ledger }: SharedState, world: World): readonly string[] =>
  [...new Set([...world.nodes.values()].map(({ kind }) => kind))].map((kind) => nextSchema(ledger.project, kind))

/** They are only for the run that made them. */
export async function dropNextViews(shared: SharedState, world: World): Promise<void> {
  const views = await shared.ledger.ask(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = ANY ($1::text[]) AND c.relkind = 'v'`,
    [`{${nextSchemas(shared, world).join(',')}}`],
  )
  const names = views.map(({ schema, name }) => `${pgName(schema ?? '')}.${pgName(name ?? '')}`)
  if (names.length > 0) await shared.ledger.ask(`DROP VIEW IF EXISTS ${names.join(', ')}`)
}
