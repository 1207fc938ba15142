// `seeknal profile show`: the profile that a command would use, resolved and redacted, and the connections of which the
// project itself says something, which are the caller's to find.

import type { OwnConnection } from '../profile/fields.ts'
import { type ShownField, type ShownProfile, shownProfile } from '../profile/show.ts'
import { variablesOf } from '../profile/variables.ts'
import { type Command, command, type Surroundings } from './command.ts'
import { environmentArgument } from './environment-argument.ts'
import { PROFILE_ARG, type Profile, resolveProfile } from './profile.ts'
import { executionRoot } from './project-root.ts'
import type { Terminal } from './terminal.ts'
import { styled } from './text.ts'

/** The connections of which the project says where they lead. */
export type OwnConnections = (profile: Profile | null, surroundings: Surroundings) => Promise<readonly OwnConnection[]>

export const profileShowWith = (ownConnections: OwnConnections): Command =>
  command({
    about: `Prints the profile that the commands use: every connection with its values, where each came from, and the defaults of
sources; also the connections of sources that say themselves where their server is. Variables are put in; a secret is shown as ***.`,
    examples: [
      ['seeknal profile show', "production's"],
      ['seeknal profile show --env dev', 'the one of an environment'],
    ],
    args: {
      env: { type: 'string', description: 'Of this environment (default: production)', valueHint: 'name' },
      ...PROFILE_ARG,
    },
    completes: { env: 'environments' },
    async run(args, surroundings) {
      const { terminal } = surroundings
      const environment = args.env === undefined ? null : environmentArgument(args.env)
      const root = executionRoot(surroundings)
      const profile = resolveProfile(args.profile, environment, root, surroundings)
      const own = await ownConnections(profile, surroundings)
      if (profile === null && own.length === 0) {
        terminal.info('There is no profile.')
        terminal.hint('Connections are written in profiles.yml, below `connections:`.')
        if (terminal.options.json) terminal.document(null)
        return 0
      }
      const shown = shownProfile({
        profile,
        own,
        values: variablesOf(surroundings.environment, root),
        environment: surroundings.environment,
      })
      if (terminal.options.json) {
        terminal.document(shown)
        return 0
      }
      say(terminal, shown)
      return 0
    },
  })

export const profileShow = profileShowWith(async () => [])

function say(terminal: Terminal, shown: ShownProfile): void {
  terminal.line(shown.profile === null ? 'There is no profile.' : [styled('bold', shown.profile), ` (${shown.found})`])
  for (const { name, type, fields } of shown.connections) {
    terminal.line('')
    terminal.line(['connection ', styled('bold', name), `: ${type}`])
    sayFields(
      terminal,
      fields.filter(({ field }) => field !== 'type'),
    )
  }
  for (const { source, fields } of shown.source_defaults) {
    terminal.line('')
    terminal.line(`defaults of ${source} sources`)
    sayFields(terminal, fields)
  }
  for (const name of shown.missing_variables) terminal.warn(`The environment variable '${name}' is not set.`)
}

function sayFields(terminal: Terminal, fields: readonly ShownField[]): void {
  const widest = (texts: readonly string[]): number => Math.max(0, ...texts.map((text) => text.length))
  const rows = fields.map(({ field, value, from, note }) => [
    field,
    value === null ? '-' : String(value),
    from,
    note ?? '',
  ])
  const [first, second] = [0, 1].map((i) => widest(rows.map((row) => row[i] ?? '')))
  for (const [field = '', value = '', from = '', note = ''] of rows)
    terminal.line([
      `  ${field.padEnd(first ?? 0)}  ${value.padEnd(second ?? 0)}  `,
      styled('dim', note === '' ? from : `${from}. ${note}`),
    ])
}
