// Planned steps → the SQL of each step with the environment's namespaces, and every place where a prefix was put in.
// One code spells both: with a mark wherever a prefix may stand, which then becomes the prefix, or without marks. So
// taking the prefixes away gives exactly production's bytes. Pure.

import type { Diagnostic } from '../runtime/contract/diagnostics.ts'
import { ENGINES } from '../runtime/contract/engines.ts'
import { type NodeId, namespacePrefix } from '../runtime/contract/ids.ts'
import type { BoundNode } from './bind.ts'
import { sameJson } from './diff/pairs.ts'
import { stepId } from './emit/contract.ts'
import { preludeText } from './emit/prelude.ts'
import { type KeptSteps, NO_STEPS } from './outside.ts'
import type { Planned, PlannedBuild, PlannedCheck, PlannedStep } from './plan.ts'
import { isElsewhere, isFile, isTable, isTransform, type ResolvedNode } from './resolve.ts'
import { checkStep } from './rewrite/check-step.ts'
import { cleanupOf } from './rewrite/cleanup.ts'
import {
  copiedQuery,
  type DatabaseWorld,
  databaseCheck,
  databaseMistakes,
  databaseStep,
  stepByHand,
} from './rewrite/database-step.ts'
import { Marks, type PrefixSpan } from './rewrite/marks.ts'
import { longNames, materializeStep, storedTargetStep, takenNames } from './rewrite/materialize-step.ts'
import { sourceByHand, sourceStep } from './rewrite/source-step.ts'
import { fillLateStep, transformStep } from './rewrite/step-text.ts'
import { extractMistakes, extractOf, ownTables, tableStep } from './rewrite/table-step.ts'

export type { PrefixSpan }

export interface RewrittenStep {
  readonly id: string
  readonly kind: PlannedStep['kind']
  readonly node: NodeId
  /** Complete text of the step's file. */
  readonly sql: string
  readonly spans: readonly PrefixSpan[]
  /** Sources in databases: text of the file that asks for their rows. */
  readonly extract?: string
  readonly extractSpans?: readonly PrefixSpan[]
  /** Engines that are databases: DuckDB's SQL that reads the files whose rows are copied. */
  readonly load?: string
  /** Targets in environments only: the same step without the prefix, for a promotion. */
  readonly production?: string
  /** What takes back, in apply.sql, what it leaves in the session; absent: nothing. */
  readonly cleanup?: string
  /** Targets in the database of the engine: the server's own types of columns. Absent: none. */
  readonly types?: Readonly<Record<string, string>>
  /** What stands for it in apply.sql: of steps whose columns only data can tell, and of those that another database runs. */
  readonly byHand?: { readonly sql: string; readonly spans: readonly PrefixSpan[] }
}

export interface Rewritten {
  readonly planned: Planned
  /** SQL that prepares a connection: clock macros and schemas. Top of apply.sql, run before each step by the runtime. */
  readonly prelude: string
  readonly steps: readonly RewrittenStep[]
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * The SQL of every step. For production nothing is put in, and `spans` are empty. Of nodes that are not in the graph, the
 * step is taken over from `outside`, and left out where that has none.
 */
export function rewrite(planned: Planned, outside: KeptSteps = NO_STEPS): Rewritten {
  const prefix = namespacePrefix(planned.environment)
  const { graph, bound, queries } = planned.diffed.bound
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  const { name, schema, connection } = graph.project.engine
  const database = ENGINES[name].isDatabase
    ? { schema: schema ?? '', connection, queries, project: planned.diffed.manifest.project.name }
    : null
  const steps = planned.steps.flatMap((step): RewrittenStep[] => {
    const node = nodes.get(step.node)
    const types = bound.get(step.node)
    if (node === undefined || types === undefined) return takenOver(step, outside)
    if (step.kind === 'materialize')
      return [database === null ? materializeStep(step, types, prefix) : storedTargetStep(step, node, types, prefix)]
    if (database !== null) return [inDatabase(step, node, types, { prefix, database, steps: planned.steps })]
    const written = prefix === '' ? '' : authorText(step, node, types)
    const marks = new Marks(prefix, written)
    const id = stepId(step)
    const rewritten = {
      id,
      kind: step.kind,
      node: step.node,
      ...marks.resolve(stepText(step, node, types, marks)),
      ...(step.kind === 'build' && isTable(node)
        ? extractOf(node, types, { own: ownTables(node, planned.steps), prefix })
        : {}),
      ...(step.kind === 'build' && isTransform(node) ? cleanupOf(node) : {}),
    }
    const again = new Marks(prefix, written)
    const byHand = shellText(step, node, types, again)
    return [byHand === null ? rewritten : { ...rewritten, byHand: again.resolve(byHand) }]
  })
  return {
    planned,
    prelude: preludeText(),
    steps,
    diagnostics: [
      ...longNames(graph.nodes, planned.steps, prefix),
      ...takenNames(graph.nodes, prefix),
      ...notFollowed(planned, nodes),
      ...(database === null ? [] : databaseMistakes(graph.nodes, bound, database, prefix)),
    ],
  }
}

/** What DuckDB's own shell runs where that is not the step's own text, else null. */
function shellText(
  step: PlannedBuild | PlannedCheck,
  node: ResolvedNode,
  types: BoundNode,
  marks: Marks,
): string | null {
  if (step.kind === 'check') return null
  if (isTransform(node)) return types.columns === null ? transformStep(node, step, types, marks, fillLateStep) : null
  return isTable(node) ? null : sourceByHand(node, types, marks)
}

/** The step as it was, while it reads each input from where it did. */
function takenOver(step: PlannedStep, outside: KeptSteps): RewrittenStep[] {
  const kept = outside.get(stepId(step))
  return kept !== undefined && sameJson(kept.inputs, step.inputs) ? [kept.step] : []
}

interface InDatabase {
  readonly prefix: string
  readonly database: DatabaseWorld & { readonly project: string }
  readonly steps: readonly PlannedStep[]
}

/** A step of an engine that is a database; rows of files are read by DuckDB. By hand it is what makes the table, alone. */
function inDatabase(
  step: PlannedBuild | PlannedCheck,
  node: ResolvedNode,
  types: BoundNode,
  { prefix, database: world, steps }: InDatabase,
): RewrittenStep {
  const query = world.queries.get(step.node)
  const marks = new Marks(prefix, prefix === '' ? '' : JSON.stringify([query?.text, authorText(step, node, types)]))
  const apart = prefix === '' ? { ...world, next: world.project } : world
  const [text, byHand] =
    step.kind === 'check'
      ? [databaseCheck(step, types, marks, world), databaseCheck(step, types, marks, apart)]
      : [databaseStep(node, step, types, marks, world), stepByHand(node, step, types, marks, apart)]
  const isLoaded = step.kind === 'build' && isFile(node)
  return {
    id: stepId(step),
    kind: step.kind,
    node: step.node,
    ...marks.resolve(text),
    byHand: marks.resolve(byHand),
    ...(isLoaded ? { load: sourceStep(node, types, new Marks('', '')) } : {}),
    ...(step.kind === 'build' && isTable(node) && isElsewhere(node, world)
      ? extractOf(node, types, { own: ownTables(node, steps), prefix, send: copiedQuery })
      : {}),
  }
}

/** Sources that may read production's tables where the environment has its own. Production has no others. */
function notFollowed({ environment, steps }: Planned, nodes: ReadonlyMap<NodeId, ResolvedNode>): readonly Diagnostic[] {
  if (environment === null) return []
  return steps.flatMap((step) => {
    const node = nodes.get(step.node)
    if (step.kind !== 'build' || node === undefined || !isTable(node)) return []
    return extractMistakes(node, ownTables(node, steps))
  })
}

/** All that others have written and that is in the text of a step. */
function authorText(step: PlannedBuild | PlannedCheck, node: ResolvedNode, types: BoundNode): string {
  if (step.kind === 'check') return JSON.stringify([step.checks, types.columns])
  if (isTransform(node)) return node.sql.text
  return JSON.stringify(isTable(node) ? types.columns : [node.path, node.options])
}

function stepText(step: PlannedBuild | PlannedCheck, node: ResolvedNode, types: BoundNode, marks: Marks): string {
  if (step.kind === 'check') return checkStep(step, types, marks)
  if (isTransform(node)) return transformStep(node, step, types, marks)
  return isTable(node) ? tableStep(node, types, marks) : sourceStep(node, types, marks)
}
