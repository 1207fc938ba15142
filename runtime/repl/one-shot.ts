// `repl --exec`: runs statements in order and writes their answers to stdout or a file. Formats without decoration
// (CSV, JSON, Parquet) hold the last answer only. Throws QUERY_FAILED, STATEMENT_REFUSED, USAGE.

import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { messageOf, RuntimeFailure } from '../contract/failures.ts'
import type { QueryAnswer, QuerySession } from '../engines/duckdb/query-session.ts'
import { hasCode, splitStatements } from '../engines/duckdb/split-statements.ts'
import { type Format, formatted } from './formats.ts'

export interface OneShot {
  readonly sql: string
  /** Null: what the ending of `output` says, else a table. */
  readonly format: Format | null
  /** Absolute path of a file, or null for stdout. */
  readonly output: string | null
  readonly limit: number
  /** For temporary files of an export; absolute. */
  readonly scratchDirectory: string
}

const BY_ENDING: Readonly<Record<string, Format>> = {
  '.csv': 'csv',
  '.json': 'json',
  '.md': 'markdown',
  '.txt': 'table',
}

/** Gives the text for stdout; '' when it went to a file. */
export async function runOnce(session: QuerySession, request: OneShot): Promise<string> {
  const { statements, rest } = splitStatements(request.sql)
  const all = hasCode(rest) ? [...statements, rest] : statements
  const last = all.at(-1)
  if (last === undefined) throw new RuntimeFailure('USAGE', 'There is no SQL statement to run.')
  if (request.output !== null && extname(request.output) === '.parquet' && request.format === null)
    return await exported(session, all.slice(0, -1), last, request)
  const format = request.format ?? BY_ENDING[extname(request.output ?? '')] ?? 'table'
  const answers: QueryAnswer[] = []
  for (const statement of all) answers.push(await session.run(statement, request.limit))
  const shown = format === 'csv' || format === 'json' ? answers.slice(-1) : answers.filter(hasRows)
  const text = shown.map((answer) => formatted(answer, format)).join('\n')
  if (request.output === null) return text
  written(request.output, () => writeFileSync(`${request.output}.part`, text))
  return ''
}

/** SET and CREATE answer with nothing that anyone wants to see. */
export const hasRows = (answer: QueryAnswer): boolean =>
  answer.columns.length > 0 && !(answer.rows.length === 0 && /^(Count|Success)$/.test(answer.columns[0]?.name ?? ''))

async function exported(
  session: QuerySession,
  before: readonly string[],
  last: string,
  request: OneShot,
): Promise<string> {
  for (const statement of before) await session.run(statement, 0)
  mkdirSync(request.scratchDirectory, { recursive: true })
  const scratch = join(request.scratchDirectory, 'export.parquet')
  const limited = Number.isFinite(request.limit) ? `FROM (\n${last}\n) LIMIT ${request.limit}` : last
  await session.exportParquet(limited, scratch)
  const { copyFileSync } = await import('node:fs')
  written(request.output ?? '', () => copyFileSync(scratch, `${request.output}.part`))
  rmSync(scratch, { force: true })
  return ''
}

/** Writes `<path>.part` by `write`, then renames it. */
function written(path: string, write: () => void): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    write()
    renameSync(`${path}.part`, path)
  } catch (cause) {
    throw new RuntimeFailure('STATE_IO', `'${path}' cannot be written: ${messageOf(cause)}`, { path }, { cause })
  }
}
