// What a REPL session has at hand. Mutable: `.mode`, `.limit` and `.env` change it between statements.

import type { EnvironmentName } from '../contract/ids.ts'
import type { CheckResult } from '../contract/state.ts'
import type { QuerySession, QueryTable } from '../engines/duckdb/query-session.ts'
import type { Format } from './formats.ts'

/** An output that can be queried. */
export interface ReplTable extends QueryTable {
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
  session: QuerySession
  mode: Format
  limit: number
  /** Opens the outputs of an environment, or of production, in place of the present ones. */
  readonly switchTo: (environment: EnvironmentName | null) => Promise<void>
}

/** `transform_orders`: one of the two names under which an output is visible. */
export const alias = (table: QueryTable): string => `${table.schema}_${table.name}`
