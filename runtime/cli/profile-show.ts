// `seeknal profile show`: the profile that a command would use, resolved and redacted.

import { type ShownField, shownProfile } from '../profile/show.ts'
import { command } from './command.ts'
import { environmentArgument } from './environment-argument.ts'
import { PROFILE_ARG, resolveProfile } from './profile.ts'
import { executionRoot } from './project-root.ts'
import type { Terminal } from './terminal.ts'
import { styled } from './text.ts'

export const profileShow = command({
  about: `Prints the profile that the commands use: every connection with its values, where each came from, and the defaults of
sources. Variables are put in; a secret is shown as ***.`,
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
    const profile = resolveProfile(args.profile, environment, executionRoot(surroundings), surroundings)
    if (profile === null) {
      terminal.info('There is no profile.')
      terminal.hint('Connections are written in profiles.yml, below `connections:`.')
      if (terminal.options.json) terminal.document(null)
      return 0
    }
    const shown = shownProfile(profile, surroundings.environment)
    if (terminal.options.json) {
      terminal.document(shown)
      return 0
    }
    terminal.line([styled('bold', shown.profile), ` (${shown.found})`])
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
    return 0
  },
})

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
