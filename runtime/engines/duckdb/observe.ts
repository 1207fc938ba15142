// Source files → their columns, as the engine sniffs them. Only files below the given folder can be read.

import { messageOf } from '../../contract/failures.ts'
import type { Column } from '../../contract/manifest.ts'
import { openDatabase } from './driver.ts'
import { engineError } from './engine-errors.ts'
import { storedType } from './stored-types.ts'

export type Observation =
  | { readonly kind: 'columns'; readonly columns: readonly Column[] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'error'; readonly message: string }

/** The columns of each table function call (`read_csv('…')`), in order. `folder` is absolute. */
export async function observeFiles(folder: string, calls: readonly string[]): Promise<readonly Observation[]> {
  const instance = await openDatabase({ autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' })
  const connection = await instance.connect()
  try {
    await connection.run("SET errors_as_json = true; SET TimeZone = 'UTC'")
    await connection.run(`SET allowed_directories = ['${`${folder}/`.replaceAll("'", "''")}']`)
    await connection.run('SET enable_external_access = false; SET lock_configuration = true')
    const observations: Observation[] = []
    for (const call of calls) {
      try {
        const rows = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${call}`)).getRows()
        observations.push({
          kind: 'columns',
          columns: rows.map((row) => ({ name: String(row[0]), type: storedType(String(row[1])).type })),
        })
      } catch (error) {
        const absent = /No files found that match/.test(messageOf(error))
        observations.push(absent ? { kind: 'absent' } : { kind: 'error', message: engineError(error).message })
      }
    }
    return observations
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
