// The databases of a project, by the connections of its profile: what the compiler asks of them, and how a run reaches them.
// The profile is looked up when a source in a database needs it, unless the command did so already. A source that says
// itself where its server is has a connection of its own, named by its id.

import type { Surroundings } from '../../runtime/cli/command.ts'
import { ENGINES } from '../../runtime/contract/engines.ts'
import { messageOf, RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { EnvironmentName } from '../../runtime/contract/ids.ts'
import type { PostgresqlConnection } from '../../runtime/engines/postgresql/connection.ts'
import type { OwnConnection } from '../../runtime/profile/fields.ts'
import { ownConnection } from '../../runtime/profile/own-connection.ts'
import { variablesOf } from '../../runtime/profile/variables.ts'
import { type Profile, resolveProfile, unknownConnection } from '../../runtime/profile.ts'
import { findEngine, type StatePlace, stateOf } from '../../runtime/project-engine.ts'
import type { CompileInput } from '../compile.ts'
import { fileFacts } from '../file-facts.ts'
import { isYaml } from '../load/file-kinds.ts'
import type { Json, ProjectFile } from '../load.ts'
import {
  type CompileCache,
  type LazySqlEngine,
  noDatabases,
  type ServerAnswer,
  type ServerQuestion,
  type TableObservation,
  type TableRequest,
} from '../ports.ts'
import type { ownConnections } from './own-connection.ts'

type Ports = Pick<
  CompileInput,
  | 'observeTables'
  | 'checkQueries'
  | 'sameQueries'
  | 'sourceDefaults'
  | 'connectionSchemas'
  | 'translateQueries'
  | 'bindOnServer'
  | 'executes'
>

export interface Databases {
  /** From now on this profile is used, whatever the environment; null: there is none. */
  use(profile: Profile | null): void
  /** Where the state is that machines share; null: target/ itself. Throws PROFILE_INVALID. */
  state(environment: EnvironmentName | null): StatePlace | null
  /** Of production's profile. Throws PROFILE_INVALID. */
  stateConnection(name: string): PostgresqlConnection
  /** For a compile of these files with these parameters. */
  portsFor(environment: EnvironmentName | null, project: CompiledFiles): Ports
  /** For a run of what was compiled last, else of the project as it is. What it gives throws PROFILE_INVALID. */
  connection(environment: EnvironmentName | null, params?: Params): Promise<(name: string) => PostgresqlConnection>
  /** Of all sources of the project as it is that have one of their own. Throws PROFILE_INVALID. */
  own(environment: EnvironmentName | null): Promise<readonly OwnConnection[]>
}

type Params = { readonly [key: string]: Json }

interface CompiledFiles {
  readonly files: readonly ProjectFile[]
  readonly params: Params
}

interface ProjectOnDisk {
  readonly root: string
  readonly files: () => readonly ProjectFile[]
  readonly cache: CompileCache
  /** Parses what is translated. */
  readonly engine: LazySqlEngine
}

/** Whether a file may have a source in a database: without one no profile is read. */
const hasDatabase = (file: ProjectFile): boolean => fileFacts(file).namesDatabase && isYaml(file.path)

export function databasesOf(
  { root, files: present, cache, engine }: ProjectOnDisk,
  { cwd, environment: variables }: Surroundings,
): Databases {
  let used: { readonly profile: Profile | null; readonly isNamed: boolean } | undefined
  let compiled: CompiledFiles | undefined
  const profileFor = (environment: EnvironmentName | null): Profile | null =>
    used === undefined ? resolveProfile({ explicit: undefined, environment, root, cwd, variables }) : used.profile
  const requestOf = (profile: Profile | null, project: CompiledFiles) => {
    const connection = profile?.sourceDefaults('postgresql').connection
    const defaultConnection = typeof connection === 'string' ? connection : null
    return { ...project, cache, values: variablesOf(variables, root), defaultConnection }
  }
  const engineFor = (environment: EnvironmentName | null) => findEngine(root, () => profileFor(environment))
  const connection: Databases['connection'] = async (environment, params = {}) => {
    const { files } = compiled ?? { files: present() }
    const passes = files.some(hasDatabase) ? await import('./own-connection.ts') : null
    return (name) => {
      const profile = profileFor(environment)
      const request = requestOf(profile, compiled ?? { files, params })
      const own = name.startsWith('source.') ? (passes?.ownFieldsOf(name, request) ?? null) : null
      if (own !== null) return ownConnection(own, profile, { root, environment: variables, values: request.values })
      return connectionIn(profile, name)
    }
  }
  const production = (): Profile | null =>
    used?.isNamed === true
      ? used.profile
      : resolveProfile({ explicit: undefined, environment: null, root, cwd, variables })
  return {
    state: (environment) => stateOf(root, engineFor(environment), environment === null ? null : production),
    stateConnection: (name) => connectionIn(production(), name),
    use: (profile) => {
      used = { profile, isNamed: profile?.isNamed === true }
    },
    portsFor(environment, project) {
      const executes = engineFor(environment)
      const isDatabase = ENGINES[executes.name].isDatabase
      if (!isDatabase && !project.files.some(hasDatabase)) return { ...noDatabases, executes }
      compiled = project
      const profile = profileFor(environment)
      return { executes, ...portsOf(profile, engine, () => connection(environment)) }
    },
    connection,
    own: (environment) =>
      ownIn({ files: present(), params: {} }, (project) => requestOf(profileFor(environment), project)),
  }
}

async function ownIn<Request extends Parameters<typeof ownConnections>[0]>(
  project: CompiledFiles,
  requestOf: (project: CompiledFiles) => Request,
): Promise<readonly OwnConnection[]> {
  if (!project.files.some(hasDatabase)) return []
  return (await import('./own-connection.ts')).ownConnections(requestOf(project), () => true)
}

function connectionIn(profile: Profile | null, name: string): PostgresqlConnection {
  if (profile === null) throw unknownConnection(name, null, [])
  return profile.connection(name)
}

/** What a compile asks of databases that are sources. */
const portsOf = (
  profile: Profile | null,
  engine: LazySqlEngine,
  connection: () => Promise<(name: string) => PostgresqlConnection>,
): Omit<ReturnType<Databases['portsFor']>, 'executes'> => ({
  translateQueries: async (requests) =>
    (await import('../sql/translation.ts')).translationBy(engine, checkQueries)(requests),
  bindOnServer: async (name, questions) => bind(questions, name, await connection()),
  checkQueries,
  sameQueries: async (requests) =>
    (await import('../../runtime/engines/postgresql/same-query.ts')).sameQueries(requests),
  sourceDefaults: { postgresql: profile?.sourceDefaults('postgresql') ?? {} },
  connectionSchemas: profile?.schemas() ?? {},
  observeTables: async (requests) => observe(requests, await connection()),
})

const checkQueries: CompileInput['checkQueries'] = async (texts, allowed) =>
  (await import('../../runtime/engines/postgresql/read-only.ts')).checkQueries(texts, allowed)

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

/** Without a connection to the engine's server nothing is asked. */
async function bind(
  questions: readonly ServerQuestion[],
  name: string,
  connection: (name: string) => PostgresqlConnection,
): Promise<readonly ServerAnswer[]> {
  const { bindQueries } = await import('../../runtime/engines/postgresql/bind-queries.ts')
  return answered(() => bindQueries(connection(name), questions), questions.length)
}

/** What the profile does not have cannot be asked either. */
async function answered<Answer>(
  ask: () => Promise<readonly Answer[]>,
  count: number,
): Promise<readonly (Answer | Extract<TableObservation, { kind: 'unreachable' }>)[]> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error
    return Array.from({ length: count }, () => ({ kind: 'unreachable', message: messageOf(error), hints: error.hints }))
  }
}
