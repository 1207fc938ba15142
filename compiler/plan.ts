// Diff → the steps of the bundle, in an order in which they can run. Production: every node. An environment: what must
// execute; everything else is read from production. Pure.

import type { StepInput } from '../runtime/contract/bundle.ts'
import type { EnvironmentName, NodeId } from '../runtime/contract/ids.ts'
import type { Step } from '../runtime/contract/bundle.ts'
import type { Diffed } from './diff.ts'

export interface PlannedStep {
  readonly node: NodeId
  readonly inputs: readonly StepInput[]
  readonly category: Step['category']
  readonly reasons: readonly string[]
}

export interface Planned {
  readonly diffed: Diffed
  readonly environment: EnvironmentName | null
  readonly steps: readonly PlannedStep[]
  readonly promote: { readonly replace: readonly NodeId[]; readonly remove: readonly NodeId[]; readonly read: readonly NodeId[] }
}
