// `repl --exec`: runs statements in order and writes their answers to stdout or a file. Formats without decoration
// (CSV, JSON, Parquet) hold the last answer only, and are written while they are read.
// Throws QUERY_FAILED, STATEMENT_REFUSED, USAGE, STATE_IO.

import { closeSync, copyFileSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { messageOf, RuntimeFailure } from '../contract/failures.ts'
import { hasCode, splitStatements } from '../engines/duckdb/split-statements.ts'
import type { QueryAnswer, SqlSession } from '../query.ts'
import { foldersTo, syncPath } from '../store/files.ts'
import { type Format, formatted, streamed } from './formats.ts'

export interface OneShot {
  readonly sql: string
  /** Null: what the ending of `output` says, else a table. */
  readonly format: Format | null
  /** Absolute path of a file, or null for stdout. */
  readonly output: string | null
  readonly limit: number
  /** For temporary files of an export; absolute. */
  readonly scratchDirectory: string
  /** Writes to stdout. */
  readonly write: (text: string) => void
}

const BY_ENDING: Readonly<Record<string, Format | 'parquet'>> = {
  '.parquet': 'parquet',
  '.csv': 'csv',
  '.json': 'json',
  '.md': 'markdown',
  '.txt': 'table',
}

export async function runOnce(session: SqlSession, request: OneShot): Promise<void> {
  const { statements, rest } = splitStatements(request.sql)
  const all = hasCode(rest) ? [...statements, rest] : statements
  const last = all.at(-1)
  if (last === undefined) throw new RuntimeFailure('USAGE', 'There is no SQL statement to run.')
  const ending = extname(request.output ?? '').toLowerCase()
  const format = formatOf(request, ending)
  if (format === 'parquet') {
    await runAll(session, all.slice(0, -1))
    await exportParquet(session, last, request)
    return
  }
  const answer = async (write: (text: string) => void) => {
    if (format === 'csv' || format === 'json') {
      await runAll(session, all.slice(0, -1))
      await streamed(await session.stream(last, request.limit), format, write)
    } else await writeAnswers(session, all, request.limit, format, write)
  }
  if (request.output === null) await answer(request.write)
  else await writeFile(request.output, answer)
}

function formatOf({ output, format }: OneShot, ending: string): Format | 'parquet' {
  if (output === null) return format ?? 'table'
  const said = BY_ENDING[ending]
  if (said === undefined && format === null)
    throw new RuntimeFailure(
      'USAGE',
      `What format '${basename(output)}' is to have is not known.`,
      { output: basename(output) },
      { hints: [`End the name with ${Object.keys(BY_ENDING).join(', ')}, or say --format.`] },
    )
  if (said === 'parquet' && format !== null)
    throw new RuntimeFailure('USAGE', `'--format ${format}' is no format for a file that ends with '.parquet'.`, {
      format,
    })
  return format ?? said ?? 'table'
}

const runAll = async (session: SqlSession, statements: readonly string[]): Promise<void> => {
  for (const statement of statements) await session.run(statement, 0)
}

async function writeAnswers(
  session: SqlSession,
  statements: readonly string[],
  limit: number,
  format: Format,
  write: (text: string) => void,
): Promise<void> {
  let before = ''
  for (const statement of statements) {
    const answer = await session.run(statement, limit)
    if (!hasRows(answer)) continue
    write(before + formatted(answer, format))
    before = '\n'
  }
}

/** SET and CREATE answer with nothing that anyone wants to see. */
export const hasRows = (answer: QueryAnswer): boolean =>
  answer.columns.length > 0 && !(answer.rows.length === 0 && /^(Count|Success)$/.test(answer.columns[0]?.name ?? ''))

async function exportParquet(session: SqlSession, sql: string, request: OneShot): Promise<void> {
  const path = request.output ?? ''
  foldersTo(request.scratchDirectory)
  const scratch = join(request.scratchDirectory, 'export.parquet')
  try {
    await session.exportParquet(sql, request.limit, scratch)
    guarded(path, () => {
      foldersTo(dirname(path))
      copyFileSync(scratch, `${path}.part`)
      syncPath(`${path}.part`)
      renameSync(`${path}.part`, path)
    })
  } finally {
    rmSync(scratch, { force: true })
  }
}

/** Writes `<path>.part`, then renames it: a file that is there is complete. */
async function writeFile(path: string, answer: (write: (text: string) => void) => Promise<void>): Promise<void> {
  const part = `${path}.part`
  const file = guarded(path, () => {
    foldersTo(dirname(path))
    return openSync(part, 'w')
  })
  try {
    await answer((text) => guarded(path, () => writeSync(file, text)))
    guarded(path, () => {
      fsyncSync(file)
      renameSync(part, path)
    })
  } finally {
    closeSync(file)
    rmSync(part, { force: true })
  }
}

function guarded<T>(path: string, body: () => T): T {
  try {
    return body()
  } catch (cause) {
    throw new RuntimeFailure('STATE_IO', `'${path}' cannot be written: ${messageOf(cause)}`, { path }, { cause })
  }
}
