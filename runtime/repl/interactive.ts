// The REPL on a terminal: statements over several lines up to `;`, history, completion, dot commands. Ctrl-C interrupts
// a running query or drops the line; Ctrl-D ends.

import { createInterface, type Interface } from 'node:readline'
import { sayError } from '../cli/errors.ts'
import type { Terminal } from '../cli/terminal.ts'
import { counted, duration } from '../cli/text.ts'
import { splitStatements } from '../engines/duckdb/split-statements.ts'
import { completer } from './completion.ts'
import { dotCommand } from './dot-commands.ts'
import { formatted } from './formats.ts'
import { loadHistory, saveHistory } from './history-file.ts'
import { hasRows } from './one-shot.ts'
import type { ReplState } from './state.ts'

/** Cells are cut at this width on a terminal; --exec and the other formats never cut. */
const WIDEST_CELL = 60

export interface InteractiveOptions {
  readonly state: ReplState
  readonly terminal: Terminal
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
  /** Where lines are kept between sessions, or null. */
  readonly historyFile: string | null
  /** Ends the session. */
  readonly signal: AbortSignal
}

/** Talks until `.quit`, the end of the input or of the process. */
export async function interact(options: InteractiveOptions): Promise<void> {
  const { state, terminal, input, output, historyFile } = options
  banner(state, terminal)
  const lines = createInterface({
    input,
    output,
    terminal: true,
    history: loadHistory(historyFile),
    historySize: 1000,
    removeHistoryDuplicates: true,
    completer: completer(state),
  })
  let buffer = ''
  let running = false
  const prompt = () => {
    lines.setPrompt(buffer === '' ? promptOf(state) : '    ...> ')
    lines.prompt()
  }
  lines.on('history', (history: string[]) => saveHistory(historyFile, history))
  lines.on('SIGINT', () => {
    if (running) return state.session.interrupt()
    buffer = ''
    lines.write(null, { ctrl: true, name: 'e' })
    lines.write(null, { ctrl: true, name: 'u' })
    output.write('\n')
    prompt()
  })
  options.signal.addEventListener('abort', () => lines.close())
  prompt()
  for await (const line of ended(lines)) {
    if (buffer === '' && line.trim().startsWith('.')) {
      if ((await guarded(terminal, () => dotCommand(line.trim(), state, terminal))) === 'quit') break
      prompt()
      continue
    }
    const { statements, rest } = splitStatements(`${buffer}${line}\n`)
    buffer = rest === '' ? '' : `${rest}\n`
    running = true
    for (const statement of statements)
      if ((await guarded(terminal, () => answer(statement, state, terminal))) === 'failed') break
    running = false
    prompt()
  }
  lines.close()
}

/** The lines of an interface; ends when it is closed. */
async function* ended(lines: Interface): AsyncGenerator<string> {
  yield* lines
}

export const promptOf = (state: ReplState): string =>
  state.environment === null ? 'seeknal> ' : `seeknal[${state.environment}]> `

export function banner(state: ReplState, terminal: Terminal): void {
  const where = state.environment === null ? '' : ` [env: ${state.environment}]`
  terminal.line(
    `Seeknal REPL (${state.engine}) — project '${state.project}'${where}, ${counted(state.tables.length, 'table')} registered`,
  )
  terminal.line('Statements end with `;`. `.help` shows commands, `.quit` or Ctrl-D leaves.')
}

async function answer(statement: string, state: ReplState, terminal: Terminal): Promise<void> {
  const started = performance.now()
  const result = await state.session.run(statement, state.limit)
  if (!hasRows(result)) return terminal.success('done')
  terminal.raw(formatted(result, state.mode, { widest: WIDEST_CELL }))
  terminal.detail(duration(performance.now() - started))
}

async function guarded<T>(terminal: Terminal, body: () => Promise<T>): Promise<T | 'failed'> {
  try {
    return await body()
  } catch (error) {
    sayError(terminal, error, false)
    return 'failed'
  }
}
