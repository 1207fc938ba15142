// How the rows of two outputs of a node are matched: by the declared key, else by the unique column whose values both
// sides have most in common, one that the edit did not change before one that it did; else not at all. The engine
// measures, in SQL.

import { quoted as quotedName } from '../engines/duckdb/quoting.ts'
import type { SqlSession } from '../query.ts'

export interface TypedColumn {
  readonly name: string
  readonly type: string
}

/** A column of an output. */
export interface ComparedColumn extends TypedColumn {
  /** As the engine spells it: two may have one type in a manifest, and none in which their values can be compared. */
  readonly engineType: string
}

export interface ComparedOutput {
  /** One that the session knows, as SQL: `"production"."transform_orders"`. */
  readonly relation: string
  readonly columns: readonly ComparedColumn[]
  readonly rows: number
}

/** A column that is unique in both. */
export interface Candidate {
  readonly column: string
  /** How many of its values both sides have. */
  readonly common: number
  /** The definition of the column is another than production's, by what the plan says of the node. */
  readonly edited: boolean
}

export interface RowKey {
  readonly columns: readonly string[]
  readonly origin: 'declared' | 'unique'
  /** How many of its values both sides have. */
  readonly common: number
  /** Of a column that is not declared: whether the edit changed its definition. */
  readonly edited: boolean
}

export interface Matching {
  /** Null: rows are compared as multisets. */
  readonly key: RowKey | null
  /** Columns that are unique in both, were measured and are not the key, in the order of the output. */
  readonly other_candidates: readonly Candidate[]
}

export interface MatchingRequest {
  readonly before: ComparedOutput
  readonly after: ComparedOutput
  /** Columns that are declared unique together, the best first; any case. One that is not unique in both is no key. */
  readonly declaredKeys: readonly (readonly string[])[]
  /** Columns whose definition the edit changed, any case. Default: none is known to be. */
  readonly edited?: readonly string[]
}

/** Columns that are tried as a key: a wide table is not searched whole. */
const KEY_CANDIDATES = 24

/** `same`: the columns that both have, of one type. Throws QUERY_FAILED. */
export async function matchingOf(
  session: SqlSession,
  request: MatchingRequest,
  same: readonly ComparedColumn[],
): Promise<Matching> {
  for (const declared of request.declaredKeys) {
    const names = declared.flatMap((name) => same.find((c) => sameName(c.name, name))?.name ?? [])
    if (names.length !== declared.length || !(await isUnique(session, request, names))) continue
    const common = await inCommon(session, request, names)
    return { key: { columns: names, origin: 'declared', common, edited: false }, other_candidates: [] }
  }
  const candidates = await uniqueColumns(session, request, same)
  const best = [...candidates]
    .filter(({ common }) => common > 0)
    .sort((a, b) => Number(a.edited) - Number(b.edited) || b.common - a.common)[0]
  if (best === undefined) return { key: null, other_candidates: candidates }
  const { column, common, edited } = best
  return {
    key: { columns: [column], origin: 'unique', common, edited },
    other_candidates: candidates.filter((candidate) => candidate !== best),
  }
}

/** Ends at a column that no later one can be better than. */
async function uniqueColumns(
  session: SqlSession,
  request: MatchingRequest,
  same: readonly ComparedColumn[],
): Promise<readonly Candidate[]> {
  const { before, after, edited = [] } = request
  const found: Candidate[] = []
  for (const { name } of same.filter(({ engineType }) => session.keyTypes.test(engineType)).slice(0, KEY_CANDIDATES)) {
    if (!(await isUnique(session, request, [name]))) continue
    const isEdited = edited.some((other) => sameName(other, name))
    const common = await inCommon(session, request, [name])
    found.push({ column: name, common, edited: isEdited })
    if (!isEdited && common === Math.min(before.rows, after.rows)) break
  }
  return found
}

/** The engine compares names without regard to case. */
const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

async function isUnique(
  session: SqlSession,
  { before, after }: MatchingRequest,
  key: readonly string[],
): Promise<boolean> {
  const list = key.map(quotedName).join(', ')
  const filled = key.map((name) => `${quotedName(name)} IS NOT NULL`).join(' AND ')
  const distinct = ({ relation }: ComparedOutput) =>
    `(SELECT count(*) FROM (SELECT DISTINCT ${list} FROM ${relation} WHERE ${filled}))`
  const [inBefore, inAfter] = await numbers(session, `SELECT ${distinct(before)}, ${distinct(after)}`)
  return inBefore === before.rows && inAfter === after.rows
}

/** The key is unique in both: a row finds one row at most. */
async function inCommon(
  session: SqlSession,
  { before, after }: MatchingRequest,
  key: readonly string[],
): Promise<number> {
  const on = key.map((name) => `b.${quotedName(name)} = a.${quotedName(name)}`).join(' AND ')
  const [common = 0] = await numbers(
    session,
    `SELECT count(*) FROM ${before.relation} AS b JOIN ${after.relation} AS a ON ${on}`,
  )
  return common
}

/** The first row of an answer. */
export async function numbers(session: SqlSession, sql: string): Promise<number[]> {
  const answer = await session.run(sql, Number.POSITIVE_INFINITY)
  return (answer.rows[0] ?? []).map((value) => Number(value ?? 0))
}
