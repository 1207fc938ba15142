// The clock of a run: functions of the engine that read the clock, and the macros that make them read the run's timestamp
// instead. A macro in the temporary schema is found before the built-in of its name (DuckDB 1.5), also by the engine's own
// macros and by what the parser makes of words (`current_timestamp`, `localtime`).

/** name → result type, as the built-in has it. */
const TYPES: Readonly<Record<string, string>> = {
  now: 'TIMESTAMPTZ',
  get_current_timestamp: 'TIMESTAMPTZ',
  transaction_timestamp: 'TIMESTAMPTZ',
  current_date: 'DATE',
  today: 'DATE',
  get_current_time: 'TIMETZ',
  current_localtimestamp: 'TIMESTAMP',
  current_localtime: 'TIME',
}

/** How the text of a value of the run begins that stands in a plan, joined with random(). */
export const RUN_VALUE = 'value of the run: '

/** Names of the macros. */
export const CLOCK_MACROS: readonly string[] = [...Object.keys(TYPES), 'age']

/** Parameters and bodies of the macros, by name. `timestamp` is an SQL expression of a TIMESTAMP WITH TIME ZONE. Pure. */
export function clockMacros(timestamp: string): readonly { readonly name: string; readonly definition: string }[] {
  // A TIMESTAMPTZ becomes a TIME only by way of a TIMESTAMP.
  const source = (type: string): string => (type === 'TIME' ? `CAST(${timestamp} AS TIMESTAMP)` : timestamp)
  const day = `CAST(CAST(${timestamp} AS DATE) AS TIMESTAMP)`
  return [
    ...Object.entries(TYPES).map(([name, type]) => ({ name, definition: `() AS CAST(${source(type)} AS ${type})` })),
    // With one argument the built-in counts from the beginning of today; with two it reads no clock.
    { name: 'age', definition: `(t) AS system.main.age(${day}, t), (a, b) AS system.main.age(a, b)` },
  ]
}

/** The statements that make them, without semicolons. Pure. */
export const clockStatements = (timestamp: string): readonly string[] =>
  clockMacros(timestamp).map(({ name, definition }) => `CREATE OR REPLACE TEMP MACRO ${name}${definition}`)
