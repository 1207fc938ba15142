// Removes what nothing refers to any more in a database that executes: old generations, expired environments with their views,
// then tables of the store and bundles that no generation or environment that stays needs. Nobody executes meanwhile. A table
// that something of others depends on stays. Reports STATE_LOCKED, TARGET_FAILED.

import { RuntimeFailure } from './contract/failures.ts'
import type { EnvironmentName } from './contract/ids.ts'
import { pgName } from './contract/postgresql-names.ts'
import { STORE_SCHEMA, tableNameOf } from './contract/table-steps.ts'
import { removeEnvironment } from './execute/table-removal.ts'
import type { SharedState } from './shared-state.ts'
import { type CleanOptions, type CleanResult, KEPT_GENERATIONS, keptStates, leftovers } from './store/clean.ts'
import { openStore } from './store/store.ts'

/** target/ says what the ledger says. A dry run takes no lock. */
export async function cleanDatabase(shared: SharedState, options: CleanOptions): Promise<CleanResult> {
  if (options.dryRun) return removals(shared, options).then(({ result }) => result)
  const { command = 'seeknal clean', lockTimeoutMs: timeoutMs = 0 } = options
  const lock = await shared.lock('production', { command, timeoutMs })
  const release = await shared.ledger.keepOthersOut()
  try {
    await shared.refresh()
    const { result, tables, bundles } = await removals(shared, options)
    const withTables: EnvironmentName[] = []
    for (const name of result.environments)
      if (!(await removed(shared, name, { command, timeoutMs }))) withTables.push(name)
    const dropped = await dropTables(shared, tables)
    await forget(shared, result, dropped, bundles)
    await shared.refresh()
    const environments = result.environments.filter((name) => !withTables.includes(name))
    return { ...result, environments, withTables, snapshots: dropped.length }
  } finally {
    await release()
    await lock.release()
  }
}

/** False: others made something of its views or tables. */
async function removed(
  shared: SharedState,
  name: EnvironmentName,
  options: { readonly command: string; readonly timeoutMs: number },
): Promise<boolean> {
  const lock = await shared.lock(`environment-${name}`, options)
  try {
    await removeEnvironment(shared, name, false)
    return true
  } catch (error) {
    if (!(error instanceof RuntimeFailure) || error.code !== 'TARGET_FAILED') throw error
    return false
  } finally {
    await lock.release()
  }
}

interface Removals {
  readonly result: CleanResult
  /** Of the store. */
  readonly tables: readonly string[]
  readonly bundles: readonly string[]
}

async function removals(shared: SharedState, options: CleanOptions): Promise<Removals> {
  const { ledger } = shared
  const store = openStore(options.projectDir)
  const { generations, environments } = leftovers(store, options.keepGenerations ?? KEPT_GENERATIONS)
  const states = keptStates(store, new Set(generations), new Set(environments))
  const used = new Set(
    states.flatMap(({ nodes }) => Object.entries(nodes).map(([id, { snapshot }]) => tableNameOf(id, snapshot.sha256))),
  )
  const tables = ledger.isMade ? await unusedTables(shared, used) : []
  const kept = new Set(states.map(({ bundle }) => bundle))
  const present = ledger.isMade
    ? await ledger.ask(
        `SELECT b.digest FROM seeknal.bundles b WHERE b.project = $1 AND NOT EXISTS (SELECT FROM seeknal.environments e
           WHERE e.project = b.project AND e.documents->>'plan.json' LIKE '%' || b.digest || '%')`,
        [ledger.project],
      )
    : []
  const bundles = present.flatMap(({ digest }) => (digest == null || kept.has(digest) ? [] : [digest]))
  return {
    result: {
      generations,
      environments,
      withTables: [],
      snapshots: tables.length,
      bundles: bundles.length,
      damaged: [],
      bytes: tables.reduce((sum, { bytes }) => sum + bytes, 0),
    },
    tables: tables.map(({ name }) => name),
    bundles,
  }
}

/** Of this project, and what a killed run left that nobody knows. */
async function unusedTables(
  { ledger }: SharedState,
  used: ReadonlySet<string>,
): Promise<readonly { readonly name: string; readonly bytes: number }[]> {
  const rows = await ledger.ask(
    `SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes FROM pg_class c
     WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $2) AND c.relkind = 'r'
       AND NOT EXISTS (SELECT FROM seeknal.outputs o WHERE o.relation = c.relname AND o.project <> $1) ORDER BY 1`,
    [ledger.project, STORE_SCHEMA],
  )
  return rows.flatMap(({ name, bytes }) => (name == null || used.has(name) ? [] : [{ name, bytes: Number(bytes) }]))
}

/** Those that could be dropped. */
async function dropTables({ ledger }: SharedState, tables: readonly string[]): Promise<readonly string[]> {
  const dropped: string[] = []
  for (const name of tables)
    try {
      const drop = async (): Promise<void> => {
        await ledger.ask(`DROP TABLE IF EXISTS ${STORE_SCHEMA}.${pgName(name)} RESTRICT`)
      }
      await (ledger.isStepwise ? drop() : ledger.commit(drop))
      dropped.push(name)
    } catch (error) {
      // Something of others depends on it.
      if (!(error instanceof RuntimeFailure) || error.facts.sqlstate !== '2BP01') throw error
    }
  return dropped
}

async function forget(
  { ledger }: SharedState,
  { generations }: CleanResult,
  tables: readonly string[],
  bundles: readonly string[],
): Promise<void> {
  const list = (texts: readonly string[]): string => `{${texts.map((text) => JSON.stringify(text)).join(',')}}`
  await ledger.commit(async () => {
    await ledger.ask('DELETE FROM seeknal.generations WHERE project = $1 AND number = ANY ($2::bigint[])', [
      ledger.project,
      `{${generations.join(',')}}`,
    ])
    await ledger.ask('DELETE FROM seeknal.outputs WHERE project = $1 AND relation = ANY ($2::text[])', [
      ledger.project,
      list(tables),
    ])
    await ledger.ask('DELETE FROM seeknal.bundles WHERE project = $1 AND digest = ANY ($2::text[])', [
      ledger.project,
      list(bundles),
    ])
  })
}
