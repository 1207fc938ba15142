// journal/<run>.jsonl: what a run has finished, a line an entry, on disk before the run goes on. Resuming needs only the
// store's index; the journal is for people, for `history` and for telling a run that was killed from one that ended.

import { appendFileSync, closeSync, fdatasync, fsyncSync, openSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { guarded, ioFailure, readIfThere } from './store/files.ts'
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
  | {
      readonly kind: 'check'
      readonly node: string
      /** Of the checks, and the digest of the output. */
      readonly fingerprint: string
      readonly digest: string
      readonly results: readonly { readonly id: string; readonly failing_rows: number; readonly status: string }[]
      readonly ms: number
    }
  | {
      readonly kind: 'target'
      readonly node: string
      readonly step: string
      readonly relation: string
      readonly rows: number
      readonly ms: number
    }
  | { readonly kind: 'ended'; readonly outcome: string; readonly generation: number | null }

export interface Journal {
  readonly path: string
  /** Resolves when the entry is on disk. */
  append(entry: JournalEntry): Promise<void>
  close(): Promise<void>
}

const toDisk = promisify(fdatasync)

/** Opens the journal of a run, which may exist already when a run id is used again. */
export function openJournal(store: Store, runId: string): Journal {
  folderIn(store, 'journal')
  const path = pathIn(store, 'journal', `${runId}.jsonl`)
  const file = guarded('open', path, () => openSync(path, 'a'))
  guarded('force to disk', path, () => fsyncSync(file))
  // Entries that are written while the disk is busy go to it together.
  let waiting: Promise<void> | undefined
  let busy: Promise<unknown> = Promise.resolve()
  return {
    path,
    append: async (entry) => {
      guarded('write', path, () => writeSync(file, `${JSON.stringify({ at: new Date().toISOString(), ...entry })}\n`))
      waiting ??= busy.then(async () => {
        waiting = undefined
        await toDisk(file).catch((error: unknown) => Promise.reject(ioFailure(error, 'force to disk', path)))
      })
      busy = waiting.catch(() => {})
      return waiting
    },
    close: async () => {
      await busy
      closeSync(file)
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
