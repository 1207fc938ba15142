// What a REPL session has at hand. Mutable: `.mode`, `.limit` and `.env` change it between statements.

import type { EnvironmentName } from '../contract/ids.ts'
import type { CheckResult } from '../contract/state.ts'
import type { SqlSession } from '../query.ts'
import type { Format } from './formats.ts'

/** An output that can be queried, as `schema.name` and as `schema_name`. */
export interface ReplTable {
  readonly schema: string
  readonly name: string
  /** Absolute path of a Parquet file; in a database the relation, as SQL spells it. */
  readonly place: string
  /** Its rows are those of somebody else's table now; `rows` says how many there were when it was read last. */
  readonly isLive: boolean
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly rows: number | null
  /** What came out of its checks. */
  readonly checks: readonly CheckResult[]
  /** Whether it is the environment's own or production's. */
  readonly from: 'environment' | 'production'
}

export interface ReplState {
  readonly project: string
  readonly engine: string
  environment: EnvironmentName | null
  tables: readonly ReplTable[]
  session: SqlSession
  mode: Format
  limit: number
  /** Opens the outputs of an environment, or of production, in place of the present ones. */
  readonly switchTo: (environment: EnvironmentName | null) => Promise<void>
}

/** `transform_orders`: one of the two names under which an output is visible. */
export const alias = (table: Pick<ReplTable, 'schema' | 'name'>): string => `${table.schema}_${table.name}`
