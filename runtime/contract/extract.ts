// The file of a bundle that asks a database for a source's rows: fixed lines around one SELECT. psql runs it as it is; the
// runtime takes the SELECT out and asks in its own way. Pure. Rule: FORMAT.md, "Sources in databases".

import { pgText } from './postgresql-names.ts'

/** What makes the rows' text mean the same on every server. */
export const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  client_encoding: 'UTF8',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  xmlbinary: 'base64',
}

/** What stands for NULL; a text of these two characters is in quotes. */
export const COPY_NULL = '\\N'

/** How rows are written. Of a single column every value is in quotes: an empty text would be an empty line. */
export const COPY_OPTIONS = {
  several: `(FORMAT csv, NULL '${COPY_NULL}')`,
  single: `(FORMAT csv, NULL '${COPY_NULL}', FORCE_QUOTE *)`,
} as const
export type CopyOptions = keyof typeof COPY_OPTIONS

const BEFORE = `${Object.entries(SESSION_SETTINGS)
  .map(([name, value]) => `SET ${name} = '${value}';`)
  .join('\n')}
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
COPY (
`
const after = (options: CopyOptions): string => `
) TO STDOUT ${COPY_OPTIONS[options]};
COMMIT;
`

export const extractFile = (id: string): string => `extract/${id}.sql`

export const extractText = (query: string, columns: number): string =>
  BEFORE + query + after(columns === 1 ? 'single' : 'several')

export interface ExtractedQuery {
  readonly query: string
  readonly options: CopyOptions
}

/** How psql takes such rows back. */
export const COPIED_ROWS = COPY_OPTIONS.several

/** The SELECT of such a file; null: it is another file. */
export function extractedQuery(text: string): ExtractedQuery | null {
  for (const options of ['several', 'single'] as const) {
    const end = after(options)
    if (text.startsWith(BEFORE) && text.endsWith(end) && text.length >= BEFORE.length + end.length)
      return { query: text.slice(BEFORE.length, text.length - end.length), options }
  }
  return null
}

/** Values of the run in place of psql's variables, as literals; `values` by the variables' names. Others stay as they are. */
export const withValues = (query: string, values: Readonly<Record<string, string>>): string =>
  query.replace(/:'(\w+)'/g, (written, name: string) =>
    Object.hasOwn(values, name) ? pgText(values[name] ?? '') : written,
  )

/** Files of a source's rows, below the root `extracts`. */
export const extractPattern = (id: string): string => `/${id}/*.csv`
