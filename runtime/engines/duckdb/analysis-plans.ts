// Optimised plans of analysed queries, as JSON text. The clock and variables are columns of a one-row table, since the
// planner would fold functions and `getvariable`; optimisers that look at statistics are off, since tables are empty.

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
  await connection.run(
    'CREATE TABLE IF NOT EXISTS main.run_facts (run_timestamp TIMESTAMPTZ, variables MAP(VARCHAR, VARCHAR))',
  )
  for (const macro of clockMacros('(SELECT run_timestamp FROM main.run_facts)')) await connection.run(macro)
  await connection.run('CREATE OR REPLACE TEMP MACRO getvariable(name) AS (SELECT variables[name] FROM main.run_facts)')
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
