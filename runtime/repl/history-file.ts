// Lines of earlier REPL sessions, newest first, as node:readline keeps them. A history that cannot be read or written
// is no error: the session goes on without.

import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

const MOST_LINES = 1000

export function loadHistory(file: string | null): string[] {
  if (file === null) return []
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .slice(0, MOST_LINES)
  } catch {
    return []
  }
}

/** Readable by its owner only: queries may hold values. */
export function saveHistory(file: string | null, lines: readonly string[]): void {
  if (file === null) return
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const aside = `${file}.${process.pid}`
    writeFileSync(aside, `${lines.slice(0, MOST_LINES).join('\n')}\n`, { mode: 0o600 })
    chmodSync(aside, 0o600)
    renameSync(aside, file)
  } catch {
    // A read-only home: the history of this session ends with it.
  }
}
