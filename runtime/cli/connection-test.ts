// `seeknal connection test NAME`: connects, and says to what. The project's own connections are the caller's to find.

import type { EnvironmentName } from '../contract/ids.ts'
import { addressOf, CAPABILITIES, type PostgresqlConnection } from '../engines/postgresql/connection.ts'
import type { Session } from '../engines/postgresql/session.ts'
import { type Command, command, type Surroundings } from './command.ts'
import { environmentArgument } from './environment-argument.ts'
import { connectionsOf, PROFILE_ARG, type Profile, resolveProfile } from './profile.ts'
import { executionRoot } from './project-root.ts'
import { duration } from './text.ts'

const shownAddress = ({ name, host, port, database, user }: PostgresqlConnection) => ({
  connection: name,
  ok: true,
  host,
  port,
  database,
  user,
})

async function lacks(session: Session): Promise<readonly { readonly name: string; readonly fallback: string }[]> {
  const { capabilitiesOf, FALLBACKS } = await import('../engines/postgresql/capabilities.ts')
  const can = await capabilitiesOf(session)
  return CAPABILITIES.flatMap((name) => (can[name] ? [] : [{ name, fallback: FALLBACKS[name] }]))
}

/** How the connections of a profile, and of the project that uses it, are reached. */
export type Connections = (
  profile: Profile | null,
  environment: EnvironmentName | null,
  surroundings: Surroundings,
) => Promise<(name: string) => PostgresqlConnection>

export const connectionTestWith = (connections: Connections): Command =>
  command({
    about: `Connects as the profile says, and tells the server's version, whether the connection is encrypted, and how long it took.
Exit code 1 when it cannot connect.`,
    examples: [
      ['seeknal connection test warehouse', "production's"],
      ['seeknal connection test warehouse --env dev', 'the one of an environment'],
      ['seeknal connection test source.crm', 'of a source that says itself where its server is'],
    ],
    args: {
      name: {
        type: 'positional',
        description: 'The connection, as the profile names it; or the source that has its own',
        required: true,
      },
      env: { type: 'string', description: 'Of this environment (default: production)', valueHint: 'name' },
      ...PROFILE_ARG,
    },
    completes: { env: 'environments' },
    async run(args, surroundings) {
      const { terminal } = surroundings
      const environment = args.env === undefined ? null : environmentArgument(args.env)
      const profile = resolveProfile(args.profile, environment, executionRoot(surroundings), surroundings)
      const connection = (await connections(profile, environment, surroundings))(args.name)
      const where = profile === null ? '' : ` (${profile.shown})`
      terminal.info(`Connecting to ${addressOf(connection)} as ${connection.user}${where}`)
      const { openSession } = await import('../engines/postgresql/session.ts')
      const started = performance.now()
      const session = await openSession(connection)
      const ms = Math.round(performance.now() - started)
      const missing = await lacks(session).finally(() => session.close())
      const { serverVersion, tls } = session
      if (terminal.options.json)
        terminal.document({
          ...shownAddress(connection),
          server_version: serverVersion,
          tls,
          ms,
          without: missing.map(({ name }) => name),
        })
      terminal.success(`PostgreSQL ${serverVersion}, ${tls ? 'encrypted with TLS' : 'not encrypted'}, ${duration(ms)}`)
      for (const lack of missing) terminal.info(`Without ${lack.name}: as the engine it uses ${lack.fallback} instead`)
      return 0
    },
  })

export const connectionTest = connectionTestWith(async (profile) => connectionsOf(profile))
