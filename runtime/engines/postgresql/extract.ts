// The rows of one source, out of the database into CSV files: read-only, as of one moment, in constant memory. A large table
// is read by several sessions, each its own pages, under one snapshot. Before anything is read, the columns must have the
// types that the bundle was compiled with. Reports SOURCE_DIFFERS, CONNECTION_FAILED, QUERY_FAILED, STATEMENT_REFUSED, STATE_IO.

import { PassThrough, type Readable } from 'node:stream'
import { COPY_OPTIONS, type CopyOptions } from '../../contract/extract.ts'
import { messageOf, RuntimeFailure } from '../../contract/failures.ts'
import { pgName, pgText } from '../../contract/postgresql-names.ts'
import { requireTypes } from './columns.ts'
import type { PostgresqlConnection } from './connection.ts'
import { CopyOut } from './copy-out.ts'
import { copyTo } from './driver.ts'
import { codeOf, serverFailure } from './failures.ts'
import { checkQueries, type QueryCheck } from './read-only.ts'
import { RowFiles } from './row-files.ts'
import { openSession, type Session } from './session.ts'

/** What is asked of a database. */
export interface AskedRows {
  readonly node: string
  readonly connection: PostgresqlConnection
  /** One SELECT. */
  readonly query: string
  readonly options: CopyOptions
  /** What it selects from, for a look at the columns. */
  readonly from: string
  /** The database's own type of each column that it must still have. */
  readonly types: Readonly<Record<string, string>>
}

export interface ExtractRequest extends AskedRows {
  /** Empty; gets the files. */
  readonly folder: string
  /** Only rows whose column is at least `least`, or NULL; null: all. */
  readonly growth: { readonly column: string; readonly least: string } | null
  /** For a look: no more rows than these. */
  readonly most?: number
  readonly signal?: AbortSignal
}

export interface Extracted {
  readonly rows: number
  readonly bytes: number
  /** Sessions that read. */
  readonly sessions: number
  /** `growth` was followed. */
  readonly isPart: boolean
}

const MOST_SESSIONS = 4
/** Of 8 kB each: below, another session costs more than it brings. */
const PAGES_A_SESSION = 4096
/** Before, a range of pages would be looked for in all of them. */
const RANGES_SINCE = 14

export async function extractRows(request: ExtractRequest): Promise<Extracted> {
  const table = await allowed(request)
  const sessions = [await openSession(request.connection)]
  const cancel = (): void => {
    for (const session of sessions) void session.cancel()
  }
  request.signal?.addEventListener('abort', cancel)
  try {
    const [main] = sessions
    if (main === undefined || request.signal?.aborted) throw new RuntimeFailure('INTERRUPTED', 'Interrupted.')
    await begin(main, request, null)
    await requireTypes(main, asked(request))
    const { growth } = request
    const isPart = growth !== null && table !== null
    const conditions = isPart
      ? [grown(growth)]
      : request.most === undefined
        ? await ranges(sessions, request, table)
        : ['']
    const files = conditions.map((_, i) => new RowFiles(request.folder, String(i)))
    const counts = await Promise.all(
      conditions.map((condition, i) =>
        copied(sessions[i] ?? main, request, condition, files[i] ?? new RowFiles(request.folder, 'x')),
      ),
    )
    return {
      rows: counts.reduce((sum, rows) => sum + rows, 0),
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      sessions: conditions.length,
      isPart,
    }
  } finally {
    request.signal?.removeEventListener('abort', cancel)
    await Promise.all(sessions.map((session) => session.close()))
  }
}

export interface OpenRows {
  /** Rows of CSV, as `options` say. Waits for whoever reads it. */
  readonly stream: Readable
  /** The server is told to stop. */
  cancel(): void
  close(): Promise<void>
}

/** The same rows as a stream, by one session. */
export async function openRows(request: AskedRows): Promise<OpenRows> {
  await allowed(request)
  const session = await openSession(request.connection)
  try {
    await begin(session, request, null)
    await requireTypes(session, asked(request))
  } catch (error) {
    await session.close()
    throw error
  }
  const text = `COPY (\n${request.query}\n) TO STDOUT ${COPY_OPTIONS[request.options]}`
  const rows = session.client.query(copyTo(text))
  const stream = new PassThrough()
  rows.on('error', (error) => stream.destroy(serverFailure(error, request.connection, `Reading ${request.node}`)))
  rows.pipe(stream)
  return { stream, cancel: () => void session.cancel(), close: () => session.close() }
}

type Table = Extract<QueryCheck, { kind: 'query' }>['table']

/** A bundle is untrusted: what it asks must be a SELECT. */
async function allowed({ node, query, from }: AskedRows): Promise<Table> {
  const [asked, looked] = await checkQueries([query, `SELECT *\nFROM ${from}`])
  for (const check of [asked, looked])
    if (
      check === undefined ||
      check.kind === 'error' ||
      check.end !== (check === asked ? query : `SELECT *\nFROM ${from}`).length
    )
      throw new RuntimeFailure('STATEMENT_REFUSED', `${node} asks its database for more than one SELECT`, {
        node,
        message: check?.kind === 'error' ? check.message : 'there is more than a SELECT',
      })
  return asked?.kind === 'query' ? asked.table : null
}

async function begin(session: Session, { node }: AskedRows, snapshot: string | null): Promise<void> {
  const what = `Reading ${node}`
  await session.rows(what, 'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY')
  if (snapshot !== null) await session.rows(what, `SET TRANSACTION SNAPSHOT ${pgText(snapshot)}`)
}

const asked = ({ node, from, types }: AskedRows) => ({ node, sql: `SELECT *\nFROM ${from}`, types })

const grown = ({ column, least }: { readonly column: string; readonly least: string }): string =>
  `\nWHERE ${pgName(column)} >= ${pgText(least)} OR ${pgName(column)} IS NULL`

/** A condition for each session; opens the sessions. */
async function ranges(sessions: Session[], request: ExtractRequest, table: Table): Promise<readonly string[]> {
  const [main] = sessions
  const whole = ['']
  if (main === undefined || table === null || Number.parseInt(main.serverVersion, 10) < RANGES_SINCE) return whole
  const name = [...(table.schema === null ? [] : [table.schema]), table.name].map(pgName).join('.')
  const [size] = await main.rows(
    `Reading ${request.node}`,
    `SELECT (pg_relation_size(oid) / current_setting('block_size')::int8)::text AS pages, pg_is_in_recovery()::text AS standby
    FROM pg_class WHERE oid = to_regclass($1) AND relkind IN ('r', 'm')`,
    [name],
  )
  const pages = Number(size?.pages ?? 0)
  const wanted = Math.min(MOST_SESSIONS, Math.floor(pages / PAGES_A_SESSION))
  if (wanted < 2 || size?.standby === 'true') return whole
  const [exported] = await main.rows(`Reading ${request.node}`, 'SELECT pg_export_snapshot() AS snapshot')
  while (sessions.length < wanted) {
    const session = await another(request.connection)
    if (session === null) break
    sessions.push(session)
    await begin(session, request, exported?.snapshot ?? '')
  }
  const count = sessions.length
  const page = (i: number): string => `'(${Math.floor((pages * i) / count)},0)'`
  return sessions.map((_, i) =>
    [
      ...(i === 0 ? [] : [`ctid >= ${page(i)}`]),
      // The last one also has the pages that were added since they were counted.
      ...(i === count - 1 ? [] : [`ctid < ${page(i + 1)}`]),
    ]
      .join(' AND ')
      .replace(/^(?=.)/, '\nWHERE '),
  )
}

/** Null: the server has no more room for one. */
async function another(connection: PostgresqlConnection): Promise<Session | null> {
  try {
    return await openSession(connection)
  } catch (error) {
    if (error instanceof RuntimeFailure && error.facts.reason === '53300') return null
    throw error
  }
}

async function copied(session: Session, request: ExtractRequest, condition: string, files: RowFiles): Promise<number> {
  const limit = request.most === undefined ? '' : `\nLIMIT ${Math.trunc(request.most)}`
  const text = `COPY (\n${request.query}${condition}${limit}\n) TO STDOUT ${COPY_OPTIONS[request.options]}`
  try {
    const rows = await session.client.query(new CopyOut(text, files)).done
    files.close()
    await session.rows(`Reading ${request.node}`, 'COMMIT')
    return rows
  } catch (error) {
    if (/^E(NOSPC|DQUOT|FBIG|IO|ROFS)$/.test(codeOf(error) ?? ''))
      throw new RuntimeFailure(
        'STATE_IO',
        `The rows of ${request.node} cannot be written: ${messageOf(error)}`,
        { node: request.node, folder: request.folder },
        { cause: error },
      )
    throw serverFailure(error, request.connection, `Reading ${request.node}`)
  }
}
