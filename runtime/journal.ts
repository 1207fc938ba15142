// journal/<run>.jsonl: what a run has finished, a line an entry, on disk before the run goes on. Resuming needs only the
// store's index; the journal is for people, for `history` and for telling a run that was killed from one that ended.

import { appendFileSync, closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { guarded, readIfThere } from './store/files.ts'
import { folderIn, pathIn, type Store } from './store/store.ts'

export type JournalEntry =
  | {
      readonly kind: 'started'
      readonly run_id: string
      readonly bundle: string
      readonly environment: string | null
      readonly pid: number
      readonly command: string
    }
  | {
      readonly kind: 'step'
      readonly node: string
      readonly status: string
      readonly fingerprint: string | null
      readonly sha256: string | null
      readonly rows: number | null
      readonly ms: number
      readonly message: string
    }
  | { readonly kind: 'ended'; readonly outcome: string; readonly generation: number | null }

export interface Journal {
  readonly path: string
  /** On disk when it returns. */
  append(entry: JournalEntry): void
  close(): void
}

/** Opens the journal of a run, which may exist already when a run id is used again. */
export function openJournal(store: Store, runId: string): Journal {
  folderIn(store, 'journal')
  const path = pathIn(store, 'journal', `${runId}.jsonl`)
  const file = guarded('open', path, () => openSync(path, 'a'))
  guarded('force to disk', path, () => fsyncSync(file))
  let open = true
  return {
    path,
    append: (entry) =>
      guarded('write', path, () => {
        writeSync(file, `${JSON.stringify({ at: new Date().toISOString(), ...entry })}\n`)
        fdatasyncSync(file)
      }),
    close: () => {
      if (open) closeSync(file)
      open = false
    },
  }
}

/** Complete lines of a JSON-lines file as values; a last line that a crash tore is left out. Empty when there is no file. */
export function readLines(path: string): unknown[] {
  const text = readIfThere(path)
  if (text === null) return []
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as unknown]
    } catch {
      return []
    }
  })
}

/** Appends a line to a JSON-lines file, on disk when it returns. A torn line before it is ended first. */
export function appendLine(path: string, value: unknown): void {
  guarded('write', path, () => {
    const torn = readIfThere(path)?.endsWith('\n') === false
    appendFileSync(path, `${torn ? '\n' : ''}${JSON.stringify(value)}\n`, { flush: true })
  })
}
