// Removes what nothing refers to any more where the state is in a database: old generations, expired environments with their
// views, then bundles that no generation or environment that stays needs, and tables of the store, or this machine's files.
// Nobody executes meanwhile. A table that something of others depends on stays. Reports STATE_LOCKED, TARGET_FAILED.

import { RuntimeFailure } from './contract/failures.ts'
import type { EnvironmentName } from './contract/ids.ts'
import { pgName } from './contract/postgresql-names.ts'
import type { RunState } from './contract/state.ts'
import { STORE_SCHEMA, tableNameOf } from './contract/table-steps.ts'
import { removeEnvironment } from './execute/table-removal.ts'
import type { SharedState } from './shared-state.ts'
import { type CleanOptions, type CleanResult, clean, KEPT_GENERATIONS, keptStates, leftovers } from './store/clean.ts'
import { openStore } from './store/store.ts'

interface Turn {
  readonly command: string
  readonly timeoutMs: number
}

/** target/ says what the ledger says. A dry run takes no lock. */
export async function cleanDatabase(shared: SharedState, options: CleanOptions): Promise<CleanResult> {
  if (options.dryRun) return removals(shared, options).then(({ result }) => result)
  return alone(shared, options, async (turn) => {
    const { result, tables, bundles } = await removals(shared, options)
    const withTables: EnvironmentName[] = []
    for (const name of result.environments) if (!(await removed(shared, name, turn))) withTables.push(name)
    const dropped = await dropTables(shared, tables)
    await forget(shared, result, dropped, bundles)
    await shared.refresh()
    const environments = result.environments.filter((name) => !withTables.includes(name))
    return { ...result, environments, withTables, snapshots: dropped.length }
  })
}

/** Where outputs are files: of these, this machine's. What an environment of another machine needs is in the ledger, and stays. */
export async function cleanFiles(shared: SharedState, options: CleanOptions): Promise<CleanResult> {
  if (options.dryRun) return clean(options)
  const store = openStore(options.projectDir)
  return alone(shared, options, async (turn) => {
    const forgotten: CleanOptions['forget'] = async (gone) => {
      const states = keptStates(store, new Set(gone.generations), new Set(gone.environments))
      const bundles = await unneededBundles(shared, states)
      for (const name of gone.environments) await removed(shared, name, turn)
      await forget(shared, gone, [], bundles)
    }
    return clean({ ...options, forget: forgotten })
  })
}

async function alone<T>(shared: SharedState, options: CleanOptions, body: (turn: Turn) => Promise<T>): Promise<T> {
  const turn = { command: options.command ?? 'seeknal clean', timeoutMs: options.lockTimeoutMs ?? 0 }
  const lock = await shared.lock('production', turn)
  let release: (() => Promise<void>) | undefined
  try {
    release = await shared.keepOthersOut()
    await shared.refresh()
    return await body(turn)
  } finally {
    await release?.()
    await lock.release()
  }
}

/** False: others made something of its views or tables. */
async function removed(shared: SharedState, name: EnvironmentName, turn: Turn): Promise<boolean> {
  const lock = await shared.lock(`environment-${name}`, turn)
  try {
    await removeEnvironment(shared, name, shared.inFiles)
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
  const bundles = await unneededBundles(shared, states)
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

/** Of neither a state that stays nor a plan. */
async function unneededBundles({ ledger }: SharedState, states: readonly RunState[]): Promise<readonly string[]> {
  if (!ledger.isMade) return []
  const kept = new Set(states.map(({ bundle }) => bundle))
  const present = await ledger.ask(
    `SELECT b.digest FROM seeknal.bundles b WHERE b.project = $1 AND NOT EXISTS (SELECT FROM seeknal.environments e
       WHERE e.project = b.project AND e.documents->>'plan.json' LIKE '%' || b.digest || '%')`,
    [ledger.project],
  )
  return present.flatMap(({ digest }) => (digest == null || kept.has(digest) ? [] : [digest]))
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
  { generations }: Pick<CleanResult, 'generations'>,
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
