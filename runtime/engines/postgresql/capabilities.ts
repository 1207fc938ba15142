// What a server behind PostgreSQL's protocol may lack, or a role may not do → how the engine does without. Seen when the state
// is opened, where the server can tell; else said by the connection's field `without`.

import { CAPABILITIES, type Capability } from './connection.ts'
import type { Session } from './session.ts'

export type Capabilities = Readonly<Record<Capability, boolean>>

/** By the name under which the documentation describes it. */
export const FALLBACKS: Readonly<Record<Capability, string>> = {
  advisory_locks: 'leases',
  temp_tables: 'own_schema',
  create_schema: 'temp_tables',
  ddl_in_transactions: 'steps',
}

const ADVISORY = [
  'try_advisory_lock',
  'try_advisory_lock_shared',
  'try_advisory_xact_lock',
  'advisory_xact_lock',
  'advisory_unlock',
  'advisory_unlock_shared',
].map((name) => `pg_catalog.pg_${name}(bigint)`)

/** Whether the role may, where there is such a thing at all. What cannot be seen without trying is taken to be there. */
const SEEN = `SELECT
  (SELECT bool_and(coalesce(has_function_privilege(to_regprocedure(name), 'EXECUTE'), false)) FROM unnest($1::text[]) AS f(name)) AS advisory_locks,
  has_database_privilege(current_database(), 'TEMP') AS temp_tables,
  has_database_privilege(current_database(), 'CREATE') AS create_schema,
  true AS ddl_in_transactions`

export async function capabilitiesOf(session: Session): Promise<Capabilities> {
  const list = `{${ADVISORY.map((name) => `"${name}"`).join(',')}}`
  const [seen] = await session.rows('Looking at what the server can', SEEN, [list])
  const can = (name: Capability): boolean => seen?.[name] === 't' && !session.connection.without.includes(name)
  return Object.fromEntries(CAPABILITIES.map((name) => [name, can(name)])) as Capabilities
}
