// Planned steps → the SQL of each step with the environment's namespaces, and every place where a prefix was put in.
// A step is spelled once, with a mark wherever a prefix may stand; then each mark becomes the prefix or nothing. So
// taking the prefixes away gives exactly production's bytes. Pure.

import { type NodeId, namespacePrefix } from '../runtime/contract/ids.ts'
import { preludeText } from './emit/prelude.ts'
import type { Planned } from './plan.ts'
import { isTransform } from './resolve.ts'
import { Marks, type PrefixSpan } from './rewrite/marks.ts'
import { sourceStep } from './rewrite/source-step.ts'
import { fillLateStep, transformStep } from './rewrite/step-text.ts'

export type { PrefixSpan }

export interface RewrittenStep {
  readonly node: NodeId
  /** Complete text of the step's file. */
  readonly sql: string
  readonly spans: readonly PrefixSpan[]
  /** What stands for it in apply.sql, where only data can tell its columns: the runtime looks them up by itself. */
  readonly byHand?: { readonly sql: string; readonly spans: readonly PrefixSpan[] }
}

export interface Rewritten {
  readonly planned: Planned
  /** SQL that prepares a connection: clock macros and schemas. Top of apply.sql, run before each step by the runtime. */
  readonly prelude: string
  readonly steps: readonly RewrittenStep[]
}

/** The SQL of every step. For production nothing is put in, and `spans` are empty. */
export function rewrite(planned: Planned): Rewritten {
  const prefix = namespacePrefix(planned.environment)
  const { graph, bound } = planned.diffed.bound
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  const steps = planned.steps.flatMap((step): RewrittenStep[] => {
    const node = nodes.get(step.node)
    const types = bound.get(step.node)
    if (node === undefined || types === undefined) return []
    const written = isTransform(node) ? node.sql.text : JSON.stringify([node.path, node.options])
    const marks = new Marks(written)
    const text = isTransform(node) ? transformStep(node, step, types, marks) : sourceStep(node, types, marks)
    const rewritten = { node: step.node, ...marks.resolve(text, prefix) }
    if (!isTransform(node) || types.columns !== null) return [rewritten]
    const again = new Marks(written)
    const byHand = again.resolve(transformStep(node, step, types, again, fillLateStep), prefix)
    return [{ ...rewritten, byHand }]
  })
  return { planned, prelude: preludeText(), steps }
}
