// Keeps the analysis database in step with the relations that the next queries read: an empty table each, made or
// replaced only when its columns are not what they were.

import type { Column } from '../../contract/manifest.ts'
import type { DuckDBConnection } from './driver.ts'
import { quoted } from './quoting.ts'

export interface Relation {
  readonly schema: string
  readonly name: string
  readonly columns: readonly Column[]
}

export class EmptyTables {
  readonly #connection: DuckDBConnection
  readonly #schemas = new Set<string>()
  /** Columns by name in lower case: letter case makes no other table. */
  readonly #tables = new Map<string, readonly Column[]>()

  constructor(connection: DuckDBConnection) {
    this.#connection = connection
  }

  /** Makes every relation exist with just these columns. Of two of the same name the last wins. */
  async ensure(relations: readonly Relation[]): Promise<void> {
    const statements: string[] = []
    const wanted = new Map<string, readonly Column[]>()
    for (const { schema, name, columns } of relations) {
      const key = `${schema}.${name}`.toLowerCase()
      const made = wanted.get(key) ?? this.#tables.get(key)
      wanted.set(key, columns)
      if (made === columns || (made !== undefined && definition(made) === definition(columns))) continue
      if (!this.#schemas.has(schema)) statements.push(`CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`)
      this.#schemas.add(schema)
      statements.push(`CREATE OR REPLACE TABLE ${quoted(schema)}.${quoted(name)} (${definition(columns)})`)
    }
    for (const key of wanted.keys()) this.#tables.delete(key)
    if (statements.length > 0) await this.#connection.run(statements.join(';\n'))
    for (const [key, columns] of wanted) this.#tables.set(key, columns)
  }

  /** Whether all of them exist as they are, so that they can be read at the same time. */
  hold(relations: readonly Relation[]): boolean {
    return relations.every(({ schema, name, columns }) => {
      const made = this.#tables.get(`${schema}.${name}`.toLowerCase())
      return made === columns || (made !== undefined && definition(made) === definition(columns))
    })
  }
}

const definition = (columns: readonly Column[]): string => columns.map((c) => `${quoted(c.name)} ${c.type}`).join(', ')
