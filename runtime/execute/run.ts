// What one execution of a bundle is asked for and what it answers, as data: options, events, results, plans.
// Words and exit codes are made of it in cli/.

import type { RuntimeFailure } from '../contract/failures.ts'
import type { EnvironmentName, NodeId } from '../contract/ids.ts'
import type { ManifestNode } from '../contract/manifest.ts'
import type { CheckResult, Plan, Snapshot } from '../contract/state.ts'
import type { Engine, EngineOptions } from '../engine.ts'
import type { PostgresqlConnection } from '../engines/postgresql/connection.ts'
import type { SharedState } from '../shared-state.ts'
import type { SourceFiles } from '../store/source-files.ts'
import type { Outputs } from './outputs.ts'

/** Named points of a run, each just after its effect: a test's hook may end the process there. */
export type FaultPoint =
  | 'locked'
  | 'journal'
  | 'stored'
  | 'checked'
  | 'kept'
  | 'staged'
  | 'placed'
  | 'set_aside'
  | 'switched'
  | 'recorded'
  | 'target_begun'
  | 'target_copied'
  | 'target_changed'
  | 'target_committed'
export type Faults = (point: FaultPoint) => void

/** How an engine is started; not called when nothing must execute. */
export type StartEngine = (options: EngineOptions) => Promise<Engine>

/** What decides which nodes are due: selection and values that a run gives. */
export interface RunRequest {
  /** Nodes that may execute; the others keep what production has, and stay due. Default: all. */
  readonly select?: (node: ManifestNode) => boolean
  /** Execute every selected node, whatever is stored. Also what `exec --fresh` does. */
  readonly full?: boolean
  /** Where the state is shared: make what is selected again on this machine, and change nothing else. Default: false. */
  readonly restore?: boolean
  /**
   * The bundle came out of the compiler here and now, from a base that did too: what it says of its steps is true. Of
   * any other bundle only what its steps really do decides which outputs are taken for theirs. Default: false.
   */
  readonly compiled?: boolean
  /** Environment bundles: go on although production's nodes that it reads or replaces moved. */
  readonly force?: boolean
  /** Environment bundles: the plan that it belongs to, which knows production's data as it was. */
  readonly plan?: Plan
  /** ISO 8601 with Z; what the clock functions read. Default: now. */
  readonly runTimestamp?: string
  /** `YYYY-MM-DD`. Default: the date of `runTimestamp`. */
  readonly runDate?: string
  readonly runId?: string
  /** Of an engine that is a database: the ledger, already open. Default: it is opened for the run. */
  readonly shared?: SharedState
  /** Of the project, where reading them has begun. */
  readonly sources?: SourceFiles
  /** Where outputs are. Default: files below target/. */
  readonly outputs?: Outputs
  /** Connections of the profile, by name; throws PROFILE_INVALID. Default: there is none. */
  readonly connection?: (name: string) => PostgresqlConnection
  /** Other run parameters by name: `start_date`, `end_date`, `env.NAME`. Those that the bundle does not require are ignored. */
  readonly parameters?: Readonly<Record<string, string>>
}

export interface ExecuteOptions extends RunRequest {
  readonly projectDir: string
  /** Go on with nodes that do not depend on a failed one. The run still fails. */
  readonly continueOnError?: boolean
  /** How often a failed step is tried again. Default 0. */
  readonly retries?: number
  /** Steps at a time. Default: 1 where the engine itself uses all threads; 4 in a database, where a session uses one. */
  readonly maxWorkers?: number
  readonly memoryLimit?: string
  readonly threads?: number
  /** How long to wait for another writer. Default 0. */
  readonly lockTimeoutMs?: number
  /** For the lock file and for whoever is refused: `seeknal run`. */
  readonly command?: string
  /** Ends the run: what runs is interrupted, what is finished stays stored. */
  readonly signal?: AbortSignal
  readonly onEvent?: (event: RunEvent) => void
  readonly startEngine?: StartEngine
  readonly faults?: Faults
}

export type NodeStatus = 'executed' | 'reused' | 'cached' | 'skipped' | 'failed'

export interface NodeResult {
  readonly node: NodeId
  /** `cached`: already so; `reused`: taken from the store; `skipped`: an input failed, or the run ended before it. */
  readonly status: NodeStatus
  readonly rows: number | null
  readonly ms: number
  /** Why it was executed, skipped or failed; empty when cached. */
  readonly reason: string
  /** `failed` only. Facts of STEP_FAILED: message, statement, offset, file (the step's); of CHECK_FAILED: checks, file. */
  readonly failure?: RuntimeFailure
  readonly snapshot?: Snapshot
  /** What came out of its checks, now or before; absent: it has none, or they did not run. */
  readonly checks?: readonly CheckResult[]
  /** They ran just now. */
  readonly checkedNow?: boolean
  /** Tables of other databases that it was written to just now. */
  readonly written?: readonly string[]
}

export type RunEvent =
  | { readonly kind: 'planned'; readonly runId: string; readonly due: readonly NodeId[] }
  | { readonly kind: 'started'; readonly node: NodeId }
  /** A stored output is not what it was when it was stored; it is not used, and the node executes. */
  | { readonly kind: 'damaged'; readonly node: NodeId; readonly path: string }
  /** An output that is missing on this machine was made again from the same inputs, with other rows; `isTaken`: these count now. */
  | { readonly kind: 'differs'; readonly node: NodeId; readonly isTaken: boolean }
  /** Its output is good, and goes to a table of another database. */
  | { readonly kind: 'writing'; readonly node: NodeId; readonly relation: string }
  | { readonly kind: 'retried'; readonly node: NodeId; readonly attempt: number; readonly failure: RuntimeFailure }
  /** Every node of the bundle that was selected, once, in the order in which they end. */
  | { readonly kind: 'finished'; readonly result: NodeResult }

export interface RunResult {
  /** `nothing`: nothing was due and nothing was written. `failed`: production is as it was. */
  readonly outcome: 'done' | 'nothing' | 'failed' | 'interrupted'
  readonly runId: string
  readonly environment: EnvironmentName | null
  /** Production's generation now; null: none, or an environment. */
  readonly generation: number | null
  /** Selected nodes in graph order. */
  readonly nodes: readonly NodeResult[]
  readonly counts: Readonly<Record<NodeStatus, number>>
  /** Nodes that production no longer has. */
  readonly removed: readonly NodeId[]
  /** Left out by the selection, and due. Sorted. */
  readonly stillDue: readonly NodeId[]
  readonly durationMs: number
}

/**
 * What would happen to a node. `maybe`: depends on data that an earlier node has yet to write; `check`: its output stays,
 * and its checks run or have failed on it; `write`: its output stays, and is written to targets that do not hold it.
 */
export interface DueNode {
  readonly node: NodeId
  readonly status: 'execute' | 'maybe' | 'reuse' | 'check' | 'write' | 'cached' | 'blocked' | 'left_out'
  readonly due: boolean
  /** A sentence part: `its definition changed`, `source files changed`, `transform.x is executed`. */
  readonly reason: string
  /** Ids of the checks that would run, or that have failed on what is there. */
  readonly checks: readonly string[]
  /** Tables of other databases that would be written. */
  readonly targets: readonly string[]
  /** The run would fail by this node: it cannot run, or it is known to fail its checks. */
  readonly fails: boolean
  /** `left_out` and `cached`: rows of what is there. */
  readonly rows: number | null
}

export interface ExecutionPlan {
  readonly environment: EnvironmentName | null
  /** In graph order. */
  readonly nodes: readonly DueNode[]
  /** Production's nodes that are no longer in the bundle. */
  readonly removed: readonly NodeId[]
  /** What could not be read or written, since the profile does not give its connection: then nothing would be executed. */
  readonly unconnected: readonly string[]
  /** Only descriptions, tags or formatting differ: a new generation without execution. */
  readonly metadataOnly: boolean
  /** Nothing to execute, nothing to remove, nothing to record. */
  readonly nothing: boolean
}
