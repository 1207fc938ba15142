// The file of a bundle that asks a database for a source's rows: fixed lines around one SELECT. psql runs it as it is; the
// runtime takes the SELECT out and asks in its own way. Pure. Rule: FORMAT.md, "Sources in databases".

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

/** How rows are written. */
export const COPY_OPTIONS = `(FORMAT csv, NULL '${COPY_NULL}')`

const BEFORE = `${Object.entries(SESSION_SETTINGS)
  .map(([name, value]) => `SET ${name} = '${value}';`)
  .join('\n')}
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
COPY (
`
const AFTER = `
) TO STDOUT ${COPY_OPTIONS};
COMMIT;
`

export const extractFile = (id: string): string => `extract/${id}.sql`

export const extractText = (query: string): string => BEFORE + query + AFTER

/** The SELECT of such a file; null: it is another file. */
export function extractedQuery(text: string): string | null {
  if (!text.startsWith(BEFORE) || !text.endsWith(AFTER) || text.length < BEFORE.length + AFTER.length) return null
  return text.slice(BEFORE.length, text.length - AFTER.length)
}

/** The setting of the session that holds a parameter of the run. */
export const sessionSetting = (parameter: string): string => `seeknal.${parameter}`

/** Files of a source's rows, below the root `extracts`. */
export const extractPattern = (id: string): string => `/${id}/*.csv`
