// Keeps the analysis database in step with the relations that the next queries read: an empty table each, made or
// replaced only when its columns are not what they were.

import type { Column } from '../../contract/manifest.ts'
import type { DuckDBConnection } from './driver.ts'

export interface Relation {
  readonly schema: string
  readonly name: string
  readonly columns: readonly Column[]
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

export class EmptyTables {
  readonly #connection: DuckDBConnection
  readonly #schemas = new Set<string>()
  readonly #tables = new Map<string, string>()

  constructor(connection: DuckDBConnection) {
    this.#connection = connection
  }

  /** Makes every relation exist with just these columns. Of two of the same name the last wins. */
  async ensure(relations: readonly Relation[]): Promise<void> {
    const statements: string[] = []
    for (const relation of relations) {
      const name = `${quoted(relation.schema)}.${quoted(relation.name)}`
      const columns = relation.columns.map((c) => `${quoted(c.name)} ${c.type}`).join(', ')
      if (this.#tables.get(name) === columns) continue
      if (!this.#schemas.has(relation.schema)) statements.push(`CREATE SCHEMA IF NOT EXISTS ${quoted(relation.schema)}`)
      this.#schemas.add(relation.schema)
      this.#tables.set(name, columns)
      statements.push(`CREATE OR REPLACE TABLE ${name} (${columns})`)
    }
    if (statements.length > 0) await this.#connection.run(statements.join(';\n'))
  }
}
