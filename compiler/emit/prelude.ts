// The prelude of every step: macros that make the clock's functions read the run's timestamp. The same list as the
// engine's runtime/engines/duckdb/clock.ts, which a test compares; a macro in the temporary schema hides the built-in.

import preludeTemplate from '../../templates/duckdb/prelude.sql.hbs'
import { variable } from '../dialect/duckdb.ts'
import { template } from './templates.ts'

/** name → result type. */
export const CLOCK: Readonly<Record<string, string>> = {
  now: 'TIMESTAMPTZ',
  get_current_timestamp: 'TIMESTAMPTZ',
  transaction_timestamp: 'TIMESTAMPTZ',
  current_date: 'DATE',
  today: 'DATE',
  get_current_time: 'TIMETZ',
  current_localtimestamp: 'TIMESTAMP',
  current_localtime: 'TIME',
}

const fill = template<{ readonly clock: readonly { readonly name: string; readonly value: string }[] }>(
  'duckdb/prelude.sql.hbs',
  preludeTemplate,
)

export const preludeText = (): string =>
  fill({ clock: Object.entries(CLOCK).map(([name, type]) => ({ name, value: `CAST(${source(type)} AS ${type})` })) })

/** A TIMESTAMPTZ becomes a TIME only by way of a TIMESTAMP. */
const source = (type: string): string => (type === 'TIME' ? `CAST(${timestamp} AS TIMESTAMP)` : timestamp)

const timestamp = variable('run_timestamp')
