// What an environment made in databases: said, and removed with the environment. Only what its record names, in the database
// that it was made in. Reports STATE_MOVED (the connection leads elsewhere now), and what the removal reports.

import { RuntimeFailure } from './contract/failures.ts'
import type { EnvironmentName } from './contract/ids.ts'
import { BATCHES } from './contract/target-sql.ts'
import type { PostgresqlConnection } from './engines/postgresql/connection.ts'
import type { Removal, Removed } from './engines/postgresql/target-removal.ts'
import { placeOfConnection } from './execute/plan-targets.ts'
import type { Store } from './store/store.ts'
import { readTargetWrites } from './store/target-writes.ts'

/** By connection, in the order of their names. */
export type MadeInDatabases = ReadonlyMap<string, Removal & { readonly places: ReadonlySet<string> }>

/** Tables and schemas that an environment made. */
export function madeInDatabases(store: Store, environment: EnvironmentName): MadeInDatabases {
  const { tables = {}, schemas = [] } = readTargetWrites(store, environment) ?? {}
  const made = new Map<
    string,
    { tables: { schema: string; table: string }[]; schemas: string[]; places: Set<string> }
  >()
  const at = (connection: string) => {
    const found = made.get(connection) ?? { tables: [], schemas: [], places: new Set<string>() }
    made.set(connection, found)
    return found
  }
  for (const write of Object.values(tables)) {
    const own = [...(write.created ? [write.table] : []), ...(write.created_batches === true ? [BATCHES] : [])]
    for (const table of own) at(write.connection).tables.push({ schema: write.schema, table })
    if (own.length > 0) at(write.connection).places.add(write.place)
  }
  for (const { connection, schema, place } of schemas) {
    at(connection).schemas.push(schema)
    at(connection).places.add(place)
  }
  return new Map([...made].sort(([a], [b]) => (a < b ? -1 : 1)))
}

export interface RemovedFrom extends Removed {
  readonly connection: string
}

/** The caller holds the environment's lock, and removes its record afterwards. */
export async function removeFromDatabases(
  environment: EnvironmentName,
  made: MadeInDatabases,
  connectionOf: (name: string) => PostgresqlConnection,
): Promise<readonly RemovedFrom[]> {
  const hints = ["'--keep-schemas' deletes the environment and leaves its tables where they are."]
  const connections = [...made].map(([name, { places }]) => {
    const connection = connectionOf(name)
    if (places.size === 1 && places.has(placeOfConnection(connection))) return connection
    const message = `environment '${environment}' made its tables in another database than the connection '${name}' leads to now`
    throw new RuntimeFailure('STATE_MOVED', message, { environment, connection: name }, { hints })
  })
  const { removeTargets } = await import('./engines/postgresql/target-removal.ts')
  const removed: RemovedFrom[] = []
  for (const connection of connections) {
    const removal = made.get(connection.name) ?? { tables: [], schemas: [] }
    removed.push({ connection: connection.name, ...(await removeTargets(connection, removal)) })
  }
  return removed
}
