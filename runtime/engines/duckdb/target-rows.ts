// An output → its rows as text for a target of another database, in constant memory, and what is wrong with its keys.

import { targetItems } from '../../contract/target-types.ts'
import { wireItems } from '../../contract/target-wire.ts'
import type { KeyColumns, KeyFacts, OutputColumn } from '../../engine.ts'
import type { DuckDBConnection } from './driver.ts'
import { literal, quoted } from './quoting.ts'

export async function exportRows(
  connection: DuckDBConnection,
  file: string,
  columns: readonly OutputColumn[],
  path: string,
  spelling: 'csv' | 'wire',
): Promise<void> {
  const items = spelling === 'csv' ? targetItems(columns, quoted) : wireItems(columns, quoted)
  const named = items.map((item, i) => `${item} AS c${i}`)
  const query = `SELECT ${named.join(', ')} FROM read_parquet(${literal(file)})`
  const options = spelling === 'csv' ? csvOptions(columns) : ", QUOTE '', ESCAPE ''"
  await connection.run(`COPY (${query}) TO ${literal(path)} (FORMAT csv, HEADER false${options})`)
}

/** Alone on its line, `\.` would end the rows for older servers. */
function csvOptions(columns: readonly OutputColumn[]): string {
  const [only, second] = columns
  return only?.type === 'VARCHAR' && second === undefined ? ', FORCE_QUOTE (c0)' : ''
}

/** NULL is a key like any other to the count of duplicates: whether it may be one is told apart. */
export async function keyFacts(
  connection: DuckDBConnection,
  file: string,
  { keys, time }: KeyColumns,
): Promise<KeyFacts> {
  const from = `FROM read_parquet(${literal(file)})`
  const count = async (sql: string): Promise<number> =>
    Number((await connection.runAndReadAll(sql)).getRows()[0]?.[0] ?? 0)
  const names = keys.map(quoted).join(', ')
  const when = time === null ? null : quoted(time)
  return {
    duplicates:
      keys.length === 0
        ? 0
        : await count(`SELECT count(*) FROM (SELECT 1 ${from} GROUP BY ${names} HAVING count(*) > 1)`),
    nullKeys:
      keys.length === 0
        ? 0
        : await count(`SELECT count(*) ${from} WHERE ${keys.map((key) => `${quoted(key)} IS NULL`).join(' OR ')}`),
    nullTimes: when === null ? 0 : await count(`SELECT count(*) ${from} WHERE ${when} IS NULL`),
    infiniteTimes:
      when === null
        ? 0
        : await count(`SELECT count(*) ${from} WHERE CAST(${when} AS VARCHAR) IN ('infinity', '-infinity')`),
  }
}
