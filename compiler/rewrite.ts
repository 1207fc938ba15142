// Planned steps → the SQL of each step with the environment's namespaces, and every place where a prefix was put in.
// Law: taking the prefixes away gives exactly production's bytes. Pure.

import type { NodeId } from '../runtime/contract/ids.ts'
import type { Planned } from './plan.ts'

/** A prefix inserted at offset `start` (UTF-16 code units of the step's SQL text). */
export interface PrefixSpan {
  readonly start: number
  readonly text: string
  readonly identifier: string
  readonly role: 'read' | 'write' | 'root'
  readonly reason: string
}

export interface RewrittenStep {
  readonly node: NodeId
  /** Complete text of the step's file. */
  readonly sql: string
  readonly spans: readonly PrefixSpan[]
}

export interface Rewritten {
  readonly planned: Planned
  /** SQL that prepares a connection: clock macros and schemas. Top of apply.sql, run before each step by the runtime. */
  readonly prelude: string
  readonly steps: readonly RewrittenStep[]
}
