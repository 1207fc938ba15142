// A connection whose fields stand in the project: they go before those of the profile's connection of the same name, else of
// the one that is named with them; without either they are all that there is. Reports PROFILE_INVALID.

import type { PostgresqlConnection } from '../engines/postgresql/connection.ts'
import { homeOf, type Profile, unknownConnection } from '../profile.ts'
import type { OwnConnection } from './fields.ts'
import { postgresqlConnection } from './postgresql.ts'
import type { Variables } from './variables.ts'

interface World {
  /** The project's folder. */
  readonly root: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly values: Variables
}

/** Throws PROFILE_INVALID. */
export function ownConnection(own: OwnConnection, profile: Profile | null, world: World): PostgresqlConnection {
  const isNamed = profile?.connections.some(({ name }) => name === own.name) === true
  const name = isNamed ? own.name : own.over
  if (name !== null && profile === null) throw unknownConnection(name, null, [])
  if (name !== null && profile !== null) return profile.connection(name, own)
  const { root, environment, values } = world
  return postgresqlConnection({
    ...own,
    folder: root,
    environment: { ...environment, PGPASSWORD: values.get('PGPASSWORD') },
    home: homeOf(environment),
  })
}
