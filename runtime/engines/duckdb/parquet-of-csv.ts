// Rows of another engine as CSV → a Parquet file. The CSV has a header, NULL as nothing and an empty text as `""`. Reports
// QUERY_FAILED (message as DuckDB words it).

import { messageOf, RuntimeFailure } from '../../contract/failures.ts'
import { openDatabase } from './driver.ts'
import { literal, quoted } from './quoting.ts'

/** `columns`: in the order of the file; `type`: of DuckDB. Absolute paths. */
export async function parquetOfCsv(
  csv: string,
  columns: readonly { readonly name: string; readonly type: string }[],
  file: string,
): Promise<void> {
  const texts = columns.map((_, i) => `${literal(`c${i}`)}: 'VARCHAR'`).join(', ')
  const values = columns.map(({ name, type }, i) => `${typedValue(`c${i}`, type)} AS ${quoted(name)}`).join(', ')
  const options = `columns = {${texts}}, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false`
  const instance = await openDatabase({ autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' })
  const connection = await instance.connect()
  try {
    await connection.run("SET TimeZone = 'UTC'")
    await connection.run(
      `COPY (SELECT ${values} FROM read_csv(${literal(csv)}, ${options})) TO ${literal(file)} (FORMAT parquet, PARQUET_VERSION v2)`,
    )
  } catch (error) {
    throw new RuntimeFailure('QUERY_FAILED', messageOf(error).trim(), {}, { cause: error })
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** Bytes are written as `\x` and hexadecimal digits; lists stay the text that they are. */
function typedValue(column: string, type: string): string {
  if (type === 'BLOB') return `unhex(substr(${column}, 3))`
  return type.endsWith('[]') ? column : `CAST(${column} AS ${type})`
}
