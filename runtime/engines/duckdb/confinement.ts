// Opens the database in which steps run, and closes it to everything else: settings first, then the folders and files
// that may be touched, then no further setting. There is no catalogue that two steps share.
// Reports STATEMENT_REFUSED (a setting that is none of the results' own), STATE_IO.

import { RuntimeFailure } from '../../contract/failures.ts'
import type { EngineOptions } from '../../engine.ts'
import { type DuckDBConnection, type DuckDBInstance, openDatabase } from './driver.ts'
import { literal, quoted } from './quoting.ts'

/** Settings that results depend on: all that a bundle may set. */
const RESULT_SETTINGS: readonly string[] = [
  'Calendar',
  'TimeZone',
  'default_collation',
  'default_null_order',
  'default_order',
  'disable_timestamptz_casts',
  'ieee_floating_point_ops',
  'integer_division',
  'old_implicit_casting',
  'order_by_non_integer_literal',
  'preserve_insertion_order',
  'scalar_subquery_error_on_multiple_rows',
]

const list = (texts: readonly string[]): string => `[${texts.map(literal).join(', ')}]`

/** The database, and a connection for what is not a step's. */
export async function openConfined(
  options: EngineOptions,
): Promise<{ readonly instance: DuckDBInstance; readonly control: DuckDBConnection }> {
  const foreign = Object.keys(options.settings).find((name) => !RESULT_SETTINGS.includes(name))
  if (foreign !== undefined)
    throw new RuntimeFailure('STATEMENT_REFUSED', `a bundle may not set '${foreign}'`, {
      setting: foreign,
      allowed: RESULT_SETTINGS,
    })
  const instance = await openDatabase({
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    temp_directory: options.spillDirectory,
    ...(options.memoryLimit === undefined ? {} : { memory_limit: options.memoryLimit }),
    ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
  })
  const control = await instance.connect()
  const statements = [
    'SET GLOBAL errors_as_json = true',
    "SET GLOBAL TimeZone = 'UTC'",
    ...Object.entries(options.settings).map(([name, value]) => `SET GLOBAL ${quoted(name)} = ${literal(value)}`),
    `SET GLOBAL allowed_paths = ${list(options.allowedPaths)}`,
    `SET GLOBAL allowed_directories = ${list(options.allowedDirectories.map((folder) => `${folder}/`))}`,
    "ATTACH ':memory:' AS control",
    'USE control',
    // The database that every connection starts in would be common to all steps.
    'DETACH memory',
    'SET GLOBAL enable_external_access = false',
    'SET GLOBAL lock_configuration = true',
  ]
  for (const statement of statements) await control.run(statement)
  return { instance, control }
}
