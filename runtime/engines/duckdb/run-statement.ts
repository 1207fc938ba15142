// Runs one statement of a step. Before the last one, the COPY, the columns of its query are looked up where only data can
// tell them, and what Parquet would store with loss is cast; afterwards the file must have the columns that were said.
// Reports STEP_FAILED, OUTPUT_NOT_STORABLE, OUTPUT_DIFFERS, STATEMENT_REFUSED.

import { RuntimeFailure } from '../../contract/failures.ts'
import {
  columnDifference,
  duplicateNames,
  isStorable,
  STORABLE_HINT,
  type StoredColumns,
  storedColumns,
} from '../../contract/stored-columns.ts'
import type { OutputColumn, StepRequest, WrittenOutput } from '../../engine.ts'
import type { DuckDBConnection } from './driver.ts'
import { missingKeys } from './json-keys.ts'
import { columnsOf } from './output-facts.ts'
import { TYPE } from './preparing.ts'
import { DESCRIBE_OFFSET, describedColumns } from './query-columns.ts'
import { quoted } from './quoting.ts'
import { stepFailure } from './step-errors.ts'
import { outputQuery, requireType, type StepStatement } from './step-statements.ts'

/** `index` counts the step's statements from 0. Gives the number of rows that a COPY wrote. */
export async function runStatement(
  connection: DuckDBConnection,
  statement: StepStatement,
  index: number,
): Promise<number> {
  let rows = 0
  try {
    const extracted = await connection.extractStatements(statement.text)
    for (let part = 0; part < extracted.count; part++) {
      const prepared = await extracted.prepare(part)
      try {
        requireType(statement, prepared.statementType, part, extracted.count)
        const { rowsChanged } = await prepared.run()
        if (prepared.statementType === TYPE.COPY) rows = rowsChanged
      } finally {
        prepared.destroySync()
      }
    }
  } catch (error) {
    throw stepFailure(error, statement, index)
  }
  return rows
}

/** Runs the statement that writes the output. Gives its rows, and the columns of the file. */
export async function runOutput(
  connection: DuckDBConnection,
  statement: StepStatement,
  index: number,
  { columns, output, variables, jsonFiles }: StepRequest,
): Promise<WrittenOutput> {
  const place: Place = { statement: index, offset: statement.start + outputQuery(statement.text).start }
  try {
    await connection.extractStatements(outputQuery(statement.text).text)
  } catch (error) {
    throw stepFailure(error, statement, index)
  }
  const late = columns === null ? await lateColumns(connection, statement, place) : null
  const rows = await runStatement(connection, late === null ? statement : withCasts(statement, late.casts), index)
  const file = `${variables.values[output.variable]}/${output.file}`
  const written = await columnsOf(connection, file)
  requireColumns(written, late?.columns ?? columns ?? [], late !== null, place)
  if (jsonFiles !== undefined && rows > 0) {
    const missing = await missingKeys(connection, file, jsonFiles, written)
    if (missing.length > 0) throw withoutKeys(missing, written, place)
  }
  return { columns: written, rows }
}

/** Where the output's query is: a number among the step's statements, and an offset in its text. */
interface Place {
  readonly statement: number
  readonly offset: number
}

/** Looks up the columns of a query. It runs nothing but what PIVOT needs for that. */
async function lateColumns(
  connection: DuckDBConnection,
  statement: StepStatement,
  place: Place,
): Promise<StoredColumns> {
  const query = outputQuery(statement.text).text
  try {
    const described = await describedColumns(connection, query)
    const mistakes = [
      ...duplicateNames(described).map((name) => `it gives two columns '${name}' (letter case does not count)`),
      ...described
        .filter(({ type }) => !isStorable(type))
        .map(({ name, type }) => `its column '${name}' has the type ${type}, which an output cannot hold`),
    ]
    if (mistakes.length > 0) throw notStorable(mistakes, described, place)
    return storedColumns(described)
  } catch (error) {
    const start = place.offset - DESCRIBE_OFFSET
    throw stepFailure(error, { text: ' '.repeat(DESCRIBE_OFFSET) + query, start }, place.statement)
  }
}

/** The statement with casts around its query, as a step has them whose columns the compiler knows. */
function withCasts(statement: StepStatement, casts: Readonly<Record<string, string>>): StepStatement {
  const items = Object.entries(casts).map(([name, type]) => `CAST(${quoted(name)} AS ${type}) AS ${quoted(name)}`)
  if (items.length === 0) return statement
  const query = outputQuery(statement.text)
  const end = query.start + query.text.length
  const before = `SELECT * REPLACE (${items.join(', ')}) FROM (\n`
  return {
    ...statement,
    text: `${statement.text.slice(0, query.start)}${before}${query.text}\n)${statement.text.slice(end)}`,
    // What goes wrong is reported at the author's query, where it stands in the step.
    start: statement.start - before.length,
  }
}

function notStorable(mistakes: readonly string[], columns: readonly OutputColumn[], place: Place): RuntimeFailure {
  const message = mistakes.join('; ')
  const hints = [
    mistakes.some((mistake) => mistake.startsWith('it gives')) ? 'Name columns apart with AS.' : STORABLE_HINT,
  ]
  return new RuntimeFailure('OUTPUT_NOT_STORABLE', message, { ...place, message, columns }, { hints })
}

function withoutKeys(missing: readonly string[], columns: readonly OutputColumn[], place: Place): RuntimeFailure {
  const names = missing.map((name) => `'${name}'`).join(', ')
  const message = `its files lack ${names}, of which the bundle says that ${missing.length === 1 ? 'it is a key' : 'they are keys'}`
  return new RuntimeFailure('OUTPUT_DIFFERS', message, { ...place, message, difference: missing, columns })
}

/** Throws OUTPUT_DIFFERS. */
function requireColumns(
  written: readonly OutputColumn[],
  wanted: readonly OutputColumn[],
  isLate: boolean,
  place: Place,
): void {
  if (
    written.length === wanted.length &&
    written.every((c, i) => c.name === wanted[i]?.name && c.type === wanted[i].type)
  )
    return
  const difference = columnDifference(wanted, written)
  const names = (columns: readonly OutputColumn[]): string => columns.map((c) => c.name).join(', ')
  const what = difference.length > 0 ? difference.join(', ') : `${names(written)} instead of ${names(wanted)}`
  const message = isLate
    ? `its columns became others while it ran: ${what}`
    : `its output has other columns than the bundle says: ${what}`
  const hints = isLate
    ? ['What a PIVOT reads must be the same at each look: no random(), no LIMIT without an order of all rows.']
    : []
  throw new RuntimeFailure('OUTPUT_DIFFERS', message, { ...place, message, difference, columns: written }, { hints })
}
