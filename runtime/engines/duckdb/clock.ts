// Functions that read the clock, and the macros that make them read the run's timestamp instead. A macro in the
// temporary schema is found before the built-in of the same name (DuckDB 1.5).

/** name → result type, as the built-in has it. The timestamp is a TIMESTAMP WITH TIME ZONE expression. */
export const CLOCK_FUNCTIONS: Readonly<Record<string, string>> = {
  now: 'TIMESTAMPTZ',
  get_current_timestamp: 'TIMESTAMPTZ',
  transaction_timestamp: 'TIMESTAMPTZ',
  current_date: 'DATE',
  today: 'DATE',
  get_current_time: 'TIMETZ',
  current_localtimestamp: 'TIMESTAMP',
  current_localtime: 'TIME',
}

/** `CREATE OR REPLACE TEMP MACRO` statements, one a function. `timestamp` is an SQL expression. */
export function clockMacros(timestamp: string): readonly string[] {
  // A TIMESTAMPTZ becomes a TIME only by way of a TIMESTAMP.
  const source = (type: string): string => (type === 'TIME' ? `CAST(${timestamp} AS TIMESTAMP)` : timestamp)
  return Object.entries(CLOCK_FUNCTIONS).map(
    ([name, type]) => `CREATE OR REPLACE TEMP MACRO ${name}() AS CAST(${source(type)} AS ${type})`,
  )
}
