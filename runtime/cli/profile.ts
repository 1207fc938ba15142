// `--profile` and the profile that a command uses, from where the command runs; says its mistakes that stop nothing.

import type { EnvironmentName } from '../contract/ids.ts'
import type { PostgresqlConnection } from '../engines/postgresql/connection.ts'
import { type Profile, resolveProfile as read, unknownConnection } from '../profile.ts'
import type { Surroundings } from './command.ts'

export type { Profile }

export const PROFILE_ARG = {
  profile: {
    type: 'string',
    description: 'Connections file (default: profiles-<env>.yml, then profiles.yml)',
    valueHint: 'file',
  },
} as const

/** How a run reaches the connections of a profile; null: there is none. */
export const connectionsOf =
  (profile: Profile | null) =>
  (name: string): PostgresqlConnection => {
    if (profile === null) throw unknownConnection(name, null, [])
    return profile.connection(name)
  }

/** Null: there is none, and none was asked for. */
export function resolveProfile(
  explicit: string | undefined,
  environment: EnvironmentName | null,
  root: string,
  { cwd, environment: variables, terminal }: Surroundings,
): Profile | null {
  const profile = read({ explicit, environment, root, cwd, variables })
  for (const warning of profile?.warnings ?? []) terminal.warn(warning)
  return profile
}
