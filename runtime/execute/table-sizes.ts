// What environments of a database cost: bytes of the tables of the store that only they lead to. Only reads.

import type { EnvironmentName } from '../contract/ids.ts'
import type { RunState } from '../contract/state.ts'
import { STORE_SCHEMA, tableNameOf } from '../contract/table-steps.ts'
import type { Ledger } from '../engines/postgresql/ledger.ts'
import { environmentNames, readEnvState } from '../store/environments.ts'
import { readProduction } from '../store/generations.ts'
import { type Store, unlessDamaged } from '../store/store.ts'

const tablesOf = ({ nodes }: Pick<RunState, 'nodes'>): readonly string[] =>
  Object.entries(nodes).map(([id, { snapshot }]) => tableNameOf(id, snapshot.sha256))

/** By name; target/ says what the ledger says. */
export async function environmentSizes(ledger: Ledger, store: Store): Promise<ReadonlyMap<EnvironmentName, number>> {
  const rows = await ledger.ask(
    `SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes FROM pg_class c
     WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND c.relkind = 'r'`,
    [STORE_SCHEMA],
  )
  const sizes = new Map(rows.map(({ name, bytes }) => [name, Number(bytes)]))
  const shared = new Set(tablesOf(readProduction(store)?.state ?? { nodes: {} }))
  return new Map(
    environmentNames(store).map((name) => {
      const state = unlessDamaged(
        () => readEnvState(store, name),
        () => null,
      )
      const own = state === null ? [] : tablesOf(state).filter((table) => !shared.has(table))
      return [name, own.reduce((sum, table) => sum + (sizes.get(table) ?? 0), 0)] as const
    }),
  )
}
