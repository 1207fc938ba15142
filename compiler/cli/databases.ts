// The databases of a project, by the connections of its profile: what the compiler asks of them, and how a run reaches them.
// The profile is looked up when a source in a database needs it, unless the command did so already.

import type { Surroundings } from '../../runtime/cli/command.ts'
import { messageOf, RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { EnvironmentName } from '../../runtime/contract/ids.ts'
import type { PostgresqlConnection } from '../../runtime/engines/postgresql/connection.ts'
import { type Profile, resolveProfile, unknownConnection } from '../../runtime/profile.ts'
import type { CompileInput } from '../compile.ts'
import type { ProjectFile } from '../load.ts'
import { noDatabases, type TableObservation, type TableRequest } from '../ports.ts'

type Ports = Pick<CompileInput, 'observeTables' | 'checkQueries' | 'sourceDefaults'>

export interface Databases {
  /** From now on this profile is used, whatever the environment; null: there is none. */
  use(profile: Profile | null): void
  /** For a compile of these files. */
  portsFor(environment: EnvironmentName | null, files: readonly ProjectFile[]): Ports
  /** For a run. Throws PROFILE_INVALID. */
  connection(environment: EnvironmentName | null): (name: string) => PostgresqlConnection
}

/** Whether a file may have a source in a database: without one no profile is read. */
const NAMES_DATABASE = /\bpostgres/

export function databasesOf(root: string, { cwd, environment: variables }: Surroundings): Databases {
  let used: { readonly profile: Profile | null } | undefined
  const profileFor = (environment: EnvironmentName | null): Profile | null =>
    used === undefined ? resolveProfile({ explicit: undefined, environment, root, cwd, variables }) : used.profile
  const connection =
    (environment: EnvironmentName | null) =>
    (name: string): PostgresqlConnection => {
      const profile = profileFor(environment)
      if (profile === null) throw unknownConnection(name, null, [])
      return profile.connection(name)
    }
  return {
    use: (profile) => {
      used = { profile }
    },
    portsFor(environment, files) {
      if (!files.some(({ path, text }) => /\.ya?ml$/.test(path) && NAMES_DATABASE.test(text))) return noDatabases
      return {
        checkQueries: async (texts) =>
          (await import('../../runtime/engines/postgresql/read-only.ts')).checkQueries(texts),
        sourceDefaults: { postgresql: profileFor(environment)?.sourceDefaults('postgresql') ?? {} },
        observeTables: (requests) => observe(requests, connection(environment)),
      }
    },
    connection,
  }
}

async function observe(
  requests: readonly TableRequest[],
  connection: (name: string) => PostgresqlConnection,
): Promise<readonly TableObservation[]> {
  const { observeColumns } = await import('../../runtime/engines/postgresql/observe.ts')
  const answers = new Map<TableRequest, TableObservation>()
  for (const name of new Set(requests.map((request) => request.connection))) {
    const asked = requests.filter((request) => request.connection === name)
    const given = await answered(() => observeColumns(connection(name), asked), asked.length)
    asked.forEach((request, i) => {
      const answer = given[i]
      if (answer !== undefined) answers.set(request, answer)
    })
  }
  return requests.flatMap((request) => answers.get(request) ?? [])
}

/** What the profile does not have cannot be asked either. */
async function answered(
  ask: () => Promise<readonly TableObservation[]>,
  count: number,
): Promise<readonly TableObservation[]> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error
    return Array.from({ length: count }, () => ({ kind: 'unreachable', message: messageOf(error), hints: error.hints }))
  }
}
