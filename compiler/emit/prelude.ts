// The prelude of every step: macros that make the clock's functions read the run's timestamp, by the list that the
// runtime's engine shares.

import { clockMacros } from '../../runtime/contract/clock.ts'
import preludeTemplate from '../../templates/duckdb/prelude.sql.hbs'
import { variable } from '../dialect/duckdb.ts'
import { template } from './templates.ts'

const fill = template<{ readonly clock: ReturnType<typeof clockMacros> }>('duckdb/prelude.sql.hbs', preludeTemplate)

export const preludeText = (): string => fill({ clock: clockMacros(variable('run_timestamp')) })
