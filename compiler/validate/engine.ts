// `engine:` and `dialect:` → which engine executes and how SQL is spelled, every field with a value. What the profile says of
// the engine goes before the project. Reports VALIDATE_*.

import type { Diagnostic, Place } from '../../runtime/contract/diagnostics.ts'
import {
  DEFAULT_OUTPUT_SCHEMA,
  type Dialect,
  ENGINES,
  type EngineChoice,
  type EngineName,
} from '../../runtime/contract/engines.ts'
import { errorAt } from '../diagnostic-codes.ts'
import type { Engine } from '../validate.ts'

type Report = (d: Diagnostic) => void

export const NO_ENGINE: Engine = {
  name: 'duckdb',
  connection: null,
  schema: null,
  place: { file: 'seeknal_project.yml', line: 1, column: 1, length: 1 },
}

type Written = EngineName | { readonly type: EngineName; readonly connection?: string; readonly schema?: string }

/** `chosen` is all of it where the profile was asked too. */
export function engineOf(
  written: string | { readonly type: string; readonly connection?: string; readonly schema?: string } | undefined,
  chosen: EngineChoice | undefined,
  place: Place,
  report: Report,
): Engine {
  const own = choiceOf(written as Written | undefined)
  const { name, connection, schema } = chosen ?? own
  if (!ENGINES[name].isDatabase) return { ...NO_ENGINE, name, place }
  if (connection === null)
    report(
      errorAt('VALIDATE_MISSING_KEY', place, `The engine '${name}' needs a connection.`, {
        facts: { key: 'connection' },
        hints: [`Write engine: {type: ${name}, connection: NAME}, in the project or in the profile.`],
      }),
    )
  if (schema !== null && /^(seeknal|pg_|information_schema$)/i.test(schema))
    report(
      errorAt(
        'VALIDATE_WRONG_VALUE',
        place,
        `The schema '${schema}' is not free for outputs: it is PostgreSQL's or seeknal's own.`,
        {
          facts: { schema },
          hints: ['Name another one.'],
        },
      ),
    )
  return { name, connection, schema: schema ?? DEFAULT_OUTPUT_SCHEMA, place }
}

function choiceOf(written: Written | undefined): EngineChoice {
  if (written === undefined) return { name: 'duckdb', connection: null, schema: null }
  if (typeof written === 'string') return { name: written, connection: null, schema: null }
  return { name: written.type, connection: written.connection ?? null, schema: written.schema ?? null }
}

/** A dialect that the engine does not execute is reported, and counts as the engine's own. */
export function dialectOf(written: string, { name }: Engine, place: Place, report: Report): Dialect {
  const { dialects, title } = ENGINES[name]
  const known = dialects.find((dialect) => dialect === written)
  if (known !== undefined) return known
  report(
    errorAt('VALIDATE_WRONG_VALUE', place, `The dialect is '${written}', which the engine ${title} does not execute.`, {
      facts: { dialect: written, engine: name, dialects },
      hints: [`It executes: ${dialects.join(', ')}. Another engine: 'engine:' of the project or of the profile.`],
    }),
  )
  return name
}

/** Settings are those of DuckDB. */
export function settingsOf(
  settings: Readonly<Record<string, string>>,
  { name }: Engine,
  place: Place,
  report: Report,
): Readonly<Record<string, string>> {
  if (!ENGINES[name].isDatabase || Object.keys(settings).length === 0) return settings
  report(
    errorAt('VALIDATE_UNKNOWN_OPTION', place, `The engine ${ENGINES[name].title} takes no 'settings'.`, {
      facts: { settings: Object.keys(settings) },
      hints: ['Set them for its role in the database: ALTER ROLE … SET …; time zone and locale are fixed by seeknal.'],
    }),
  )
  return {}
}
