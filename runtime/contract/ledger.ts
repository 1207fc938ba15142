// What a ledger holds of a project, as data: whoever keeps it gives this, and target/ is made to say the same.

import type { TargetWrites } from './state.ts'

/** A view by which an output is read. */
export interface LedgerView {
  readonly schema: string
  readonly name: string
  /** What stands behind AS. */
  readonly query: string
  /** A table that holds the rows of the query. */
  readonly table?: true
}

export interface LedgerGeneration {
  readonly number: number
  readonly manifest: string
  readonly run_state: string
  readonly record: string
  readonly bundle: string
}

export interface LedgerSwitch {
  readonly at: string
  readonly kind: string
  readonly from: number | null
  readonly to: number
  readonly run_id: string
}

export interface LedgerState {
  /** Production now; null: there is none. */
  readonly current: number | null
  /** What made production, `duckdb v1.5.2`; null: there is none. */
  readonly engine: string | null
  /** SHA-256 of the record of each, by number. */
  readonly generations: ReadonlyMap<number, string>
  readonly switches: readonly LedgerSwitch[]
  /** Text of production's targets.json, where outputs are files; null: there is none. */
  readonly targetsText: string | null
  /** Environment → path below its folder → text. */
  readonly environments: ReadonlyMap<string, Readonly<Record<string, string>>>
  /** What tables of the database hold that outputs are written to, by environment ('': production). */
  readonly targets: ReadonlyMap<string, TargetWrites>
}

export interface LedgerReader {
  state(): Promise<LedgerState>
  generations(numbers: readonly number[]): Promise<readonly LedgerGeneration[]>
  /** Digest → path → text, of those that there are. */
  bundles(digests: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>>
}

/** What a report is about: it is kept while the environment is still that. */
export type ReportOf = { readonly runId: string } | 'failed'

/** Files of an environment that a ledger keeps, by path below its folder. */
export const ENVIRONMENT_FILES: readonly string[] = [
  'env_config.json',
  'manifest.json',
  'plan.json',
  'promotion/base',
  'promotion/generation/generation.json',
  'promotion/next',
  'promotion/requirements.json',
  'refs.json',
  'report.md',
  'run_state.json',
]
