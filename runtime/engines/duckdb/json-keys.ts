// An output that was read from JSON files → its columns that are no key of any row there: the reader gives NULL for them
// without a word. Only columns that are NULL in all rows are looked for.

import type { OutputColumn } from '../../engine.ts'
import type { DuckDBConnection } from './driver.ts'
import { literal, quoted } from './quoting.ts'

/** Most keys are in the first rows. */
const FIRST_ROWS = 20_480

/** Names of the columns. What cannot be read as objects has no keys to miss. */
export async function missingKeys(
  connection: DuckDBConnection,
  output: string,
  files: readonly string[],
  columns: readonly OutputColumn[],
): Promise<readonly string[]> {
  const rowOf = async (sql: string): Promise<readonly unknown[]> =>
    (await connection.runAndReadAll(sql)).getRows()[0] ?? []
  const counts = await rowOf(
    `SELECT ${columns.map(({ name }) => `count(${quoted(name)})`).join(', ')} FROM read_parquet(${literal(output)})`,
  )
  const isPartition = (name: string): boolean => files.some((file) => file.includes(`/${name}=`))
  const empty = columns.flatMap(({ name }, i) => (counts[i] === 0n && !isPartition(name) ? [name] : []))
  const isWhole = columns.length === 1 && columns[0]?.name === 'json'
  if (empty.length === 0 || isWhole) return []
  const objects = `read_json_objects([${files.map(literal).join(', ')}])`
  const absent = async (names: readonly string[], rows: string): Promise<readonly string[]> => {
    if (names.length === 0) return []
    const found = names.map((name) => `bool_or(list_contains(json_keys(json), ${literal(name)}))`)
    const answers = await rowOf(`SELECT ${found.join(', ')} FROM ${rows}`)
    return names.filter((_, i) => answers[i] === false)
  }
  try {
    return await absent(await absent(empty, `(SELECT json FROM ${objects} LIMIT ${FIRST_ROWS})`), objects)
  } catch {
    return []
  }
}
