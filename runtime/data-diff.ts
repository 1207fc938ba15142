// Two stored outputs of a node → what differs between their rows, computed by the engine: no table is loaded into
// JavaScript. Rows are matched by key where there is one (data-diff/matching.ts), else compared as multisets.

import {
  type ComparedOutput,
  type Matching,
  type MatchingRequest,
  matchingOf,
  numbers,
  type TypedColumn,
} from './data-diff/matching.ts'
import { quoted as quotedName } from './engines/duckdb/quoting.ts'
import type { SqlSession } from './query.ts'

export interface ColumnDifference {
  readonly column: string
  /** Matched rows in which the column's values differ; NULL differs from a value, not from NULL. */
  readonly rows: number
  /** Only when samples were asked for: key, value before and after, as text. */
  readonly examples: readonly { readonly key: string; readonly before: string | null; readonly after: string | null }[]
}

export interface DataDiff extends Matching {
  readonly columns: {
    readonly added: readonly TypedColumn[]
    readonly removed: readonly TypedColumn[]
    readonly retyped: readonly { readonly name: string; readonly before: string; readonly after: string }[]
  }
  readonly rows: { readonly before: number; readonly after: number }
  readonly only_before: number
  readonly only_after: number
  /** Matched rows with any differing value; null without a key. */
  readonly changed_rows: number | null
  readonly differing: readonly ColumnDifference[]
}

export interface DataDiffRequest extends MatchingRequest {
  /** How many examples a column; 0: none, no value is shown. */
  readonly samples: number
}

/** Throws QUERY_FAILED. */
export async function dataDiff(session: SqlSession, request: DataDiffRequest): Promise<DataDiff> {
  const [before, after] = [request.before.columns, request.after.columns]
  const common = before.filter((column) => after.some((other) => other.name === column.name))
  const retyped = common.flatMap((column) => {
    const other = after.find((one) => one.name === column.name) ?? column
    if (other.engineType === column.engineType) return []
    const [from, to] = other.type === column.type ? [column.engineType, other.engineType] : [column.type, other.type]
    return [{ name: column.name, before: from, after: to }]
  })
  const columns = {
    added: after.filter((column) => !before.some((other) => other.name === column.name)).map(typed),
    removed: before.filter((column) => !after.some((other) => other.name === column.name)).map(typed),
    retyped,
  }
  const same = common.filter((column) => !retyped.some((other) => other.name === column.name))
  const rows = { before: request.before.rows, after: request.after.rows }
  const matching = await matchingOf(session, request, same)
  const compared =
    matching.key === null
      ? await compareMultisets(session, request, common)
      : await compareByKey(session, request, common, matching.key.columns)
  return { columns, rows, ...matching, ...compared }
}

const typed = ({ name, type }: TypedColumn): TypedColumn => ({ name, type })

type Compared = Pick<DataDiff, 'only_before' | 'only_after' | 'changed_rows' | 'differing'>

async function compareMultisets(
  session: SqlSession,
  request: DataDiffRequest,
  common: readonly TypedColumn[],
): Promise<Compared> {
  const list = common.length === 0 ? '1' : common.map((c) => `CAST(${quotedName(c.name)} AS VARCHAR)`).join(', ')
  const only = (here: ComparedOutput, there: ComparedOutput) =>
    `(SELECT count(*) FROM (SELECT ${list} FROM ${here.relation} EXCEPT ALL SELECT ${list} FROM ${there.relation}))`
  const [onlyBefore = 0, onlyAfter = 0] = await numbers(
    session,
    `SELECT ${only(request.before, request.after)}, ${only(request.after, request.before)}`,
  )
  return { only_before: onlyBefore, only_after: onlyAfter, changed_rows: null, differing: [] }
}

async function compareByKey(
  session: SqlSession,
  request: DataDiffRequest,
  common: readonly TypedColumn[],
  key: readonly string[],
): Promise<Compared> {
  const on = key.map((name) => `b.${quotedName(name)} = a.${quotedName(name)}`).join(' AND ')
  const first = quotedName(key[0] ?? '')
  const values = common.filter((c) => !key.includes(c.name))
  const joined = `${request.before.relation} AS b FULL JOIN ${request.after.relation} AS a ON ${on}`
  const matched = `b.${first} IS NOT NULL AND a.${first} IS NOT NULL`
  const differs = values.map(
    (c) => `CAST(b.${quotedName(c.name)} AS VARCHAR) IS DISTINCT FROM CAST(a.${quotedName(c.name)} AS VARCHAR)`,
  )
  const counts = [
    `count(*) FILTER (WHERE a.${first} IS NULL)`,
    `count(*) FILTER (WHERE b.${first} IS NULL)`,
    `count(*) FILTER (WHERE ${matched} AND (${differs.join(' OR ') || 'false'}))`,
    ...differs.map((test) => `count(*) FILTER (WHERE ${matched} AND ${test})`),
  ]
  const [onlyBefore = 0, onlyAfter = 0, changed = 0, ...byColumn] = await numbers(
    session,
    `SELECT ${counts.join(', ')} FROM ${joined}`,
  )
  const differing: ColumnDifference[] = []
  for (const [i, { name }] of values.entries()) {
    const count = byColumn[i] ?? 0
    if (count === 0) continue
    const sql = exampleQuery(joined, matched, key, name)
    const rows = request.samples === 0 ? [] : (await session.run(sql, request.samples)).rows
    differing.push({
      column: name,
      rows: count,
      examples: rows.map(([at, b, a]) => ({ key: String(at), before: b ?? null, after: a ?? null })),
    })
  }
  return { only_before: onlyBefore, only_after: onlyAfter, changed_rows: changed, differing }
}

function exampleQuery(joined: string, matched: string, key: readonly string[], name: string): string {
  const column = quotedName(name)
  const label = key.map((part) => `CAST(b.${quotedName(part)} AS VARCHAR)`).join(" || ', ' || ")
  const values = [`CAST(b.${column} AS VARCHAR)`, `CAST(a.${column} AS VARCHAR)`]
  return `SELECT ${label}, ${values.join(', ')} FROM ${joined} WHERE ${matched} AND ${values.join(' IS DISTINCT FROM ')} ORDER BY 1`
}
