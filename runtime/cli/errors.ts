// Whatever a command threw → words on stderr (with --json also a value on stdout) and the exit code.

import { Bug, FAILURES, messageOf, RuntimeFailure } from '../contract/failures.ts'
import type { Terminal } from './terminal.ts'
import { sentence } from './text.ts'

export function sayError(terminal: Terminal, error: unknown, interrupted: boolean): number {
  const isInterrupt = interrupted && (!(error instanceof RuntimeFailure) || error.code === 'QUERY_FAILED')
  if (error instanceof RuntimeFailure && !isInterrupt) return sayFailure(terminal, error)
  if (isInterrupt) return sayFailure(terminal, new RuntimeFailure('INTERRUPTED', 'Interrupted.', {}, { cause: error }))
  terminal.error(`This is a mistake in Seeknal itself: ${messageOf(error)}`)
  if (terminal.options.verbose || error instanceof Bug) terminal.problem(stackOf(error))
  terminal.hint('Please report it, with the command and what --verbose prints.')
  if (terminal.options.json)
    terminal.record({ error: { code: 'BUG', message: messageOf(error), facts: {}, hints: [] } })
  return 70
}

/** Prints a failure with its hints; gives the exit code that belongs to its code. */
export function sayFailure(terminal: Terminal, failure: RuntimeFailure): number {
  terminal.error(sentence(failure.message))
  for (const hint of failure.hints) terminal.hint(hint)
  if (terminal.options.verbose && failure.cause !== undefined) terminal.problem(stackOf(failure.cause))
  if (terminal.options.json) {
    const { code, message, facts, hints } = failure
    terminal.record({ error: { code, message, facts, hints } })
  }
  return FAILURES[failure.code]
}

const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))
