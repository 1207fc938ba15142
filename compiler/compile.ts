// The row of passes, top to bottom; the only file that knows their order.
// load → validate → resolve → graph → bind → fingerprint → diff → plan → rewrite → emit

import type { Bundle } from '../runtime/contract/bundle.ts'
import type { Diagnostic } from '../runtime/contract/diagnostics.ts'
import type { EnvironmentName } from '../runtime/contract/ids.ts'
import type { Manifest } from '../runtime/contract/manifest.ts'
import type { Json, ProjectFile } from './load.ts'
import type { CompileCache, LazySqlEngine, ObserveSources } from './ports.ts'

export const PASSES = ['load', 'validate', 'resolve', 'graph', 'bind', 'fingerprint', 'diff', 'plan', 'rewrite', 'emit'] as const
export type Pass = (typeof PASSES)[number]

export interface CompileInput {
  /** Every .yml, .yaml and .sql file of the project, and seeknal.lock.json; any order. */
  readonly files: readonly ProjectFile[]
  readonly environment: EnvironmentName | null
  /** The production manifest, or null when there is none. */
  readonly base: Manifest | null
  /** `--params`: override placeholders of the same name. */
  readonly params: { readonly [key: string]: Json }
  readonly engine: LazySqlEngine
  readonly observe: ObserveSources
  readonly cache: CompileCache
  /** Accept that a source no longer has its locked columns. */
  readonly acceptSources: boolean
  readonly stopAfter?: Pass
}

export interface Compiled {
  /** Null when there are errors or `stopAfter` came first. */
  readonly bundle: Bundle | null
  /** Output of the last pass that ran, printable as JSON. */
  readonly last: { readonly pass: Pass; readonly output: unknown }
  /** Text of seeknal.lock.json as it should be, or null when bind did not run. */
  readonly lock: string | null
  readonly diagnostics: readonly Diagnostic[]
}
