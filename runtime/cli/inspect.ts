// `seeknal inspect NODE`: columns, row count and first rows of an output.

import { nearest } from '../contract/diagnostics.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import type { QueryAnswer } from '../query.ts'
import { formatted } from '../repl/formats.ts'
import type { OutputSource } from '../repl/outputs.ts'
import type { ReplTable } from '../repl/state.ts'
import { watchSignal } from '../watch-signal.ts'
import { wholeNumber } from './arguments.ts'
import { command } from './command.ts'
import { environmentArgument } from './environment-argument.ts'
import { PROFILE_ARG } from './profile.ts'
import { withOutputs } from './shared.ts'
import { alignedRows } from './table.ts'
import type { Terminal } from './terminal.ts'
import { counted, rowCount, thousands } from './text.ts'

export const inspect = command({
  about:
    'Shows an output: its columns with their types, how many rows it has, what came out of its checks, and its first rows. Without a node, lists the outputs.',
  examples: [
    ['seeknal inspect transform.daily_revenue', 'look at an output'],
    ['seeknal inspect transform.daily_revenue --env dev --limit 3', "in environment 'dev'"],
    ['seeknal inspect', 'list the outputs'],
  ],
  args: {
    node: { type: 'positional', description: 'A node', required: false },
    env: { type: 'string', description: "Look at this environment's outputs first", valueHint: 'name' },
    limit: { type: 'string', alias: 'l', description: 'How many rows (default: 10)', valueHint: 'n' },
    list: { type: 'boolean', description: 'List the outputs' },
    schema: { type: 'boolean', alias: 's', description: 'Columns only' },
    ...PROFILE_ARG,
  },
  completes: { env: 'environments', node: 'nodes' },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const limit = args.limit === undefined ? 10 : wholeNumber(args.limit, '--limit', 0)
    const environment = args.env === undefined ? null : environmentArgument(args.env)
    const request = { environment, profile: args.profile, command: 'inspect' }
    return withOutputs(request, surroundings, async ({ source }) => {
      const tables = await source.tables(environment)
      if (args.node === undefined || args.list === true) {
        sayOutputs(terminal, tables)
        return 0
      }
      const table = tableNamed(tables, args.node)
      const answer = args.schema === true ? null : await firstRows(source, table, limit, surroundings.signal)
      if (terminal.options.json) terminal.document(document(table, answer))
      else sayOutput(terminal, table, answer, environment)
      return 0
    })
  },
})

async function firstRows(
  source: OutputSource,
  table: ReplTable,
  limit: number,
  signal: AbortSignal,
): Promise<QueryAnswer> {
  const session = await source.open([table])
  const unwatch = watchSignal(signal, session)
  try {
    return await session.run(`SELECT * FROM "${table.schema}"."${table.name}" LIMIT ${limit}`, limit)
  } finally {
    unwatch()
    await session.close()
  }
}

const document = (table: ReplTable, answer: QueryAnswer | null) => ({
  node: id(table),
  from: table.from,
  rows: table.rows,
  columns: table.columns,
  ...(table.checks.length === 0 ? {} : { checks: table.checks }),
  first_rows: answer?.json.map((row) => Object.fromEntries(answer.columns.map((c, i) => [c.name, row[i]]))) ?? [],
})

function sayOutput(
  terminal: Terminal,
  table: ReplTable,
  answer: QueryAnswer | null,
  environment: EnvironmentName | null,
): void {
  const where = table.from === 'environment' ? ` (environment '${environment}')` : ''
  const rows = table.rows === null ? '' : `${rowCount(table.rows)}, `
  terminal.result(`${id(table)}${where}: ${rows}${counted(table.columns.length, 'column')}`)
  for (const line of alignedRows(
    ['column', 'type'],
    table.columns.map((c) => [c.name, c.type]),
  ))
    terminal.result(['  ', line])
  sayChecks(terminal, table)
  if (answer !== null)
    terminal.raw(`\n${formatted(answer, 'table', terminal.options.interactive ? { widest: 60 } : {})}`)
}

function sayChecks(terminal: Terminal, { checks }: ReplTable): void {
  if (checks.length === 0) return
  terminal.result('')
  const cells = checks.map((check) => [check.id, check.severity, check.status, thousands(check.failing_rows)])
  for (const line of alignedRows(['check', 'severity', 'status', 'failing rows'], cells, ['failing rows']))
    terminal.result(['  ', line])
}

function sayOutputs(terminal: Terminal, tables: readonly ReplTable[]): void {
  const list = tables.map((t) => ({ node: id(t), rows: t.rows, columns: t.columns.length, from: t.from }))
  if (terminal.options.json) {
    terminal.document(list)
    return
  }
  const cells = list.map((t) => [t.node, t.rows === null ? '' : thousands(t.rows), String(t.columns), t.from])
  for (const line of alignedRows(['node', 'rows', 'columns', 'from'], cells, ['rows', 'columns'])) terminal.result(line)
}

const id = (table: ReplTable): string => `${table.schema}.${table.name}`

function tableNamed(tables: readonly ReplTable[], text: string): ReplTable {
  const named = tables.filter((t) => id(t) === text || t.name === text || `${t.schema}_${t.name}` === text)
  const [only, second] = named
  if (only !== undefined && second === undefined) return only
  if (second !== undefined)
    throw new RuntimeFailure(
      'NODE_NOT_FOUND',
      `Several outputs are named '${text}'.`,
      { node: text },
      { hints: [`Say which: ${named.map(id).join(', ')}.`] },
    )
  const near = nearest(text, [...tables.map(id), ...tables.map((t) => t.name)])
  const hint =
    tables.length === 0
      ? 'Nothing has been executed yet: `seeknal run`.'
      : near === undefined
        ? '`seeknal inspect` lists the outputs.'
        : `Did you mean '${near}'?`
  throw new RuntimeFailure('NODE_NOT_FOUND', `There is no output of '${text}'.`, { node: text }, { hints: [hint] })
}
