// Optimised plans of analysed queries, as JSON text. The clock and variables become expressions that the planner can
// neither fold nor tell from data: a marker text joined with random(). (Columns of a one-row table would need a scalar
// subquery, which does not serialise under these optimisers.) Optimisers that look at statistics are off: tables are empty.

import { clockMacros } from './clock.ts'
import type { DuckDBConnection } from './driver.ts'

/** Optimisers that a plan keeps. `build_side_probe_side` stays on: without it ordinary joins do not serialise. */
const KEPT_OPTIMIZERS: readonly string[] = [
  'expression_rewriter',
  'unused_columns',
  'cte_inlining',
  'deliminator',
  'unnest_rewriter',
  'filter_pushdown',
  'filter_pullup',
  'duplicate_groups',
  'in_clause',
  'build_side_probe_side',
]

/** Prepares a connection for `planText`. */
export async function preparePlanning(connection: DuckDBConnection): Promise<void> {
  const result = await connection.runAndReadAll('SELECT name FROM duckdb_optimizers()')
  const disabled = result
    .getRows()
    .map((row) => String(row[0]))
    .filter((name) => !KEPT_OPTIMIZERS.includes(name))
  await connection.run(`SET disabled_optimizers = '${disabled.join(',')}'`)
  for (const macro of clockMacros("('run_timestamp' || random())")) await connection.run(macro)
  await connection.run("CREATE OR REPLACE TEMP MACRO getvariable(name) AS ('variable ' || name || random())")
}

/** The plan of one SELECT, or null when the engine has none to give. Never throws. */
export async function planText(connection: DuckDBConnection, sql: string): Promise<string | null> {
  try {
    const literal = `'${sql.replaceAll("'", "''")}'`
    const result = await connection.runAndReadAll(`SELECT json_serialize_plan(${literal}, optimize := true)`)
    const text = String(result.getRows()[0]?.[0])
    return text.startsWith('{"error":true') ? null : text
  } catch {
    return null
  }
}
