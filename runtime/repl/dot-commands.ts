// `.tables`, `.schema`, `.mode`, `.env`, `.limit`, `.help`, `.quit`. Throws USAGE for anything else.

import { wholeNumber } from '../cli/arguments.ts'
import type { Terminal } from '../cli/terminal.ts'
import { thousands } from '../cli/text.ts'
import { nearest } from '../contract/diagnostics.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { environmentName } from '../contract/ids.ts'
import type { QueryAnswer } from '../query.ts'
import { FORMATS, formatted } from './formats.ts'
import { alias, type ReplState } from './state.ts'

export const DOT_COMMANDS: Readonly<Record<string, string>> = {
  '.tables': 'list the tables',
  '.schema': 'columns of a table: .schema transform_orders',
  '.mode': `how rows are shown: ${FORMATS.join(', ')}`,
  '.limit': 'how many rows are shown at most',
  '.env': 'read an environment (.env dev), or production again (.env)',
  '.help': 'this list',
  '.quit': 'leave',
}

/** `line` begins with a dot. */
export async function dotCommand(line: string, state: ReplState, terminal: Terminal): Promise<'quit' | 'done'> {
  const [name = '', argument] = line.replace(/;\s*$/, '').trim().split(/\s+/)
  switch (name) {
    case '.quit':
    case '.exit':
      return 'quit'
    case '.help':
      for (const [command, what] of Object.entries(DOT_COMMANDS)) terminal.line(`${command.padEnd(8)}  ${what}`)
      return 'done'
    case '.tables':
      terminal.raw(formatted(tableList(state), state.mode))
      return 'done'
    case '.schema':
      terminal.raw(formatted(schemaOf(state, argument), state.mode))
      return 'done'
    case '.mode':
      state.mode = modeNamed(argument)
      return 'done'
    case '.limit':
      state.limit = wholeNumber(argument ?? '', '.limit', 1)
      return 'done'
    case '.env':
      await switchEnvironment(argument, state, terminal)
      return 'done'
    default: {
      const near = nearest(name, Object.keys(DOT_COMMANDS))
      const hints = [near === undefined ? 'See .help.' : `Did you mean '${near}'?`]
      throw new RuntimeFailure('USAGE', `There is no command '${name}'.`, { command: name }, { hints })
    }
  }
}

const texts = (names: readonly string[]) => names.map((name) => ({ name, type: 'VARCHAR', numeric: name === 'rows' }))
const answer = (names: readonly string[], rows: readonly (readonly (string | null)[])[]): QueryAnswer => ({
  columns: texts(names),
  rows,
  json: rows,
  truncated: false,
})

function tableList(state: ReplState): QueryAnswer {
  const rows = state.tables.map((t) => [
    alias(t),
    `${t.schema}.${t.name}`,
    t.rows === null ? null : thousands(t.rows),
    t.from,
  ])
  return answer(['table', 'also', 'rows', 'from'], rows)
}

function schemaOf(state: ReplState, wanted: string | undefined): QueryAnswer {
  const names = state.tables.map(alias)
  if (wanted === undefined) throw new RuntimeFailure('USAGE', "'.schema' needs the name of a table.")
  const table = state.tables.find((t) => alias(t) === wanted || `${t.schema}.${t.name}` === wanted)
  if (table !== undefined)
    return answer(
      ['column', 'type'],
      table.columns.map((c) => [c.name, c.type]),
    )
  const near = nearest(wanted, names)
  throw new RuntimeFailure(
    'USAGE',
    `There is no table '${wanted}'.`,
    { table: wanted },
    { hints: near === undefined ? ['See .tables.'] : [`Did you mean '${near}'?`] },
  )
}

function modeNamed(name: string | undefined): ReplState['mode'] {
  const mode = FORMATS.find((format) => format === name)
  if (mode === undefined) throw new RuntimeFailure('USAGE', `'.mode' is one of ${FORMATS.join(', ')}.`)
  return mode
}

async function switchEnvironment(name: string | undefined, state: ReplState, terminal: Terminal): Promise<void> {
  const environment = name === undefined ? null : environmentName(name)
  if (environment === undefined)
    throw new RuntimeFailure('ENVIRONMENT_NAME', `'${name}' is no name of an environment.`, { name })
  await state.switchTo(environment)
  const count = state.tables.filter((t) => t.from === 'environment').length
  terminal.line(
    environment === null
      ? 'Production.'
      : `Environment '${environment}': ${count} of ${state.tables.length} tables are its own.`,
  )
}
