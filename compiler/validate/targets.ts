// `materialization:` or `materializations:` → the targets of a node, each part with its place; columns are not known yet.
// A field that is not known is an error: misspelt, it would write other rows. Reports VALIDATE_*.

import { type Diagnostic, nearest, type Place } from '../../runtime/contract/diagnostics.ts'
import { LONGEST_IDENTIFIER } from '../../runtime/contract/postgresql-names.ts'
import { BATCHES } from '../../runtime/contract/target-sql.ts'
import type { Target } from '../../runtime/contract/targets.ts'
import { errorAt, warningAt } from '../diagnostic-codes.ts'
import { isMapping, type Json, type LoadedDocument } from '../load.ts'
import { LATER_TARGET_TYPES, MODES, PostgresqlTarget } from '../schema/target.ts'
import { hasPlaceholder, keyPlaceOf, placeOf, SchemaReader } from './read-schema.ts'
import { tableParts } from './table-name.ts'

/** A target as it is written: `unique_keys` and `time_column` are not yet spelled as the output spells them. */
export interface DeclaredTarget {
  readonly target: Target
  /** Of its table. */
  readonly place: Place
  /** Of each of `unique_keys`, in their order. */
  readonly keys: readonly Place[]
  /** Of `time_column`. */
  readonly time: Place
}

type Report = (d: Diagnostic) => void
type Fields = { readonly [key: string]: Json }

/** Targets that are written, in the order of the YAML. */
export function declaredTargets(document: LoadedDocument, report: Report): readonly DeclaredTarget[] {
  const key = keyOf(document, report)
  const value = document.value[key] ?? null
  if (key === 'materializations' && value !== null && !Array.isArray(value)) {
    // The reader of the document has said what is wrong.
    return []
  }
  const isList = Array.isArray(value)
  const list: readonly Json[] = isList ? value : value === null ? [] : [value]
  return list.flatMap((item, i) => {
    if (!isMapping(item)) return []
    return readTarget(item, { document, pointer: isList ? `/${key}/${i}` : `/${key}` }, report) ?? []
  })
}

function keyOf(document: LoadedDocument, report: Report): 'materialization' | 'materializations' {
  const { materialization, materializations: plural } = document.value
  if (plural === undefined || plural === null) return 'materialization'
  if (materialization !== undefined && materialization !== null)
    report(
      errorAt(
        'VALIDATE_CONFLICT',
        keyPlaceOf(document, '/materialization'),
        "Both 'materialization' and 'materializations' are here.",
        {
          hints: ["Use only 'materializations'."],
          notes: [{ message: 'The other one.', place: keyPlaceOf(document, '/materializations') }],
        },
      ),
    )
  return 'materializations'
}

interface Site {
  readonly document: LoadedDocument
  readonly pointer: string
}

/** Undefined: it is switched off, not built yet, or wrong, with a report. */
function readTarget(item: Fields, site: Site, report: Report): DeclaredTarget | undefined {
  const { document, pointer } = site
  if (item.enabled === false) return undefined
  if (!isPostgresql(item, site, report)) return undefined
  if (hasPlaceholder(item)) {
    const place = placeOf(document, pointer)
    report(
      errorAt('VALIDATE_WRONG_VALUE', { ...place, length: 1 }, 'This target holds a placeholder; nothing is put in.', {
        hints: ['Write the names themselves: an environment has its own schemas and its own profile.'],
      }),
    )
    return undefined
  }
  const reader = new SchemaReader(document, unknownField)
  const fields = reader.read(PostgresqlTarget, { ...item, type: 'postgresql' }, pointer)
  reader.diagnostics.forEach(report)
  const parts =
    typeof item.table === 'string' ? tableOf(item.table, placeOf(document, `${pointer}/table`), report) : null
  if (fields === undefined || parts === null) return undefined
  const mode = MODES[(fields.mode ?? 'overwrite') as keyof typeof MODES]
  const options = optionsOf(mode, item, site, report)
  if (options === null) return undefined
  if (fields.connection.trim() === '') {
    report(
      errorAt('VALIDATE_MISSING_KEY', placeOf(document, `${pointer}/connection`), "The key 'connection' is empty."),
    )
    return undefined
  }
  const at = (key: string, i: number): Place =>
    Array.isArray(item[key]) ? placeOf(document, `${pointer}/${key}/${i}`) : placeOf(document, `${pointer}/${key}`)
  return {
    target: {
      type: 'postgresql',
      connection: fields.connection,
      ...parts,
      mode,
      ...options,
      ...(fields.create_table === false ? { create_table: false } : {}),
      ...(fields.recreate === true && mode === 'overwrite' ? { recreate: true } : {}),
    },
    place: placeOf(document, `${pointer}/table`),
    keys: (options.unique_keys ?? []).map((_, i) => at('unique_keys', i)),
    time: placeOf(document, `${pointer}/time_column`),
  }
}

/** The singular and plural forms are of type iceberg unless they say otherwise. */
function isPostgresql(item: Fields, { document, pointer }: Site, report: Report): boolean {
  const type = item.type ?? 'iceberg'
  if (type === 'postgresql' || type === 'postgres') return true
  const place = item.type === undefined ? placeOf(document, pointer) : placeOf(document, `${pointer}/type`)
  const at = item.type === undefined ? { ...place, length: 1 } : place
  if (typeof type === 'string' && LATER_TARGET_TYPES.includes(type)) {
    const message = `Targets of type '${type}' are not supported yet; the node runs without.`
    report(warningAt('VALIDATE_NOT_SUPPORTED_YET', at, message, { facts: { type } }))
    return false
  }
  const known = ['postgresql', ...LATER_TARGET_TYPES]
  const near = typeof type === 'string' ? nearest(type, known) : undefined
  report(
    errorAt('VALIDATE_WRONG_VALUE', at, `There is no target of type '${String(type)}'; there is: postgresql.`, {
      facts: { type },
      hints: near === undefined ? [] : [`Did you mean '${near}'?`],
    }),
  )
  return false
}

const unknownField = (key: string, place: Place, known: readonly string[]): Diagnostic => {
  const near = nearest(key, known)
  return errorAt('VALIDATE_UNKNOWN_OPTION', place, `A target has no field '${key}'.`, {
    facts: { option: key, known },
    hints: [near === undefined ? `Its fields: ${known.join(', ')}.` : `Did you mean '${near}'?`],
  })
}

function tableOf(written: string, place: Place, report: Report): Pick<Target, 'database' | 'schema' | 'table'> | null {
  const parts = tableParts(written)
  const wrong = (message: string, hint: string): null => {
    report(errorAt('VALIDATE_NAME', place, message, { facts: { name: written }, hints: [hint] }))
    return null
  }
  if (parts === null)
    return wrong(
      `'${written}' is no name of a table.`,
      'Write schema.table; parts with other characters in "double quotes".',
    )
  const long = parts.find((part) => Buffer.byteLength(part) > LONGEST_IDENTIFIER)
  if (long !== undefined)
    return wrong(
      `'${long}' is longer than the ${LONGEST_IDENTIFIER} bytes that PostgreSQL keeps of a name.`,
      'Shorten it.',
    )
  const [table = '', schema = DEFAULT_SCHEMA, database] = [...parts].reverse()
  if (/^pg_/i.test(schema) || schema === 'information_schema')
    return wrong(`The schema '${schema}' belongs to the server.`, 'Write to a schema of your own.')
  if (table === BATCHES)
    return wrong(
      `The table '${BATCHES}' remembers what was appended to the tables beside it.`,
      'Write to a table with another name.',
    )
  return { ...(database === undefined ? {} : { database }), schema, table }
}

/** Where a table is that is named without a schema. */
const DEFAULT_SCHEMA = 'public'

type Options = Pick<Target, 'unique_keys' | 'null_keys' | 'time_column' | 'lookback_days'>

/** What the mode needs; what only another mode has is left out with a warning. */
function optionsOf(mode: Target['mode'], item: Fields, site: Site, report: Report): Options | null {
  const { document, pointer } = site
  const own: readonly string[] = OPTIONS[mode]
  for (const key of Object.values(OPTIONS).flat())
    if (isGiven(item[key]) && !own.includes(key))
      report(
        warningAt(
          'VALIDATE_UNKNOWN_KEY',
          keyPlaceOf(document, `${pointer}/${key}`),
          `'${key}' has no effect with mode '${mode}'.`,
          {
            facts: { key, mode },
          },
        ),
      )
  if (item.cascade === true) {
    report(
      errorAt(
        'VALIDATE_WRONG_VALUE',
        placeOf(document, `${pointer}/cascade`),
        "'cascade: true' would drop what others made.",
        {
          hints: ['Leave it out: the table stays and with it what depends on it; only its rows are replaced.'],
        },
      ),
    )
    return null
  }
  if (mode === 'upsert_by_key') return keyOptions(item, site, report)
  if (mode === 'incremental_by_time') return timeOptions(item, site, report)
  return {}
}

const OPTIONS = {
  overwrite: ['recreate'],
  append: [],
  upsert_by_key: ['unique_keys', 'null_keys'],
  incremental_by_time: ['time_column', 'lookback'],
} as const satisfies Readonly<Record<Target['mode'], readonly string[]>>

const isGiven = (value: Json | undefined): boolean =>
  value !== undefined && value !== null && value !== false && !(Array.isArray(value) && value.length === 0)

function missing(key: string, why: string, { document, pointer }: Site, report: Report): null {
  report(
    errorAt('VALIDATE_MISSING_KEY', placeOf(document, `${pointer}/mode`), `The key '${key}' is missing: ${why}.`, {
      facts: { key },
    }),
  )
  return null
}

function keyOptions(item: Fields, site: Site, report: Report): Options | null {
  const { unique_keys: written } = item
  const keys = (Array.isArray(written) ? written : isGiven(written) ? [written] : []).filter(
    (key): key is string => typeof key === 'string',
  )
  if (keys.length === 0) return missing('unique_keys', 'the columns that name a row of the table', site, report)
  return { unique_keys: keys, ...(item.null_keys === 'match' ? { null_keys: 'match' } : {}) }
}

function timeOptions(item: Fields, site: Site, report: Report): Options | null {
  const { time_column: time, lookback } = item
  if (typeof time !== 'string' || time.trim() === '')
    return missing('time_column', 'the column whose range is replaced', site, report)
  const days = isGiven(lookback) ? Number(String(lookback).replace(/\s*d(ays?)?$/, '')) : 0
  if (Number.isSafeInteger(days) && days >= 0)
    return { time_column: time, ...(days === 0 ? {} : { lookback_days: days }) }
  report(
    errorAt(
      'VALIDATE_WRONG_VALUE',
      placeOf(site.document, `${site.pointer}/lookback`),
      `'${String(lookback)}' is no number of days.`,
      {
        hints: ["Write a whole number, such as 7 or '7d'."],
      },
    ),
  )
  return null
}
