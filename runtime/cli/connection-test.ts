// `seeknal connection test NAME`: connects, and says to what.

import { addressOf } from '../engines/postgresql/connection.ts'
import { unknownConnection } from '../profile.ts'
import { command } from './command.ts'
import { environmentArgument } from './environment-argument.ts'
import { PROFILE_ARG, resolveProfile } from './profile.ts'
import { executionRoot } from './project-root.ts'
import { duration } from './text.ts'

export const connectionTest = command({
  about: `Connects as the profile says, and tells the server's version, whether the connection is encrypted, and how long it took.
Exit code 1 when it cannot connect.`,
  examples: [
    ['seeknal connection test warehouse', "production's"],
    ['seeknal connection test warehouse --env dev', 'the one of an environment'],
  ],
  args: {
    name: { type: 'positional', description: 'The connection, as the profile names it', required: true },
    env: { type: 'string', description: 'Of this environment (default: production)', valueHint: 'name' },
    ...PROFILE_ARG,
  },
  completes: { env: 'environments' },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const environment = args.env === undefined ? null : environmentArgument(args.env)
    const profile = resolveProfile(args.profile, environment, executionRoot(surroundings), surroundings)
    if (profile === null) throw unknownConnection(args.name, null, [])
    const connection = profile.connection(args.name)
    terminal.info(`Connecting to ${addressOf(connection)} as ${connection.user} (${profile.shown})`)
    const { openSession } = await import('../engines/postgresql/session.ts')
    const started = performance.now()
    const session = await openSession(connection)
    const ms = Math.round(performance.now() - started)
    const { serverVersion, tls } = session
    await session.close()
    const { name, host, port, database, user } = connection
    if (terminal.options.json)
      terminal.document({
        connection: name,
        ok: true,
        host,
        port,
        database,
        user,
        server_version: serverVersion,
        tls,
        ms,
      })
    terminal.success(`PostgreSQL ${serverVersion}, ${tls ? 'encrypted with TLS' : 'not encrypted'}, ${duration(ms)}`)
    return 0
  },
})
