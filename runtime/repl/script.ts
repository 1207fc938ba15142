// A text of SQL and dot commands, such as a piped one: each is taken in its order, as a session on a terminal would; the
// first that fails ends it. A command stands on a line of its own, where no statement is open.
// Throws as `runOnce` and `dotCommand` do.

import type { Terminal } from '../cli/terminal.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import { hasCode, splitStatements } from '../engines/duckdb/split-statements.ts'
import { dotCommand } from './dot-commands.ts'
import { formatted } from './formats.ts'
import { hasRows, type OneShot } from './one-shot.ts'
import type { ReplState } from './state.ts'

export type Script = readonly { readonly kind: 'command' | 'statement'; readonly text: string }[]

/** Null: there is no command in it. */
export function scriptOf(text: string): Script | null {
  if (!/^\s*\./m.test(text)) return null
  const items: Script[number][] = []
  let open = ''
  for (const line of text.split(/\r?\n/)) {
    if (!hasCode(open) && line.trim().startsWith('.')) {
      open = ''
      items.push({ kind: 'command', text: line.trim() })
      continue
    }
    const { statements, rest } = splitStatements(`${open}${line}\n`)
    items.push(...statements.map((statement) => ({ kind: 'statement' as const, text: statement })))
    open = rest === '' ? '' : `${rest}\n`
  }
  if (hasCode(open)) items.push({ kind: 'statement', text: open })
  return items.some(({ kind }) => kind === 'command') ? items : null
}

export async function runScript(
  script: Script,
  state: ReplState,
  { format, output, limit, write }: OneShot,
  terminal: Terminal,
): Promise<void> {
  if (output !== null)
    throw new RuntimeFailure(
      'USAGE',
      "'--output' takes the answer to SQL alone; here are commands that begin with a dot.",
    )
  state.mode = format ?? 'table'
  state.limit = limit
  for (const { kind, text } of script) {
    if (kind === 'command') {
      if ((await dotCommand(text, state, terminal)) === 'quit') return
      continue
    }
    const answer = await state.session.run(text, state.limit)
    if (hasRows(answer)) write(formatted(answer, state.mode))
  }
}
