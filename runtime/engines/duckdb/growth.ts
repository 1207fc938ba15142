// A stored output of a source that grows, and the rows that were read again → the whole output. The rows that were read
// again replace every stored row of the same part: those from a value of a column on, and those without one.

import type { Growth, MergedFiles } from '../../engine.ts'
import type { DuckDBConnection } from './driver.ts'
import { literal, quoted } from './quoting.ts'

/** From where on rows are read again, as text: the last stored value less the lookback. Null: nothing is stored. */
export async function leastToRead(
  connection: DuckDBConnection,
  file: string,
  { column, type, lookbackSeconds }: Growth,
): Promise<string | null> {
  const isTime = /^(TIMESTAMP|DATE)/.test(type)
  // A time without end says nothing of where rows end.
  const last = `max(${quoted(column)})${isTime ? ` FILTER (isfinite(${quoted(column)}))` : ''}`
  const back = isTime && lookbackSeconds > 0 ? ` - to_seconds(${Math.trunc(lookbackSeconds)})` : ''
  const value = type === 'DATE' ? `CAST(${last}${back} AS DATE)` : `${last}${back}`
  const answer = await connection.runAndReadAll(`SELECT CAST(${value} AS VARCHAR) FROM read_parquet(${literal(file)})`)
  const [least] = answer.getRows()[0] ?? []
  return typeof least === 'string' ? least : null
}

/** Writes `to`: what `kept` has below `least`, and all of `read`. */
export async function mergeRows(
  connection: DuckDBConnection,
  { kept, read, to }: MergedFiles,
  { column, type }: Growth,
  least: string,
): Promise<void> {
  const from = (file: string): string => `FROM read_parquet(${literal(file)})`
  const before = `${from(kept)} WHERE ${quoted(column)} < CAST(${literal(least)} AS ${type})`
  const all = `${before} UNION ALL BY NAME ${from(read)}`
  await connection.run(`COPY (${all}) TO ${literal(to)} (FORMAT parquet, PARQUET_VERSION v2)`)
}
